import {
  foldKey,
  foldsPrefix,
  groupCount,
  groupOfFoldKey,
  groupSize,
  type PlanId,
  partsPrefix,
  taskOfPartKey,
  tasksPerGroup,
} from '../core/keys.ts';
import { type Fold, foldParts, type Part } from '../core/part.ts';
import type { Plan } from '../core/plan.ts';
import type { ObjectStore } from '../core/ports.ts';
import type { RunContext } from './context.ts';
import { inOrder, listAll, readPart } from './documents.ts';
import { sendAll } from './send.ts';

const mapStage = 0;

/**
 * Steps 5 to 7 of a task (protocol.md): lists the group's parts; if it is full folds it; if all groups are there the stage is complete, and
 * the run goes to `commits`. Whoever writes or finds a part does this, also after a create that found one: stopping earlier deadlocks
 * when the winner crashed. Repeating it is harmless.
 */
export async function climb(context: RunContext, plan: Plan, group: number): Promise<void> {
  const { work } = context.stores;
  const parts = await work.listKeys({ prefix: partsPrefix(plan, mapStage, group) });
  if (parts.keys.length < groupSize(group, plan.tasks)) return;
  await foldGroup(work, plan, group, plan.tasks);
  // at most 1,000 groups, so one page
  const folds = await work.listKeys({ prefix: foldsPrefix(plan, mapStage) });
  if (folds.keys.length < groupCount(plan.tasks)) return;
  await sendCommit(context, plan);
}

async function foldGroup(work: ObjectStore, id: PlanId, group: number, tasks: number): Promise<void> {
  const numbers = Array.from({ length: groupSize(group, tasks) }, (_, index) => group * tasksPerGroup + index);
  const parts = await inOrder(numbers, (task) => readPart(work, id, mapStage, task));
  const present = parts.filter((part): part is Part => part !== null);
  // the work root may have expired meanwhile: then the run is decided, and nobody needs the fold
  if (present.length < parts.length) return;
  await work.create(foldKey(id, mapStage, group), JSON.stringify(foldParts(present) satisfies Fold));
}

/** Hands the epoch to the reducer. */
export async function sendCommit(context: RunContext, plan: Plan): Promise<void> {
  await sendAll(context.commits, [{ kind: 'commit', run: plan.run, epoch: plan.epoch, table: plan.table.key }]);
}

/** Whether the epoch skips monitor and groups: a single task, and no parts of earlier epochs. */
export const isSingleTask = (plan: Plan): boolean => plan.tasks === 1 && plan.reuse.length === 0;

/** The tasks of a group that have a part. */
export async function finishedTasks(work: ObjectStore, id: PlanId, group: number): Promise<ReadonlySet<number>> {
  return new Set((await listAll(work, partsPrefix(id, mapStage, group))).map(taskOfPartKey));
}

/** The groups that are folded. */
export async function foldedGroups(work: ObjectStore, id: PlanId): Promise<ReadonlySet<number>> {
  return new Set((await listAll(work, foldsPrefix(id, mapStage))).map(groupOfFoldKey));
}
