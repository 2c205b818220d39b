import { groupOf, groupSize, tasksPerGroup } from '../core/keys.ts';
import type { MergeTask } from '../core/merge-task.ts';
import type { DonePart, Part } from '../core/part.ts';
import type { Plan } from '../core/plan.ts';
import type { ObjectStore } from '../core/ports.ts';
import {
  isMeasurable,
  lateFromMs,
  measureAttempts,
  type Resends,
  type StageProgress,
  soonestLateMs,
  spreadOver,
} from '../core/straggler.ts';
import type { DispatchMessage, Task, TaskMessage } from '../core/task.ts';
import { tasksOfGroup } from '../protocol/barrier.ts';
import type { RunContext } from '../protocol/context.ts';
import { inOrder, readPart } from '../protocol/documents.ts';
import { noteResend, readResends } from '../protocol/resends.ts';
import { sendAll } from '../protocol/send.ts';
import { mergeMessage, type Stage } from '../protocol/stages.ts';
import { endWithoutPage, taskMessage, tasksOfPage } from '../protocol/start-epoch.ts';

/** A group that lacks parts. */
export interface OpenGroup {
  readonly group: number;
  readonly finished: ReadonlySet<number>;
}

/** Parts that a look reads of all groups together, and of one: what attempts take is told by few of them. */
const sampledParts = 64;
const sampledOfGroup = 8;

/**
 * Sends the tasks of a stage again that are late by the measured attempts (functions/core/straggler.ts). Its requests grow with the open groups, never with the
 * run: a few parts and a page of the plan for each, and nothing but a look at the earlier times while nothing can be late.
 * @param folded groups that are complete
 */
export async function resendLate(
  context: RunContext,
  plan: Plan,
  stage: Stage,
  open: readonly OpenGroup[],
  folded: ReadonlySet<number>,
): Promise<void> {
  const { work } = context.stores;
  const nowMs = context.clock.now();
  const missing = open.reduce((sum, { group, finished }) => sum + groupSize(group, stage.tasks) - finished.size, 0);
  const createdMs = stage.merge?.createdMs ?? plan.createdMs;
  const unsent = { createdMs, tasks: stage.tasks, finished: stage.tasks - missing, resends: neverResent };
  if (missing === 0 || nowMs < soonestLateMs(unsent)) return;
  const progress: StageProgress = { ...unsent, resends: await readResends(work, plan, stage.stage, 'tasks') };
  if (nowMs < soonestLateMs(progress)) return;
  const measured = isMeasurable(progress) ? measureAttempts(await sample(work, plan, stage, open, folded), bytesRead(stage)) : null;
  if (nowMs < lateFromMs(progress, measured, 0)) return;
  const unfinished = await unfinishedTasks(context, plan, stage, open);
  if (unfinished === null) return;
  const late = unfinished.filter((task) => nowMs >= lateFromMs(progress, measured, bytesOf(task)));
  if (late.length === 0) return;
  // before the messages: who dies in between leaves these tasks to the next time, and of two monitors one sends
  if (await noteResend(work, plan, stage.stage, 'tasks', progress.resends.count, { atMs: nowMs, tasks: late.length }))
    await sendLate(context, plan, stage, late);
}

/** The tasks of open groups that have no part; null when a page of the plan is gone, and the epoch ended with it. */
async function unfinishedTasks(
  context: RunContext,
  plan: Plan,
  { tasks, merge }: Stage,
  open: readonly OpenGroup[],
): Promise<readonly (Task | MergeTask)[] | null> {
  const unfinished: (Task | MergeTask)[] = [];
  for (const { group, finished } of open) {
    const numbers = tasksOfGroup(group, tasks);
    const ofGroup =
      merge === null ? await tasksOfPage(context.stores.work, plan, group) : numbers.flatMap((task) => merge.tasks[task] ?? []);
    if (ofGroup === null) {
      await endWithoutPage(context, plan, group);
      return null;
    }
    for (const task of ofGroup) if (!finished.has(task.task)) unfinished.push(task);
  }
  return unfinished;
}

async function sendLate(context: RunContext, plan: Plan, { stage }: Stage, late: readonly (Task | MergeTask)[]): Promise<void> {
  const ofMap = late.filter((task) => 'splits' in task);
  await sendAll(context.tasks, messagesOf(plan, ofMap));
  const ofMerge = late.filter((task): task is MergeTask => !('splits' in task));
  await sendAll(
    context.merges,
    ofMerge.map((task) => mergeMessage(plan, stage, task)),
  );
}

/** Of more tasks than a page has it is their pages that are sent, as at the start: others spread the sending. */
function messagesOf(plan: Plan, late: readonly Task[]): readonly (TaskMessage | DispatchMessage)[] {
  if (late.length <= tasksPerGroup) return late.map((task) => taskMessage(plan, task));
  const pages = new Set(late.map(({ task }) => groupOf(task)));
  return [...pages].map((page) => ({ kind: 'dispatch', run: plan.run, epoch: plan.epoch, page }));
}

const neverResent: Resends = { count: 0, lastMs: null };

const bytesOf = (task: Task | MergeTask): number =>
  'splits' in task ? task.splits.reduce((sum, { start, end }) => sum + end - start, 0) : task.bytes;

/** What the task of a part read. */
const bytesRead =
  ({ merge }: Stage) =>
  ({ task, bytesCovered }: DonePart): number =>
    merge === null ? bytesCovered : (merge.tasks[task]?.bytes ?? 0);

/** Some parts of the stage, of its open groups and of some that are complete. */
async function sample(
  work: ObjectStore,
  plan: Plan,
  { stage, tasks }: Stage,
  open: readonly OpenGroup[],
  folded: ReadonlySet<number>,
): Promise<readonly Part[]> {
  const ofGroup = Math.min(sampledOfGroup, Math.ceil(sampledParts / open.length));
  const numbers = open.flatMap(({ finished }) =>
    spreadOver(
      [...finished].sort((a, b) => a - b),
      ofGroup,
    ),
  );
  for (const group of spreadOver([...folded], sampledParts / sampledOfGroup)) {
    numbers.push(...spreadOver(tasksOfGroup(group, tasks), sampledOfGroup));
  }
  const parts = await inOrder(numbers, (task) => readPart(work, plan, stage, task));
  return parts.filter((part) => part !== null);
}
