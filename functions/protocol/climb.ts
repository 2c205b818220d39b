import { FanlakeError } from '../core/errors.ts';
import { judge } from '../core/judge.ts';
import { groupCount, stageSentKey } from '../core/keys.ts';
import type { MergeTask } from '../core/merge-task.ts';
import { type Plan, stagesOf } from '../core/plan.ts';
import { planStage } from '../core/stage-planning.ts';
import { finishedTasks, foldIfFull, sendCommit, tasksOfGroup } from './barrier.ts';
import type { RunContext } from './context.ts';
import { type GatheredStage, gatherStage } from './gather-fold.ts';
import { sendAll } from './send.ts';
import { createStage, isLast, mergeMessage, readStage, type Stage } from './stages.ts';

/** Steps 5 to 7 of a task (protocol.md): if its group is full folds it; if all groups are there the stage is complete, and what is behind it begins. */
export async function climb(context: RunContext, plan: Plan, stage: Stage, group: number): Promise<void> {
  if (await foldIfFull(context, plan, stage, group)) await completeStage(context, plan, stage);
}

/**
 * What follows on a stage that is complete: the tasks of the next one, or the commit behind the last one, and where the run can't go on. Repeating it is harmless: it
 * sends what has no part yet.
 */
export async function completeStage(context: RunContext, plan: Plan, stage: Stage): Promise<void> {
  if (!(await beginNextStage(context, plan, stage))) await sendCommit(context, plan);
}

/**
 * Sends the tasks that follow on a stage that is complete.
 * @param byMonitor whether it is a monitor that does this by itself, and not for a message that comes again: what it leaves unsent is sent by `resumeStage`
 * @returns false when there are none, so that the epoch is to be handed to the reducer: the stage was the last, or the run can't go on
 */
export async function beginNextStage(context: RunContext, plan: Plan, stage: Stage, byMonitor = false): Promise<boolean> {
  if (isLast(plan, stage)) return false;
  const next = await nextStage(context, plan, stage, byMonitor);
  if (next === null) return false;
  const isComplete = await sendStage(context, plan, next.stage, next.created);
  return isComplete ? beginNextStage(context, plan, next.stage, byMonitor) : true;
}

/** Sends what is missing of a stage that a monitor has begun, if that died before all of its tasks were sent. */
export async function resumeStage(context: RunContext, plan: Plan, stage: Stage): Promise<void> {
  if (stage.merge?.byMonitor !== true || (await context.stores.work.head(stageSentKey(plan, stage.stage))) !== null) return;
  await sendStage(context, plan, stage, false);
}

/** The stage behind a complete one, planned now if nobody has done so; null where the reducer has to say how the run ends, or goes on in another epoch. */
async function nextStage(
  context: RunContext,
  plan: Plan,
  stage: Stage,
  byMonitor: boolean,
): Promise<{ readonly stage: Stage; readonly created: boolean } | null> {
  const { work } = context.stores;
  const there = await readStage(work, plan, stage.stage + 1);
  if (there !== null) return { stage: there, created: false };
  const gathered = await gatherStage(work, plan, stage);
  if (!mayGoOn(plan, gathered)) return null;
  const planned = planStage(gathered.outputs, stage.merge, stepsOf(plan), context.sizing);
  return createStage(context, plan, stage.stage + 1, planned, byMonitor);
}

/** Whether a stage came out so that another may follow: no part failed or is gone, and the splits were read from their right places. */
function mayGoOn(plan: Plan, { merge, fold, complete }: GatheredStage): boolean {
  if (!complete) return false;
  return merge === null ? judge(plan, fold) === null : fold.failed.length === 0;
}

function stepsOf(plan: Plan) {
  const staged = stagesOf(plan);
  if (staged !== null) return staged.steps;
  throw new FanlakeError('internal', `The plan of run ${plan.run} says that it has merge stages, and its query has none.`);
}

/**
 * Sends the tasks of a merge stage that have no part yet; groups with none left are completed.
 * @param fresh when nobody can have worked on it yet: saves a look
 * @returns whether the stage is complete
 */
async function sendStage(context: RunContext, plan: Plan, stage: Stage, fresh: boolean): Promise<boolean> {
  const missing: MergeTask[] = [];
  let isComplete = false;
  for (let group = 0; group < groupCount(stage.tasks); group++) {
    const finished = fresh ? new Set<number>() : await finishedTasks(context.stores.work, plan, stage.stage, group);
    const left = tasksOfGroup(group, stage.tasks).filter((task) => !finished.has(task));
    if (left.length === 0) isComplete = (await foldIfFull(context, plan, stage, group)) || isComplete;
    for (const task of left) missing.push(...(stage.merge?.tasks.slice(task, task + 1) ?? []));
  }
  await sendAll(
    context.merges,
    missing.map((task) => mergeMessage(plan, stage.stage, task)),
  );
  if (stage.merge?.byMonitor === true) await context.stores.work.create(stageSentKey(plan, stage.stage), '{}');
  return isComplete;
}
