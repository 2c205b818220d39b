import type { PartOutput } from './part.ts';
import { buckets } from './staged-query.ts';

type Groups = Pick<PartOutput, 'groups'>;

export const wholeRange = [0, buckets] as const;

/** So many contiguous ranges of buckets with about equal bytes; each has one bucket at least. */
export function bucketRanges(parts: readonly Groups[], count: number): readonly (readonly [number, number])[] {
  if (count === 1) return [wholeRange];
  const weights = bucketBytes(parts);
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const ranges: [number, number][] = [];
  let [from, before] = [0, 0];
  for (let bucket = 0; bucket < buckets && ranges.length < count - 1; bucket++) {
    before += weights[bucket] ?? 0;
    const isFull = before >= (total * (ranges.length + 1)) / count;
    // those behind need a bucket each
    const mustEnd = buckets - bucket - 1 === count - ranges.length - 1;
    if (!isFull && !mustEnd) continue;
    ranges.push([from, bucket + 1]);
    from = bucket + 1;
  }
  ranges.push([from, buckets]);
  return ranges;
}

/** Bytes of each bucket, as far as the row groups tell: those of one that has several buckets are taken for evenly spread. */
export function bucketBytes(parts: readonly Groups[]): readonly number[] {
  const weights = new Array<number>(buckets).fill(0);
  for (const { groups } of parts) {
    for (const [first, last, , start, end] of groups) {
      const each = (end - start) / (last - first + 1);
      for (let bucket = first; bucket <= last; bucket++) weights[bucket] = (weights[bucket] ?? 0) + each;
    }
  }
  return weights;
}

/** Bytes of the row groups that have rows of some buckets. */
export function bytesIn(parts: readonly Groups[], [from, to]: readonly [number, number]): number {
  let bytes = 0;
  for (const { groups } of parts) for (const [first, last, , start, end] of groups) if (first < to && last >= from) bytes += end - start;
  return bytes;
}
