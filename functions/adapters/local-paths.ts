import path from 'node:path';
import { FanlakeError } from '../core/errors.ts';

/** How the name of a file begins that is being written and isn't an object yet. */
export const temporaryPrefix = '.tmp-';

/** The name of the file that serves as a lock (local-lock.ts). */
export const lockName = '.fanlake-lock';

/** ext4, xfs, apfs and most others. */
const maxNameBytes = 255;

/** Whether a file of this name belongs to the store itself: never an object, never listed. */
export function isReservedName(name: string): boolean {
  return name.startsWith(temporaryPrefix) || name.startsWith(lockName);
}

/**
 * Where an object lies: below `root`, or exactly there when the key begins with '/'.
 * @throws FanlakeError `usage` for a key that isn't a plain path, `store.name` for one that a disk can't hold
 */
export function pathOfKey(root: string, key: string): string {
  const segments = (key.startsWith('/') ? key.slice(1) : key).split('/');
  refuseUnnameable(key, segments, 'key');
  for (const segment of segments) {
    if (isReservedName(segment)) {
      throw new FanlakeError(
        'usage',
        `can't use the key ${JSON.stringify(key)}: names that begin with "${segment.slice(0, 5)}" are the store's own`,
        { key },
      );
    }
    if (segment.length * 3 > maxNameBytes && Buffer.byteLength(segment) > maxNameBytes) {
      throw new FanlakeError(
        'store.name',
        `can't store ${JSON.stringify(key)} on a disk: its part "${segment.slice(0, 40)}..." has ${Buffer.byteLength(segment)} bytes, ` +
          `a file name has at most ${maxNameBytes}; choose a shorter name (or partition by a column with shorter values)`,
        { key },
      );
    }
  }
  return key.startsWith('/') ? key : path.join(root, key);
}

/**
 * The folder from which a listing of `prefix` starts: everything up to the prefix's last slash.
 * @returns `folderKey`, which is '' or ends in '/', and its path
 * @throws FanlakeError `usage` for a prefix that isn't the beginning of a plain path
 */
export function folderOfPrefix(root: string, prefix: string): { readonly folderKey: string; readonly path: string } {
  const folderKey = prefix.slice(0, prefix.lastIndexOf('/') + 1);
  const inner = folderKey.replace(/^\//, '').replace(/\/$/, '');
  refuseUnnameable(prefix, folderKey === '' || folderKey === '/' ? [] : inner.split('/'), 'prefix');
  return { folderKey, path: folderKey.startsWith('/') ? folderKey : path.join(root, folderKey) };
}

function refuseUnnameable(text: string, segments: readonly string[], what: 'key' | 'prefix'): void {
  const wrong = segments.find((segment) => segment === '' || segment === '.' || segment === '..');
  let reason: string | undefined;
  if (wrong !== undefined) reason = `it has the part "${wrong}"; give names with single slashes between them`;
  else if (text.includes('\0')) reason = 'it has a NUL byte';
  else if (!text.isWellFormed()) reason = "it has half of a surrogate pair, which UTF-8 can't express";
  if (reason !== undefined) throw new FanlakeError('usage', `can't use the ${what} ${JSON.stringify(text)}: ${reason}`, { [what]: text });
}
