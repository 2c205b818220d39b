import { FanlakeError } from '../errors.ts';
import type { Column } from '../layout.ts';
import type { MetaData } from './actions.ts';
import { type DeltaField, type DeltaStruct, type DeltaType, duckTypeOfDelta, storeAs } from './delta-types.ts';
import { quoteIdentifier } from './duck-type.ts';

/** A column of a run as it goes into a table. */
export interface FittedColumn {
  /** The run's name for it. */
  readonly source: string;
  /** The table's name for it: the same but for case. */
  readonly name: string;
  /** The DuckDB type in the data files. */
  readonly type: string;
  /** The DuckDB type to cast to when writing; null when it has it already. */
  readonly castTo: string | null;
}

/**
 * The Delta schema of a new table; every column may be null.
 * @throws FanlakeError `table.type` for a type that Delta can't hold
 */
export function schemaOf(columns: readonly Column[]): DeltaStruct {
  return {
    type: 'struct',
    fields: columns.map(({ name, type }) => ({ name, type: storeAs(type, name).deltaType, nullable: true, metadata: {} })),
  };
}

/** The text of `metaData.schemaString`. */
export function encodeSchema(schema: DeltaStruct): string {
  return JSON.stringify(schema);
}

function corrupt(found: string): never {
  throw new FanlakeError('table.corrupt', `the table's schema can't be read: ${found}. Repair the table with the tool that wrote it.`);
}

function decodeType(value: unknown, path: string): DeltaType {
  if (typeof value === 'string') return value;
  if (typeof value !== 'object' || value === null) corrupt(`'${path}' has no type`);
  const fields = value as Readonly<Record<string, unknown>>;
  if (fields['type'] === 'struct') return decodeStruct(fields, path);
  if (fields['type'] === 'array') {
    return { type: 'array', elementType: decodeType(fields['elementType'], `${path}[]`), containsNull: fields['containsNull'] !== false };
  }
  if (fields['type'] === 'map') {
    return {
      type: 'map',
      keyType: decodeType(fields['keyType'], `${path}.key`),
      valueType: decodeType(fields['valueType'], `${path}.value`),
      valueContainsNull: fields['valueContainsNull'] !== false,
    };
  }
  return corrupt(`'${path}' has the type ${JSON.stringify(fields['type'])}`);
}

function decodeStruct(value: Readonly<Record<string, unknown>>, path: string): DeltaStruct {
  const fields = value['fields'];
  if (!Array.isArray(fields)) corrupt(`'${path}' has no fields`);
  return { type: 'struct', fields: fields.map((field: unknown) => decodeField(field, path)) };
}

function decodeField(value: unknown, path: string): DeltaField {
  if (typeof value !== 'object' || value === null) corrupt(`'${path}' has a field that is no object`);
  const { name, type, nullable, metadata } = value as Readonly<Record<string, unknown>>;
  if (typeof name !== 'string') corrupt(`'${path}' has a field without a name`);
  return {
    name,
    type: decodeType(type, path === '' ? name : `${path}.${name}`),
    nullable: nullable !== false,
    metadata: typeof metadata === 'object' && metadata !== null ? (metadata as Readonly<Record<string, unknown>>) : {},
  };
}

/**
 * A table's schema from `metaData.schemaString`.
 * @throws FanlakeError `table.corrupt`
 */
export function decodeSchema(schemaString: string): DeltaStruct {
  let value: unknown;
  try {
    value = JSON.parse(schemaString);
  } catch (cause) {
    corrupt(String(cause));
  }
  const schema = decodeType(value, '');
  return typeof schema === 'object' && schema.type === 'struct' ? schema : corrupt('it is not a struct');
}

/**
 * Whether nobody has said yet what a table's rows are: it doesn't exist, or a run that can't be committed any more was shut out of it before that.
 * @throws FanlakeError `table.corrupt`
 */
export const isWithoutColumns = (metaData: MetaData | null): boolean =>
  metaData === null || decodeSchema(metaData.schemaString).fields.length === 0;

/**
 * An existing table's columns with the DuckDB types of its data files.
 * @throws FanlakeError `table.unsupported` for a type that we don't write
 */
export function columnsOf(schema: DeltaStruct): readonly Column[] {
  return schema.fields.map(({ name, type }) => ({ name, type: duckTypeOfDelta(type, name) }));
}

/** `{ name: type }` with the fields' order taken away: Delta and DuckDB match a struct's fields by name. */
function canonical(type: DeltaType): unknown {
  if (typeof type === 'string') return type.replaceAll(' ', '');
  if (type.type === 'array') return { array: canonical(type.elementType) };
  if (type.type === 'map') return { map: [canonical(type.keyType), canonical(type.valueType)] };
  return {
    struct: Object.fromEntries(
      [...type.fields].sort((a, b) => (a.name < b.name ? -1 : 1)).map((field) => [field.name, canonical(field.type)]),
    ),
  };
}

/** Whether two types hold the same values: what may be null and the order of a struct's fields don't count. */
export function isSameType(a: DeltaType, b: DeltaType): boolean {
  return JSON.stringify(canonical(a)) === JSON.stringify(canonical(b));
}

/**
 * How a run's columns go into a table, in the run's order. A new table (null) takes them as `storeAs` says. In an existing one, columns of the table that the run lacks are NULL in its rows; columns
 * are matched without regard to case, as Delta's are.
 * @throws FanlakeError `table.schema` for a column that the table doesn't have, or has with another type (the message has the cast to write);
 * `table.type` for a type that no table holds
 */
export function fitColumns(columns: readonly Column[], table: DeltaStruct | null): readonly FittedColumn[] {
  if (table === null) {
    return columns.map(({ name, type }) => {
      const { duckType, castTo } = storeAs(type, name);
      return { source: name, name, type: duckType, castTo };
    });
  }
  const known = new Map(table.fields.map((field) => [field.name.toLowerCase(), field]));
  const unknown = columns.filter(({ name }) => !known.has(name.toLowerCase()));
  if (unknown.length > 0) {
    const names = unknown.map(({ name }) => `'${name}'`).join(', ');
    const found = `the table has no column ${names}; it has ${table.fields.map(({ name }) => `'${name}'`).join(', ')}`;
    throw new FanlakeError('table.schema', `${found}. Leave new columns out of the query, or write to a new table.`, { columns: unknown });
  }
  return columns.map(({ name, type }) => {
    const field = known.get(name.toLowerCase());
    const stored = storeAs(type, name);
    if (field === undefined) throw new FanlakeError('internal', `column '${name}' was found and is gone`);
    const wanted = duckTypeOfDelta(field.type, field.name);
    if (!isSameType(stored.deltaType, field.type)) {
      const found = `column '${name}' is ${type} in this run and ${wanted} in the table`;
      const advice = `Write CAST(${quoteIdentifier(name)} AS ${wanted}) AS ${quoteIdentifier(field.name)} in the query, or write to a new table.`;
      throw new FanlakeError('table.schema', `${found}. ${advice}`, { column: name, found: type, wanted });
    }
    // The table's type and not the run's: a struct's fields must come in the table's order in every file.
    return { source: name, name: field.name, type: wanted, castTo: stored.castTo === null && stored.duckType === wanted ? null : wanted };
  });
}
