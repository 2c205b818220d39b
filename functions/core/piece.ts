import type { Layout } from './layout.ts';

/** A local file of whole records, in the form that the engine reads without guessing. */
export interface Piece {
  readonly path: string;
  /** The object that the records come from, for `_file` and quarantine. */
  readonly objectKey: string;
  readonly layout: Layout;
  /** Records at the head of the file that are not data (0, or 1 for a CSV header). */
  readonly skipRecords: 0 | 1;
  /** Records that the record machine counted, bad ones included, blank lines not. For Parquet: what the footer says. */
  readonly records: number;
  /** At least the bytes of the longest record, so that the engine's limits fit. */
  readonly longestRecordBytes: number;
  /** Whether a scan with several threads is proven right: no newline inside quotes, no irregular record. */
  readonly parallelSafe: boolean;
  /**
   * CSV fields, by index, of which every value is written in the ordinary form of the field's type, so that none has to be compared with its text, nor cast only to
   * see whether it fits.
   */
  readonly exactFields?: readonly number[];
  /** Keys of JSON's columns of which every number is written with digits alone, so that none has to be compared. */
  readonly exactKeys?: readonly string[];
  /** Number in the object of the file's first line, when known (text only). */
  readonly firstLineNumber?: number;
}

/** A record that can't be taken, as quarantine keeps it. */
export interface BadRecord {
  readonly objectKey: string;
  /** Offset of the record in the (uncompressed) object, or the row's number for Parquet. */
  readonly offset: number;
  /** Bytes of the record with its line end; 0 for Parquet. */
  readonly lengthBytes: number;
  /** The column whose value doesn't fit; null when the record as a whole is wrong. */
  readonly column: string | null;
  readonly reason: string;
  /** The record's bytes as text; what isn't UTF-8 is shown as \xNN. */
  readonly raw: string;
}
