import { asFanlakeError, FanlakeError } from '../functions/core/errors.ts';
import type { Job } from '../functions/core/job.ts';
import type { ObjectVersion } from '../functions/core/ports.ts';
import type { JobOptions } from './job-request.ts';
import type { Home } from './local/home.ts';
import { listInput } from './local/input-list.ts';
import type { Shell } from './shell.ts';
import { listObjects } from './stack/list-objects.ts';
import type { Stack } from './stack/stack.ts';

/** Every object of a path or glob. */
type ObjectsOf = (path: string) => Promise<readonly ObjectVersion[]>;

/**
 * The job with the keys of its side inputs on this machine. A path of `--side` is one of the current folder; one that the job says is a key of the home, or else
 * a path too.
 * @throws FanlakeError `input.none` for one that is nothing, `usage` for one that is several files
 */
export function withSidesAtHome(home: Home, job: Job, { side = {} }: JobOptions, { currentFolder }: Shell): Promise<Job> {
  return withKeys(job, async (name, path) => {
    if (side[name] === undefined && (await home.stores.landing.head(path)) !== null) return path;
    return only(name, path, (wanted) => listInput(home, { paths: [wanted], include: [], exclude: [], currentFolder }));
  });
}

/** The job with the keys of its side inputs in a stack's landing bucket. @throws FanlakeError as `withSidesAtHome` */
export function withSidesOnStack(stack: Stack, job: Job, { currentFolder }: Shell): Promise<Job> {
  const objectsOf: ObjectsOf = (wanted) =>
    listObjects(stack, { paths: [wanted], include: [], exclude: [], prefix: undefined, currentFolder });
  return withKeys(job, (name, path) => only(name, path, objectsOf));
}

async function withKeys(job: Job, keyOf: (name: string, path: string) => Promise<string>): Promise<Job> {
  if (job.inputs === undefined) return job;
  const inputs: Record<string, NonNullable<Job['inputs']>[string]> = {};
  for (const [name, side] of Object.entries(job.inputs)) inputs[name] = { ...side, key: await keyOf(name, side.key) };
  return { ...job, inputs };
}

async function only(name: string, path: string, objectsOf: ObjectsOf): Promise<string> {
  const objects = await objectsOf(path).catch((thrown: unknown) => {
    const { code, message, details } = asFanlakeError(thrown);
    throw new FanlakeError(code, `The side input '${name}': ${message}`, { ...details, side: name }, thrown);
  });
  const [object] = objects;
  if (object !== undefined && objects.length === 1) return object.key;
  throw new FanlakeError('usage', `The side input '${name}' is one file, and ${path} means ${objects.length}. Name one of them.`, {
    side: name,
    found: objects.length,
  });
}
