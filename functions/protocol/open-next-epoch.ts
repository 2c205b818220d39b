import type { BrokenLink } from '../core/chain.ts';
import type { FailDecision } from '../core/decision.ts';
import { FanlakeError } from '../core/errors.ts';
import { groupCount, groupSize, planKey, planPagesPrefix, tasksPerGroup } from '../core/keys.ts';
import { type ExactStarts, nextEpoch, type PastTask, remainingTasks, splitId, startsBehind } from '../core/next-epoch.ts';
import type { Part } from '../core/part.ts';
import { inputOf, type Plan, type PlanDraft } from '../core/plan.ts';
import type { ObjectStore } from '../core/ports.ts';
import type { Task } from '../core/task.ts';
import type { RunContext } from './context.ts';
import { inOrder, listAll, readFold, readPart, readPlan } from './documents.ts';
import { gatherFold } from './gather-fold.ts';
import { remainderLost } from './in-the-table.ts';
import { startEpoch, tasksOfPage } from './start-epoch.ts';
import { writePlan } from './write-plan.ts';

/** From this epoch on an object whose chain broke again is read to its end as one split. */
const maxChainEpochs = 3;

/** The exact starts that a `chain` decision names. */
export function exactStartsOf(decision: FailDecision): ExactStarts {
  const broken = (decision.error.details['broken'] ?? []) as readonly BrokenLink[];
  return new Map(broken.map((link) => [splitId(link), link.from]));
}

/**
 * Opens the epoch behind one that failed: only what is missing is done again, good parts are taken over by name. Whoever finds the next epoch
 * open repeats the rest (monitor, tasks): harmless.
 * @param epoch of the next one; those between were cancelled before they were planned
 */
export async function openNextEpoch(context: RunContext, plan: Plan, exactStarts: ExactStarts, epoch = plan.epoch + 1): Promise<Plan> {
  const next = nextEpoch(await pastTasks(context, plan, partWithFiles(context.stores.lake, plan)), exactStarts, epoch >= maxChainEpochs);
  return openEpoch(context, { ...draftBehind(plan, epoch), reuse: next.reuse }, next.tasks);
}

/**
 * Opens the epoch behind one that was committed in part: only the missing ranges, and nothing is taken over, since what is done is in the table.
 * Their exact starts follow from what the splits before them own.
 * @param epoch as of `openNextEpoch`
 */
export async function openRemainder(context: RunContext, plan: Plan, epoch = plan.epoch + 1): Promise<Plan> {
  const tasks = await remainderOf(context, plan);
  if (tasks === null) throw remainderLost(plan);
  const splits = tasks.flatMap((task) => task.splits);
  const objects = [...new Map(splits.map(({ object }) => [object.key, object])).values()];
  const input = {
    ...inputOf(objects),
    bytes: splits.reduce((sum, { start, end }) => sum + end - start, 0),
  };
  return openEpoch(context, { ...draftBehind(plan, epoch), input, reuse: [], remainder: true }, tasks);
}

/** Whether what is missing behind an epoch that was committed in part can still be told. */
export async function isRemainderKnown(context: RunContext, plan: Plan): Promise<boolean> {
  return (await remainderOf(context, plan)) !== null;
}

/** The tasks that an epoch that was committed in part lacks; null when parts of it are gone: what they say is done is in the table, and would come into it twice. */
async function remainderOf(context: RunContext, plan: Plan): Promise<readonly Task[] | null> {
  const { fold, complete } = await gatherFold(context.stores.work, plan);
  const past = await pastTasks(context, plan, isDone);
  const missing = past.filter(({ state }) => state === 'todo').length;
  return complete && missing === fold.failed.length ? remainingTasks(past, startsBehind(fold.chain)) : null;
}

function draftBehind(plan: Plan, epoch: number): PlanDraft {
  const { format: _format, nonce: _nonce, createdMs: _created, tasks: _tasks, inline: _inline, ...draft } = plan;
  return { ...draft, epoch, error: null };
}

async function openEpoch(context: RunContext, draft: PlanDraft, tasks: readonly Task[]): Promise<Plan> {
  const { plan, created } = await writePlan(context, draft, tasks);
  await startEpoch(context, plan, created);
  return plan;
}

/** Whether what a part says is good need not be done again. */
type Holds = (part: Part | null) => Promise<boolean>;

/** In the table, wherever its files are by now: a Hive table has them under other names, and compacting a Delta table replaces them. */
const isDone: Holds = async (part) => part?.kind === 'done';

/** Not in the table yet, so that its files must be there still (a foreign VACUUM may have taken them). */
function partWithFiles(lake: ObjectStore, { table }: Plan): Holds {
  return async (part) => {
    if (part?.kind !== 'done') return false;
    const found = await inOrder(part.files, ({ path }) => lake.head(`${table.key}/${path}`));
    return !found.includes(null);
  };
}

/** Every task that an epoch stands for: its own and those it took over, with how they stand. */
async function pastTasks(context: RunContext, plan: Plan, holds: Holds): Promise<readonly PastTask[]> {
  const { work } = context.stores;
  const past: PastTask[] = [];
  for (let group = 0; group < groupCount(plan.tasks); group++) {
    const done = await doneTasks(work, plan, group, holds);
    for (const task of await pageThere(work, plan, group)) {
      past.push({ epoch: plan.epoch, task, state: done.has(task.task) ? 'done' : 'todo' });
    }
  }
  for (const { epoch, tasks } of plan.reuse) {
    const earlier = await readPlan(work, { run: plan.run, epoch });
    if (earlier === null) throw goneMeanwhile(work, { ...plan, epoch });
    const there = await inOrder(await tasksInRanges(work, earlier, tasks), async (task) => {
      const isDoneThere = await holds(await readPart(work, earlier, 0, task.task));
      return { epoch, task, state: isDoneThere ? ('done' as const) : ('todo' as const) };
    });
    past.push(...there);
  }
  return past;
}

/**
 * @throws FanlakeError `store.failed` when it has gone since whoever opens the epoch has looked (`hasLostPages`), which then looks again
 */
async function pageThere(work: ObjectStore, plan: Plan, page: number): Promise<readonly Task[]> {
  const tasks = await tasksOfPage(work, plan, page);
  if (tasks !== null) return tasks;
  throw goneMeanwhile(work, plan);
}

function goneMeanwhile(work: ObjectStore, id: { readonly run: string; readonly epoch: number }): FanlakeError {
  return new FanlakeError(
    'store.failed',
    `The plan of ${id.run}, or a page of it, is gone from ${work.locate(planKey(id))}. It is looked for again.`,
  );
}

/** Whether a page of the plan is gone, or one that it takes parts over from, or a page of that: then no epoch can be opened behind it. */
export async function hasLostPages(work: ObjectStore, plan: Plan): Promise<boolean> {
  if (await lacksPages(work, plan)) return true;
  for (const { epoch } of plan.reuse) {
    const earlier = await readPlan(work, { run: plan.run, epoch });
    if (earlier === null || (await lacksPages(work, earlier))) return true;
  }
  return false;
}

const lacksPages = async (work: ObjectStore, plan: Plan): Promise<boolean> =>
  plan.inline === null && (await listAll(work, planPagesPrefix(plan))).length < groupCount(plan.tasks);

async function tasksInRanges(work: ObjectStore, plan: Plan, ranges: readonly (readonly [number, number])[]): Promise<Task[]> {
  const tasks: Task[] = [];
  for (let page = 0; page < groupCount(plan.tasks); page++) {
    const [start, end] = [page * tasksPerGroup, (page + 1) * tasksPerGroup];
    if (!ranges.some(([from, to]) => from < end && to > start)) continue;
    for (const task of await pageThere(work, plan, page)) {
      if (ranges.some(([from, to]) => from <= task.task && task.task < to)) tasks.push(task);
    }
  }
  return tasks;
}

/** The tasks of a group whose part holds. */
async function doneTasks(work: ObjectStore, plan: Plan, group: number, holds: Holds): Promise<ReadonlySet<number>> {
  const done = new Set<number>();
  const fold = await readFold(work, plan, 0, group);
  const numbers = Array.from({ length: groupSize(group, plan.tasks) }, (_, index) => group * tasksPerGroup + index);
  if (fold !== null && fold.files.length === 0) {
    const failed = new Set(fold.failed.map(({ task }) => task));
    return new Set(numbers.filter((task) => !failed.has(task)));
  }
  await inOrder(numbers, async (task) => {
    if (await holds(await readPart(work, plan, 0, task))) done.add(task);
  });
  return done;
}
