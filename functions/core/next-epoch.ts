import type { ChainLink } from './chain.ts';
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

/** The exact starts of splits that follow a known one: where the record ends that the split before them owns last. */
export function startsBehind(links: Iterable<ChainLink>): ExactStarts {
  const starts = new Map<string, number>();
  const ends = new Map<string, { readonly end: number; readonly to: number | null }>();
  for (const link of [...links].sort((a, b) => a.start - b.start)) {
    const before = ends.get(link.key);
    // a split inside a long record owns nothing: what counts is where the record ends
    const to = link.to ?? (before?.end === link.start ? before.to : null);
    ends.set(link.key, { end: link.end, to });
    if (to !== null) starts.set(splitId({ key: link.key, start: link.end }), to);
  }
  return starts;
}

/**
 * What the epoch behind one that failed has to do and what it takes over: tasks that are done are reused by name, except those with a split that
 * was read from a wrong place. The others are numbered anew.
 * @param readOn reads an object from the first such split to its end as one split: after several epochs in a row whose chain broke, no guess is left
 */
export function nextEpoch(
  past: Iterable<PastTask>,
  exactStarts: ExactStarts,
  readOn = false,
): { readonly tasks: readonly Task[]; readonly reuse: readonly ReusedParts[] } {
  const tasks: Task[] = [];
  const reused = new Map<number, [number, number][]>();
  const firstWrong = readOn ? firstStarts(exactStarts) : new Map<string, number>();
  for (const { epoch, task, state } of past) {
    // those behind the first wrong one of their object are read with it
    const own = task.splits.filter(({ object, start }) => start <= (firstWrong.get(object.key) ?? Number.POSITIVE_INFINITY));
    if (own.length === 0) continue;
    const splits = own.map((split) => {
      const exact = withExactStart(split, exactStarts);
      return firstWrong.get(split.object.key) === split.start ? { ...exact, end: split.object.size } : exact;
    });
    const moved = splits.length < task.splits.length || splits.some((split, index) => split !== own[index]);
    if (state === 'todo' || moved) tasks.push({ task: tasks.length, splits });
    else addNumber(reused, epoch, task.task);
  }
  return { tasks, reuse: [...reused].map(([epoch, ranges]) => ({ epoch, tasks: ranges })) };
}

/** The tasks that were missing when a run was committed in part; those that are done are in the table, whatever is known of their starts. */
export function remainingTasks(past: Iterable<PastTask>, exactStarts: ExactStarts): readonly Task[] {
  const todo = [...past].filter(({ state }) => state === 'todo');
  return todo.map(({ task }, number) => ({ task: number, splits: task.splits.map((split) => withExactStart(split, exactStarts)) }));
}

/** Of each object the first split that has an exact start. */
function firstStarts(exactStarts: ExactStarts): Map<string, number> {
  const first = new Map<string, number>();
  for (const id of exactStarts.keys()) {
    const colon = id.indexOf(':');
    const [start, key] = [Number(id.slice(0, colon)), id.slice(colon + 1)];
    first.set(key, Math.min(start, first.get(key) ?? Number.POSITIVE_INFINITY));
  }
  return first;
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
