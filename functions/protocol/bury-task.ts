import { type ErrorCode, type ErrorReport, FanlakeError } from '../core/errors.ts';
import { partKey } from '../core/keys.ts';
import type { MergeMessage } from '../core/merge-task.ts';
import type { FailedPart } from '../core/part.ts';
import type { TaskMessage } from '../core/task.ts';
import type { RunContext } from './context.ts';
import { readPlan } from './documents.ts';
import { failedPart, finishTask } from './finish-task.ts';
import { readStage } from './stages.ts';

/** What went wrong the last time is told by its own code where that says what to do. */
const keptCodes: ReadonlySet<ErrorCode> = new Set(['task.memory', 'task.timeout', 'store.failed']);

/**
 * A task's dead letter: what never succeeded gets a failed part, so that each task has one outcome an epoch and the run ends. A part that is
 * there already stays. Then the barrier, as for any part.
 * @param attempts how often it was received
 * @param last what went wrong the last time
 * @returns whether it was this that has failed the task
 */
export async function buryTask(
  context: RunContext,
  message: TaskMessage | MergeMessage,
  attempts: number,
  last: ErrorReport | null,
): Promise<boolean> {
  const plan = await readPlan(context.stores.work, message);
  if (plan === null || plan.nonce !== message.plan) return false;
  const stage = await readStage(context.stores.work, plan, message.stage);
  if (stage === null) return false;
  const why = last === null ? 'no attempt came to an end' : last.message;
  const error = new FanlakeError(
    last !== null && keptCodes.has(last.code) ? last.code : 'task.died',
    `Task ${message.task.task}${message.stage === 0 ? '' : ` of merge stage ${message.stage}`} of run ${message.run} failed ${attempts} times and is given up: ${why}. Type: fanlake retry ${message.run}`,
    { attempts, ...last?.details },
  );
  const part: FailedPart = {
    ...failedPart(message.task, error),
    nonce: context.nonces.next(),
    attempts,
    seconds: 0,
    requests: {},
    quarantine: [],
    chain: [],
  };
  const isNew = (await context.stores.work.create(partKey(plan, message.stage, message.task.task), JSON.stringify(part))) !== null;
  await finishTask(context, plan, stage, message.task.task);
  return isNew;
}
