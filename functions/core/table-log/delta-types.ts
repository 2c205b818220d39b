import { FanlakeError } from '../errors.ts';
import { type DuckType, parseDuckType, printDuckType } from './duck-type.ts';

/** A type in a Delta table's schema: a primitive's name, or a nested type (Delta protocol, "Schema Serialization Format"). */
export type DeltaType = string | DeltaStruct | DeltaArray | DeltaMap;

export interface DeltaStruct {
  readonly type: 'struct';
  readonly fields: readonly DeltaField[];
}

export interface DeltaField {
  readonly name: string;
  readonly type: DeltaType;
  readonly nullable: boolean;
  readonly metadata: Readonly<Record<string, unknown>>;
}

export interface DeltaArray {
  readonly type: 'array';
  readonly elementType: DeltaType;
  readonly containsNull: boolean;
}

export interface DeltaMap {
  readonly type: 'map';
  readonly keyType: DeltaType;
  readonly valueType: DeltaType;
  readonly valueContainsNull: boolean;
}

/** How a column of one DuckDB type is kept in a table. */
export interface StoredType {
  readonly deltaType: DeltaType;
  /** The DuckDB type in the data files. */
  readonly duckType: string;
  /** `duckType` when the writer must cast to it, null when the column already has it. Casts from TIMESTAMP need the session's TimeZone to be UTC. */
  readonly castTo: string | null;
  /** What the cast means for the user, a phrase for each; shown by `explain`. */
  readonly notes: readonly string[];
}

interface Rule {
  readonly delta: string;
  /** The DuckDB type in the file where it isn't the type itself. */
  readonly as?: DuckType;
  readonly note?: string;
}

const varchar: DuckType = { kind: 'scalar', name: 'VARCHAR' };
const timestamptz: DuckType = { kind: 'scalar', name: 'TIMESTAMP WITH TIME ZONE' };
const utc = { delta: 'timestamp', as: timestamptz, note: 'stored as a timestamp in UTC' };

/** Scalar types that Delta holds without loss. Delta has no unsigned integers: the next larger signed type holds them all. */
const storedScalars: Readonly<Record<string, Rule>> = {
  BOOLEAN: { delta: 'boolean' },
  TINYINT: { delta: 'byte' },
  SMALLINT: { delta: 'short' },
  INTEGER: { delta: 'integer' },
  BIGINT: { delta: 'long' },
  UTINYINT: { delta: 'short', as: { kind: 'scalar', name: 'SMALLINT' } },
  USMALLINT: { delta: 'integer', as: { kind: 'scalar', name: 'INTEGER' } },
  UINTEGER: { delta: 'long', as: { kind: 'scalar', name: 'BIGINT' } },
  UBIGINT: { delta: 'decimal(20,0)', as: { kind: 'decimal', precision: 20, scale: 0 } },
  // what sum() of integers gives: the cast of a value with more than 38 digits fails, it doesn't round
  HUGEINT: { delta: 'decimal(38,0)', as: { kind: 'decimal', precision: 38, scale: 0 }, note: 'up to 38 digits' },
  UHUGEINT: { delta: 'decimal(38,0)', as: { kind: 'decimal', precision: 38, scale: 0 }, note: 'up to 38 digits' },
  FLOAT: { delta: 'float' },
  DOUBLE: { delta: 'double' },
  VARCHAR: { delta: 'string' },
  BLOB: { delta: 'binary' },
  DATE: { delta: 'date' },
  'TIMESTAMP WITH TIME ZONE': { delta: 'timestamp' },
  TIMESTAMP: utc,
  TIMESTAMP_S: utc,
  TIMESTAMP_MS: utc,
  TIME: { delta: 'string', as: varchar, note: 'stored as text, HH:MM:SS and the fraction' },
  JSON: { delta: 'string', as: varchar, note: 'stored as its text' },
  UUID: { delta: 'string', as: varchar, note: 'stored as its text' },
};

/** Scalar types that no Delta type holds whole or that have more than one sensible form: why, and what to write instead of `x`. */
const refusedScalars: Readonly<Record<string, { readonly why: string; readonly write: string }>> = {
  TIMESTAMP_NS: { why: "Delta's timestamp has microseconds", write: 'CAST(x AS TIMESTAMP)' },
  BIGNUM: { why: 'Delta holds 38 digits at most', write: 'CAST(x AS VARCHAR)' },
  'TIME WITH TIME ZONE': { why: 'Delta has no time of day', write: 'CAST(x AS VARCHAR)' },
  TIME_NS: { why: 'Delta has no time of day', write: 'CAST(x AS VARCHAR)' },
  INTERVAL: { why: 'Delta has no interval', write: 'CAST(x AS VARCHAR)' },
  BIT: { why: 'Delta has no bit string', write: 'CAST(x AS VARCHAR)' },
  GEOMETRY: { why: 'Delta has no geometry', write: 'CAST(x AS VARCHAR)' },
  VARIANT: { why: 'our tables have no variants', write: 'CAST(CAST(x AS JSON) AS VARCHAR)' },
  NULL: { why: 'a column needs a type', write: 'CAST(x AS VARCHAR)' },
};

function refuse(column: string, found: string, why: string, write: string | null): never {
  const advice =
    write === null ? 'Leave it out of the query or turn it into another type there.' : `Write ${write} in the query (x is its value).`;
  throw new FanlakeError('table.type', `column '${column}' has the type ${found}, which a table can't hold: ${why}. ${advice}`, {
    column,
    type: found,
  });
}

interface Stored {
  readonly delta: DeltaType;
  readonly duck: DuckType;
}

/** The types that one column's type needs, from the leaves up; notes are gathered. `path` is the column or a place in it, for messages. */
function store(type: DuckType, path: string, notes: Set<string>): Stored {
  switch (type.kind) {
    case 'scalar':
      return storeScalar(type.name, path, notes);
    case 'decimal':
      return { delta: `decimal(${type.precision},${type.scale})`, duck: type };
    case 'enum':
      notes.add('stored as its text');
      return { delta: 'string', duck: varchar };
    case 'list':
    case 'array': {
      const element = store(type.element, `${path}[]`, notes);
      if (type.kind === 'array') notes.add('stored as a list of any length');
      return { delta: { type: 'array', elementType: element.delta, containsNull: true }, duck: { kind: 'list', element: element.duck } };
    }
    case 'map': {
      const key = store(type.key, `${path}.key`, notes);
      const value = store(type.value, `${path}.value`, notes);
      return {
        delta: { type: 'map', keyType: key.delta, valueType: value.delta, valueContainsNull: true },
        duck: { kind: 'map', key: key.duck, value: value.duck },
      };
    }
    case 'struct': {
      const fields = type.fields.map(({ name, type: inner }) => {
        if (name === '') refuse(path, printDuckType(type), 'its fields have no names', 'struct_pack(name := value, ...)');
        return { name, ...store(inner, `${path}.${name}`, notes) };
      });
      return {
        delta: { type: 'struct', fields: fields.map(({ name, delta }) => ({ name, type: delta, nullable: true, metadata: {} })) },
        duck: { kind: 'struct', fields: fields.map(({ name, duck }) => ({ name, type: duck })) },
      };
    }
    case 'union':
      return refuse(path, printDuckType(type), 'Delta has no unions', "union_extract(x, 'member') for each member");
  }
}

function storeScalar(name: string, path: string, notes: Set<string>): Stored {
  const rule = Object.hasOwn(storedScalars, name) ? storedScalars[name] : undefined;
  if (rule !== undefined) {
    if (rule.note !== undefined) notes.add(rule.note);
    return { delta: rule.delta, duck: rule.as ?? { kind: 'scalar', name } };
  }
  const refused = Object.hasOwn(refusedScalars, name) ? refusedScalars[name] : undefined;
  return refuse(path, name, refused?.why ?? 'it is not a type that Fanlake knows', refused?.write ?? null);
}

/**
 * How a column is stored so that no value changes: the Delta type, and the cast that the writer makes.
 * @param duckType as DESCRIBE prints it
 * @param column its name, for the message
 * @throws FanlakeError `table.type` naming the column and what to write in the query, for types that Delta can't hold
 */
export function storeAs(duckType: string, column: string): StoredType {
  const type = parseDuckType(duckType);
  const notes = new Set<string>();
  const { delta, duck } = store(type, column, notes);
  const stored = printDuckType(duck);
  return { deltaType: delta, duckType: stored, castTo: stored === printDuckType(type) ? null : stored, notes: [...notes] };
}

const duckOfPrimitive: Readonly<Record<string, string>> = {
  boolean: 'BOOLEAN',
  byte: 'TINYINT',
  short: 'SMALLINT',
  integer: 'INTEGER',
  long: 'BIGINT',
  float: 'FLOAT',
  double: 'DOUBLE',
  string: 'VARCHAR',
  binary: 'BLOB',
  date: 'DATE',
  timestamp: 'TIMESTAMP WITH TIME ZONE',
};

function duckOfDelta(type: DeltaType, path: string): DuckType {
  if (typeof type === 'string') {
    const decimal = /^decimal(?:\((\d+),\s*(\d+)\))?$/.exec(type);
    // Spark's plain `decimal` is decimal(10,0).
    if (decimal !== null) return { kind: 'decimal', precision: Number(decimal[1] ?? 10), scale: Number(decimal[2] ?? 0) };
    const name = Object.hasOwn(duckOfPrimitive, type) ? duckOfPrimitive[type] : undefined;
    if (name === undefined) {
      throw new FanlakeError(
        'table.unsupported',
        `the table's column '${path}' has the type '${type}', which Fanlake doesn't write. Use another table, or change the column's type.`,
        { column: path, type },
      );
    }
    return { kind: 'scalar', name };
  }
  if (type.type === 'array') return { kind: 'list', element: duckOfDelta(type.elementType, `${path}[]`) };
  if (type.type === 'map')
    return { kind: 'map', key: duckOfDelta(type.keyType, `${path}.key`), value: duckOfDelta(type.valueType, `${path}.value`) };
  return { kind: 'struct', fields: type.fields.map(({ name, type: inner }) => ({ name, type: duckOfDelta(inner, `${path}.${name}`) })) };
}

/**
 * The DuckDB type of an existing table's column: the one in its data files.
 * @throws FanlakeError `table.unsupported` for a type that we don't write (variant, void, timestamp_ntz, ...)
 */
export function duckTypeOfDelta(type: DeltaType, column: string): string {
  return printDuckType(duckOfDelta(type, column));
}
