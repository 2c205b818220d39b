import type { ErrorReport } from '../core/errors.ts';
import { FanlakeError } from '../core/errors.ts';
import type { Job } from '../core/job.ts';
import type { KeyVerdict } from '../core/job-of-key.ts';
import type { EpochId } from '../core/keys.ts';
import { readMessage } from '../core/message.ts';
import type { Queue } from '../core/ports.ts';
import { type LandedObject, type Request, readRequest, requestAgain } from '../core/request.ts';
import type { Unplanned } from '../core/unplannable.ts';
import { tableKeyOf, uploadRun } from '../core/upload.ts';
import { buryTask } from '../protocol/bury-task.ts';
import { buryUnplanned } from '../protocol/bury-unplanned.ts';
import type { RunContext } from '../protocol/context.ts';
import { readPlan } from '../protocol/documents.ts';
import { readRunRequest } from '../protocol/run-request.ts';
import { sendAll } from '../protocol/send.ts';
import type { Log } from '../runtime/log.ts';
import { watchEpoch } from './tick.ts';

/** Where a dead letter came from. */
export type DeadQueue = 'requests' | 'tasks' | 'merges' | 'commits' | 'monitor';

export interface DeadLetter {
  readonly queue: DeadQueue;
  readonly body: string;
}

export interface DeadLetterContext extends RunContext {
  readonly landingBucket: string;
  readonly jobs: readonly Job[];
  readonly findJob: (key: string) => KeyVerdict;
  /** The texts of requests, sent again as they came. */
  readonly requests: Queue<unknown>;
  /** Where messages rest that nobody understands, as they came. */
  readonly undeliverable: Queue<unknown>;
  readonly log: Log;
  /** How often the queues deliver before a message is a dead letter. */
  readonly maxReceives: number;
}

/** Before a dead commit or monitor is tried again: whatever keeps it from being done lasts longer than its queue's deliveries did. */
const laterMs = 15 * 60_000;

/**
 * A message that was delivered as often as its queue allows. What ends a run is done (a task gets its failed part, an upload its failed run), what may still
 * succeed is sent again, and what nobody understands rests where a person finds it. Nothing is dropped. Repeating it is harmless.
 */
export async function handleDeadLetter(context: DeadLetterContext, { queue, body }: DeadLetter): Promise<void> {
  context.log.count('DeadLetters');
  context.log.warn('a dead letter', { queue });
  if (queue === 'requests') return deadRequest(context, body);
  try {
    const message = readMessage(body);
    switch (message.kind) {
      case 'task':
        if ((await readPlan(context.stores.work, message)) === null) return planGone(context, message);
        return await buryTask(context, message, context.maxReceives, neverEnded);
      case 'dispatch':
        // without its plan there is nothing to dispatch, now or ever
        if ((await readPlan(context.stores.work, message)) === null) return planGone(context, message);
        return await sendAll(context.tasks, [message], laterMs);
      case 'commit':
        return await sendAll(context.commits, [message], laterMs);
      case 'monitor':
        if (!(await watchEpoch(context, message))) await sendAll(context.monitor, [message], laterMs);
    }
  } catch (thrown) {
    if (!(thrown instanceof FanlakeError) || thrown.code !== 'usage') throw thrown;
    await lay(context, body, thrown.message);
  }
}

const neverEnded: ErrorReport = {
  code: 'task.died',
  message: 'its function was killed each time (out of memory or time, or a crash), see the log of the worker function',
  details: {},
};

function planGone({ log }: DeadLetterContext, { run, epoch }: EpochId): void {
  log
    .about({ run, epoch })
    .warn('the plan of a dead letter is gone from the work bucket: nothing is left to do for it, and its run has no outcome');
  log.count('RunsFailed');
}

/** To rest: no function takes it up again. */
async function lay({ undeliverable, log }: DeadLetterContext, body: string, why: string): Promise<void> {
  log.count('MalformedMessages');
  log.warn(`undeliverable: ${why}`);
  await sendAll(undeliverable, [{ why, body }]);
}

/** The first time it is tried again; the second time what it asks for becomes failed runs, so that no upload is lost without a word. */
async function deadRequest(context: DeadLetterContext, body: string): Promise<void> {
  const { requests, malformed, deaths } = readRequest(body);
  if (malformed !== null) return lay(context, body, malformed);
  if (deaths === 0) return sendAll(context.requests, [JSON.parse(requestAgain(body, 1))], laterMs);
  for (const request of requests) {
    const unplanned = await unplannedOf(context, request);
    if (unplanned !== null) await buryUnplanned(context, unplanned, neverPlanned(unplanned));
  }
}

function neverPlanned({ run, objects }: Unplanned): FanlakeError {
  const which = objects.length === 1 ? (objects[0]?.key ?? '') : `${objects.length} objects`;
  return new FanlakeError(
    'task.died',
    `Run ${run} over ${which} could not be planned: the coordinator failed each time, see its log. Run the job over the input again: fanlake run <job> --input ...`,
  );
}

async function unplannedOf(context: DeadLetterContext, request: Request): Promise<Unplanned | null> {
  if (request.kind === 'run') return readRunRequest(context.stores.work, request.message);
  if (request.kind === 'passed over') return null;
  const found = request.kind === 'upload' ? uploadOf(context, request) : await landedOf(context, request.object);
  if (found === null) return null;
  const { job, object, epoch } = found;
  return { job, run: uploadRun({ job, object }), epoch, table: tableKeyOf(job), objects: [object] };
}

function uploadOf({ jobs }: DeadLetterContext, { message: { job: name, object, epoch } }: Extract<Request, { kind: 'upload' }>) {
  const job = jobs.find((known) => known.name === name);
  return job === undefined ? null : { job, object, epoch };
}

async function landedOf({ findJob, stores, landingBucket }: DeadLetterContext, { bucket, key, version, size }: LandedObject) {
  if (bucket !== landingBucket) return null;
  const verdict = findJob(key);
  if (verdict.kind !== 'job') return null;
  const object = version === null || size === null ? await stores.landing.head(key) : { key, version, size };
  return object === null ? null : { job: verdict.job, object, epoch: 0 };
}
