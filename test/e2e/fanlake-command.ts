import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { signal } from './worker-processes.ts';

export const starter = fileURLToPath(new URL('../../bin/fanlake.mjs', import.meta.url));

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A `fanlake` command as a process of its own. */
export class FanlakeCommand {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  private stdout = '';
  private stderr = '';

  /** @param ownGroup in a process group of its own, so that it can be killed with its workers */
  constructor(folder: string, args: readonly string[], environment: NodeJS.ProcessEnv = {}, ownGroup = false) {
    this.child = spawn(process.execPath, [starter, ...args], {
      cwd: folder,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...environment },
      detached: ownGroup,
    });
    this.child.stdout?.on('data', (bytes) => (this.stdout += bytes));
    this.child.stderr?.on('data', (bytes) => (this.stderr += bytes));
    this.ended = once(this.child, 'close').then(([code, signal]) => ({ code, signal, stdout: this.stdout, stderr: this.stderr }));
  }

  /** Kills it, in a group of its own, and its workers at once. */
  async killAll(): Promise<Ended> {
    if (this.child.pid !== undefined && this.child.exitCode === null && this.child.signalCode === null) signal(-this.child.pid, 'SIGKILL');
    return this.ended;
  }

  /** Resolves with all of stderr so far when it has shown the text; throws when the command ends without. */
  async says(text: string): Promise<string> {
    let over = false;
    void this.ended.then(() => {
      over = true;
    });
    while (!this.stderr.includes(text)) {
      if (over) throw new Error(`the command ended without saying ${JSON.stringify(text)}: ${this.stdout}${this.stderr}`);
      await Promise.race([this.ended, this.child.stderr === null ? this.ended : once(this.child.stderr, 'data')]);
    }
    return this.stderr;
  }
}

/** Runs a `fanlake` command in a folder to its end. */
export const fanlake = (folder: string, ...args: readonly string[]): Promise<Ended> => new FanlakeCommand(folder, args).ended;
