import { type ErrorReport, FanlakeError } from '../core/errors.ts';
import { groupCount, groupSize, planPageKey } from '../core/keys.ts';
import { type Plan, tasksPerPage } from '../core/plan.ts';
import type { ObjectStore } from '../core/ports.ts';
import { receiptOf } from '../core/receipt.ts';
import type { Task, TaskMessage } from '../core/task.ts';
import { finishedTasks, isSingleTask, sendCommit } from './barrier.ts';
import { climb, completeStage } from './climb.ts';
import type { RunContext } from './context.ts';
import { readPlan, readPlanPage } from './documents.ts';
import { gatherFold, mergeTasksOf } from './gather-fold.ts';
import { remainderLost } from './in-the-table.ts';
import { decide, writeOutcome } from './ledger.ts';
import { sendAll } from './send.ts';
import { mapStage } from './stages.ts';

/** The monitor looks at a run for the first time so long after its start: most are over by then. */
const firstLookMs = 15_000;

/** The tasks of one page; null when it is gone. */
export async function tasksOfPage(work: ObjectStore, plan: Plan, page: number): Promise<readonly Task[] | null> {
  return plan.inline ?? (await readPlanPage(work, plan, page))?.tasks ?? null;
}

export function taskMessage(plan: Plan, task: Task): TaskMessage {
  return { kind: 'task', plan: plan.nonce, run: plan.run, epoch: plan.epoch, stage: 0, task };
}

/**
 * Sends the tasks of a page that have no part yet; a page with none left is completed.
 * @param fresh when nobody can have worked on it yet: saves a look
 */
export async function dispatchPage(context: RunContext, plan: Plan, page: number, fresh: boolean): Promise<void> {
  const finished = fresh ? new Set<number>() : await finishedTasks(context.stores.work, plan, 0, page);
  if (finished.size === groupSize(page, plan.tasks)) {
    return isSingleTask(plan) ? sendCommit(context, plan) : climb(context, plan, mapStage(plan), page);
  }
  const tasks = await tasksOfPage(context.stores.work, plan, page);
  if (tasks === null) return endWithoutPage(context, plan, page);
  const messages = tasks.filter(({ task }) => !finished.has(task)).map((task) => taskMessage(plan, task));
  return sendAll(context.tasks, messages);
}

/** An epoch of which nobody can tell any more what is to be done: it ends with that, unless it is decided. */
export async function endWithoutPage(context: RunContext, plan: Plan, page: number): Promise<void> {
  const { run, epoch, table, job } = plan;
  // one that was planned anew has its own pages
  if ((await readPlan(context.stores.work, plan))?.nonce !== plan.nonce)
    throw new FanlakeError('store.failed', `The plan of run ${run} is another one by now, or is gone. It is read again.`);
  const where = context.stores.work.locate(planPageKey(plan, page));
  const message =
    `Run ${run} can't be finished: a page of its plan, ${where}, is gone (the work folder was emptied, or has expired), so which of its tasks are missing can't be told. ` +
    `Run job '${job.name}' over its input again: fanlake run`;
  const lost = plan.remainder ? remainderLost(plan) : new FanlakeError('run.unknown', message, { page });
  const error = lost.toReport();
  const decision = await decide(context, { kind: 'fail', run, epoch, table: table.key, error });
  if (decision.kind === 'commit' || (decision.kind === 'fail' && decision.error.code === 'chain')) return;
  await endUndone(context, plan, decision.kind === 'cancel' ? 'CANCELLED' : 'FAILED', decision.kind === 'cancel' ? null : decision.error);
}

/**
 * What whoever opens an epoch, or finds it open, does: sends its monitor and its tasks, and completes it at once where it has none. A plan
 * with an error is decided and ended.
 * Repeating it is harmless.
 */
export async function startEpoch(context: RunContext, plan: Plan, fresh: boolean): Promise<void> {
  if (plan.error !== null) return failUnplannable(context, plan, plan.error);
  if (plan.tasks === 0 && plan.staged !== true) return sendCommit(context, plan);
  if (!isSingleTask(plan)) await sendAll(context.monitor, [{ kind: 'monitor', run: plan.run, epoch: plan.epoch }], firstLookMs);
  // all of its map tasks are done in earlier epochs
  if (plan.tasks === 0) return completeStage(context, plan, mapStage(plan));
  if (plan.tasks <= tasksPerPage) return dispatchPage(context, plan, 0, fresh);
  await sendAll(
    context.tasks,
    Array.from({ length: groupCount(plan.tasks) }, (_, page) => ({ kind: 'dispatch' as const, run: plan.run, epoch: plan.epoch, page })),
  );
}

async function failUnplannable(context: RunContext, plan: Plan, error: ErrorReport): Promise<void> {
  const { run, epoch, table } = plan;
  const decision = await decide(context, { kind: 'fail', run, epoch, table: table.key, error });
  await endUndone(context, plan, decision.kind === 'cancel' ? 'CANCELLED' : 'FAILED', decision.kind === 'fail' ? decision.error : null);
}

/** Writes the outcome of an epoch that put nothing into the table, with what is known of its figures. */
export async function endUndone(
  context: RunContext,
  plan: Plan,
  outcome: 'FAILED' | 'CANCELLED',
  error: ErrorReport | null,
): Promise<void> {
  const seconds = Math.max(0, context.clock.now() - plan.createdMs) / 1000;
  const { fold, stages } = await gatherFold(context.stores.work, plan);
  const receipt = receiptOf(plan, fold, mergeTasksOf(stages), context.stores.lake.locate(plan.table.key));
  const rows = { ...receipt.rows, written: 0 };
  await writeOutcome(context, plan.table.key, { ...receipt, rows, state: 'ended', outcome, error, seconds });
}
