import type { FormatOptions } from '../core/job.ts';
import type { Compression, Layout } from '../core/layout.ts';

/** The beginning of an object. */
export interface ObjectHead {
  readonly key: string;
  /** Uncompressed. */
  readonly head: Uint8Array;
  /** Whether `head` is the whole object. */
  readonly complete: boolean;
  readonly compression: Compression;
  readonly options: FormatOptions | undefined;
}

export interface HeadLayout {
  /** For Parquet without columns: they are in the footer. */
  readonly layout: Layout;
  /** End of the last whole record of the head. */
  readonly headEnd: number;
  /** The head's regular data records, one after the other, for `samplePiece`. */
  readonly sample: Uint8Array;
  readonly sampleRecords: number;
}
