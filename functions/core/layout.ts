import type { CsvDialect } from './records/csv-dialect.ts';

/** A column of the input or of a table: its name and its DuckDB type as `DESCRIBE` prints it. */
export interface Column {
  readonly name: string;
  readonly type: string;
}

/** A column of the input as the plan pins it. */
export interface InputColumn extends Column {
  /**
   * Whether the job says its type. A declared type takes what the engine's casts take; one that was learned from the head, or is the table's, takes only
   * values that it holds exactly: `1.5` isn't rounded because nobody said BIGINT.
   */
  readonly declared: boolean;
}

export type Compression = 'none' | 'gzip' | 'zstd';

export const inputFormats = ['csv', 'tsv', 'jsonl', 'json', 'parquet', 'text'] as const;

export type InputFormat = (typeof inputFormats)[number];

/**
 * How the bytes of an object are to be read: decided once by the coordinator from the object's head and pinned in the plan, so that
 * no worker guesses. Offsets are those of the uncompressed bytes.
 */
export type Layout = CsvLayout | LineLayout | JsonArrayLayout | ParquetLayout;

interface TextLayout {
  readonly compression: Compression;
  /** 3 when the object begins with a UTF-8 byte order mark, else 0. */
  readonly bomBytes: 0 | 3;
  /** Offset of the first record that is data: behind the byte order mark and the header. */
  readonly dataStart: number;
}

/** CSV and TSV. */
export interface CsvLayout extends TextLayout {
  readonly format: 'csv';
  readonly dialect: CsvDialect;
  /** The names of the object's fields in file order: the header's, cleaned of doubles (`a`, `a_1`), or `column0`... without a header. */
  readonly fields: readonly string[];
  readonly header: boolean;
  /** Field texts that mean NULL; an empty field without quotes is NULL by default. */
  readonly nullStrings: readonly string[];
}

/** `jsonl`: one JSON object a line. `text`: one string a line. */
export interface LineLayout extends TextLayout {
  readonly format: 'jsonl' | 'text';
  /** The keys of the head's objects, as they are spelled there: the engine's JSON reader tells `a` from `A`, a query doesn't. Empty for text. */
  readonly keys: readonly string[];
}

export interface JsonArrayLayout extends TextLayout {
  readonly format: 'json';
  /** As for JSON lines. */
  readonly keys: readonly string[];
}

export interface ParquetLayout {
  readonly format: 'parquet';
  readonly compression: 'none';
  /** The file's own columns and types. */
  readonly columns: readonly Column[];
}

/** Whether an object of this layout may be cut into several splits. */
export function canSplit(layout: Layout): boolean {
  return layout.compression === 'none' && (layout.format === 'csv' || layout.format === 'jsonl' || layout.format === 'text');
}
