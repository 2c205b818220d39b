import type { ChainLink } from '../core/chain.ts';
import type { Ignored } from '../core/ignored-keys.ts';
import type { Layout } from '../core/layout.ts';
import type { Piece } from '../core/piece.ts';
import type { ByteRange } from '../core/ports.ts';
import type { FieldForm } from '../core/records/form-kernel-state.ts';
import type { SoughtColumn } from '../core/records/unknown-keys.ts';

/** A split and the local file that holds its bytes. */
export interface SplitToStage {
  readonly path: string;
  /** Offset in the object of the file's first byte; default 0. */
  readonly origin?: number;
  /** Bytes of the object (as stored: compressed). */
  readonly size: number;
  readonly key: string;
  readonly layout: Layout;
  readonly range: ByteRange;
  /** Start of the split's first record, when a broken chain showed it. */
  readonly exactFrom: number | null;
  /** Folder for staged files. */
  readonly scratch: string;
  /** Begins the names of staged files; unique within the folder. */
  readonly name: string;
  /** Of the engine: a file that it must read with one thread is staged as so many. */
  readonly threads: number;
  /** Whether `path` is the whole object and may itself become the piece. */
  readonly wholeObject: boolean;
  /** Of each CSV field, the form that is to be looked for; see `Piece.exactFields`. Default none. */
  readonly forms?: readonly (FieldForm | null)[];
  /**
   * Of CSV: the fields that the engine needs, by number and in order; of the others a look at their `forms` is enough. Default: all.
   */
  readonly keptFields?: readonly number[] | undefined;
  /** Records of fewer bytes are left as they are, whatever the engine needs of them. Default: where the engine is as fast. */
  readonly projectBytes?: number;
  /** Of JSON: the columns under the names of their keys, so that others are told. Default: nobody asks. */
  readonly knownKeys?: readonly SoughtColumn[];
}

/** The uncompressed text that holds a split's records: the object itself, or what it was expanded to. */
export interface StagedText {
  readonly path: string;
  readonly origin: number;
  /** Bytes of the uncompressed object. */
  readonly size: number;
  /** Of its records, `[from, to)`. */
  readonly from: number;
  readonly to: number;
}

export interface StagedSplit {
  /** Empty when there are no records, or when `suspects`. */
  readonly pieces: readonly Piece[];
  readonly link: ChainLink;
  /** Records that the machine counted, bad ones included. Blank lines count only where the engine gives a row for them (CSV of one column, text). 0 for Parquet. */
  readonly records: number;
  readonly bytesCovered: number;
  /** Some record is irregular: `sift` must go over the split before the engine sees it. */
  readonly suspects: boolean;
  /** Of a compressed object. */
  readonly checksum?: 'verified' | 'unchecked';
  /** Of JSON: values whose keys are none of `knownKeys`. */
  readonly ignored?: Ignored;
  /** For `sift`; null for Parquet and where there are no records. */
  readonly text: StagedText | null;
}
