import { bytesIn } from './bucket-ranges.ts';
import type { MergeTask, TaskRange } from './merge-task.ts';
import type { FoldedOutput } from './part.ts';

/** What a task hands on, and the epoch whose task it is. */
export interface StageOutput extends FoldedOutput {
  readonly epoch: number;
}

/** A merge task before it has a number. */
export type UnnumberedTask = Omit<MergeTask, 'task'>;

/** A task that takes a range of buckets of some parts. */
export const bucketTask = (inputs: readonly StageOutput[], buckets: readonly [number, number]): UnnumberedTask => ({
  ...{ inputs: taskRanges(inputs), buckets, bytes: bytesIn(inputs, buckets) },
});

/** Parts as ranges of their tasks' numbers. A gap stays one: a task in it may have a part that isn't taken over. */
export function taskRanges(inputs: readonly StageOutput[]): readonly TaskRange[] {
  const ranges: { epoch: number; from: number; to: number }[] = [];
  for (const { epoch, task } of inputs) {
    const last = ranges.at(-1);
    if (last !== undefined && last.epoch === epoch && last.to === task) last.to = task + 1;
    else ranges.push({ epoch, from: task, to: task + 1 });
  }
  return ranges;
}

/**
 * Neighbours that one task can take together.
 * @param most parts, and bytes of them; a part with more is alone
 * @param bytesOf what a task takes of a part
 */
export function neighbours(
  parts: readonly StageOutput[],
  most: { readonly parts: number; readonly bytes: number },
  bytesOf: (part: StageOutput) => number,
): readonly (readonly StageOutput[])[] {
  const all: (readonly StageOutput[])[] = [];
  let [together, sum]: [StageOutput[], number] = [[], 0];
  for (const part of parts) {
    const bytes = bytesOf(part);
    if (together.length === most.parts || (together.length > 0 && sum + bytes > most.bytes)) {
      all.push(together);
      [together, sum] = [[], 0];
    }
    together.push(part);
    sum += bytes;
  }
  return together.length === 0 ? all : [...all, together];
}
