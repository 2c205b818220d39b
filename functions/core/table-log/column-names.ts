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
    throw new FanlakeError('table.name', clash(clashing, twice[0]), { names: clashing });
  }
  for (const { source, type } of named) checkFields(source, parseDuckType(type));
  return named;
}

function clash(names: readonly string[], inTable: string): string {
  const leaveOut = 'or leave one out of * with EXCLUDE (table.column)';
  if (new Set(names).size === 1)
    return `the query gives ${names.length} columns '${names[0]}', and a table has but one. Rename one with AS in the query, ${leaveOut}.`;
  const found = `the columns ${names.map((name) => `'${name}'`).join(' and ')} would both be '${inTable}' in the table, where case doesn't count`;
  return `${found}. Rename one with AS in the query.`;
}

/** The names that the columns of a printed answer have in the files that it is read from: cleaned, and all different. What it shows are the query's own. */
export function answerNames(columns: readonly Column[]): readonly NamedColumn[] {
  const taken = new Set<string>();
  return columns.map(({ name: source, type }) => {
    let name = clean(source);
    for (let other = 1; taken.has(name.toLowerCase()); other++) name = `${clean(source)}_${other}`;
    taken.add(name.toLowerCase());
    return { source, name, type };
  });
}
