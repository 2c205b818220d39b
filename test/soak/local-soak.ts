import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { WatchedFolder, type WatchProcess } from '../e2e/watching.ts';
import { signal, workersOf } from '../e2e/worker-processes.ts';
import { Random } from '../simulation/random.ts';
import { compare } from './comparison.ts';
import { Kills, type Victim } from './kills.ts';
import { type Ending, homePlace, Ledger } from './ledger.ts';
import { isGood, type SoakProgress, type SoakReport } from './report.ts';
import { columns, type SoakFile, SoakFiles } from './soak-files.ts';
import { TypedCommands } from './typed-commands.ts';

export interface SoakOptions {
  /** Of load and kills; coming to rest and comparing come on top. */
  readonly loadMs: number;
  readonly seed: number;
  readonly onProgress: (progress: SoakProgress) => void;
}

type Kind = 'worker' | 'watch' | 'run' | 'retry';

/** A worker dies more often than what it works for: else nothing would ever be done. */
const shares: Readonly<Record<Kind, number>> = { worker: 8, watch: 1, run: 2, retry: 1 };

const jobs = ['visits', 'calls'] as const;
type JobName = (typeof jobs)[number];
/** Of both jobs. */
const uploadsTable = 'visits';
const splitsTable = 'splits';

/** Two jobs into one table. */
const jobsFile = `import { defineJob } from 'fanlake';
${jobs
  .map(
    (name) => `export const ${name} = defineJob({
  name: '${name}',
  input: { prefix: 'landing/${name}/', format: 'csv', columns: ${JSON.stringify(columns)} },
  table: { name: '${uploadsTable}' },
});
`,
  )
  .join('')}`;

const splitsQuery = 'SELECT id::BIGINT AS id, upload::BIGINT AS upload, what FROM input';

interface Upload {
  readonly key: string;
  readonly job: JobName;
  readonly file: SoakFile;
  /** Another file took its place, which may have been before it was read. */
  isReplaced: boolean;
}

/** Uploads without an outcome beyond which nothing more lands for a while. */
const mostOpen = 30;
const restMs = 240_000;
/** What a run may fail with when its file was replaced. */
const replacedCodes = ['input.gone', 'input.changed'];

/** The end of what a command said: its last document is its error. */
const lastWords = ({ stderr, events }: WatchProcess): string => `${stderr.slice(-2_000)} ${JSON.stringify(events.at(-1))}`;

/** `fanlake watch`, `run` and `retry` on a home of their own, under load, killed again and again; in the end the tables are compared with the files. */
export class LocalSoak {
  private readonly options: SoakOptions;
  private readonly folder = new WatchedFolder(jobsFile);
  private readonly random: Random;
  private readonly files: SoakFiles;
  private readonly ledger: Ledger;
  private readonly typed: TypedCommands;
  private readonly kills: Kills<Kind>;
  private readonly uploads: Upload[] = [];
  /** Files of typed runs, by table. */
  private readonly given: Record<string, SoakFile[]> = { [uploadsTable]: [], [splitsTable]: [] };
  private readonly unexpected: string[] = [];
  private readonly startedMs = Date.now();
  private watch: WatchProcess;
  private watchRestarts = 0;
  private phase: SoakProgress['phase'] = 'load';
  private isOver = false;
  /** The run under way is left to lose its workers alone. */
  private isDying = false;

  constructor(options: SoakOptions) {
    this.options = options;
    this.random = new Random(options.seed);
    this.files = new SoakFiles(join(this.folder.path, 'kept'), this.random);
    this.ledger = new Ledger(homePlace(this.folder.home));
    this.typed = new TypedCommands(this.folder.path);
    this.kills = new Kills(shares, this.random);
    this.watch = this.folder.start();
  }

  /** Everything, to the end. What was wrong is in the report; its folder is there only then. */
  async run(): Promise<SoakReport> {
    const untilMs = this.startedMs + this.options.loadMs;
    const isLoad = (): boolean => Date.now() < untilMs;
    const watching = this.keepWatching();
    const looking = this.lookOn();
    await Promise.all([this.drop(isLoad), this.typeCommands(isLoad), this.killAll(isLoad)]);
    this.phase = 'rest';
    await this.comeToRest();
    this.isOver = true;
    await this.endWatch();
    await Promise.all([watching, looking]);
    const report = await this.report();
    if (isGood(report)) await this.folder.remove();
    return report;
  }

  /** Kills what is under way. */
  async end(): Promise<void> {
    this.isOver = true;
    const { current } = this.typed;
    if (current !== null) signal(-current.pid, 'SIGKILL');
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
      this.watchRestarts += 1;
      this.watch = this.folder.start();
    }
  }

  private async endWatch(): Promise<void> {
    const code = await this.watch.interrupt();
    if (code !== 130) this.unexpected.push(`fanlake watch ended with ${code} after Ctrl-C: ${lastWords(this.watch)}`);
    const summary = this.watch.events.find(({ event }) => event === 'summary');
    if (summary?.event === 'summary' && summary.open > 0) this.unexpected.push(`fanlake watch still had ${summary.open} open runs`);
  }

  private async lookOn(): Promise<void> {
    while (!this.isOver) {
      await this.ledger.refresh();
      const { phase, uploads, ledger, kills } = this;
      const rows = uploads.reduce((sum, { file }) => sum + file.rows, 0) + this.allGiven.reduce((sum, file) => sum + file.rows, 0);
      const elapsedMs = Date.now() - this.startedMs;
      this.options.onProgress({
        ...{ phase, elapsedMs, rows },
        ...{ uploads: uploads.length, open: this.openUploads, kills: kills.total, commits: ledger.commits },
      });
      await sleep(1_000);
    }
  }

  private get allGiven(): readonly SoakFile[] {
    return Object.values(this.given).flat();
  }

  private endingOf({ key, file }: Upload): Ending | undefined {
    return this.ledger.endingOf(key, file.body.length);
  }

  /** Uploads that must end and haven't, as far as the last look told. */
  private get openUploads(): number {
    return this.uploads.filter((upload) => !upload.isReplaced && this.endingOf(upload) === undefined).length;
  }

  private async drop(isLoad: () => boolean): Promise<void> {
    while (isLoad()) {
      if (this.openUploads < mostOpen) {
        const last = this.random.chance(0.12) ? this.replaceable() : null;
        if (last === null) this.dropNew();
        else this.replace(last);
      }
      await sleep(this.random.between(100, 600));
    }
  }

  private dropNew(): void {
    const file = this.files.any();
    const job = this.random.chance(0.25) ? 'calls' : 'visits';
    const inFolder = this.random.chance(0.2) ? `day-${file.number % 7}/` : '';
    this.land({ key: `landing/${job}/${inFolder}${file.number}${file.ending}`, job, file, isReplaced: false });
  }

  /** A recent upload that may be replaced by a shorter one: a longer one would be held as the same file grown. */
  private replaceable(): Upload | null {
    const candidates = this.uploads.slice(-20).filter(({ isReplaced, file }) => !isReplaced && file.ending === '.csv' && file.rows >= 20);
    return candidates.length === 0 ? null : this.random.pick(candidates);
  }

  private replace(upload: Upload): void {
    const { key, job, file } = upload;
    upload.isReplaced = true;
    this.land({ key, job, file: this.files.make(this.random.between(4, Math.floor(file.rows / 2))), isReplaced: false });
  }

  /** Renames it into place. */
  private land(upload: Upload): void {
    const path = join(this.folder.home, upload.key);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(`${path}.tmp`, upload.file.body);
    renameSync(`${path}.tmp`, path);
    this.uploads.push(upload);
  }

  /** One command after another. */
  private async typeCommands(isLoad: () => boolean): Promise<void> {
    const kinds = [
      { weight: 4, type: () => this.runOverMany() },
      { weight: 4, type: () => this.runInSplits() },
      { weight: 2, type: () => this.retryAny() },
      { weight: 1, type: () => this.dieAndRetry() },
    ];
    // each once, then as it comes
    for (let typed = 0; isLoad(); typed++) {
      const kind = kinds[typed] ?? kinds[this.random.weighted(kinds.map(({ weight }) => weight))];
      await kind?.type();
    }
  }

  /** Puts files where no job looks, and remembers that their rows are to be in a table. */
  private give(table: string, files: readonly SoakFile[]): string {
    const folder = `given/${this.allGiven.length}`;
    mkdirSync(join(this.folder.path, folder), { recursive: true });
    for (const { number, ending, body } of files) writeFileSync(join(this.folder.path, folder, `${number}${ending}`), body);
    this.given[table]?.push(...files);
    return folder;
  }

  private async runOverMany(): Promise<void> {
    const folder = this.give(
      uploadsTable,
      Array.from({ length: this.random.between(2, 15) }, () => this.files.any()),
    );
    await this.commit('run', this.random.pick(jobs), '--input', folder);
  }

  private async runInSplits(): Promise<void> {
    const folder = this.give(splitsTable, [this.files.make(this.random.between(5_000, 40_000)), this.files.any()]);
    const splitSize = this.random.pick(['7KiB', '64KiB', '200KiB']);
    await this.commit('run', '--query', splitsQuery, '--table', splitsTable, '--input', folder, '--split-size', splitSize);
  }

  /** Goes on with any run, whatever its state: that must never load anything twice. */
  private async retryAny(): Promise<void> {
    const { runs } = this.ledger;
    if (runs.length === 0) return;
    const run = this.random.pick(runs);
    const answer = await this.typed.commit('retry', run);
    if (answer.exitCode === 0 || replacedCodes.includes(answer.code ?? '')) return;
    this.unexpected.push(`fanlake retry ${run} ended with ${answer.exitCode}: ${answer.output.slice(0, 2_000)}`);
  }

  /** A run whose worker dies until it gives up; `retry` loads it. */
  private async dieAndRetry(): Promise<void> {
    const folder = this.give(splitsTable, [this.files.make(20_000)]);
    this.isDying = true;
    const dying = this.typed.type('run', '--query', splitsQuery, '--table', splitsTable, '--input', folder, '--workers', '1');
    const killing = (async () => {
      while (this.isDying) {
        for (const worker of this.workersOf(this.typed.current?.pid ?? null)) this.kills.kill(worker);
        await sleep(100);
      }
    })();
    const { run, code, exitCode, output } = await dying;
    this.isDying = false;
    await killing;
    if (run === null || (exitCode !== 0 && code !== 'task.died'))
      this.unexpected.push(`fanlake run ended with ${exitCode}: ${output.slice(0, 2_000)}`);
    else await this.commit('retry', run);
  }

  private async commit(name: 'run' | 'retry', ...args: readonly string[]): Promise<void> {
    const { exitCode, output } = await this.typed.commit(name, ...args);
    if (exitCode !== 0) this.unexpected.push(`fanlake ${name} ${args.join(' ')} ended with ${exitCode}: ${output.slice(0, 2_000)}`);
  }

  private async killAll(isLoad: () => boolean): Promise<void> {
    while (isLoad()) {
      await sleep(this.random.between(400, 1_400));
      this.kills.one(this.victims());
    }
  }

  private victims(): readonly Victim<Kind>[] {
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

  /** Waits until everything that landed is loaded: what failed because its workers were killed is tried again, as its user would. */
  private async comeToRest(): Promise<void> {
    const untilMs = Date.now() + restMs;
    while (Date.now() < untilMs) {
      await this.ledger.refresh();
      for (const { run } of this.died()) await this.commit('retry', run);
      if (this.openUploads === 0 && this.ledger.unended.length === 0 && this.died().length === 0) return;
      await sleep(250);
    }
    const open = this.uploads.filter((upload) => !upload.isReplaced && this.endingOf(upload) === undefined).map(({ key }) => key);
    this.unexpected.push(`no rest after ${restMs / 1_000} s; without outcome: ${open.join(', ')}`);
  }

  /** Runs that failed because their workers were killed too often. */
  private died(): readonly Ending[] {
    return this.ledger.endings.filter(({ code, outcome }) => outcome !== 'COMMITTED' && code === 'task.died');
  }

  /** What is to be in a table. Of what was replaced, that which was loaded before. */
  private expected(table: string): readonly SoakFile[] {
    const uploads = table === uploadsTable ? this.uploads : [];
    const loaded = uploads.filter((upload) => !upload.isReplaced || this.endingOf(upload)?.outcome === 'COMMITTED');
    return [...loaded.map(({ file }) => file), ...(this.given[table] ?? [])];
  }

  /** Failures that nothing here explains. */
  private failures(): readonly string[] {
    const replaced = new Set(this.uploads.filter(({ isReplaced }) => isReplaced).map(({ key, file }) => `${key} ${file.body.length}`));
    return this.ledger.endings
      .filter(({ outcome, code, keys, bytes }) => {
        const isExplained = replaced.has(`${keys[0]} ${bytes}`) && replacedCodes.includes(code ?? '');
        return outcome !== 'COMMITTED' && !isExplained;
      })
      .map(({ run, outcome, message }) => `${run} is ${outcome}: ${message}`);
  }

  private async report(): Promise<SoakReport> {
    await this.ledger.refresh();
    const { ledger, kills, typed, uploads, watchRestarts } = this;
    const tables = [uploadsTable, splitsTable];
    const comparisons: Record<string, Awaited<ReturnType<typeof compare>>> = {};
    for (const table of tables) comparisons[table] = await compare(join(this.folder.home, 'lake', table), this.expected(table));
    const outcomes = Object.groupBy(ledger.endings, ({ outcome, code }) => [outcome, code].filter((word) => word !== null).join(' '));
    return {
      seed: this.options.seed,
      uploads: uploads.length,
      files: tables.reduce((sum, table) => sum + this.expected(table).length, 0),
      kills: kills.counts,
      restarts: { watch: watchRestarts, ...typed.again },
      outcomes: Object.fromEntries(Object.entries(outcomes).map(([word, endings]) => [word, endings?.length ?? 0])),
      commits: ledger.commits,
      seconds: (Date.now() - this.startedMs) / 1_000,
      tables: comparisons,
      unended: ledger.unended,
      unexpected: [...this.unexpected, ...this.failures()],
      folder: this.folder.path,
    };
  }
}
