import type { ReusedParts } from './plan.ts';
import type { Split, Task } from './task.ts';

/** A task of an earlier epoch, and how it stands. */
export interface PastTask {
  readonly epoch: number;
  readonly task: Task;
  /** `done`: its part is good and its files are there. `todo`: it failed, never finished, or its files are gone. */
  readonly state: 'done' | 'todo';
}

/** Exact starts of splits that a broken chain showed, by `splitId`. */
export type ExactStarts = ReadonlyMap<string, number>;

export const splitId = ({ key, start }: { readonly key: string; readonly start: number }): string => `${start}:${key}`;

/**
 * What the next epoch of a run has to do and what it takes over: tasks that are done are reused by name, except those with a split that
 * was read from a wrong place. The others are numbered anew.
 * @param reuse false after PARTIAL (what is done is in the table already) and when the job has changed (its parts hold other rows)
 */
export function nextEpoch(
  past: Iterable<PastTask>,
  exactStarts: ExactStarts,
  reuse: 'parts' | 'nothing',
): { readonly tasks: readonly Task[]; readonly reuse: readonly ReusedParts[] } {
  const tasks: Task[] = [];
  const reused = new Map<number, [number, number][]>();
  for (const { epoch, task, state } of past) {
    const splits = task.splits.map((split) => withExactStart(split, exactStarts));
    const moved = splits.some((split, index) => split !== task.splits[index]);
    if (state === 'todo' || moved) tasks.push({ task: tasks.length, splits });
    else if (reuse === 'parts') addNumber(reused, epoch, task.task);
  }
  return { tasks, reuse: [...reused].map(([epoch, ranges]) => ({ epoch, tasks: ranges })) };
}

function withExactStart(split: Split, exactStarts: ExactStarts): Split {
  const from = exactStarts.get(splitId({ key: split.object.key, start: split.start }));
  return from === undefined ? split : { ...split, from };
}

function addNumber(ranges: Map<number, [number, number][]>, epoch: number, task: number): void {
  const list = ranges.get(epoch) ?? [];
  const last = list.at(-1);
  if (last !== undefined && last[1] === task) last[1] = task + 1;
  else list.push([task, task + 1]);
  ranges.set(epoch, list);
}
