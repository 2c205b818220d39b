import { aboutRequest } from '../core/about-request.ts';
import { asFanlakeError, errorOf, FanlakeError } from '../core/errors.ts';
import type { Job } from '../core/job.ts';
import type { KeyVerdict } from '../core/job-of-key.ts';
import type { ObjectStore, ObjectVersion } from '../core/ports.ts';
import type { LandedObject, Request, RequestMessage } from '../core/request.ts';
import type { CancelMessage, RunMessage, UploadMessage } from '../core/task.ts';
import { readDecision } from '../protocol/documents.ts';
import { fulfilDuties } from '../protocol/duties.ts';
import { decide } from '../protocol/ledger.ts';
import { readRunRequest } from '../protocol/run-request.ts';
import type { Log } from '../runtime/log.ts';
import { type HandledUpload, handleUpload, planUploadAgain } from './handle-upload.ts';
import { type CoordinatorContext, planRun, recordUnlessStore } from './plan-run.ts';
import { takeUp } from './take-up.ts';

export interface RequestContext {
  readonly coordinator: CoordinatorContext;
  readonly landingBucket: string;
  readonly jobs: readonly Job[];
  readonly findJob: (key: string) => KeyVerdict;
  readonly log: Log;
}

/**
 * Everything that one message asks for. What can be done is done before a part that isn't understood makes the message fail: then it is delivered again,
 * and repeating the rest is harmless.
 * @throws FanlakeError `usage` for a malformed message, which comes to rest as a dead letter; whatever handling throws
 */
export async function handleRequests(context: RequestContext, { requests, malformed }: RequestMessage): Promise<void> {
  const failures: unknown[] = [];
  for (const request of requests) {
    // one that fails holds up none of those behind it
    await handleRequest(context, request).catch((thrown: unknown) => {
      context.log.about(aboutRequest(context, request)).failure('a request failed', thrown);
      failures.push(thrown);
    });
  }
  if (failures.length > 0) throw asFanlakeError(failures[0]);
  if (malformed === null) return;
  context.log.count('MalformedMessages');
  throw new FanlakeError('usage', `A message to the coordinator can't be understood: ${malformed}.`);
}

async function handleRequest(context: RequestContext, request: Request): Promise<void> {
  switch (request.kind) {
    case 'landed':
      return landed(context, request.object);
    case 'upload':
      return planAgain(context, request.message);
    case 'run':
      return plan(context, request.message);
    case 'retry':
      return takeUp(context, request.message);
    case 'cancel':
      return cancel(context, request.message);
    case 'passed over':
      context.log.info(`passed over: ${request.what}`, { why: request.why });
      context.log.count('MessagesPassedOver');
  }
}

async function landed(context: RequestContext, object: LandedObject): Promise<void> {
  const { log, landingBucket, coordinator } = context;
  const { bucket, key } = object;
  if (bucket !== landingBucket) {
    log.warn('passed over: an object of another bucket than the landing bucket', { bucket, key });
    log.count('MessagesPassedOver');
    return;
  }
  const verdict = context.findJob(key);
  if (verdict.kind === 'ignored') {
    log.info(`upload ignored: ${verdict.reason}`, { key });
    log.count('UploadsIgnored');
    return;
  }
  const pinned = await pin(coordinator.stores.landing, object);
  if (pinned === null) {
    log.warn('upload ignored: the object is gone, and its event names no version', { key });
    log.count('UploadsIgnored');
    return;
  }
  tell(log, verdict.job.name, pinned, await handleUpload(coordinator, { job: verdict.job, object: pinned }));
}

/** The version that the event names; where it names none, the one that is there now. */
async function pin(landing: ObjectStore, { key, version, size }: LandedObject): Promise<ObjectVersion | null> {
  return version === null || size === null ? landing.head(key) : { key, version, size };
}

function tell(log: Log, job: string, { key, size }: ObjectVersion, { run, epoch, plan, isLost }: HandledUpload): void {
  const about = log.about({ run, epoch, job });
  if (isLost) {
    about.count('RunsFailed');
    about.warn('its commit was decided and never ended, and its plan is gone: whether it is in the table must be looked up', { key });
  } else if (plan !== null && plan.error !== null) {
    about.failure("upload can't be planned: its run fails", errorOf(plan.error), { key });
  } else about.info(plan === null ? 'upload known: its run is decided' : 'upload planned', { key, bytes: size, tasks: plan?.tasks ?? 0 });
}

async function planAgain({ coordinator, jobs, log }: RequestContext, { job: name, object, epoch }: UploadMessage): Promise<void> {
  const job = jobs.find((known) => known.name === name);
  if (job === undefined) {
    log.warn('not planned again: its job is not deployed any more', { job: name, key: object.key });
    log.count('UploadsIgnored');
    return;
  }
  const upload = { job, object };
  tell(log, name, object, await (epoch === 0 ? handleUpload(coordinator, upload) : planUploadAgain(coordinator, upload, epoch)));
}

/** An epoch that a command cancels, or has cancelled, before it was planned. */
async function cancel({ coordinator, log }: RequestContext, { run, epoch, table }: CancelMessage): Promise<void> {
  const decision = await decide(coordinator, { kind: 'cancel', run, epoch, table });
  await fulfilDuties(coordinator, decision);
  log.about({ run, epoch }).info(decision.kind === 'cancel' ? 'run cancelled' : 'cancelled too late: its run is decided');
}

/** A run over many objects that a command asks for. */
async function plan({ coordinator, log }: RequestContext, message: RunMessage): Promise<void> {
  const { run, epoch } = message;
  const about = log.about({ run, epoch });
  const request = await readRunRequest(coordinator.stores.work, message);
  if (request === null) {
    about.warn('passed over: the request of this run is gone from the work bucket');
    about.count('MessagesPassedOver');
    return;
  }
  const decision = await readDecision(coordinator.stores.lake, request.table, message);
  if (decision !== null) return fulfilDuties(coordinator, decision);
  const { tasks, error } = await planRun(coordinator, request, recordUnlessStore);
  if (error !== null) about.failure("run can't be planned: it fails", errorOf(error));
  else about.info('run planned', { tasks, objects: request.objects.length });
}
