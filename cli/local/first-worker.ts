import type { ChildProcess } from 'node:child_process';
import { extname, join } from 'node:path';
import { forkWorker } from '../../functions/adapters/fork-worker.ts';

/** What a worker process runs; with the same ending as this module, since a packed Fanlake is JavaScript. */
export const workerModule = join(import.meta.dirname, `worker-main${extname(import.meta.filename)}`);

let first: ChildProcess | null = null;

/**
 * Starts a worker process before the rest of the command is loaded, which takes as long: side by side they are ready a fifth of a second earlier. It waits
 * for its settings, and ends with this process.
 */
export function startFirstWorker(): void {
  first = forkWorker(workerModule, [], process.env);
  // a process that can't be started is not missed: the pool starts its own, and tells why that fails
  first.on('error', () => {});
}

/** The worker process that is waiting, for the pool that will have it; null when there is none any more. */
export function takeFirstWorker(): ChildProcess | null {
  const taken = first;
  first = null;
  return taken?.connected === true && taken.exitCode === null && taken.signalCode === null ? taken : null;
}
