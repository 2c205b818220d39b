import { type ErrorCode, FanlakeError } from '../core/errors.ts';

interface ErrnoError extends Error {
  readonly code: string;
}

/** Whether a thrown value is the operating system's error with one of these names. */
export function isErrno(thrown: unknown, ...codes: readonly string[]): thrown is ErrnoError {
  return thrown instanceof Error && 'code' in thrown && typeof thrown.code === 'string' && codes.includes(thrown.code);
}

interface Meaning {
  readonly code: ErrorCode;
  readonly advice: string;
}

const full: Meaning = {
  code: 'store.full',
  advice: 'the disk or the quota is full; free space and run the same command again: it goes on from there',
};
const unwritable: Meaning = {
  code: 'store.denied',
  advice: 'give this user permission to write there, or choose another folder, and run the same command again',
};
const unreadable: Meaning = { code: 'input.denied', advice: 'give this user permission to read it' };
const unnameable: Meaning = { code: 'store.name', advice: 'the path is too long for this disk; choose shorter names' };
const occupied: Meaning = {
  code: 'store.name',
  advice: 'on a disk a name is either a file or a folder, and what is there is the other kind; choose another name or move it away',
};
const descriptors: Meaning = { code: 'store.failed', advice: 'too many files are open; raise the limit (ulimit -n) or use fewer workers' };
const nowhere: Meaning = {
  code: 'store.denied',
  advice:
    "the folder can't be made there: is a disk not mounted, or does a link lead nowhere? Choose another folder, or mend that and run the same command again",
};
const other: Meaning = { code: 'store.failed', advice: 'look at the disk and its mount, and run the same command again' };

const onBoth: Readonly<Record<string, Meaning>> = {
  ENOSPC: full,
  EDQUOT: full,
  EROFS: unwritable,
  ENAMETOOLONG: unnameable,
  EISDIR: occupied,
  ENOTDIR: occupied,
  EMFILE: descriptors,
  ENFILE: descriptors,
};

/**
 * The operating system's error as ours. Reads that are denied are `input.denied`, writes `store.denied`.
 * @param attempt what was tried, as in "can't <attempt>"
 */
export function storeError(thrown: unknown, doing: 'read' | 'write', attempt: string, path: string): FanlakeError {
  if (thrown instanceof FanlakeError) return thrown;
  const errno = thrown instanceof Error && 'code' in thrown ? String(thrown.code) : 'unknown';
  const denied = errno === 'EACCES' || errno === 'EPERM';
  const byName = errno === 'ENOENT' && doing === 'write' ? nowhere : (onBoth[errno] ?? other);
  const meaning = denied ? (doing === 'read' ? unreadable : unwritable) : byName;
  const found = thrown instanceof Error ? thrown.message : String(thrown);
  return new FanlakeError(meaning.code, `can't ${attempt} (${path}): ${found}; ${meaning.advice}`, { path, errno }, thrown);
}
