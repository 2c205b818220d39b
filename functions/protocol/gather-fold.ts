import { groupCount, groupOf, groupSize, groupsIn, type PlanId } from '../core/keys.ts';
import { addFolds, type Fold, foldParts, type Part } from '../core/part.ts';
import { type Plan, reusedCount } from '../core/plan.ts';
import type { ObjectStore } from '../core/ports.ts';
import type { StageOutput } from '../core/stage-inputs.ts';
import { finishedTasks, tasksOfGroup } from './barrier.ts';
import { inOrder, readFold, readPart, readPlan } from './documents.ts';
import { isLast, mapStage, readStage, type Stage } from './stages.ts';

/** The parts of a stage so far; of the map stage those too that the epoch takes over. */
export interface GatheredStage extends Stage {
  readonly fold: Fold;
  /** Whether every task of the stage has its part. */
  readonly complete: boolean;
  /** Rows that its tasks hand on, each with the epoch whose task it is. */
  readonly outputs: readonly StageOutput[];
}

export interface GatheredFold {
  /** The sum of all stages. */
  readonly fold: Fold;
  /** Whether every task of the epoch, own or taken over, has its part, and no stage is still to come. */
  readonly complete: boolean;
  /** Whether parts that it takes over are gone, with the work root of an earlier epoch: then it never will be complete. */
  readonly lost: boolean;
  /** Those that have begun, the map stage first. */
  readonly stages: readonly [GatheredStage, ...GatheredStage[]];
}

/** The sum of an epoch's parts so far, its own and those that it takes over. */
export async function gatherFold(work: ObjectStore, plan: Plan): Promise<GatheredFold> {
  const reused = await reusedFolds(work, plan);
  const map = await gather(work, plan, mapStage(plan), reused);
  const stages: [GatheredStage, ...GatheredStage[]] = [map];
  let newest = map;
  // a stage begins behind the one before it
  while (newest.complete && !isLast(plan, newest)) {
    const next = await readStage(work, plan, newest.stage + 1);
    if (next === null) break;
    newest = await gather(work, plan, next, []);
    stages.push(newest);
  }
  const fold = stages.length === 1 ? map.fold : addFolds(stages.map((one) => one.fold));
  return { fold, complete: newest.complete && isLast(plan, newest), lost: partsOfEpochs(reused) < reusedCount(plan), stages };
}

/** Tasks of the merge stages that have begun. */
export const mergeTasksOf = (stages: readonly GatheredStage[]): number =>
  stages.reduce((sum, { merge, tasks }) => sum + (merge === null ? 0 : tasks), 0);

/** One stage of an epoch. */
export async function gatherStage(work: ObjectStore, plan: Plan, stage: Stage): Promise<GatheredStage> {
  return gather(work, plan, stage, stage.stage === 0 ? await reusedFolds(work, plan) : []);
}

async function gather(work: ObjectStore, plan: Plan, stage: Stage, reused: readonly EpochFold[]): Promise<GatheredStage> {
  const own: EpochFold[] = [];
  for (let group = 0; group < groupCount(stage.tasks); group++) {
    own.push({ epoch: plan.epoch, fold: await groupFold(work, plan, stage, group) });
  }
  const all = [...own, ...reused];
  const fold = addFolds(all.map((one) => one.fold));
  const expected = stage.tasks + (stage.stage === 0 ? reusedCount(plan) : 0);
  // a fold of an older version has none
  const outputs = all.flatMap((one) => (one.fold.outputs ?? []).map((output) => ({ ...output, epoch: one.epoch })));
  return { ...stage, fold, complete: partsOfEpochs(all) === expected, outputs };
}

interface EpochFold {
  readonly epoch: number;
  readonly fold: Fold;
}

const partsOfEpochs = (folds: readonly EpochFold[]): number => folds.reduce((sum, { fold }) => sum + fold.done + fold.failed.length, 0);

const numbersIn = (ranges: readonly (readonly [number, number])[]): readonly number[] =>
  ranges.flatMap(([start, end]) => Array.from({ length: end - start }, (_, index) => start + index));

/** The parts that an epoch takes over, as far as they are there. */
async function reusedFolds(work: ObjectStore, plan: Plan): Promise<readonly EpochFold[]> {
  const folds: EpochFold[] = [];
  for (const { epoch, tasks } of plan.reuse) {
    const earlier = await readPlan(work, { run: plan.run, epoch });
    if (earlier === null) continue;
    const byGroup = Map.groupBy(numbersIn(tasks), groupOf);
    for (const [group, some] of byGroup) folds.push({ epoch, fold: await foldOfGroup(work, earlier, group, some) });
  }
  return folds;
}

/** Of some tasks of a map stage's group: its own fold where that is all of them, a thousand parts in one request. */
async function foldOfGroup(work: ObjectStore, plan: Plan, group: number, tasks: readonly number[]): Promise<Fold> {
  const whole = tasks.length === groupSize(group, plan.tasks) ? await readFold(work, plan, 0, group) : null;
  return whole ?? (await partsOf(work, plan, 0, tasks));
}

/** Whether parts that an epoch takes over are gone, told by lists of them. */
export async function hasLostParts(work: ObjectStore, plan: Plan): Promise<boolean> {
  for (const { epoch, tasks: ranges } of plan.reuse) {
    const earlier = await readPlan(work, { run: plan.run, epoch });
    if (earlier === null) return true;
    const there = new Set<number>();
    for (const group of groupsIn(ranges)) for (const task of await finishedTasks(work, earlier, 0, group)) there.add(task);
    if (numbersIn(ranges).some((task) => !there.has(task))) return true;
  }
  return false;
}

async function groupFold(work: ObjectStore, plan: Plan, { stage, tasks }: Stage, group: number): Promise<Fold> {
  const single = tasks === 1;
  const folded = single ? null : await readFold(work, plan, stage, group);
  if (folded !== null) return folded;
  const all = tasksOfGroup(group, tasks);
  const finished = single ? all : [...(await finishedTasks(work, plan, stage, group))].sort((a, b) => a - b);
  return partsOf(work, plan, stage, finished);
}

/** The fold of some tasks' parts, as far as they are there. */
export async function partsOf(work: ObjectStore, id: PlanId, stage: number, tasks: readonly number[]): Promise<Fold> {
  const parts = await inOrder(tasks, (task) => readPart(work, id, stage, task));
  return foldParts(parts.filter((part): part is Part => part !== null));
}
