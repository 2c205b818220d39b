import { groupCount, groupSize, type PlanId, tasksPerGroup } from '../core/keys.ts';
import { addFolds, type Fold, foldParts, type Part } from '../core/part.ts';
import { type Plan, reusedCount } from '../core/plan.ts';
import type { ObjectStore } from '../core/ports.ts';
import { finishedTasks } from './barrier.ts';
import { inOrder, readFold, readPart, readPlan } from './documents.ts';

export interface GatheredFold {
  readonly fold: Fold;
  /** Whether every task of the epoch, own or taken over, has its part. */
  readonly complete: boolean;
}

/** The sum of an epoch's parts so far, its own and those that it takes over. */
export async function gatherFold(work: ObjectStore, plan: Plan): Promise<GatheredFold> {
  const folds: Fold[] = [];
  for (let group = 0; group < groupCount(plan.tasks); group++) folds.push(await groupFold(work, plan, group));
  for (const { epoch, tasks } of plan.reuse) {
    const numbers = tasks.flatMap(([start, end]) => Array.from({ length: end - start }, (_, index) => start + index));
    const earlier = await readPlan(work, { run: plan.run, epoch });
    if (earlier !== null) folds.push(await partsOf(work, earlier, numbers));
  }
  const fold = addFolds(folds);
  return { fold, complete: fold.done + fold.failed.length === plan.tasks + reusedCount(plan) };
}

async function groupFold(work: ObjectStore, plan: Plan, group: number): Promise<Fold> {
  const single = plan.tasks === 1;
  const folded = single ? null : await readFold(work, plan, 0, group);
  if (folded !== null) return folded;
  const size = groupSize(group, plan.tasks);
  const all = Array.from({ length: size }, (_, index) => group * tasksPerGroup + index);
  const finished = single ? all : [...(await finishedTasks(work, plan, group))].sort((a, b) => a - b);
  return partsOf(work, plan, finished);
}

async function partsOf(work: ObjectStore, id: PlanId, tasks: readonly number[]): Promise<Fold> {
  const parts = await inOrder(tasks, (task) => readPart(work, id, 0, task));
  return foldParts(parts.filter((part): part is Part => part !== null));
}
