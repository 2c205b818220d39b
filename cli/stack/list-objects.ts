import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { FanlakeError } from '../../functions/core/errors.ts';
import { globPattern } from '../../functions/core/glob.ts';
import { whyIgnored } from '../../functions/core/job-of-key.ts';
import type { ObjectStore, ObjectVersion } from '../../functions/core/ports.ts';
import { shellWord } from '../render/shell-word.ts';
import { takesKey } from '../store/object-globs.ts';
import type { Stack } from './stack.ts';

export interface ObjectRequest {
  /** s3 URLs, or keys of the landing bucket. */
  readonly paths: readonly string[];
  /** The job's globs. */
  readonly include: readonly string[];
  readonly exclude: readonly string[];
  /** Where an upload of the job goes, for the advice to upload a file of this machine. */
  readonly prefix: string | undefined;
  readonly currentFolder: string;
}

/**
 * The objects of the landing bucket that `--input` means, pinned to their versions of now, each once, in key order. A key is that object, or else the folder
 * of that name with all below it; `*`, `?`, `**`, `[...]` and `{...}` are a glob. What no upload would be taken of is passed over, unless it is given itself.
 * @throws FanlakeError `input.none` when a path or glob is nothing; `usage` for what isn't in the landing bucket
 */
export async function listObjects(stack: Stack, request: ObjectRequest): Promise<readonly ObjectVersion[]> {
  const { paths, include, exclude } = request;
  if (paths.length === 0)
    throw new FanlakeError('usage', `No input was given: --input s3://${stack.landingBucket}/<key, folder or glob>...`);
  const objects = new Map<string, ObjectVersion>();
  for (const path of paths) for (const object of await objectsOf(stack, path, request)) objects.set(object.key, object);
  const taken = [...objects.values()].filter(({ key }) => takesKey({ include, exclude }, key));
  if (taken.length > 0) return inKeyOrder(taken);
  throw new FanlakeError(
    'input.none',
    `The job's include and exclude globs leave none of ${objects.size} objects. Give other objects, or mend the globs.`,
    { include, exclude },
  );
}

async function objectsOf(stack: Stack, path: string, request: ObjectRequest): Promise<readonly ObjectVersion[]> {
  const key = keyOf(stack, path, request);
  const { landing } = stack.stores;
  const exact = key === '' || key.endsWith('/') ? null : await landing.head(key);
  if (exact !== null) return [exact];
  const found = isGlob(key) ? await globbed(landing, key) : await below(landing, key === '' || key.endsWith('/') ? key : `${key}/`);
  if (found.length > 0) return found;
  throw await nothing(stack, path, key, request);
}

const isGlob = (key: string): boolean => /[*?[\]{}]/.test(key);

/** The key that an input means, empty for the whole bucket. */
function keyOf({ landingBucket }: Stack, path: string, request: ObjectRequest): string {
  if (path === '') throw new FanlakeError('usage', '--input is empty: give a key, a folder or a glob of the landing bucket.');
  const [, scheme, rest = ''] = /^([a-z][a-z0-9+.-]*):\/\/(.*)$/is.exec(path) ?? [];
  if (scheme === undefined) {
    if (/^(?:\.{0,2}|~)(?:\/|$)/.test(path)) throw uploadFirst(landingBucket, path, request);
    return path;
  }
  const slash = rest.indexOf('/');
  const bucket = slash < 0 ? rest : rest.slice(0, slash);
  if (scheme.toLowerCase() === 's3' && bucket === landingBucket) return slash < 0 ? '' : rest.slice(slash + 1);
  const advice =
    scheme.toLowerCase() === 's3'
      ? `Copy it there: aws s3 cp ${shellWord(path)} s3://${landingBucket}/${request.prefix ?? '<folder>/'}${path.endsWith('/') ? ' --recursive' : ''}`
      : `Upload what it holds to s3://${landingBucket}/.`;
  throw new FanlakeError(
    'usage',
    `${path} isn't in the landing bucket (s3://${landingBucket}), which is all that the stack reads. ${advice}`,
    {
      input: path,
      landing: landingBucket,
    },
  );
}

function uploadFirst(bucket: string, path: string, { prefix }: ObjectRequest): FanlakeError {
  const target = `s3://${bucket}/${prefix ?? '<folder>/'}`;
  const then = prefix === undefined ? `, then give its URL with --input` : ': its upload starts the run by itself';
  return new FanlakeError(
    'usage',
    `${path} is on this machine, where the stack can't read it. Upload it (aws s3 cp ${shellWord(path)} ${target})${then}.`,
    {
      input: path,
      landing: bucket,
    },
  );
}

async function* pagesOf(landing: ObjectStore, prefix: string): AsyncGenerator<readonly ObjectVersion[]> {
  let next: string | undefined;
  do {
    const page = await landing.list({ prefix, ...(next === undefined ? {} : { next }) });
    // a pinned version and nothing else: it goes into plans and requests
    yield page.objects.map(({ key, version, size }) => ({ key, version, size }));
    next = page.next;
  } while (next !== undefined);
}

async function below(landing: ObjectStore, prefix: string): Promise<readonly ObjectVersion[]> {
  const found: ObjectVersion[] = [];
  for await (const objects of pagesOf(landing, prefix))
    for (const object of objects) if (whyIgnored(object.key) === null) found.push(object);
  return found;
}

async function globbed(landing: ObjectStore, glob: string): Promise<readonly ObjectVersion[]> {
  const pattern = globPattern(glob);
  const found = await below(landing, glob.slice(0, glob.search(/[*?[\]{}]/)));
  return found.filter(({ key }) => pattern.test(key));
}

async function nothing(
  { stores: { landing }, landingBucket }: Stack,
  path: string,
  key: string,
  request: ObjectRequest,
): Promise<FanlakeError> {
  if (existsSync(resolve(request.currentFolder, path))) return uploadFirst(landingBucket, path, request);
  const where = `s3://${landingBucket}/${key}`;
  const details = { input: path, landing: landingBucket };
  if (isGlob(key))
    return new FanlakeError('input.none', `The glob ${where} matches no object to read. Look at the path again: aws s3 ls`, details);
  const { objects } = await landing.list({ prefix: key, limit: 1 });
  const [first] = objects;
  const hint = first === undefined ? '' : ` Keys that begin so, such as ${first.key}, are meant by ${shellWord(`${where}*`)}.`;
  return new FanlakeError(
    'input.none',
    `There is no object ${where}, and no folder of that name with one to read.${hint} Look at the path again.`,
    details,
  );
}

/** Sorted by the bytes of UTF-8, as a bucket lists them. */
function inKeyOrder(objects: readonly ObjectVersion[]): readonly ObjectVersion[] {
  return objects
    .map((object) => ({ object, bytes: Buffer.from(object.key) }))
    .sort((a, b) => Buffer.compare(a.bytes, b.bytes))
    .map(({ object }) => object);
}
