import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';

/** Starts a program of this folder and waits for its first message. */
export async function startProcess(program: string, ...args: readonly string[]): Promise<ChildProcess> {
  const child = fork(path.join(import.meta.dirname, program), [...args], { execArgv: [] });
  await Promise.race([
    once(child, 'message'),
    once(child, 'exit').then(([code]) => {
      throw new Error(`${program} ended with ${code} before it was ready`);
    }),
  ]);
  return child;
}
