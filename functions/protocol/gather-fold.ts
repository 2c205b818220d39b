import { groupCount, groupSize, groupsIn, type PlanId, tasksPerGroup } from '../core/keys.ts';
import { addFolds, type Fold, foldParts, type Part } from '../core/part.ts';
import { type Plan, reusedCount } from '../core/plan.ts';
import type { ObjectStore } from '../core/ports.ts';
import { finishedTasks } from './barrier.ts';
import { inOrder, readFold, readPart, readPlan } from './documents.ts';

export interface GatheredFold {
  readonly fold: Fold;
  /** Whether every task of the epoch, own or taken over, has its part. */
  readonly complete: boolean;
  /** Whether parts that it takes over are gone, with the work root of an earlier epoch: then it never will be complete. */
  readonly lost: boolean;
}

/** The sum of an epoch's parts so far, its own and those that it takes over. */
export async function gatherFold(work: ObjectStore, plan: Plan): Promise<GatheredFold> {
  const own: Fold[] = [];
  for (let group = 0; group < groupCount(plan.tasks); group++) own.push(await groupFold(work, plan, group));
  const reused = await reusedFolds(work, plan);
  const fold = addFolds([...own, ...reused]);
  const complete = taskCount([fold]) === plan.tasks + reusedCount(plan);
  return { fold, complete, lost: taskCount(reused) < reusedCount(plan) };
}

const taskCount = (folds: readonly Fold[]): number => folds.reduce((sum, { done, failed }) => sum + done + failed.length, 0);

const numbersIn = (ranges: readonly (readonly [number, number])[]): readonly number[] =>
  ranges.flatMap(([start, end]) => Array.from({ length: end - start }, (_, index) => start + index));

/** The parts that an epoch takes over, as far as they are there. */
async function reusedFolds(work: ObjectStore, plan: Plan): Promise<readonly Fold[]> {
  const folds: Fold[] = [];
  for (const { epoch, tasks } of plan.reuse) {
    const earlier = await readPlan(work, { run: plan.run, epoch });
    if (earlier !== null) folds.push(await partsOf(work, earlier, numbersIn(tasks)));
  }
  return folds;
}

/** Whether parts that an epoch takes over are gone, told by lists of them. */
export async function hasLostParts(work: ObjectStore, plan: Plan): Promise<boolean> {
  for (const { epoch, tasks: ranges } of plan.reuse) {
    const earlier = await readPlan(work, { run: plan.run, epoch });
    if (earlier === null) return true;
    const there = new Set<number>();
    for (const group of groupsIn(ranges)) for (const task of await finishedTasks(work, earlier, group)) there.add(task);
    if (numbersIn(ranges).some((task) => !there.has(task))) return true;
  }
  return false;
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
