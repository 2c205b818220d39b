import { bucketBytes, bucketRanges } from './bucket-ranges.ts';
import type { MergeTask } from './merge-task.ts';
import { bucketTask, neighbours, type StageOutput, type UnnumberedTask } from './stage-inputs.ts';
import { type StageSizing, tasksFor } from './stage-sizing.ts';
import { buckets } from './staged-query.ts';

/**
 * Tasks that deal the rows of buckets which are too large into finer ones: each takes a range of buckets, or of one that is too large a share of the parts. Rows of
 * the other buckets come along, since a stage takes what the one before it hands on.
 */
export function dealTasks(parts: readonly StageOutput[], { mostBytes, mostInputs }: StageSizing): readonly UnnumberedTask[] {
  const weights = new Map(parts.map((part) => [part, bucketBytes([part])]));
  return rangesUpTo(bucketBytes(parts), mostBytes).flatMap((range) => {
    const bytesOf = (part: StageOutput): number => (weights.get(part) ?? []).slice(...range).reduce((sum, bytes) => sum + bytes, 0);
    const filled = parts.filter((part) => bytesOf(part) > 0);
    return neighbours(filled, { parts: mostInputs, bytes: mostBytes }, bytesOf).map((some) => bucketTask(some, range));
  });
}

/** Neighbouring buckets that have so many bytes together; one with more is alone. */
function rangesUpTo(weights: readonly number[], most: number): readonly (readonly [number, number])[] {
  const ranges: (readonly [number, number])[] = [];
  let [from, sum] = [0, 0];
  for (let bucket = 0; bucket < buckets; bucket++) {
    const weight = weights[bucket] ?? 0;
    if (sum > 0 && sum + weight > most) {
      ranges.push([from, bucket]);
      [from, sum] = [bucket, 0];
    }
    sum += weight;
  }
  return [...ranges, [from, buckets]];
}

/**
 * Merge tasks behind such a stage: rows of one key are in parts of tasks with the same range of buckets, and there in the same finer bucket.
 * @param parts those that have rows
 * @param dealt the tasks that made them
 */
export function dealtTasks(parts: readonly StageOutput[], dealt: readonly MergeTask[], sizing: StageSizing): readonly UnnumberedTask[] {
  const all = tasksFor(parts, sizing);
  const bytes = parts.reduce((sum, part) => sum + part.bytes, 0);
  const byRange = Map.groupBy(parts, ({ task }) => dealt[task]?.buckets[0] ?? 0);
  return [...byRange.values()].flatMap((some) => {
    const own = some.reduce((sum, part) => sum + part.bytes, 0);
    const count = Math.min(buckets, Math.max(1, Math.ceil((all * own) / bytes)));
    return bucketRanges(some, count).map((range) => bucketTask(some, range));
  });
}
