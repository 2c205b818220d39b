import { type ChildProcess, fork } from 'node:child_process';

/** Starts a process for a worker pool: its output is read by the pool, and the channel carries tasks and answers. */
export function forkWorker(modulePath: string | URL, execArgv: readonly string[], env: NodeJS.ProcessEnv): ChildProcess {
  return fork(modulePath, { execArgv: [...execArgv], env, stdio: ['ignore', 'pipe', 'pipe', 'ipc'] });
}
