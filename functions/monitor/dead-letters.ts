import { aboutRequests, type KnownJobs } from '../core/about-request.ts';
import { FanlakeError } from '../core/errors.ts';
import type { EpochId } from '../core/keys.ts';
import type { LogFields } from '../core/log-fields.ts';
import { aboutMessage, type RunQueueMessage, readMessage } from '../core/message.ts';
import { readRequest } from '../core/request.ts';
import { buryTask } from '../protocol/bury-task.ts';
import { isOtherVersion, readPlan, tableOfOther } from '../protocol/documents.ts';
import { endOtherVersion } from '../protocol/end-other-version.ts';
import { sendAll } from '../protocol/send.ts';
import type { Log } from '../runtime/log.ts';
import { type DeadRequestContext, deadRequest } from './dead-requests.ts';
import { laterMs, lay, layMalformed } from './lay-to-rest.ts';
import { watchEpoch } from './tick.ts';

/** Where a dead letter came from. */
export type DeadQueue = 'requests' | 'tasks' | 'merges' | 'commits' | 'monitor';

export interface DeadLetter {
  readonly queue: DeadQueue;
  readonly body: string;
}

export interface DeadLetterContext extends DeadRequestContext {
  /** How often the queues deliver before a message is a dead letter. */
  readonly maxReceives: number;
}

/**
 * A message that was delivered as often as its queue allows. What ends a run is done (a task gets its failed part, an upload its failed run), what may still
 * succeed is sent again, and what nobody understands rests where a person finds it. Nothing is dropped. Repeating it is harmless.
 */
export async function handleDeadLetter(context: DeadLetterContext, { queue, body }: DeadLetter): Promise<void> {
  context.log.count('DeadLetters');
  const about = context.log.about(aboutDeadLetter(context, { queue, body }));
  about.warn('a dead letter', { queue });
  if (queue === 'requests') return deadRequest(context, body);
  let message: RunQueueMessage;
  try {
    message = readMessage(body);
  } catch (thrown) {
    if (!(thrown instanceof FanlakeError) || thrown.code !== 'usage') throw thrown;
    return layMalformed(context, body, thrown.message);
  }
  try {
    await deadMessage(context, message, about);
  } catch (thrown) {
    if (!isOtherVersion(thrown)) throw thrown;
    const table = tableOfOther(thrown);
    about.failure('nobody here can do it: its run fails, unless it is decided', thrown);
    if (table === null) await lay(context, body, thrown.message);
    else await endOtherVersion(context, { run: message.run, epoch: message.epoch, table }, thrown);
  }
}

/** @throws FanlakeError `plan.version` when another version of Fanlake has planned its run */
async function deadMessage(context: DeadLetterContext, message: RunQueueMessage, about: Log): Promise<void> {
  switch (message.kind) {
    case 'task':
    case 'merge':
      if ((await readPlan(context.stores.work, message)) === null) return planGone(context, message);
      if (await buryTask(context, message, context.maxReceives, neverEnded.toReport())) about.failure('task given up', neverEnded);
      else about.info('a dead task is left alone: it has its part, or is of a plan that was lost');
      return;
    case 'dispatch':
      // without its plan there is nothing to dispatch, now or ever
      if ((await readPlan(context.stores.work, message)) === null) return planGone(context, message);
      return sendAll(context.tasks, [message], laterMs);
    case 'commit':
      return sendAll(context.commits, [message], laterMs);
    case 'monitor':
      if (!(await watchEpoch(context, message))) await sendAll(context.monitor, [message], laterMs);
  }
}

/** What a dead letter is about, for the lines that tell of it. */
export function aboutDeadLetter(known: KnownJobs, { queue, body }: DeadLetter): LogFields {
  return queue === 'requests' ? aboutRequests(known, readRequest(body)) : aboutMessage(body);
}

const neverEnded = new FanlakeError(
  'task.died',
  'its function was killed each time (out of memory or time, or a crash), see the log of the worker function',
);

function planGone({ log }: DeadLetterContext, { run, epoch }: EpochId): void {
  log
    .about({ run, epoch })
    .warn(
      'the plan of a dead letter is gone from the work bucket: nothing is left to do for it; whether its run has ended is not known here',
    );
  log.count('RunsFailed');
}
