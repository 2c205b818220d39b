import { aboutRequest, type KnownJobs } from '../core/about-request.ts';
import { asFanlakeError, FanlakeError } from '../core/errors.ts';
import type { Job } from '../core/job.ts';
import type { ObjectVersion, Queue } from '../core/ports.ts';
import { type LandedObject, type Request, type RequestMessage, readRequest, requestAgain, splitRequest } from '../core/request.ts';
import type { CancelMessage, RetryMessage } from '../core/task.ts';
import type { Unplanned } from '../core/unplannable.ts';
import { tableKeyOf, uploadRun } from '../core/upload.ts';
import { buryUnplanned } from '../protocol/bury-unplanned.ts';
import type { RunContext } from '../protocol/context.ts';
import { isOtherVersion } from '../protocol/documents.ts';
import { endOtherVersion } from '../protocol/end-other-version.ts';
import { readRunRequest } from '../protocol/run-request.ts';
import { sendAll } from '../protocol/send.ts';
import { laterMs, lay, layMalformed, type Rest } from './lay-to-rest.ts';

export interface DeadRequestContext extends RunContext, KnownJobs, Rest {
  readonly landingBucket: string;
  /** The texts of requests, sent again as they came. */
  readonly requests: Queue<unknown>;
}

/** Deaths of what a command asks of a run that is there before it rests, more than a day later. */
const maxDeaths = 100;

/** A message of the requests queue that was delivered as often as that allows: what can be understood of it goes its way, and the rest alone comes to rest. */
export async function deadRequest(context: DeadRequestContext, body: string): Promise<void> {
  const message = readRequest(body);
  if (message.malformed === null || message.requests.length === 0) return deadWhole(context, body, message);
  const { deaths } = message;
  const parts = splitRequest(body).map((text) => ({ text, read: { ...readRequest(text), deaths } }));
  // what can't be understood last: should another part fail, all of it comes again, and would be laid there each time
  const inOrder = [...parts.filter(({ read }) => read.malformed === null), ...parts.filter(({ read }) => read.malformed !== null)];
  for (const { text, read } of inOrder) await deadWhole(context, text, read);
}

/** The first time it is tried again; the second time what it asks for becomes failed runs, or rests where a person finds it: no upload is lost without a word. */
async function deadWhole(context: DeadRequestContext, body: string, { requests, malformed, deaths }: RequestMessage): Promise<void> {
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
async function buryRequest(context: DeadRequestContext, request: Request, deaths: number): Promise<string | null> {
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
  | { readonly kind: 'again'; readonly message: RetryMessage | CancelMessage }
  | { readonly kind: 'lost'; readonly why: string };

const lost = (why: string): DeadRequest => ({ kind: 'lost', why });

async function unplannedOf(context: DeadRequestContext, request: Request, deaths: number): Promise<DeadRequest> {
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
      return deaths < maxDeaths
        ? { kind: 'again', message }
        : lost(
            `run ${message.run} could not be taken up: the coordinator failed each time, see its log, then type: fanlake retry ${message.run}`,
          );
    }
    case 'cancel': {
      const { message } = request;
      return deaths < maxDeaths
        ? { kind: 'again', message }
        : lost(`run ${message.run} could not be cancelled: type: fanlake cancel ${message.run}`);
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

async function landedOf({ findJob, stores, landingBucket }: DeadRequestContext, landed: LandedObject): Promise<DeadRequest> {
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
