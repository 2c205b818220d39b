import { FanlakeError } from '../errors.ts';
import { type DuckType, parseDuckType, printDuckType } from '../table-log/duck-type.ts';

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
    { type: whole },
  );
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
