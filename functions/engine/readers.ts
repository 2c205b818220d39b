import type { Column, CsvLayout } from '../core/layout.ts';
import type { Piece } from '../core/piece.ts';
import { identifier, literal, literalList } from './sql-text.ts';

/** The engine's own default; a longer record gets a limit of its own length. */
const defaultLineBytes = 2_097_152;
const defaultBufferBytes = 33_554_432;

/** How a list of files is read at once: what must be equal for all of them, and what must fit the largest. */
export interface Reading {
  readonly paths: readonly string[];
  readonly longestRecordBytes: number;
  readonly parallelSafe: boolean;
  readonly skipRecords: 0 | 1;
}

export function readingOf(pieces: readonly Piece[]): Reading {
  return {
    paths: pieces.map((piece) => piece.path),
    longestRecordBytes: pieces.reduce((longest, piece) => Math.max(longest, piece.longestRecordBytes), 0),
    parallelSafe: pieces.every((piece) => piece.parallelSafe),
    skipRecords: pieces[0]?.skipRecords ?? 0,
  };
}

/** A path as the engine's readers take it: they expand wildcards, also in names that are meant literally. */
function pattern(path: string): string {
  return /[*?]/.test(path) ? path.replace(/[[*?]/g, '[$&]') : path;
}

function files(paths: readonly string[]): string {
  return literalList(paths.map(pattern));
}

function newlineName(newline: string): string {
  return newline.replaceAll('\r', '\\r').replaceAll('\n', '\\n');
}

/** Limits for one record; a buffer holds several, because a record that is cut by its end is read again from the next. */
function sizes(longestRecordBytes: number): string {
  const line = Math.max(defaultLineBytes, longestRecordBytes + 64);
  return `max_line_size = ${line}, buffer_size = ${Math.max(defaultBufferBytes, 2 * line)}`;
}

/** The name that field i of a CSV file has in the SQL made here. */
export function fieldName(index: number): string {
  return `f${index}`;
}

/**
 * A strict CSV reader over files of one dialect; its columns are `f0`, `f1`... in file order. Nothing is detected: each option below that is
 * left out would be guessed by file, and a piece may look different from the whole (formats.md, sections 0 and 1). But strict mode is left to
 * its default: said aloud together with `new_line = '\\r\\n'`, DuckDB 1.5.5 takes the whole file for one line and gives no row and no error.
 */
export function csvReader(reading: Reading, layout: CsvLayout, types: readonly string[]): string {
  const { dialect } = layout;
  const columns = types.map((type, index) => `'${fieldName(index)}': ${literal(type)}`).join(', ');
  const nulls = layout.nullStrings.length === 0 ? [''] : layout.nullStrings;
  return `read_csv(${files(reading.paths)}, auto_detect = false, columns = {${columns}}, header = false, skip = ${reading.skipRecords},
    delim = ${literal(dialect.delimiter)}, quote = ${literal(dialect.quote)}, escape = ${literal(dialect.escape)},
    comment = ${literal(dialect.comment)}, new_line = '${newlineName(dialect.newline)}', nullstr = ${literalList(nulls)},
    allow_quoted_nulls = false, null_padding = false, ignore_errors = false, parallel = ${reading.parallelSafe},
    hive_partitioning = false, ${sizes(reading.longestRecordBytes)})`;
}

/** A reader of lines; its column is `f0`, NULL for an empty line. The files hold no byte 0x01 and no CR (formats/stage-text.ts sees to it). */
export function lineReader(reading: Reading): string {
  return `read_csv(${files(reading.paths)}, auto_detect = false, columns = {'f0': 'VARCHAR'}, header = false, skip = 0,
    delim = chr(1), quote = '', escape = '', comment = '', new_line = '\\n', parallel = ${reading.parallelSafe},
    hive_partitioning = false, ${sizes(reading.longestRecordBytes)})`;
}

function objectBytes(longestRecordBytes: number): number {
  return Math.max(16_777_216, longestRecordBytes + 64);
}

/** A strict reader of JSON lines; its columns have the names given. A missing key is NULL, an unknown one is passed over. */
export function jsonReader(reading: Reading, columns: readonly Column[]): string {
  const names = columns.map((column) => `${literal(column.name)}: ${literal(column.type)}`).join(', ');
  return `read_json(${files(reading.paths)}, format = 'newline_delimited', records = true, auto_detect = false, columns = {${names}},
    ignore_errors = false, maximum_object_size = ${objectBytes(reading.longestRecordBytes)}, hive_partitioning = false)`;
}

/** A reader of JSON lines as text; its column is `json`, NULL where the line isn't JSON. Blank lines are skipped. */
export function jsonTextReader(reading: Reading): string {
  return `read_json_objects(${files(reading.paths)}, format = 'newline_delimited', ignore_errors = true,
    maximum_object_size = ${objectBytes(reading.longestRecordBytes)}, hive_partitioning = false)`;
}

/** A reader of Parquet files of equal columns. @param rowNumbers adds `file_row_number` */
export function parquetReader(paths: readonly string[], rowNumbers = false): string {
  return `read_parquet(${files(paths)}, hive_partitioning = false, union_by_name = false${rowNumbers ? ', file_row_number = true' : ''})`;
}

/** NULL of a type, under a name. */
export function missing(column: Column): string {
  return `CAST(NULL AS ${column.type}) AS ${identifier(column.name)}`;
}
