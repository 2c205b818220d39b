import type { Piece } from '../core/piece.ts';

/** Pieces that one reader can take at once. */
export function groupPieces(pieces: readonly Piece[], single: (piece: Piece) => boolean): readonly (readonly Piece[])[] {
  const groups = new Map<string, Piece[]>();
  for (const [index, piece] of pieces.entries()) {
    const key = single(piece)
      ? String(index)
      : JSON.stringify([piece.skipRecords, piece.parallelSafe, piece.exactFields, piece.exactKeys, keyOfLayout(piece)]);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [piece]);
    else group.push(piece);
  }
  return [...groups.values()];
}

/** What of a layout a reader sees; where data starts in the object is no matter of the piece. */
function keyOfLayout({ layout }: Piece): unknown {
  if (layout.format === 'parquet') return layout;
  if (layout.format === 'csv') return ['csv', layout.dialect, layout.fields, layout.nullStrings];
  return [layout.format, layout.keys];
}
