import { type DuckDBType, DuckDBTypeId } from '@duckdb/node-api';
import { identifier, literalList } from './sql-text.ts';

/**
 * SQL that tells whether a JSON value doesn't fit a type, at any depth. The engine's own TRY_CAST makes NULL of a value in a list that doesn't fit
 * and says nothing. Follows the engine's strict reader: null and a missing key fit anything, an unknown key is passed over, a key of the type
 * that is there twice doesn't fit.
 * @param value an SQL expression of type JSON
 * @returns null when every value fits
 */
export function misfit(value: string, type: DuckDBType, depth = 0): string | null {
  const inner = misfitOfPresent(value, type, depth);
  return inner === null ? null : `coalesce(json_type(${value}) <> 'NULL' AND (${inner}), false)`;
}

function misfitOfPresent(value: string, type: DuckDBType, depth: number): string | null {
  switch (type.typeId) {
    case DuckDBTypeId.VARCHAR:
      return null;
    case DuckDBTypeId.LIST:
    case DuckDBTypeId.ARRAY:
      return 'valueType' in type
        ? misfitOfList(value, type.valueType, depth, type.typeId === DuckDBTypeId.ARRAY ? String(type) : null)
        : null;
    case DuckDBTypeId.MAP:
      return 'valueType' in type ? misfitOfMap(value, type.valueType, depth) : null;
    case DuckDBTypeId.STRUCT:
      return 'entryNames' in type ? misfitOfStruct(value, type.entryNames, type.entryTypes, depth) : null;
    default:
      return `TRY_CAST(${value} AS ${String(type)}) IS NULL`;
  }
}

function anyOf(list: string, type: DuckDBType, depth: number): string {
  const name = `x${depth}`;
  const inner = misfit(name, type, depth + 1);
  return inner === null ? '' : ` OR len(list_filter(${list}, ${name} -> ${inner})) > 0`;
}

function misfitOfList(value: string, element: DuckDBType, depth: number, array: string | null): string {
  const fixed = array === null ? '' : ` OR TRY_CAST(${value} AS ${array}) IS NULL`;
  return `json_type(${value}) <> 'ARRAY'${anyOf(`TRY_CAST(${value} AS JSON[])`, element, depth)}${fixed}`;
}

function misfitOfMap(value: string, element: DuckDBType, depth: number): string {
  // A key that is there twice is taken by the strict reader too.
  const values = `map_values(TRY_CAST(${value} AS MAP(VARCHAR, JSON)))`;
  return `json_type(${value}) <> 'OBJECT'${anyOf(values, element, depth)}`;
}

function misfitOfStruct(value: string, names: readonly string[], types: readonly DuckDBType[], depth: number): string {
  const fields = `TRY_CAST(${value} AS ${rawStruct(names)})`;
  const inner = names.flatMap((name, index) => {
    const type = types[index];
    const found = type === undefined ? null : misfit(`(${fields}).${identifier(name)}`, type, depth);
    return found === null ? [] : [` OR ${found}`];
  });
  return `json_type(${value}) <> 'OBJECT' OR ${keyTwice(value, names)}${inner.join('')}`;
}

/** Whether one of these keys is in an object twice. */
export function keyTwice(value: string, names: readonly string[]): string {
  const keys = `list_filter(json_keys(${value}), k -> list_contains(${literalList(names)}, k))`;
  return `len(${keys}) <> len(list_distinct(${keys}))`;
}

/** The type of an object of which only these keys are taken, each as it is. */
export function rawStruct(names: readonly string[]): string {
  return `STRUCT(${names.map((name) => `${identifier(name)} JSON`).join(', ')})`;
}
