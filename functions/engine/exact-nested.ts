import type { InputColumn } from '../core/layout.ts';
import { type DuckField, type DuckType, parseDuckType, printDuckType } from '../core/table-log/duck-type.ts';
import { type ExactCheck, exactText, isChecked } from './exact.ts';
import { literal } from './sql-text.ts';

/** A value inside of a nested type that must be held exactly, and how SQL tells that it isn't. */
export interface InexactLeaf {
  /** Where it is in the column: `s.a` for column s, `l[].a` in a list, `m{}` for the values of a map. */
  readonly path: string;
  /** SQL: the texts that its type doesn't hold, a list of VARCHAR. */
  readonly offenders: string;
  /** What is said of such a text, behind it. */
  readonly reason: string;
}

const text: DuckType = { kind: 'scalar', name: 'VARCHAR' };

/** The nested type of a column that nobody declared; null for any other column. */
function nestedType({ type, declared }: InputColumn): DuckType | null {
  if (declared || !/[(\]]/.test(type)) return null;
  const parsed = parseDuckType(type);
  return parsed.kind === 'struct' || parsed.kind === 'list' || parsed.kind === 'map' ? parsed : null;
}

const leafColumn = (type: DuckType): InputColumn => ({ name: '', type: printDuckType(type), declared: false });

/** A type with text in place of everything that must be compared with its text. */
function asRead(type: DuckType): DuckType {
  switch (type.kind) {
    case 'struct':
      return { kind: 'struct', fields: type.fields.map((field) => ({ name: field.name, type: asRead(field.type) })) };
    case 'list':
      return { kind: 'list', element: asRead(type.element) };
    case 'map':
      return { kind: 'map', key: type.key, value: asRead(type.value) };
    case 'scalar':
    case 'decimal':
      return isChecked(leafColumn(type)) ? text : type;
    default:
      return type;
  }
}

/** The type by which JSON's reader is to read a column, so that what its own casts would round, cut or pass over can be seen. */
export function jsonType(column: InputColumn): string {
  if (isChecked(column)) return 'VARCHAR';
  const type = nestedType(column);
  if (type === null) return column.type;
  const read = printDuckType(asRead(type));
  return read === printDuckType(type) ? column.type : read;
}

/** Whether a JSON column is read by another type than its own, and compared. */
export function isCheckedJson(column: InputColumn): boolean {
  return jsonType(column) !== column.type;
}

/** Whether all values of a column that must be compared are whole numbers of at most 64 bits: written with digits alone, they need not be. */
export function hasWholeNumbersOnly(column: InputColumn): boolean {
  if (!isCheckedJson(column)) return false;
  const compared = (type: DuckType): readonly DuckType[] => {
    if (type.kind === 'struct') return type.fields.flatMap((field) => compared(field.type));
    if (type.kind === 'list') return compared(type.element);
    if (type.kind === 'map') return compared(type.value);
    return isChecked(leafColumn(type)) ? [type] : [];
  };
  return compared(parseDuckType(column.type)).every(
    (type) => type.kind === 'scalar' && /^U?(TINYINT|SMALLINT|INTEGER|BIGINT)$/.test(type.name),
  );
}

/** A place in a nested value: SQL of what was read and of what was cast from it. */
interface Place {
  readonly read: string;
  readonly value: string;
  readonly path: string;
  readonly depth: number;
}

function inField({ read, value, path, depth }: Place, { name }: DuckField): Place {
  const extract = (from: string): string => `struct_extract(${from}, ${literal(name)})`;
  return { read: extract(read), value: extract(value), path: `${path}.${name}`, depth };
}

function inElement({ path, depth }: Place, mark: '[]' | '{}'): Place {
  return { read: `p${depth}[1]`, value: `p${depth}[2]`, path: `${path}${mark}`, depth: depth + 1 };
}

/** Pairs of what was read and what was cast, one for each element of a list or value of a map. */
function pairs({ read, value }: Place, kind: 'list' | 'map'): string {
  return kind === 'list' ? `list_zip(${read}, ${value})` : `list_zip(map_values(${read}), map_values(${value}))`;
}

/** Conditions that are true where every value is held exactly. */
function conditionsOf(type: DuckType, place: Place): readonly string[] {
  if (type.kind === 'struct') return type.fields.flatMap((field) => conditionsOf(field.type, inField(place, field)));
  if (type.kind === 'list' || type.kind === 'map') {
    const element = type.kind === 'list' ? type.element : type.value;
    const inner = conditionsOf(element, inElement(place, type.kind === 'list' ? '[]' : '{}'));
    if (inner.length === 0) return [];
    return [
      `coalesce(len(list_filter(${pairs(place, type.kind)}, p${place.depth} -> NOT coalesce(${inner.join(' AND ')}, false))) = 0, true)`,
    ];
  }
  const exact = exactText(leafColumn(type), place.read, place.value);
  return exact === null ? [] : [exact.condition];
}

function leavesOf(type: DuckType, place: Place): readonly InexactLeaf[] {
  if (type.kind === 'struct') return type.fields.flatMap((field) => leavesOf(field.type, inField(place, field)));
  if (type.kind === 'list' || type.kind === 'map') {
    const element = type.kind === 'list' ? type.element : type.value;
    const inner = leavesOf(element, inElement(place, type.kind === 'list' ? '[]' : '{}'));
    return inner.map((leaf) => ({
      ...leaf,
      offenders: `flatten(list_transform(${pairs(place, type.kind)}, p${place.depth} -> ${leaf.offenders}))`,
    }));
  }
  const exact = exactText(leafColumn(type), place.read, place.value);
  if (exact === null) return [];
  const isLost = `${place.read} IS NOT NULL AND NOT coalesce(${exact.condition}, false)`;
  return [{ path: place.path, reason: exact.reason, offenders: `CASE WHEN ${isLost} THEN [${place.read}] ELSE []::VARCHAR[] END` }];
}

/**
 * A condition that is true where a JSON column that nobody declared holds what was read, in nested values too; null when nothing is to be compared.
 * @param read SQL of type `jsonType` @param value the same, cast to the column's type
 */
export function exactJson(column: InputColumn, read: string, value: string): Pick<ExactCheck, 'condition'> | null {
  const type = nestedType(column);
  if (type === null) return exactText(column, read, value);
  const conditions = conditionsOf(type, { read, value, path: column.name, depth: 0 });
  if (conditions.length === 0) return null;
  // most values are printed as they were written; whatever is asked inside of lists is asked of the others
  return { condition: `(CAST(${value} AS ${jsonType(column)}) IS NOT DISTINCT FROM ${read} OR (${conditions.join(' AND ')}))` };
}

/** The same for each value inside of a nested column by itself, so that it can be named. */
export function inexactLeaves(column: InputColumn, read: string, value: string): readonly InexactLeaf[] {
  const type = nestedType(column);
  return type === null ? [] : leavesOf(type, { read, value, path: column.name, depth: 0 });
}
