import fs from 'node:fs';
import { promisify } from 'node:util';
import type { ByteRange } from '../core/ports.ts';
import { isErrno } from './local-errors.ts';
import { type FileState, stateOf } from './local-writing.ts';

const readSome = promisify(fs.read);

/** Below this, one synchronous read costs less than the way through the thread pool and blocks no longer than it. */
const maxSyncReadBytes = 1 << 20;

/** A file's state, or null when there is no file (a folder isn't one). */
export function stateAt(file: string): FileState | null {
  try {
    const stat = fs.statSync(file, { bigint: true, throwIfNoEntry: false });
    return stat?.isFile() ? stateOf(stat) : null;
  } catch (thrown) {
    // a name below a file, or a link to itself
    if (isErrno(thrown, 'ENOTDIR', 'ELOOP')) return null;
    throw thrown;
  }
}

export function sameState(a: FileState, b: FileState): boolean {
  return a.size === b.size && a.mtimeNs === b.mtimeNs && a.inode === b.inode;
}

/** The part of `[start, end)` that a file of `size` bytes has; may be empty. */
export function clampRange(range: ByteRange | undefined, size: number): ByteRange {
  const start = Math.min(Math.max(range?.start ?? 0, 0), size);
  return { start, end: Math.max(start, Math.min(range?.end ?? size, size)) };
}

/**
 * Reads a range of a file with its state before and after. A file that is replaced by another meanwhile is read to its end: the open descriptor
 * keeps it. One that is written to meanwhile has another state afterwards.
 * @param wanted reads nothing unless the file has this state
 * @returns null when there is no file
 */
export async function readFileRange(
  file: string,
  range: ByteRange | undefined,
  wanted?: (state: FileState) => boolean,
): Promise<{ readonly before: FileState; readonly after: FileState; readonly body: Uint8Array } | null> {
  // opening a named pipe would wait for its writer
  if (stateAt(file) === null) return null;
  let descriptor: number;
  try {
    descriptor = fs.openSync(file, 'r');
  } catch (thrown) {
    if (isErrno(thrown, 'ENOENT', 'ENOTDIR')) return null;
    throw thrown;
  }
  try {
    const before = stateOf(fs.fstatSync(descriptor, { bigint: true }));
    if (wanted !== undefined && !wanted(before)) return { before, after: before, body: new Uint8Array(0) };
    const { start, end } = clampRange(range, before.size);
    const body = await readBytes(descriptor, start, end - start);
    return { before, after: stateOf(fs.fstatSync(descriptor, { bigint: true })), body };
  } finally {
    fs.closeSync(descriptor);
  }
}

async function readBytes(descriptor: number, start: number, length: number): Promise<Uint8Array> {
  const body = new Uint8Array(length);
  let filled = 0;
  while (filled < length) {
    const rest = length - filled;
    const count =
      rest <= maxSyncReadBytes
        ? fs.readSync(descriptor, body, filled, rest, start + filled)
        : (await readSome(descriptor, body, filled, rest, start + filled)).bytesRead;
    // the file was truncated meanwhile, which its state afterwards shows
    if (count === 0) break;
    filled += count;
  }
  return filled === length ? body : body.subarray(0, filled);
}
