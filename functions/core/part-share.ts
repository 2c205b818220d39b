import type { PartShare, SortBounds } from './merge-task.ts';
import type { PartOutput } from './part.ts';
import { sampledRow } from './sort-samples.ts';

/** Neighbouring row groups of a part: half-open ranges of its rows and of its bytes. */
export interface PartSpan {
  readonly rows: readonly [number, number];
  readonly bytes: readonly [number, number];
}

type Rows = Pick<PartOutput, 'rows' | 'groups' | 'samples'>;

/** The row groups of a part that may have rows of a share, from the first such to the last; null without one. */
export function spanOf(part: Rows, { buckets: [from, to], bounds }: PartShare): PartSpan | null {
  let span: PartSpan | null = null;
  let row = 0;
  for (const [first, last, rows, start, end] of part.groups) {
    const endRow = row + rows;
    if (first < to && last >= from && mayHave(part, row, endRow, bounds)) {
      span = joined(span, { rows: [row, endRow], bytes: [start, end] });
    }
    row = endRow;
  }
  return span;
}

function joined(span: PartSpan | null, { rows, bytes }: PartSpan): PartSpan {
  if (span === null) return { rows, bytes };
  return { rows: [span.rows[0], rows[1]], bytes: [Math.min(span.bytes[0], bytes[0]), Math.max(span.bytes[1], bytes[1])] };
}

/** Whether sorted rows of a part may be between bounds, as far as samples tell. */
export function mayHave({ rows, samples = [] }: Rows, firstRow: number, endRow: number, bounds: SortBounds | undefined): boolean {
  if (bounds === undefined || samples.length < Math.min(2, rows)) return true;
  const [from, to] = bounds;
  const sampleAt = (row: number): number => (samples.length === 1 ? 0 : Math.floor((row * (samples.length - 1)) / (rows - 1)));
  const rowOf = (sample: number): number => sampledRow(sample, samples.length, rows);
  // of the first row or one before it, and of the last row or one behind it
  let before = Math.min(samples.length - 1, sampleAt(firstRow) + 1);
  while (before > 0 && rowOf(before) > firstRow) before -= 1;
  let behind = sampleAt(endRow - 1);
  while (behind < samples.length - 1 && rowOf(behind) < endRow - 1) behind += 1;
  const [low, high] = [samples[before], samples[behind]];
  // samples are cut, and bounds are samples: a whole key is below a bound where its sample is, and not below where its sample isn't
  return !(to !== null && low !== undefined && low >= to) && !(from !== null && high !== undefined && high < from);
}
