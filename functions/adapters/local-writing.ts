import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { isErrno } from './local-errors.ts';
import { temporaryPrefix } from './local-paths.ts';
import { makeFolders } from './make-folders.ts';

const fsync = promisify(fs.fsync);
const copyFile = promisify(fs.copyFile);
const writeSome = promisify(fs.write);

/** Below this, one synchronous write costs less than the way through the thread pool and blocks no longer than it. */
const maxSyncWriteBytes = 1 << 20;

/** What a new object is made of: bytes, a complete file that may be taken over, or one that must be copied. */
export type Source = Uint8Array | string | { readonly path: string } | { readonly copyOf: string };

/** What tells two states of a file apart. */
export interface FileState {
  readonly size: number;
  readonly mtimeNs: bigint;
  readonly inode: bigint;
}

/** A complete file beside its target that nobody sees yet. */
export interface Temporary {
  readonly path: string;
  readonly state: FileState;
  /** The file it was taken over from, which goes when the object is in place. */
  readonly takenFrom?: string;
}

export function stateOf(stat: fs.BigIntStats): FileState {
  return { size: Number(stat.size), mtimeNs: stat.mtimeNs, inode: stat.ino };
}

/**
 * Writes a complete temporary file beside `target`; makes the folders that are missing.
 * @param durable whether it is on the disk (fsync) when this returns
 * @throws the operating system's errors; nothing is left behind then
 */
export async function writeTemporary(target: string, source: Source, durable: boolean): Promise<Temporary> {
  const temporary = path.join(path.dirname(target), `${temporaryPrefix}${randomBytes(6).toString('hex')}`);
  const takenFrom = typeof source === 'object' && 'path' in source ? fs.realpathSync.native(source.path) : undefined;
  try {
    await inFolder(path.dirname(target), durable, () => fill(temporary, source, takenFrom));
    const state = await seal(temporary, durable);
    return { path: temporary, state, ...(takenFrom === undefined ? {} : { takenFrom }) };
  } catch (thrown) {
    fs.rmSync(temporary, { force: true });
    throw thrown;
  }
}

/** Gives the temporary file its name if nothing has it. Atomic between all processes: link(2) fails when the name is there. */
export function placeNew(temporary: Temporary, target: string): boolean {
  try {
    fs.linkSync(temporary.path, target);
  } catch (thrown) {
    if (isErrno(thrown, 'EEXIST') && !isFolder(target)) return false;
    throw isErrno(thrown, 'EEXIST') ? Object.assign(new Error('a folder has this name'), { code: 'EISDIR' }) : thrown;
  }
  dropTakenFrom(temporary, target);
  return true;
}

/**
 * Puts the temporary file in the place of `existing`. Call it under the lock.
 * @returns the new state: its time is always later than the old one's, so that a recycled inode of the same size is never taken for the old file
 */
export function placeOver(temporary: Temporary, target: string, existing: FileState | null): FileState {
  let state = temporary.state;
  if (existing !== null && state.mtimeNs <= existing.mtimeNs) {
    const laterS = Number(existing.mtimeNs) / 1e9 + 0.001;
    fs.utimesSync(temporary.path, laterS, laterS);
    state = stateOf(fs.statSync(temporary.path, { bigint: true }));
  }
  fs.renameSync(temporary.path, target);
  dropTakenFrom(temporary, target);
  return state;
}

/** Makes the names in a folder durable. */
export async function syncFolder(folder: string): Promise<void> {
  const descriptor = fs.openSync(folder, 'r');
  try {
    await fsync(descriptor);
  } finally {
    fs.closeSync(descriptor);
  }
}

async function fill(temporary: string, source: Source, takenFrom: string | undefined): Promise<void> {
  if (typeof source === 'string') return writeBytes(temporary, Buffer.from(source));
  if (source instanceof Uint8Array) return writeBytes(temporary, source);
  if (takenFrom === undefined) return copyFile('copyOf' in source ? source.copyOf : source.path, temporary, fs.constants.COPYFILE_FICLONE);
  try {
    fs.linkSync(takenFrom, temporary);
  } catch (thrown) {
    // another file system, a file of another user, or one with too many names
    if (!isErrno(thrown, 'EXDEV', 'EPERM', 'EMLINK')) throw thrown;
    await copyFile(takenFrom, temporary, fs.constants.COPYFILE_FICLONE);
  }
}

async function writeBytes(file: string, bytes: Uint8Array): Promise<void> {
  const descriptor = fs.openSync(file, 'wx');
  try {
    for (let position = 0; position < bytes.length; ) {
      const length = bytes.length - position;
      position +=
        length <= maxSyncWriteBytes
          ? fs.writeSync(descriptor, bytes, position, length, position)
          : (await writeSome(descriptor, bytes, position, length, position)).bytesWritten;
    }
  } finally {
    fs.closeSync(descriptor);
  }
}

/**
 * Sets the file's time to now, in fractions of a millisecond that differ from write to write: kernels stamp files with a clock that stands still for
 * 1 to 10 ms, within which a file could be replaced twice and get its old inode back.
 */
async function seal(file: string, durable: boolean): Promise<FileState> {
  const descriptor = fs.openSync(file, 'r+');
  try {
    const nowS = Date.now() / 1000 + Number(process.hrtime.bigint() % 1_000_000n) / 1e9;
    fs.futimesSync(descriptor, nowS, nowS);
    if (durable) await fsync(descriptor);
    return stateOf(fs.fstatSync(descriptor, { bigint: true }));
  } finally {
    fs.closeSync(descriptor);
  }
}

async function inFolder<T>(folder: string, durable: boolean, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (thrown) {
    if (!isErrno(thrown, 'ENOENT')) throw thrown;
  }
  const firstMade = makeFolders(folder);
  if (durable && firstMade !== undefined) {
    for (let made = folder; made.length >= firstMade.length; made = path.dirname(made)) await syncFolder(path.dirname(made));
  }
  return action();
}

function dropTakenFrom(temporary: Temporary, target: string): void {
  // an object that is stored as itself stays
  if (temporary.takenFrom === undefined || temporary.takenFrom === fs.realpathSync.native(target)) return;
  fs.rmSync(temporary.takenFrom, { force: true });
}

function isFolder(file: string): boolean {
  return fs.statSync(file, { throwIfNoEntry: false })?.isDirectory() ?? false;
}
