import { join } from 'node:path';
import { asFanlakeError } from '../core/errors.ts';
import type { MergeMessage, MergeTask, StoredStage } from '../core/merge-task.ts';
import { type Part, type RequestCounts, subtractRequests } from '../core/part.ts';
import type { Plan } from '../core/plan.ts';
import type { Task, TaskMessage } from '../core/task.ts';
import { failedPart } from '../protocol/finish-task.ts';
import type { Stage } from '../protocol/stages.ts';
import type { Attempt } from './computed-task.ts';
import { mergeInputs, rowsGone } from './merge-inputs.ts';
import { type Results, type ResultsContext, storeMapResults, storeMergeResults, storeQuarantine } from './store-results.ts';
import { TaskError } from './task-error.ts';

/** What an attempt works with. */
export interface AttemptContext extends ResultsContext {
  /** Requests of this process so far. */
  readonly requests: () => RequestCounts;
  /** A folder of this process's own. */
  readonly scratch: string;
}

/** Offenders of a failed task that are kept in quarantine. */
const keptOffenders = 1_000;

/**
 * One attempt at a task: computes it, and stores what it has made.
 * @returns its part, which nobody has stored yet
 * @throws FanlakeError what may be gone the next time
 */
export async function attemptTask(
  context: AttemptContext,
  plan: Plan,
  stage: Stage,
  { task }: TaskMessage | MergeMessage,
  receiveCount: number,
): Promise<Part> {
  const nonce = context.nonces.next();
  const requestsBefore = context.requests();
  const startedMs = context.clock.now();
  const attempt: Attempt = { nonce, receiveCount, folder: join(context.scratch, nonce) };
  const base = { format: 1, task: task.task, nonce, attempts: receiveCount, beganMs: startedMs } as const;
  const seconds = (): number => (context.clock.now() - startedMs) / 1000;
  const taken = (): RequestCounts => subtractRequests(context.requests(), requestsBefore);
  await context.computer.open(attempt);
  try {
    const done = await doTask(context, plan, stage, task, attempt);
    return { ...base, ...done, seconds: seconds(), requests: taken() };
  } catch (thrown) {
    const failure = thrown instanceof TaskError ? thrown : null;
    const error = failure?.error ?? asFanlakeError(thrown);
    if (error.retryable) throw error;
    const quarantine = await storeQuarantine(context, plan, task.task, failure?.offenders.slice(0, keptOffenders) ?? [], attempt);
    return { ...base, ...failedPart(task, error), chain: failure?.chain ?? [], quarantine, seconds: seconds(), requests: taken() };
  } finally {
    await context.computer.close(attempt);
  }
}

async function doTask(context: AttemptContext, plan: Plan, stage: Stage, task: Task | MergeTask, attempt: Attempt): Promise<Results> {
  const id = { stage: stage.stage, task: task.task };
  if ('splits' in task) return storeMapResults(context, plan, id, await context.computer.compute(plan, task, attempt), attempt);
  if (stage.merge === null) throw new Error('a merge task of the map stage');
  return storeMergeResults(context, plan, id, await computeMerge(context, plan, stage.stage, stage.merge, task, attempt), attempt);
}

async function computeMerge(context: AttemptContext, plan: Plan, stage: number, merge: StoredStage, task: MergeTask, attempt: Attempt) {
  const inputs = await mergeInputs(context.stores.work, plan, stage, task);
  try {
    return await context.computer.computeMerge(plan, merge, task, inputs, attempt);
  } catch (thrown) {
    const { code } = asFanlakeError(thrown);
    // the only inputs that it has are other tasks' rows
    throw code === 'input.gone' || code === 'input.changed' ? rowsGone(plan, thrown) : thrown;
  }
}
