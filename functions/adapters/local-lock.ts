import fs from 'node:fs';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleepFor } from 'node:timers/promises';
import { FanlakeError } from '../core/errors.ts';
import { lockName, temporaryPrefix } from './local-paths.ts';

const busyCode = 5;
const readonlyCode = 8;
const maxWaitMs = 60_000;
const maxPollMs = 12;

/**
 * Runs `section` while no other process (and no other thread) runs one for the same lock. Node has no file locks of its own, SQLite does: it locks an
 * empty database, into which nothing is ever written, so that the kernel frees the lock when its holder dies and nothing is left to repair.
 * The section is synchronous: the lock is never held across turns of the event loop. Waiting is not.
 * @param lockOf names the lock's path; asked again under the lock, because another process may have made a nearer one meanwhile
 * @throws FanlakeError `store.failed` when the lock isn't free within a minute; whatever `section` throws
 */
export async function underLock<T>(lockOf: () => string, section: () => T): Promise<T> {
  const startedMs = performance.now();
  for (let pollMs = 1; ; pollMs = Math.min(pollMs * 2, maxPollMs)) {
    const lockPath = lockOf();
    const outcome = attempt(lockPath, () => (lockOf() === lockPath ? { value: section() } : null));
    if (outcome !== null) return outcome.value;
    if (performance.now() - startedMs > maxWaitMs) {
      throw new FanlakeError(
        'store.failed',
        `can't lock ${lockPath}: another process has held it for ${maxWaitMs / 1000} s; look for a stopped fanlake process and end it`,
        { path: lockPath },
      );
    }
    await sleepFor(pollMs * (0.5 + Math.random()));
  }
}

/**
 * The lock for changes to `target`: the nearest one at or above its folder, so that stores with different roots meet at the same lock;
 * where there is none yet, the root's, or for a target outside of the root that of its own folder.
 */
export function lockPathFor(root: string, target: string): string {
  const folder = fs.realpathSync.native(path.dirname(target));
  for (let above = folder; ; above = path.dirname(above)) {
    const candidate = path.join(above, lockName);
    if (fs.existsSync(candidate)) return candidate;
    if (above === path.dirname(above)) break;
  }
  const realRoot = fs.existsSync(root) ? fs.realpathSync.native(root) : root;
  const inside = folder === realRoot || folder.startsWith(realRoot.endsWith('/') ? realRoot : `${realRoot}/`);
  return path.join(inside ? realRoot : folder, lockName);
}

/** One try: null when somebody else holds the lock, or when `section` answers null. */
function attempt<T>(lockPath: string, section: () => { value: T } | null): { value: T } | null {
  let database: DatabaseSync | undefined;
  try {
    try {
      database = new DatabaseSync(lockPath, { timeout: 0 });
      database.exec('BEGIN IMMEDIATE');
    } catch (thrown) {
      if (sqliteCode(thrown) === busyCode) return null;
      if (sqliteCode(thrown) === readonlyCode) throw Object.assign(new Error(`the lock ${lockPath} can't be written`), { code: 'EACCES' });
      // SQLite's message doesn't say why; the operating system's does
      probeFolder(path.dirname(lockPath));
      throw new FanlakeError(
        'store.failed',
        `can't lock ${lockPath}: ${String(thrown)}; look at the disk and its mount`,
        { path: lockPath },
        thrown,
      );
    }
    return section();
  } finally {
    // closing ends the transaction, which changed nothing
    database?.close();
  }
}

function probeFolder(folder: string): void {
  const probe = path.join(folder, `${temporaryPrefix}${process.pid}-lock`);
  fs.closeSync(fs.openSync(probe, 'w'));
  fs.rmSync(probe, { force: true });
}

function sqliteCode(thrown: unknown): number | undefined {
  if (!(thrown instanceof Error) || !('errcode' in thrown) || typeof thrown.errcode !== 'number') return undefined;
  return thrown.errcode & 0xff;
}
