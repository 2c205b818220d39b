import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { WatchedFolder, type WatchProcess } from '../e2e/watching.ts';
import { signal, workersOf } from '../e2e/worker-processes.ts';
import type { Victim } from './kills.ts';
import { homePlace } from './ledger.ts';
import { isGood, type SoakReport } from './report.ts';
import { jobsFile, splitsQuery, splitsTable } from './soak-jobs.ts';
import { type SoakOptions, SoakRun } from './soak-run.ts';

type Kind = 'worker' | 'watch' | 'run' | 'retry';

/** A worker dies more often than what it works for: else nothing would ever be done. */
const shares: Readonly<Record<Kind, number>> = { worker: 8, watch: 1, run: 2, retry: 1 };

/** The end of what a command said: its last document is its error. */
const lastWords = ({ stderr, events }: WatchProcess): string => `${stderr.slice(-2_000)} ${JSON.stringify(events.at(-1))}`;

/** `fanlake watch`, `run` and `retry` on a home of their own, which is removed when nothing was wrong. */
export class LocalSoak extends SoakRun<Kind> {
  private readonly folder: WatchedFolder;
  private watch: WatchProcess;
  /** The run under way is left to lose its workers alone. */
  private isDying = false;
  protected override readonly restarts = { watch: 0 };
  protected override readonly more = [{ weight: 1, type: () => this.dieAndRetry() }];

  constructor(options: SoakOptions) {
    const folder = new WatchedFolder(jobsFile);
    super(options, {
      path: folder.path,
      commandOptions: ['--home', 'home'],
      ledger: homePlace(folder.home),
      lookEveryMs: 1_000,
      killEveryMs: [400, 1_400],
      shares,
      replacedCodes: ['input.gone', 'input.changed'],
    });
    this.folder = folder;
    this.watch = folder.start();
  }

  override async run(): Promise<SoakReport> {
    const watching = this.keepWatching();
    const report = await super.run();
    await watching;
    if (isGood(report)) await this.folder.remove();
    return report;
  }

  /** Kills what is under way. */
  async end(): Promise<void> {
    this.endTyped();
    await this.watch.kill();
  }

  /** Kills what is under way and removes everything. */
  async abandon(): Promise<void> {
    await this.end();
    await this.folder.remove();
  }

  private async keepWatching(): Promise<void> {
    for (;;) {
      const code = await this.watch.exit();
      if (this.isOver) return;
      if (code !== null) this.unexpected.push(`fanlake watch ended by itself with ${code}: ${lastWords(this.watch)}`);
      this.restarts.watch += 1;
      this.watch = this.folder.start();
    }
  }

  /** Ctrl-C: it must have nothing left to do. */
  protected override async settle(): Promise<void> {
    const code = await this.watch.interrupt();
    if (code !== 130) this.unexpected.push(`fanlake watch ended with ${code} after Ctrl-C: ${lastWords(this.watch)}`);
    const summary = this.watch.events.find(({ event }) => event === 'summary');
    if (summary?.event === 'summary' && summary.open > 0) this.unexpected.push(`fanlake watch still had ${summary.open} open runs`);
  }

  /** Renames it into place. */
  protected override async land(key: string, body: Uint8Array): Promise<void> {
    const path = join(this.folder.home, key);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(`${path}.tmp`, body);
    renameSync(`${path}.tmp`, path);
  }

  protected override async put(folder: string, name: string, body: Uint8Array): Promise<void> {
    mkdirSync(join(this.folder.path, folder), { recursive: true });
    writeFileSync(join(this.folder.path, folder, name), body);
  }

  protected override async tablePath(table: string): Promise<string> {
    return join(this.folder.home, 'lake', table);
  }

  /** A run whose worker dies until it gives up; `retry` loads it. */
  private async dieAndRetry(): Promise<void> {
    const folder = await this.give(splitsTable, [this.files.make(20_000)]);
    this.isDying = true;
    const dying = this.typed.type('run', '--query', splitsQuery, '--table', splitsTable, '--input', folder, '--workers', '1');
    const killing = this.killWorkersOfRun();
    const { run, code, exitCode, output } = await dying;
    this.isDying = false;
    await killing;
    if (run !== null && (exitCode === 0 || code === 'task.died')) return this.commit('retry', run);
    this.unexpected.push(`fanlake run, whose workers were killed, ended with ${exitCode}: ${output.slice(0, 2_000)}`);
  }

  private async killWorkersOfRun(): Promise<void> {
    while (this.isDying) {
      for (const worker of this.workersOf(this.typed.current?.pid ?? null)) this.kills.kill(worker);
      await sleep(100);
    }
  }

  protected override victims(): readonly Victim<Kind>[] {
    const current = this.isDying ? null : this.typed.current;
    const watch = this.watch.isAlive ? this.watch.pid : null;
    return [
      ...this.workersOf(watch),
      ...this.workersOf(current?.pid ?? null),
      ...(watch === null ? [] : [this.command('watch', watch)]),
      ...(current === null ? [] : [this.command(current.name, current.pid)]),
    ];
  }

  private workersOf(pid: number | null): readonly Victim<Kind>[] {
    return pid === null ? [] : workersOf(pid).map((worker) => ({ kind: 'worker', kill: () => signal(worker, 'SIGKILL') }));
  }

  /** A command, alone, so that its workers find themselves left behind, or with them. */
  private command(kind: Kind, pid: number): Victim<Kind> {
    return { kind, kill: () => signal(this.random.chance(0.5) ? pid : -pid, 'SIGKILL') };
  }
}
