import { FanlakeError } from '../errors.ts';
import type { Column } from '../layout.ts';
import { type DuckType, parseDuckType, printDuckType } from '../table-log/duck-type.ts';
import { NotStaged } from './not-staged.ts';

/** Types of which a Parquet file gives back exactly what was written. */
const kept = new Set([
  'BOOLEAN',
  ...['TINYINT', 'SMALLINT', 'INTEGER', 'BIGINT', 'UTINYINT', 'USMALLINT', 'UINTEGER', 'UBIGINT', 'FLOAT', 'DOUBLE'],
  ...['DATE', 'TIME', 'TIMESTAMP', 'TIMESTAMP_NS', 'TIMESTAMP WITH TIME ZONE'],
  ...['VARCHAR', 'JSON', 'BLOB', 'UUID'],
]);

/** The others that can be handed on: what they are cast to, so that the cast back gives the same value. */
const replaced: Readonly<Record<string, string>> = {
  // Parquet makes a DOUBLE of them, without a word
  HUGEINT: 'VARCHAR',
  UHUGEINT: 'VARCHAR',
  // cut to milliseconds
  INTERVAL: 'VARCHAR',
  // its offset is lost
  'TIME WITH TIME ZONE': 'VARCHAR',
  BIT: 'VARCHAR',
  BIGNUM: 'VARCHAR',
  TIME_NS: 'VARCHAR',
  TIMESTAMP_S: 'TIMESTAMP',
  TIMESTAMP_MS: 'TIMESTAMP',
  NULL: 'INTEGER',
};

function storedOf(type: DuckType, whole: string): DuckType {
  switch (type.kind) {
    case 'scalar': {
      const name = kept.has(type.name) ? type.name : replaced[type.name];
      if (name === undefined) throw refusal(printDuckType(type), whole);
      return { kind: 'scalar', name };
    }
    case 'decimal':
      return type;
    // Parquet has a text, of which minimum and order are others
    case 'enum':
      return { kind: 'scalar', name: 'VARCHAR' };
    case 'list':
    case 'array':
      return { kind: 'list', element: storedOf(type.element, whole) };
    case 'map':
      return { kind: 'map', key: storedOf(type.key, whole), value: storedOf(type.value, whole) };
    // Parquet makes a STRUCT of a UNION, which can be cast back
    case 'union':
    case 'struct':
      if (type.fields.some(({ name }) => name === '')) throw refusal('a STRUCT whose fields have no names', whole);
      return { kind: type.kind, fields: type.fields.map(({ name, type: inner }) => ({ name, type: storedOf(inner, whole) })) };
  }
}

function refusal(found: string, whole: string): FanlakeError {
  return new FanlakeError(
    'query.unsupported',
    `the query can't be shared by several tasks: it must hand on values of type ${whole}, and ${found} can't be stored exactly. Cast it to VARCHAR first.`,
    { type: whole, found },
  );
}

function isNameless(type: DuckType): boolean {
  switch (type.kind) {
    case 'scalar':
    case 'decimal':
    case 'enum':
      return false;
    case 'list':
    case 'array':
      return isNameless(type.element);
    case 'map':
      return isNameless(type.key) || isNameless(type.value);
    case 'union':
    case 'struct':
      return type.fields.some((field) => field.name === '' || isNameless(field.type));
  }
}

/** @throws NotStaged for rows without names of their fields, a type that has no text in SQL */
export function refuseNameless(columns: readonly Column[]): void {
  for (const { type } of columns) if (isNameless(parseDuckType(type))) notHandedOn(type, 'a STRUCT whose fields have no names');
}

function notHandedOn(type: string, found: string): never {
  throw new NotStaged(
    `must hand on values of type ${type}, and ${found} can't be stored exactly`,
    found.startsWith('a STRUCT') ? 'struct_pack(name := value, ...), or a cast to VARCHAR' : 'a cast to VARCHAR',
  );
}

/** As `storedType`, for what one stage hands on to the next. @throws NotStaged for a type that can't be kept */
export function handedOnType(type: string): string {
  try {
    return storedType(type);
  } catch (thrown) {
    if (thrown instanceof FanlakeError && thrown.code === 'query.unsupported') notHandedOn(type, String(thrown.details['found']));
    throw thrown;
  }
}

/**
 * The type that a column of a part's Parquet file has, so that values survive: cast to it and back, each is what it was. A type that Parquet keeps is its own.
 * (A UNION is in the file a STRUCT; the cast back takes that too.)
 * @param type as `DESCRIBE` prints it
 * @throws FanlakeError `query.unsupported` for a type that can't be kept (VARIANT, GEOMETRY, a STRUCT without names); `table.type` for text that isn't a type
 */
export function storedType(type: string): string {
  const parsed = parseDuckType(type);
  const stored = printDuckType(storedOf(parsed, type));
  return stored === printDuckType(parsed) ? type : stored;
}
