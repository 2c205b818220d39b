import { aboutRequest, aboutRequests, type KnownJobs } from '../core/about-request.ts';
import { asFanlakeError, FanlakeError } from '../core/errors.ts';
import type { Job } from '../core/job.ts';
import type { EpochId } from '../core/keys.ts';
import type { LogFields } from '../core/log-fields.ts';
import { aboutMessage, type RunQueueMessage, readMessage } from '../core/message.ts';
import type { ObjectVersion, Queue } from '../core/ports.ts';
import { type LandedObject, type Request, type RequestMessage, readRequest, requestAgain, splitRequest } from '../core/request.ts';
import type { RetryMessage } from '../core/task.ts';
import type { Unplanned } from '../core/unplannable.ts';
import { tableKeyOf, uploadRun } from '../core/upload.ts';
import { buryTask } from '../protocol/bury-task.ts';
import { buryUnplanned } from '../protocol/bury-unplanned.ts';
import type { RunContext } from '../protocol/context.ts';
import { isOtherVersion, readPlan, tableOfOther } from '../protocol/documents.ts';
import { endOtherVersion } from '../protocol/end-other-version.ts';
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

export interface DeadLetterContext extends RunContext, KnownJobs {
  readonly landingBucket: string;
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

/** Deaths of a retry before it rests, more than a day later. */
const maxRetryDeaths = 100;

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

/** To rest: no function takes it up again. */
async function lay({ undeliverable }: DeadLetterContext, body: string, why: string): Promise<void> {
  await sendAll(undeliverable, [{ why, body }]);
}

async function layMalformed(context: DeadLetterContext, body: string, why: string): Promise<void> {
  context.log.count('MalformedMessages');
  context.log.warn(`undeliverable: ${why}`);
  await lay(context, body, why);
}

/** What can be understood of a message goes its way, and the rest alone comes to rest. */
async function deadRequest(context: DeadLetterContext, body: string): Promise<void> {
  const message = readRequest(body);
  if (message.malformed === null || message.requests.length === 0) return deadWhole(context, body, message);
  const { deaths } = message;
  const parts = splitRequest(body).map((text) => ({ text, read: { ...readRequest(text), deaths } }));
  // what can't be understood last: should another part fail, all of it comes again, and would be laid there each time
  const inOrder = [...parts.filter(({ read }) => read.malformed === null), ...parts.filter(({ read }) => read.malformed !== null)];
  for (const { text, read } of inOrder) await deadWhole(context, text, read);
}

/** The first time it is tried again; the second time what it asks for becomes failed runs, or rests where a person finds it: no upload is lost without a word. */
async function deadWhole(context: DeadLetterContext, body: string, { requests, malformed, deaths }: RequestMessage): Promise<void> {
  if (malformed !== null) return layMalformed(context, body, malformed);
  if (deaths === 0) return sendAll(context.requests, [JSON.parse(requestAgain(body, 1))], laterMs);
  const [failures, whys]: [unknown[], string[]] = [[], []];
  for (const request of requests) {
    // one that fails holds up none of those behind it
    const why = await buryRequest(context, request, deaths).catch((thrown: unknown) => {
      context.log.about(aboutRequest(context, request)).failure("a dead request can't be given its end", thrown);
      failures.push(thrown);
      return null;
    });
    if (why !== null) whys.push(why);
  }
  // all of it comes again: laid to rest now, it would be laid there each time
  if (failures.length > 0) throw asFanlakeError(failures[0]);
  if (whys.length > 0) await lay(context, body, whys.join('; '));
}

/** @returns why it can become no run; null when it has become one, or asks for none */
async function buryRequest(context: DeadLetterContext, request: Request, deaths: number): Promise<string | null> {
  const about = context.log.about(aboutRequest(context, request));
  const found = await unplannedOf(context, request, deaths);
  switch (found.kind) {
    case 'unplanned': {
      const { unplanned } = found;
      const [{ key = '' } = {}] = unplanned.objects;
      const error = neverPlanned(unplanned);
      const { run, epoch, job, table } = unplanned;
      const ofRun = about.about({ run, epoch, job: job.name, key });
      const buried = await buryUnplanned(context, unplanned, error).catch(async (thrown: unknown) => {
        if (!isOtherVersion(thrown)) throw thrown;
        await endOtherVersion(context, { run, epoch, table }, thrown);
        ofRun.failure('planned by another version of Fanlake: its run fails, unless it is decided', thrown);
        return 'of another version' as const;
      });
      if (buried === 'of another version') return null;
      if (buried?.created === true) ofRun.failure('never planned: its run fails', error);
      else
        ofRun.info(
          buried === null ? 'a dead request is left alone: its run is decided' : 'a dead request is left alone: its run is planned',
        );
      return null;
    }
    case 'again':
      await sendAll(context.requests, [JSON.parse(requestAgain(JSON.stringify(found.message), deaths + 1))], laterMs);
      return null;
    case 'not ours':
      about.info(`passed over: ${found.why}`);
      context.log.count(found.metric);
      return null;
    case 'lost':
      about.failure('undeliverable', new FanlakeError('task.died', found.why));
      return found.why;
  }
}

function neverPlanned({ run, objects }: Unplanned): FanlakeError {
  const which = objects.length === 1 ? (objects[0]?.key ?? '') : `${objects.length} objects`;
  return new FanlakeError(
    'task.died',
    `Run ${run} over ${which} could not be planned: the coordinator failed each time, see its log. Run the job over the input again: fanlake run <job> --input ...`,
  );
}

/** What a request has become: the run that can't be planned; nothing that is to be loaded; or what somebody waits for, and no run can tell. */
type DeadRequest =
  | { readonly kind: 'unplanned'; readonly unplanned: Unplanned }
  | { readonly kind: 'not ours'; readonly why: string; readonly metric: 'MessagesPassedOver' | 'UploadsIgnored' }
  /** A run that is there: going on with it may still succeed. */
  | { readonly kind: 'again'; readonly message: RetryMessage }
  | { readonly kind: 'lost'; readonly why: string };

const lost = (why: string): DeadRequest => ({ kind: 'lost', why });

async function unplannedOf(context: DeadLetterContext, request: Request, deaths: number): Promise<DeadRequest> {
  switch (request.kind) {
    case 'passed over':
      return { kind: 'not ours', why: request.what, metric: 'MessagesPassedOver' };
    case 'run': {
      const { run } = request.message;
      const unplanned = await readRunRequest(context.stores.work, request.message).catch((thrown: unknown) => {
        if (isOtherVersion(thrown)) return thrown;
        throw thrown;
      });
      if (unplanned instanceof FanlakeError) return lost(unplanned.message);
      return unplanned === null
        ? lost(`run ${run} was never planned, and its request is gone from the work bucket: type its command again`)
        : { kind: 'unplanned', unplanned };
    }
    case 'retry': {
      const { message } = request;
      return deaths < maxRetryDeaths
        ? { kind: 'again', message }
        : lost(
            `run ${message.run} could not be taken up: the coordinator failed each time, see its log, then type: fanlake retry ${message.run}`,
          );
    }
    case 'upload': {
      const { job: name, object, epoch } = request.message;
      const job = context.jobs.find((known) => known.name === name);
      return job === undefined
        ? lost(`${object.key} was never planned, and its job '${name}' is not deployed any more`)
        : unplannedUpload(job, object, epoch);
    }
    case 'landed':
      return landedOf(context, request.object);
  }
}

const unplannedUpload = (job: Job, object: ObjectVersion, epoch: number): DeadRequest => ({
  kind: 'unplanned',
  unplanned: { job, run: uploadRun({ job, object }), epoch, table: tableKeyOf(job), objects: [object] },
});

async function landedOf({ findJob, stores, landingBucket }: DeadLetterContext, landed: LandedObject): Promise<DeadRequest> {
  const { bucket, key, version, size } = landed;
  if (bucket !== landingBucket)
    return { kind: 'not ours', why: 'an object of another bucket than the landing bucket', metric: 'MessagesPassedOver' };
  const verdict = findJob(key);
  if (verdict.kind === 'ignored') return { kind: 'not ours', why: `upload ignored: ${verdict.reason}`, metric: 'UploadsIgnored' };
  const object = version === null || size === null ? await stores.landing.head(key) : { key, version, size };
  return object === null
    ? lost(`${key} was never planned, and is gone: its event names no version of it`)
    : unplannedUpload(verdict.job, object, 0);
}
