import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, realpathSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { WatchEvent } from '../../cli/local/watch-events.ts';
import { tableRows } from './duckdb.ts';
import { signal, workersOf } from './worker-processes.ts';

const starter = fileURLToPath(new URL('../../bin/fanlake.mjs', import.meta.url));

export type Ended = Extract<WatchEvent, { event: 'ended' }>;

const visits = `import { defineJob } from 'fanlake';
export const visits = defineJob({ name: 'visits', input: { prefix: 'landing/visits/', format: 'csv' }, table: { name: 'visits' } });
`;

/** A folder with jobs and a home, as a user has it. */
export class WatchedFolder {
  readonly path = realpathSync(mkdtempSync(join(tmpdir(), 'fanlake-watch-')));
  readonly home = join(this.path, 'home');
  readonly landing = join(this.home, 'landing/visits');
  readonly table = join(this.home, 'lake/visits');
  private readonly processes: WatchProcess[] = [];

  constructor(jobs = visits) {
    mkdirSync(join(this.path, 'jobs'));
    writeFileSync(join(this.path, 'jobs/index.ts'), jobs);
    mkdirSync(this.landing, { recursive: true });
  }

  /** Starts `fanlake watch` without waiting for it. */
  start(): WatchProcess {
    const watch = new WatchProcess(this.path);
    this.processes.push(watch);
    return watch;
  }

  /** Starts it and waits until it watches. */
  async watch(): Promise<WatchProcess> {
    const watch = this.start();
    await watch.until(({ events }) => events.some(({ event }) => event === 'watching'));
    return watch;
  }

  /** Writes under a name that isn't taken and renames it into place. */
  drop(name: string, text: string): void {
    const unfinished = join(this.landing, `${name}.tmp`);
    this.write(`${name}.tmp`, text);
    renameSync(unfinished, join(this.landing, name));
  }

  /** Writes under the final name. */
  write(name: string, text: string): void {
    mkdirSync(dirname(join(this.landing, name)), { recursive: true });
    writeFileSync(join(this.landing, name), text);
  }

  /** Resolves when so many runs have a plan of this epoch. */
  async untilPlanned(epoch: number, count = 1): Promise<void> {
    const runs = join(this.home, 'work/runs');
    const planned = (): number =>
      existsSync(runs) ? readdirSync(runs).filter((run) => existsSync(join(runs, run, `e${epoch}/plan.json`))).length : 0;
    while (planned() < count) await sleep(10);
  }

  /** The table's ids, read by nothing of Fanlake, in order. */
  async ids(): Promise<readonly number[]> {
    return (await tableRows(this.table)).map(([id]) => Number(id)).sort((a, b) => a - b);
  }

  async remove(): Promise<void> {
    for (const watch of this.processes) await watch.kill();
    rmSync(this.path, { recursive: true, force: true });
  }
}

/** A `fanlake watch --json` process. */
export class WatchProcess {
  readonly events: WatchEvent[] = [];
  stderr = '';
  private readonly child: ChildProcess;
  private readonly exited: Promise<unknown>;
  private wakers: (() => void)[] = [];

  constructor(folder: string) {
    this.child = spawn(process.execPath, [starter, 'watch', '--home', 'home', '--json', '--workers', '2'], {
      cwd: folder,
      stdio: ['ignore', 'pipe', 'pipe'],
      // its own group, so that it can be killed with its workers
      detached: true,
    });
    this.exited = once(this.child, 'close').then(() => this.wake());
    this.child.stderr?.on('data', (text) => {
      this.stderr += String(text);
    });
    if (this.child.stdout !== null) {
      createInterface({ input: this.child.stdout }).on('line', (line) => {
        this.events.push(JSON.parse(line) as WatchEvent);
        this.wake();
      });
    }
  }

  /** Null when it could not be started. */
  get pid(): number | null {
    return this.child.pid ?? null;
  }

  get isAlive(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  /** Holds its workers up while something else is done: what is planned meanwhile is computed afterwards. */
  async whileWorkersRest(work: () => Promise<void>): Promise<void> {
    const workers = workersOf(this.child.pid ?? -1);
    for (const worker of workers) signal(worker, 'SIGSTOP');
    try {
      await work();
    } finally {
      for (const worker of workers) signal(worker, 'SIGCONT');
    }
  }

  get ended(): readonly Ended[] {
    return this.events.filter((event) => event.event === 'ended');
  }

  /** How the run of a file ended, if it has. */
  endOf(name: string): Ended | undefined {
    return this.ended.findLast(({ key }) => key === `landing/visits/${name}`);
  }

  /** @throws when the process ends before the condition holds */
  async until(holds: (watch: this) => boolean): Promise<void> {
    while (!holds(this)) {
      if (!this.isAlive) throw new Error(`fanlake watch ended too early: ${this.stderr}`);
      await new Promise<void>((resolve) => this.wakers.push(resolve));
    }
  }

  async untilEnded(...names: readonly string[]): Promise<void> {
    await this.until(() => names.every((name) => this.endOf(name) !== undefined));
  }

  /** Ctrl-C. @returns the exit code */
  async interrupt(): Promise<number | null> {
    this.child.kill('SIGINT');
    return this.exit();
  }

  /** Waits for its end. */
  async exit(): Promise<number | null> {
    await this.exited;
    return this.child.exitCode;
  }

  /** Kills it and its workers at once. */
  async kill(): Promise<void> {
    if (this.child.pid !== undefined && this.isAlive) signal(-this.child.pid, 'SIGKILL');
    await this.exited;
  }

  private wake(): void {
    const wakers = this.wakers;
    this.wakers = [];
    for (const waker of wakers) waker();
  }
}
