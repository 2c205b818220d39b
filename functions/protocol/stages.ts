import { FanlakeError } from '../core/errors.ts';
import { stageTasksKey } from '../core/keys.ts';
import type { MergeMessage, MergeTask, StageTasks, StoredStage } from '../core/merge-task.ts';
import type { Plan } from '../core/plan.ts';
import type { ObjectStore } from '../core/ports.ts';
import type { RunContext } from './context.ts';
import { readStageTasks } from './documents.ts';

/** A stage of an epoch, as far as the barrier has to know it. */
export interface Stage {
  readonly stage: number;
  /** How many tasks it has. */
  readonly tasks: number;
  /** Null of the map stage, whose tasks stand in the plan. */
  readonly merge: StoredStage | null;
}

/** The first stage of every run. */
export const mapStage = (plan: Plan): Stage => ({ stage: 0, tasks: plan.tasks, merge: null });

/** A stage that has begun; null when nobody has planned it yet, or what was planned is gone. */
export async function readStage(work: ObjectStore, plan: Plan, stage: number): Promise<Stage | null> {
  if (stage === 0) return mapStage(plan);
  const merge = await readStageTasks(work, plan, stage);
  return merge === null ? null : { stage, tasks: merge.tasks.length, merge };
}

/** Whether no stage comes behind. */
export const isLast = (plan: Plan, { merge }: Stage): boolean => plan.staged !== true || merge?.last === true;

export function mergeMessage(plan: Plan, stage: number, task: MergeTask): MergeMessage {
  return { kind: 'merge', plan: plan.nonce, run: plan.run, epoch: plan.epoch, stage, task };
}

/**
 * Stores the tasks of a stage unless it is there: the first one counts.
 * @param byMonitor whether it is a monitor that begins it
 * @returns the stage that counts, and whether it is this one
 * @throws FanlakeError `store.failed` when it has vanished in between
 */
export async function createStage(
  context: RunContext,
  plan: Plan,
  stage: number,
  planned: StageTasks,
  byMonitor: boolean,
): Promise<{ readonly stage: Stage; readonly created: boolean }> {
  const { work } = context.stores;
  const merge: StoredStage = { ...planned, createdMs: context.clock.now(), ...(byMonitor ? { byMonitor } : {}) };
  if ((await work.create(stageTasksKey(plan, stage), JSON.stringify(merge))) !== null) {
    return { stage: { stage, tasks: merge.tasks.length, merge }, created: true };
  }
  const stored = await readStage(work, plan, stage);
  if (stored !== null) return { stage: stored, created: false };
  throw new FanlakeError(
    'store.failed',
    `The tasks of stage ${stage} of run ${plan.run} can't be read though they exist. Run the command again.`,
  );
}
