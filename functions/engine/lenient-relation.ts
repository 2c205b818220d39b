import type { DuckDBType } from '@duckdb/node-api';
import type { Column, CsvLayout, InputColumn, Layout, ParquetLayout } from '../core/layout.ts';
import type { Piece } from '../core/piece.ts';
import { sameName } from '../core/planner/statement-tree.ts';
import { type ExactCheck, exactText, exactValue, isChecked } from './exact.ts';
import { inexactLeaves, isCheckedJson, jsonType } from './exact-nested.ts';
import { keyTwice, misfit, rawStruct } from './json-check.ts';
import { csvReader, fieldName, jsonTextReader, lineReader, parquetReader, readingOf } from './readers.ts';
import { type InputFiles, indexOfName, keyOf } from './relation.ts';
import { identifier } from './sql-text.ts';

/** A way in which a record may not fit. */
interface Check {
  /** The column whose value is wrong; null for the record as a whole. */
  readonly column: string | null;
  readonly reason: (value: string) => string;
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
  if (layout.format === 'text') return lineSource(numbered(lineReader(reading)), input.columns);
  return jsonSource(numbered(jsonTextReader(reading)), layout, input.columns, types);
}

const shownCharacters = 100;

function shown(value: string): string {
  return value.length > shownCharacters ? `'${value.slice(0, shownCharacters)}...'` : `'${value}'`;
}

function unfitting({ type }: Column): (value: string) => string {
  return (value) => `${shown(value)} does not fit ${type}`;
}

/** What is said of a value that the engine would cast to another. */
function inexact({ type }: Column, { reason }: ExactCheck): (value: string) => string {
  return (value) => `${shown(value)} is ${reason}; declare the column to have it cast to ${type}`;
}

/** Checks that a value could be cast and, of a column whose type nobody declared, that nothing of it was lost. */
function checksOf(column: InputColumn, source: string, value: string, exact: ExactCheck | null): readonly Check[] {
  const base = { column: column.name, value: `CAST(${source} AS VARCHAR)` };
  const fits = { ...base, reason: unfitting(column), condition: `${source} IS NOT NULL AND ${value} IS NULL` };
  if (exact === null) return [fits];
  const lost = `${source} IS NOT NULL AND ${value} IS NOT NULL AND NOT coalesce(${exact.condition}, false)`;
  return [fits, { ...base, reason: inexact(column, exact), condition: lost }];
}

/** @param source an SQL expression of any type @returns NULL where it doesn't fit */
function triedCast({ type }: Column, source: string): string {
  // TRY_CAST makes NULL of what doesn't fit inside a list or struct and keeps the rest.
  const nested = /[(\]]/.test(type) && !type.startsWith('DECIMAL');
  return nested ? `TRY(CAST(${source} AS ${type}))` : `TRY_CAST(${source} AS ${type})`;
}

function nullOf({ type }: Column): string {
  return `CAST(NULL AS ${type})`;
}

/** Values and checks of columns of which each is tried by itself; a column without a source is NULL. */
function triedColumns(
  from: string,
  columns: readonly InputColumn[],
  sourceOf: (column: InputColumn) => { readonly source: string; readonly type: string } | null,
): CheckedSource {
  const checks: Check[] = [];
  const values = columns.map((column) => {
    const found = sourceOf(column);
    if (found === null) return nullOf(column);
    if (found.type === column.type) return found.source;
    const value = triedCast(column, found.source);
    checks.push(...checksOf(column, found.source, value, exactValue(column, found.source, found.type, value)));
    return value;
  });
  return { from, values, checks };
}

function lineSource(from: string, columns: readonly InputColumn[]): CheckedSource {
  return triedColumns(from, columns, ({ name }) => (sameName(name, 'line') ? { source: "coalesce(f0, '')", type: 'VARCHAR' } : null));
}

function csvSource(from: string, layout: CsvLayout, columns: readonly InputColumn[]): CheckedSource {
  return triedColumns(from, columns, (column) => {
    const index = indexOfName(layout.fields, column.name);
    return index < 0 ? null : { source: fieldName(index), type: 'VARCHAR' };
  });
}

function parquetSource(reader: string, layout: ParquetLayout, columns: readonly InputColumn[], ordinals: boolean): CheckedSource {
  const names = layout.columns.map(({ name }) => name);
  const from = ordinals ? `(SELECT *, file_row_number AS ordinal FROM ${reader})` : reader;
  return triedColumns(from, columns, (column) => {
    const source = layout.columns[indexOfName(names, column.name)];
    return source === undefined ? null : { source: identifier(source.name), type: source.type };
  });
}

type JsonLayout = Extract<Layout, { readonly keys: readonly string[] }>;

function jsonSource(from: string, layout: JsonLayout, columns: readonly InputColumn[], types: KnownTypes): CheckedSource {
  const keys = columns.map((column) => keyOf(layout, column));
  const record = { column: null, value: 'CAST(json AS VARCHAR)' };
  const checks: Check[] = [
    { ...record, reason: () => 'the line is not valid JSON', condition: 'json IS NULL' },
    { ...record, reason: () => 'the line is not a JSON object', condition: "json_type(json) <> 'OBJECT'" },
    { ...record, reason: () => 'a key is there twice', condition: keyTwice('json', keys) },
  ];
  const field = (type: string, index: number): string => `${identifier(keys[index] ?? '')} ${type}`;
  const all = columns.map((column, i) => field(jsonType(column), i)).join(', ');
  const values = columns.map((column, i) => {
    const key = identifier(keys[i] ?? '');
    const read = `(TRY_CAST(json AS STRUCT(${all}))).${key}`;
    if (isChecked(column)) {
      const text = `(TRY_CAST(json AS STRUCT(${field('VARCHAR', i)}))).${key}`;
      const value = triedCast(column, text);
      checks.push(...checksOf(column, text, value, exactText(column, text, value)));
      return triedCast(column, read);
    }
    const type = types[i];
    const raw = `(TRY_CAST(json AS ${rawStruct(keys)})).${key}`;
    const condition = type === undefined ? null : misfit(raw, type);
    if (condition !== null) checks.push({ column: column.name, reason: unfitting(column), condition, value: `CAST(${raw} AS VARCHAR)` });
    if (!isCheckedJson(column)) return read;
    const text = `(TRY_CAST(json AS STRUCT(${field(jsonType(column), i)}))).${key}`;
    checks.push(...nestedChecks(column, text, triedCast(column, text)));
    return triedCast(column, read);
  });
  return { from, values, checks };
}

/** Checks of a nested JSON column whose type nobody declared. */
function nestedChecks(column: InputColumn, text: string, value: string): readonly Check[] {
  const leaves = inexactLeaves(column, text, value).map(
    ({ path, reason, offenders }): Check => ({
      column: column.name,
      reason: (found) => `${shown(found)} in ${path} is ${reason}; declare the column to have its values cast`,
      condition: `len(${offenders}) > 0`,
      value: `(${offenders})[1]`,
    }),
  );
  return [...checksOf(column, text, value, null), ...leaves];
}

/** A condition that is true for records that don't fit; null when all do. */
export function badCondition({ checks }: CheckedSource): string | null {
  return checks.length === 0 ? null : checks.map(({ condition }) => `coalesce(${condition}, false)`).join(' OR ');
}
