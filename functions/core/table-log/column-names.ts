import { FanlakeError } from '../errors.ts';
import type { Column } from '../layout.ts';
import { type DuckType, parseDuckType } from './duck-type.ts';

/** A column of a query's result and the name that it has in the table. */
export interface NamedColumn {
  readonly source: string;
  readonly name: string;
  readonly type: string;
}

/** Characters that Delta (and Parquet in Spark) refuses in a column's name. */
const forbidden = /[ ,;{}()\n\t=]/g;

/** Why Delta can't hold the name, or null. */
function fault(name: string): string | null {
  if (name === '') return 'is empty';
  const found = name.match(forbidden);
  return found === null ? null : `has ${[...new Set(found)].map((character) => JSON.stringify(character)).join(', ')}`;
}

function clean(name: string): string {
  return name === '' ? '_' : name.replace(forbidden, '_');
}

function doubled(names: readonly string[]): readonly [string, string] | null {
  const seen = new Map<string, string>();
  for (const name of names) {
    const earlier = seen.get(name.toLowerCase());
    if (earlier !== undefined) return [earlier, name];
    seen.set(name.toLowerCase(), name);
  }
  return null;
}

function nestedTypes(type: DuckType): readonly DuckType[] {
  switch (type.kind) {
    case 'list':
    case 'array':
      return [type.element];
    case 'map':
      return [type.key, type.value];
    case 'struct':
      return type.fields.map((field) => field.type);
    default:
      return [];
  }
}

/** Field names inside structs can't be cleaned: DuckDB casts structs by name, so a renamed field would become NULL. */
function checkFields(column: string, type: DuckType): void {
  if (type.kind === 'struct') {
    const advice = `Build the struct anew in the query: struct_pack(good_name := "${column}"."old name", ...).`;
    for (const { name } of type.fields) {
      const why = name === '' ? null : fault(name);
      if (why === null) continue;
      throw new FanlakeError('table.name', `the field '${name}' inside column '${column}' ${why}, which a table can't hold. ${advice}`, {
        column,
        name,
      });
    }
    const twice = doubled(type.fields.map(({ name }) => name).filter((name) => name !== ''));
    if (twice !== null) {
      const found = `the fields '${twice[0]}' and '${twice[1]}' inside column '${column}' are equal but for case`;
      throw new FanlakeError('table.name', `${found}, which a table can't hold. ${advice}`, { column, names: twice });
    }
  }
  for (const inner of nestedTypes(type)) checkFields(column, inner);
}

/**
 * The names that a query's columns have in the table.
 * @param mode `clean` replaces each character that Delta can't hold by `_`, `strict` refuses it
 * @throws FanlakeError `table.name` for a bad name in strict mode, for two names that are then equal but for case, and always for a bad
 * name inside a struct
 */
export function tableNames(columns: readonly Column[], mode: 'clean' | 'strict'): readonly NamedColumn[] {
  if (mode === 'strict') {
    const bad = columns.flatMap(({ name }) => (fault(name) === null ? [] : [`'${name}' ${fault(name)}`]));
    if (bad.length > 0) {
      const found = `${bad.join('; ')}: names that a table can't hold`;
      throw new FanlakeError('table.name', `${found}. Rename with AS in the query, or set table.columnNames to 'clean'.`, {
        names: columns.map(({ name }) => name).filter((name) => fault(name) !== null),
      });
    }
  }
  const named = columns.map(({ name, type }) => ({ source: name, name: clean(name), type }));
  const twice = doubled(named.map(({ name }) => name));
  if (twice !== null) {
    const clashing = named.filter(({ name }) => name.toLowerCase() === twice[0].toLowerCase()).map(({ source }) => source);
    const found = `the columns ${clashing.map((name) => `'${name}'`).join(' and ')} would both be '${twice[0]}' in the table, where case doesn't count`;
    throw new FanlakeError('table.name', `${found}. Rename one with AS in the query.`, { names: clashing });
  }
  for (const { source, type } of named) checkFields(source, parseDuckType(type));
  return named;
}
