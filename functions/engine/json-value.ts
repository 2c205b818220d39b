import {
  type DuckDBType,
  DuckDBTypeId,
  type DuckDBValue,
  type DuckDBValueConverter,
  type Json,
  JsonDuckDBValueConverter,
} from '@duckdb/node-api';

/**
 * A value of the engine as JSON: whole numbers as numbers while they are exact in a double, else as text; decimals, dates, times and UUIDs as
 * text; NaN and infinities as text; lists, structs and maps (a list of key and value) by the same rules.
 */
export function jsonValue(value: DuckDBValue, type: DuckDBType, converter: DuckDBValueConverter<Json>): Json | null {
  if (typeof value === 'bigint')
    return value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER ? Number(value) : String(value);
  if (type.typeId === DuckDBTypeId.INTERVAL && value !== null) return String(value);
  return JsonDuckDBValueConverter(value, type, converter);
}
