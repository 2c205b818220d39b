import type { ChainLink } from '../core/chain.ts';
import type { DataFile } from '../core/data-file.ts';
import { FanlakeError } from '../core/errors.ts';
import { type EpochId, groupCount, groupsIn, type PlanId, planKey, rowsKey, rowsPrefix } from '../core/keys.ts';
import type { PastTask } from '../core/next-epoch.ts';
import type { Part, PartOutput } from '../core/part.ts';
import type { Plan } from '../core/plan.ts';
import type { ObjectStore, Stores } from '../core/ports.ts';
import type { Task } from '../core/task.ts';
import { looksBeforeReuseMs } from '../core/vacuum.ts';
import { finishedTasks } from './barrier.ts';
import { inOrder, listAll, readFold, readPart, readPlan } from './documents.ts';
import { tasksOfPage } from './start-epoch.ts';

/** What the part of a task says, or the fold that it went into. */
interface Stored {
  readonly isDone: boolean;
  readonly files: readonly DataFile[];
  /** The rows that it hands on; null where it hands on none. */
  readonly output: PartOutput | null;
  readonly chain: readonly ChainLink[];
}

/** Those of a group's tasks that are done that need not be done again. */
export type Holds = (id: PlanId, group: number, done: ReadonlyMap<number, Stored>) => Promise<ReadonlySet<number>>;

/** In the table, wherever its files are by now: a Hive table has them under other names, and compacting a Delta table replaces them. */
export const isInTable: Holds = async (_id, _group, done) => new Set(done.keys());

/**
 * Not in the table yet, so that its files must be there still: a foreign VACUUM may have taken old ones. The rows that it hands on must be too: they lie beside the parts,
 * and a list tells it.
 */
export function isThere({ work, lake }: Pick<Stores, 'work' | 'lake'>, { table }: Plan, nowMs: number): Holds {
  return async (id, group, done) => {
    const handsOn = [...done.values()].some(({ output }) => output !== null);
    const rows = new Set(handsOn ? await listAll(work, rowsPrefix(id, 0, group)) : []);
    const there = await inOrder([...done], async ([task, { files, output }]) => {
      if (output !== null && !rows.has(rowsKey(id, 0, task, output.nonce))) return [];
      const old = files.filter(({ modifiedMs }) => nowMs - modifiedMs > looksBeforeReuseMs);
      const found = await inOrder(old, ({ path }) => lake.head(`${table.key}/${path}`));
      return found.includes(null) ? [] : [task];
    });
    return new Set(there.flat());
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
 * How the map tasks stand that an epoch stands for. Of a complete group two requests tell it, of another one each part.
 * @throws FanlakeError `store.failed` when a plan or a page has gone since whoever opens the epoch has looked (`hasLostPages`), which then looks again
 */
export async function pastTasks(work: ObjectStore, plan: Plan, holds: Holds): Promise<Past> {
  const tasks: PastTask[] = [];
  const chain: ChainLink[] = [];
  let complete = true;
  const add = async (of: Plan, group: number, isMeant: (task: number) => boolean) => {
    const meant = (await pageThere(work, of, group)).filter(({ task }) => isMeant(task));
    const stored = await storedOf(work, of, group, isMeant);
    const done = await holds(of, group, new Map([...stored].filter(([, { isDone }]) => isDone)));
    for (const task of meant) {
      tasks.push({ epoch: of.epoch, task, state: done.has(task.task) ? 'done' : 'todo' });
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
  const there = [...(await finishedTasks(work, plan, 0, group))].filter(isMeant);
  const fold = there.length === 0 ? null : await readFold(work, plan, 0, group);
  if (fold === null) {
    const parts = await inOrder(there, (task) => readPart(work, plan, 0, task));
    return new Map(parts.flatMap((part) => (part === null ? [] : [[part.task, storedIn(part)]])));
  }
  const failed = new Set(fold.failed.map(({ task }) => task));
  const files = Map.groupBy(fold.files, ({ task }) => task);
  const chain = Map.groupBy(fold.chain, ({ task }) => task);
  // a fold of an older version has none
  const outputs = new Map((fold.outputs ?? []).map((output) => [output.task, output]));
  const storedOfTask = (task: number): Stored => ({
    isDone: !failed.has(task),
    files: files.get(task) ?? [],
    output: handedOn(outputs.get(task)),
    chain: chain.get(task) ?? [],
  });
  return new Map(there.map((task) => [task, storedOfTask(task)]));
}

const storedIn = (part: Part): Stored => ({
  isDone: part.kind === 'done',
  files: part.kind === 'done' ? part.files : [],
  output: part.kind === 'done' ? handedOn(part.output) : null,
  chain: part.chain,
});

/** Without a row there is no object. */
const handedOn = (output: PartOutput | undefined): PartOutput | null => (output === undefined || output.rows === 0 ? null : output);

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
