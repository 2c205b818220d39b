import type { ChainLink } from '../core/chain.ts';
import type { DataFile } from '../core/data-file.ts';
import { FanlakeError } from '../core/errors.ts';
import { type EpochId, groupCount, groupsIn, planKey } from '../core/keys.ts';
import type { PastTask } from '../core/next-epoch.ts';
import type { Part } from '../core/part.ts';
import type { Plan } from '../core/plan.ts';
import type { ObjectStore } from '../core/ports.ts';
import type { Task } from '../core/task.ts';
import { looksBeforeReuseMs } from '../core/vacuum.ts';
import { finishedTasks } from './barrier.ts';
import { inOrder, readFold, readPart, readPlan } from './documents.ts';
import { tasksOfPage } from './start-epoch.ts';

/** What the part of a task says, or the fold that it went into. */
interface Stored {
  readonly isDone: boolean;
  readonly files: readonly DataFile[];
  readonly chain: readonly ChainLink[];
}

/** Whether a task that is done need not be done again. */
export type Holds = (files: readonly DataFile[]) => Promise<boolean>;

/** In the table, wherever its files are by now: a Hive table has them under other names, and compacting a Delta table replaces them. */
export const isInTable: Holds = async () => true;

/** Not in the table yet, so that its files must be there still: a foreign VACUUM may have taken old ones. */
export function hasFiles(lake: ObjectStore, { table }: Plan, nowMs: number): Holds {
  return async (files) => {
    const old = files.filter(({ modifiedMs }) => nowMs - modifiedMs > looksBeforeReuseMs);
    const found = await inOrder(old, ({ path }) => lake.head(`${table.key}/${path}`));
    return !found.includes(null);
  };
}

/** Every task that an epoch stands for: its own and those it took over. */
export interface Past {
  readonly tasks: readonly PastTask[];
  /** Places of their splits, as far as parts tell them. */
  readonly chain: readonly ChainLink[];
  /** Whether each of them has its part. */
  readonly complete: boolean;
}

/**
 * How the tasks stand that an epoch stands for. Of a complete group two requests tell it, of another one each part.
 * @throws FanlakeError `store.failed` when a plan or a page has gone since whoever opens the epoch has looked (`hasLostPages`), which then looks again
 */
export async function pastTasks(work: ObjectStore, plan: Plan, holds: Holds): Promise<Past> {
  const tasks: PastTask[] = [];
  const chain: ChainLink[] = [];
  let complete = true;
  const add = async (of: Plan, group: number, isMeant: (task: number) => boolean) => {
    const meant = (await pageThere(work, of, group)).filter(({ task }) => isMeant(task));
    const stored = await storedOf(work, of, group, isMeant);
    const states = await inOrder(meant, async ({ task }) => {
      const found = stored.get(task);
      return found?.isDone === true && (await holds(found.files)) ? 'done' : 'todo';
    });
    for (const [index, task] of meant.entries()) {
      tasks.push({ epoch: of.epoch, task, state: states[index] ?? 'todo' });
      for (const link of stored.get(task.task)?.chain ?? []) chain.push(link);
      if (!stored.has(task.task)) complete = false;
    }
  };
  for (let group = 0; group < groupCount(plan.tasks); group++) await add(plan, group, () => true);
  for (const { epoch, tasks: ranges } of plan.reuse) {
    const earlier = await readPlan(work, { run: plan.run, epoch });
    if (earlier === null) throw goneMeanwhile(work, { ...plan, epoch });
    const isMeant = (task: number) => ranges.some(([start, end]) => start <= task && task < end);
    for (const group of groupsIn(ranges)) await add(earlier, group, isMeant);
  }
  return { tasks, chain, complete };
}

/** What is stored of the tasks of a group that have a part still: a fold may outlive the parts. */
async function storedOf(
  work: ObjectStore,
  plan: Plan,
  group: number,
  isMeant: (task: number) => boolean,
): Promise<ReadonlyMap<number, Stored>> {
  const there = [...(await finishedTasks(work, plan, group))].filter(isMeant);
  const fold = there.length === 0 ? null : await readFold(work, plan, 0, group);
  if (fold === null) {
    const parts = await inOrder(there, (task) => readPart(work, plan, 0, task));
    return new Map(parts.flatMap((part) => (part === null ? [] : [[part.task, storedIn(part)]])));
  }
  const failed = new Set(fold.failed.map(({ task }) => task));
  const files = Map.groupBy(fold.files, ({ task }) => task);
  const chain = Map.groupBy(fold.chain, ({ task }) => task);
  return new Map(there.map((task) => [task, { isDone: !failed.has(task), files: files.get(task) ?? [], chain: chain.get(task) ?? [] }]));
}

const storedIn = (part: Part): Stored => ({
  isDone: part.kind === 'done',
  files: part.kind === 'done' ? part.files : [],
  chain: part.chain,
});

async function pageThere(work: ObjectStore, plan: Plan, page: number): Promise<readonly Task[]> {
  const tasks = await tasksOfPage(work, plan, page);
  if (tasks !== null) return tasks;
  throw goneMeanwhile(work, plan);
}

function goneMeanwhile(work: ObjectStore, id: EpochId): FanlakeError {
  return new FanlakeError(
    'store.failed',
    `The plan of ${id.run}, or a page of it, is gone from ${work.locate(planKey(id))}. It is looked for again.`,
  );
}
