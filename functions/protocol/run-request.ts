import { FanlakeError } from '../core/errors.ts';
import type { Job } from '../core/job.ts';
import { type EpochId, requestKey } from '../core/keys.ts';
import type { ObjectStore, ObjectVersion } from '../core/ports.ts';
import { shortHash } from '../core/run-id.ts';
import type { RetryMessage, RunMessage } from '../core/task.ts';

/** Version of a stored request. */
const requestFormat = 1;
const hashDigits = 16;

/** An epoch of a run that a command asks the coordinator to plan: what planning takes (`PlanRequest` of functions/coordinator/draft-plan.ts). */
export interface RunRequest extends EpochId {
  /** With every default filled in. */
  readonly job: Job;
  /** Key of the table. */
  readonly table: string;
  /** Pinned, in key order. */
  readonly objects: readonly ObjectVersion[];
  /** Bytes of a split that the user asked for; null: what suits the deployment. */
  readonly splitBytes: number | null;
}

interface StoredRequest extends RunRequest {
  readonly format: number;
}

/**
 * Stores what is asked for, once: the same request again is the same object.
 * @returns the message to send to the `requests` queue
 * @throws FanlakeError `store.*`
 */
export async function writeRunRequest(work: ObjectStore, request: RunRequest): Promise<RunMessage> {
  const { run, epoch, job, table, objects, splitBytes } = request;
  const body = JSON.stringify({ format: requestFormat, run, epoch, job, table, splitBytes, objects } satisfies StoredRequest);
  const hash = shortHash(body, hashDigits);
  await work.create(requestKey(run, hash), body);
  return { kind: 'run', run, epoch, request: hash };
}

/**
 * The request that a message names; null when it is gone, since everything in the work root expires.
 * @throws FanlakeError `plan.version` when another version of Fanlake wrote it
 */
export async function readRunRequest(
  work: ObjectStore,
  { run, request }: RunMessage | (RetryMessage & { readonly request: string }),
): Promise<RunRequest | null> {
  const object = await work.get(requestKey(run, request));
  if (object === null) return null;
  const { format, ...found } = JSON.parse(Buffer.from(object.body).toString('utf8')) as StoredRequest;
  if (format === requestFormat) return found;
  throw new FanlakeError(
    'plan.version',
    `The request of run ${run} was written by another version of Fanlake (format ${String(format)}, this one speaks ${requestFormat}). ` +
      'Use the command of the version that is deployed.',
    { found: format, spoken: requestFormat },
  );
}
