import type { DuckDBType } from '@duckdb/node-api';
import type { Column, CsvLayout, ParquetLayout } from '../core/layout.ts';
import type { Piece } from '../core/piece.ts';
import { keyTwice, misfit, rawStruct } from './json-check.ts';
import { csvReader, fieldName, jsonTextReader, lineReader, parquetReader, readingOf } from './readers.ts';
import { type InputFiles, indexOfName } from './relation.ts';
import { identifier } from './sql-text.ts';

/** A way in which a record may not fit. */
interface Check {
  /** The column whose value is wrong; null for the record as a whole. */
  readonly column: string | null;
  readonly reason: string;
  /** True for a bad record, else false or NULL. */
  readonly condition: string;
  /** The value, as text. */
  readonly value: string;
}

/** A source of records in which nothing is an error: what doesn't fit is told by checks. */
export interface CheckedSource {
  /** FROM item; its columns are used by the other fields. With ordinals it has `ordinal`, the number of the record in its file, from 0. */
  readonly from: string;
  /** The pinned columns in order; NULL where a value doesn't fit. */
  readonly values: readonly string[];
  readonly checks: readonly Check[];
}

/** Types of the pinned columns as the engine knows them. */
export type KnownTypes = readonly DuckDBType[];

/**
 * The lenient counterpart of a typed reader: everything is read as text and tried.
 * @param group pieces of one layout; a single one when ordinals are asked for, because only one file's order is sure
 */
export function checkedSource(group: readonly Piece[], input: InputFiles, types: KnownTypes, ordinals: boolean): CheckedSource {
  const [first] = group;
  if (first === undefined) throw new Error('a group of pieces is never empty');
  const { layout } = first;
  // One thread a file: the order of records is then the file's.
  const reading = { ...readingOf(group), parallelSafe: false };
  const numbered = (reader: string): string => (ordinals ? `(SELECT *, row_number() OVER () - 1 AS ordinal FROM ${reader})` : reader);
  if (layout.format === 'parquet') return parquetSource(parquetReader(reading.paths, ordinals), layout, input.columns, ordinals);
  if (layout.format === 'csv')
    return csvSource(
      numbered(
        csvReader(
          reading,
          layout,
          layout.fields.map(() => 'VARCHAR'),
        ),
      ),
      layout,
      input.columns,
    );
  if (layout.format === 'text') return { from: numbered(lineReader(reading)), values: input.columns.map(textValue), checks: [] };
  return jsonSource(numbered(jsonTextReader(reading)), input.columns, types);
}

function reasonFor({ type }: Column): string {
  return `the value does not fit ${type}`;
}

/** @param text the value as it was read, of any type */
function tried(column: Column, text: string): { readonly value: string; readonly check: Check } {
  // TRY_CAST makes NULL of what doesn't fit inside a list or struct and keeps the rest.
  const nested = /[(\]]/.test(column.type) && !column.type.startsWith('DECIMAL');
  const value = nested ? `TRY(CAST(${text} AS ${column.type}))` : `TRY_CAST(${text} AS ${column.type})`;
  const condition = `${text} IS NOT NULL AND ${value} IS NULL`;
  return { value, check: { column: column.name, reason: reasonFor(column), condition, value: `CAST(${text} AS VARCHAR)` } };
}

function nullOf({ type }: Column): string {
  return `CAST(NULL AS ${type})`;
}

function textValue(column: Column): string {
  return column.name === 'line' ? `CAST(coalesce(f0, '') AS ${column.type})` : nullOf(column);
}

/** Values and checks of columns of which each is tried by itself; a column without a source is NULL. */
function triedColumns(
  from: string,
  columns: readonly Column[],
  sourceOf: (column: Column) => { readonly text: string; readonly same: boolean } | null,
): CheckedSource {
  const checks: Check[] = [];
  const values = columns.map((column) => {
    const source = sourceOf(column);
    if (source === null) return nullOf(column);
    if (source.same) return source.text;
    const { value, check } = tried(column, source.text);
    checks.push(check);
    return value;
  });
  return { from, values, checks };
}

function csvSource(from: string, layout: CsvLayout, columns: readonly Column[]): CheckedSource {
  return triedColumns(from, columns, (column) => {
    const index = indexOfName(layout.fields, column.name);
    return index < 0 ? null : { text: fieldName(index), same: column.type === 'VARCHAR' };
  });
}

function parquetSource(reader: string, layout: ParquetLayout, columns: readonly Column[], ordinals: boolean): CheckedSource {
  const names = layout.columns.map(({ name }) => name);
  const from = ordinals ? `(SELECT *, file_row_number AS ordinal FROM ${reader})` : reader;
  return triedColumns(from, columns, (column) => {
    const source = layout.columns[indexOfName(names, column.name)];
    return source === undefined ? null : { text: identifier(source.name), same: source.type === column.type };
  });
}

function jsonSource(from: string, columns: readonly Column[], types: KnownTypes): CheckedSource {
  const names = columns.map(({ name }) => name);
  const record = { column: null, value: 'CAST(json AS VARCHAR)' };
  const checks: Check[] = [
    { ...record, reason: 'the line is not valid JSON', condition: 'json IS NULL' },
    { ...record, reason: 'the line is not a JSON object', condition: "json_type(json) NOT IN ('OBJECT', 'NULL')" },
    { ...record, reason: 'a key is there twice', condition: keyTwice('json', names) },
  ];
  const all = columns.map((column) => `${identifier(column.name)} ${column.type}`).join(', ');
  const values = columns.map(({ name }) => `(TRY_CAST(json AS STRUCT(${all}))).${identifier(name)}`);
  for (const [index, column] of columns.entries()) {
    const type = types[index];
    const raw = `(TRY_CAST(json AS ${rawStruct(names)})).${identifier(column.name)}`;
    const condition = type === undefined ? null : misfit(raw, type);
    if (condition !== null) checks.push({ column: column.name, reason: reasonFor(column), condition, value: `CAST(${raw} AS VARCHAR)` });
  }
  return { from, values, checks };
}

/** A condition that is true for records that don't fit; null when all do. */
export function badCondition({ checks }: CheckedSource): string | null {
  return checks.length === 0 ? null : checks.map(({ condition }) => `coalesce(${condition}, false)`).join(' OR ');
}
