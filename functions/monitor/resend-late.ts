import { groupOf, groupSize, tasksPerGroup } from '../core/keys.ts';
import type { Part } from '../core/part.ts';
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
import type { RunContext } from '../protocol/context.ts';
import { inOrder, readPart } from '../protocol/documents.ts';
import { noteResend, readResends } from '../protocol/resends.ts';
import { sendAll } from '../protocol/send.ts';
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
 * Sends the tasks again that are late by the measured attempts (functions/core/straggler.ts). Its requests grow with the open groups, never with the run: a
 * few parts and a page of the plan for each, and nothing but a look at the earlier times while nothing can be late.
 * @param folded groups that are complete
 */
export async function resendLate(context: RunContext, plan: Plan, open: readonly OpenGroup[], folded: ReadonlySet<number>): Promise<void> {
  const { work } = context.stores;
  const nowMs = context.clock.now();
  const missing = open.reduce((sum, { group, finished }) => sum + groupSize(group, plan.tasks) - finished.size, 0);
  const unsent = { createdMs: plan.createdMs, tasks: plan.tasks, finished: plan.tasks - missing, resends: neverResent };
  if (missing === 0 || nowMs < soonestLateMs(unsent)) return;
  const stage: StageProgress = { ...unsent, resends: await readResends(work, plan, 'tasks') };
  if (nowMs < soonestLateMs(stage)) return;
  const measured = isMeasurable(stage) ? measureAttempts(await sample(work, plan, open, folded)) : null;
  const isLate = (task: Task): boolean => nowMs >= lateFromMs(stage, measured, bytesOf(task));
  if (nowMs < lateFromMs(stage, measured, 0)) return;
  const late: Task[] = [];
  for (const { group, finished } of open) {
    const tasks = await tasksOfPage(work, plan, group);
    if (tasks === null) return endWithoutPage(context, plan, group);
    for (const task of tasks) if (!finished.has(task.task) && isLate(task)) late.push(task);
  }
  if (late.length === 0) return;
  // before the messages: who dies in between leaves these tasks to the next time, and of two monitors one sends
  if (await noteResend(work, plan, 'tasks', stage.resends.count, { atMs: nowMs, tasks: late.length }))
    await sendAll(context.tasks, messagesOf(plan, late));
}

/** Of more tasks than a page has it is their pages that are sent, as at the start: others spread the sending. */
function messagesOf(plan: Plan, late: readonly Task[]): readonly (TaskMessage | DispatchMessage)[] {
  if (late.length <= tasksPerGroup) return late.map((task) => taskMessage(plan, task));
  const pages = new Set(late.map(({ task }) => groupOf(task)));
  return [...pages].map((page) => ({ kind: 'dispatch', run: plan.run, epoch: plan.epoch, page }));
}

const neverResent: Resends = { count: 0, lastMs: null };

const bytesOf = ({ splits }: Task): number => splits.reduce((sum, { start, end }) => sum + end - start, 0);

/** Some parts of the stage, of its open groups and of some that are complete. */
async function sample(work: ObjectStore, plan: Plan, open: readonly OpenGroup[], folded: ReadonlySet<number>): Promise<readonly Part[]> {
  const ofGroup = Math.min(sampledOfGroup, Math.ceil(sampledParts / open.length));
  const numbers = open.flatMap(({ finished }) =>
    spreadOver(
      [...finished].sort((a, b) => a - b),
      ofGroup,
    ),
  );
  for (const group of spreadOver([...folded], sampledParts / sampledOfGroup)) {
    const all = Array.from({ length: groupSize(group, plan.tasks) }, (_, index) => group * tasksPerGroup + index);
    numbers.push(...spreadOver(all, sampledOfGroup));
  }
  const parts = await inOrder(numbers, (task) => readPart(work, plan, 0, task));
  return parts.filter((part) => part !== null);
}
