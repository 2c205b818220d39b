import type { BadRecord, Piece } from '../core/piece.ts';

/** A piece of regular records only, each with its place in the (uncompressed) object. */
export interface SiftedPiece extends Piece {
  /** Of each record of the piece, in order. */
  readonly offsets: Float64Array;
}

export interface SiftedSplit {
  readonly pieces: readonly SiftedPiece[];
  /** The first ones, in order. */
  readonly bad: readonly BadRecord[];
  readonly badCount: number;
  /** Good and bad; equals the staged split's. */
  readonly records: number;
}
