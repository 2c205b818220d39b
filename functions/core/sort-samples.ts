import type { SortBounds } from './merge-task.ts';
import type { PartOutput } from './part.ts';

/** Of a sort key so many bytes are kept. Any byte string is a valid bound; rows that differ only behind them are never told apart, and meet in one task. */
export const sampleKeyBytes = 32;

/** Fewest and most distances between samples of a part, and the bytes that one spans in between: a merge task has hundreds of them. */
const [leastSpans, mostSpans, spanBytes] = [8, 64, 1 << 18];

/** How many of a part's rows are sampled. */
export const sampleCount = ({ rows, bytes }: Pick<PartOutput, 'rows' | 'bytes'>): number =>
  Math.min(rows, 1 + Math.min(mostSpans, Math.max(leastSpans, Math.ceil(bytes / spanBytes))));

/** The row that a sample is of, where there are so many samples of so many rows. */
export const sampledRow = (sample: number, samples: number, rows: number): number =>
  samples === 1 ? 0 : Math.floor((sample * (rows - 1)) / (samples - 1));

/** Neighbouring rows of an order, for one task. */
export interface SortRange {
  readonly bounds: SortBounds;
  /** About so many. */
  readonly bytes: number;
}

/**
 * Ranges of an order with about as many bytes each, together everything. Rows of one sort key are in one range, whatever their bytes.
 * @param parts with their samples
 * @param count of ranges that are asked for: where single keys have many rows there may be fewer, or up to twice as many
 */
export function sortRanges(parts: readonly Pick<PartOutput, 'bytes' | 'samples'>[], count: number): readonly SortRange[] {
  const keys = count === 1 ? [] : [...bytesFrom(parts)].sort(([a], [b]) => (a < b ? -1 : 1));
  const total = parts.reduce((sum, { bytes }) => sum + bytes, 0);
  const ranges: SortRange[] = [];
  let [from, bytes]: [string | null, number] = [null, 0];
  for (const [key, weight] of keys) {
    if (bytes > 0 && bytes + weight / 2 > total / count) {
      ranges.push({ bounds: [from, key], bytes });
      [from, bytes] = [key, 0];
    }
    bytes += weight;
  }
  return [...ranges, { bounds: [from, null], bytes: keys.length === 0 ? total : bytes }];
}

/** The bytes between each sampled key and the next one. */
function bytesFrom(parts: readonly Pick<PartOutput, 'bytes' | 'samples'>[]): ReadonlyMap<string, number> {
  const weights = new Map<string, number>();
  for (const { bytes, samples = [] } of parts) {
    const starts = samples.length === 1 ? samples : samples.slice(0, -1);
    for (const key of starts) weights.set(key, (weights.get(key) ?? 0) + bytes / starts.length);
  }
  return weights;
}
