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
import type { Stage } from './stages.ts';

/**
 * Steps 5 and 6 of a task (protocol.md): lists the group's parts, and if it is full folds it. Whoever writes or finds a part does this, also after a create that
 * found one: stopping earlier deadlocks when the winner crashed. Repeating it is harmless.
 * @returns whether the group is full and all groups of the stage are there, so that the stage is complete
 */
export async function foldIfFull({ stores: { work } }: RunContext, plan: Plan, { stage, tasks }: Stage, group: number): Promise<boolean> {
  const parts = await work.listKeys({ prefix: partsPrefix(plan, stage, group) });
  if (parts.keys.length < groupSize(group, tasks)) return false;
  await foldGroup(work, plan, stage, group, tasks);
  // at most 1,000 groups, so one page
  const folds = await work.listKeys({ prefix: foldsPrefix(plan, stage) });
  return folds.keys.length >= groupCount(tasks);
}

async function foldGroup(work: ObjectStore, id: PlanId, stage: number, group: number, tasks: number): Promise<void> {
  const parts = await inOrder(tasksOfGroup(group, tasks), (task) => readPart(work, id, stage, task));
  const present = parts.filter((part): part is Part => part !== null);
  // the work root may have expired meanwhile: then the run is decided, and nobody needs the fold
  if (present.length < parts.length) return;
  await work.create(foldKey(id, stage, group), JSON.stringify(foldParts(present) satisfies Fold));
}

/** Numbers of a group's tasks, when the stage has `tasks` of them. */
export const tasksOfGroup = (group: number, tasks: number): readonly number[] =>
  Array.from({ length: groupSize(group, tasks) }, (_, index) => group * tasksPerGroup + index);

/** Hands the epoch to the reducer. */
export async function sendCommit(context: RunContext, plan: Plan): Promise<void> {
  await sendAll(context.commits, [{ kind: 'commit', run: plan.run, epoch: plan.epoch, table: plan.table.key }]);
}

/** Whether the epoch skips monitor and groups: a single task that nothing follows on, and no parts of earlier epochs. */
export const isSingleTask = (plan: Plan): boolean => plan.tasks === 1 && plan.reuse.length === 0 && plan.staged !== true;

/** The tasks of a group that have a part. */
export async function finishedTasks(work: ObjectStore, id: PlanId, stage: number, group: number): Promise<ReadonlySet<number>> {
  return new Set((await listAll(work, partsPrefix(id, stage, group))).map(taskOfPartKey));
}

/** The groups of a stage that are folded. */
export async function foldedGroups(work: ObjectStore, id: PlanId, stage: number): Promise<ReadonlySet<number>> {
  return new Set((await listAll(work, foldsPrefix(id, stage))).map(groupOfFoldKey));
}
