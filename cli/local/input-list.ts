import type { Stats } from 'node:fs';
import { glob, lstat, readdir, stat } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve, sep } from 'node:path';
import { storeError } from '../../functions/adapters/local-errors.ts';
import { FanlakeError } from '../../functions/core/errors.ts';
import { didYouMean } from '../../functions/core/nearest.ts';
import type { ObjectVersion } from '../../functions/core/ports.ts';
import { takesKey } from '../store/object-globs.ts';
import type { Home } from './home.ts';

/** Folders of a home that Fanlake itself writes. */
const ownFolders = ['work', 'lake', 'quarantine', 'scratch'];
/** How many files are looked at together. */
const parallelLooks = 64;

export interface InputRequest {
  readonly paths: readonly string[];
  /** The job's globs. */
  readonly include: readonly string[];
  readonly exclude: readonly string[];
  readonly currentFolder: string;
}

/**
 * The objects that `--input` means, pinned to what they are now, each once, in key order. Keys are relative to the home for files in it, else
 * absolute paths. Folders are taken with all below them; names that begin with `.` or `_` or end in `.tmp` or `.part` only when they are given themselves.
 * @throws FanlakeError `input.none` when a path or glob is nothing, `usage` for what Fanlake wrote itself, `input.denied`, `not-built`
 */
export async function listInput(home: Home, { paths, include, exclude, currentFolder }: InputRequest): Promise<readonly ObjectVersion[]> {
  if (paths.length === 0) throw new FanlakeError('usage', 'No input was given: name files, folders or globs with --input <paths...>.');
  const files = new Set<string>();
  for (const path of paths) for (const file of await filesOf(home, path, currentFolder)) files.add(file);
  const keys = [...files].map((file) => keyOf(home, file)).filter((key) => takesKey({ include, exclude }, key));
  if (keys.length === 0) {
    throw new FanlakeError(
      'input.none',
      `The job's include and exclude globs leave none of ${files.size} files. Give other files, or mend the globs.`,
      {
        include,
        exclude,
      },
    );
  }
  return pinned(home, inKeyOrder(keys));
}

async function filesOf(home: Home, path: string, currentFolder: string): Promise<readonly string[]> {
  if (/^[a-z][a-z0-9+.-]+:\/\//i.test(path)) {
    throw new FanlakeError('not-built', `Reading ${path} is not built yet: --input takes files, folders and globs of this machine.`, {
      input: path,
    });
  }
  if (path === '-')
    throw new FanlakeError('not-built', 'Reading from stdin is not built: write it to a file and give that.', { input: path });
  if (path === '') throw new FanlakeError('usage', '--input is empty: give a file, a folder or a glob.');
  const absolute = resolve(currentFolder, path);
  refuseOwn(home, absolute, path);
  const found = await look(absolute);
  if (found?.isFile() === true) return [absolute];
  if (found?.isDirectory() === true) return someOf(await walk(home, absolute), `The folder ${absolute} holds no file to read`, path);
  if (found !== null)
    throw new FanlakeError('input.none', `${absolute} is neither a file nor a folder. Write its content to a file and give that.`, {
      input: path,
    });
  if (!isGlob(path)) throw await missing(absolute, path);
  return someOf(await expand(home, absolute), `The glob ${path} matches no file in ${currentFolder}`, path);
}

function someOf(files: readonly string[], found: string, path: string): readonly string[] {
  if (files.length > 0) return files;
  throw new FanlakeError(
    'input.none',
    `${found} (names that begin with '.' or '_' or end in .tmp or .part are passed over). Look at the path again.`,
    { input: path },
  );
}

const isGlob = (path: string): boolean => /[*?[\]{}]/.test(path);

/** What is there, links followed; null for nothing. */
async function look(path: string): Promise<Stats | null> {
  try {
    return await stat(path);
  } catch (thrown) {
    const errno = thrown instanceof Error && 'code' in thrown ? thrown.code : null;
    if (errno === 'ENOENT' || errno === 'ENOTDIR') return null;
    throw storeError(thrown, 'read', `look at the input ${path}`, path);
  }
}

async function missing(absolute: string, path: string): Promise<FanlakeError> {
  const folder = dirname(absolute);
  const siblings = await readdir(folder).catch(() => null);
  const dangling = (await lstat(absolute).catch(() => null))?.isSymbolicLink() === true;
  const hint =
    siblings === null
      ? `: there is no folder ${folder}`
      : dangling
        ? ': it is a link that leads nowhere'
        : didYouMean(basename(absolute), siblings);
  return new FanlakeError('input.none', `There is no file ${absolute}${hint}. Look at the path again.`, { input: path });
}

function refuseOwn(home: Home, absolute: string, path: string): void {
  const own = ownFolders.map((name) => join(home.path, name)).find((folder) => isInside(folder, absolute));
  if (own === undefined) return;
  const advice = `Read a table with: fanlake query "SELECT ..."`;
  throw new FanlakeError('usage', `${path} lies in ${own}, which holds what Fanlake wrote itself: it can't be input. ${advice}`, {
    input: path,
  });
}

const isInside = (folder: string, path: string): boolean =>
  path === folder || path.startsWith(folder.endsWith(sep) ? folder : folder + sep);

/** A name that isn't taken unless it is given itself: hidden, unfinished, or another tool's bookkeeping (`_SUCCESS`, `_delta_log`). */
export const isPassedOver = (name: string): boolean => /^[._]|\.(tmp|part)$/i.test(name);

/** All files below a folder. Links are followed, but not to where the walk came from. */
async function walk(home: Home, folder: string, above: readonly string[] = []): Promise<readonly string[]> {
  const own = ownFolders.some((name) => join(home.path, name) === folder);
  if (own) return [];
  const found = await look(folder);
  if (found === null) return [];
  const identity = `${found.dev}:${found.ino}`;
  if (above.includes(identity)) return [];
  const entries = await readdir(folder, { withFileTypes: true }).catch((thrown: unknown) => {
    throw storeError(thrown, 'read', `list the input folder ${folder}`, folder);
  });
  const files: string[] = [];
  for (const entry of entries) {
    if (isPassedOver(entry.name)) continue;
    const path = join(folder, entry.name);
    const target = entry.isSymbolicLink() ? await look(path) : entry;
    if (target?.isFile() === true) files.push(path);
    else if (target?.isDirectory() === true) for (const file of await walk(home, path, [...above, identity])) files.push(file);
  }
  return files;
}

async function expand(home: Home, pattern: string): Promise<readonly string[]> {
  const segments = pattern.split(sep);
  const fixed = segments.slice(0, segments.findIndex(isGlob)).join(sep);
  const own = ownFolders.map((name) => join(home.path, name));
  const files: string[] = [];
  for await (const entry of glob(pattern, { withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (relative(fixed, path).split(sep).some(isPassedOver) || own.some((folder) => isInside(folder, path))) continue;
    const target = entry.isSymbolicLink() ? await look(path) : entry;
    if (target?.isFile() === true) files.push(path);
  }
  return files;
}

function keyOf(home: Home, file: string): string {
  return isInside(home.path, file) ? relative(home.path, file) : file;
}

/** Sorted by the bytes of UTF-8, as a bucket lists them. */
function inKeyOrder(keys: readonly string[]): readonly string[] {
  return keys
    .map((key) => Buffer.from(key))
    .sort(Buffer.compare)
    .map((key) => key.toString());
}

async function pinned(home: Home, keys: readonly string[]): Promise<readonly ObjectVersion[]> {
  const objects: ObjectVersion[] = [];
  for (let start = 0; start < keys.length; start += parallelLooks) {
    const found = await Promise.all(keys.slice(start, start + parallelLooks).map((key) => pin(home, key)));
    objects.push(...found);
  }
  return objects;
}

async function pin(home: Home, key: string): Promise<ObjectVersion> {
  const object = await home.stores.landing.head(key);
  if (object !== null) return object;
  if (key.includes('\ufffd'))
    throw new FanlakeError('store.name', `The name of the input file ${key} isn't valid UTF-8. Rename it.`, { key });
  throw new FanlakeError('input.gone', `The input file ${key} went away while it was listed. Run the command again.`, { key });
}
