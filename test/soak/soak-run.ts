import { setTimeout as sleep } from 'node:timers/promises';
import { signal } from '../e2e/worker-processes.ts';
import { Random } from '../simulation/random.ts';
import { type Comparison, compare } from './comparison.ts';
import { Kills, type Victim } from './kills.ts';
import { type Ending, Ledger, type Place } from './ledger.ts';
import type { SoakProgress, SoakReport } from './report.ts';
import { type SoakFile, SoakFiles } from './soak-files.ts';
import { splitsQuery, splitsTable, uploadJobs, uploadsTable } from './soak-jobs.ts';
import { TypedCommands, type TypedName } from './typed-commands.ts';

export interface SoakOptions {
  /** Of load and kills; coming to rest and comparing come on top. */
  readonly loadMs: number;
  readonly seed: number;
  readonly onProgress: (progress: SoakProgress) => void;
}

/** Where a soak takes place. */
export interface SoakPlace<Kind extends string> {
  /** A folder of its own, in which commands are typed. */
  readonly path: string;
  /** What commands are told about the place. */
  readonly commandOptions: readonly string[];
  readonly ledger: Place;
  /** How often the ledger is looked at. */
  readonly lookEveryMs: number;
  /** Milliseconds between two kills, `[from, to]`. */
  readonly killEveryMs: readonly [number, number];
  /** How often a kind of process is killed against the others. */
  readonly shares: Readonly<Record<Kind, number>>;
  /** What the run of an upload may fail with when another took its place before it was read; none where versions are kept. */
  readonly replacedCodes: readonly string[];
}

interface Upload {
  readonly key: string;
  readonly file: SoakFile;
  /** Another one took its place, and it may not have been read. */
  isReplaced: boolean;
}

/** Uploads without an outcome beyond which nothing more lands for a while. */
const mostOpen = 30;
const restMs = 300_000;
/** How much longer than it was to there is load, and how many runs have ended under it by then, when little has happened. */
const busyMs = 90_000;
const leastEndings = 10;
const tables = [uploadsTable, splitsTable];

const rowsOf = (files: readonly SoakFile[]): number => files.reduce((sum, { rows }) => sum + rows, 0);

/** Load, kills, rest, and the comparison of tables with files, wherever it is. */
export abstract class SoakRun<Kind extends string> {
  protected readonly random: Random;
  protected readonly files: SoakFiles;
  protected readonly typed: TypedCommands;
  protected readonly kills: Kills<Kind>;
  protected readonly unexpected: string[] = [];
  protected isOver = false;
  private readonly options: SoakOptions;
  private readonly place: SoakPlace<Kind>;
  private readonly ledger: Ledger;
  private readonly uploads: Upload[] = [];
  /** Files of typed runs, by table. */
  private readonly given: Record<string, SoakFile[]> = { [uploadsTable]: [], [splitsTable]: [] };
  private readonly startedMs = Date.now();
  private phase: SoakProgress['phase'] = 'load';

  constructor(options: SoakOptions, place: SoakPlace<Kind>) {
    this.options = options;
    this.place = place;
    this.random = new Random(options.seed);
    this.files = new SoakFiles(`${place.path}/kept`, this.random);
    this.ledger = new Ledger(place.ledger);
    this.typed = new TypedCommands(place.path, place.commandOptions);
    this.kills = new Kills(place.shares, this.random);
  }

  /** Has a file land as a whole. */
  protected abstract land(key: string, body: Uint8Array): Promise<void>;
  /** Puts a file where no job looks. @param folder of its own, as `--input` takes it */
  protected abstract put(folder: string, name: string, body: Uint8Array): Promise<void>;
  /** Who may be killed now. */
  protected abstract victims(): readonly Victim<Kind>[];
  /** Where a table is on this disk, as it is now. */
  protected abstract tablePath(table: string): Promise<string>;
  /** Ends what was working all the time. */
  protected abstract settle(): Promise<void>;
  /** Commands that were started again after a kill, besides those that were typed. */
  protected readonly restarts: Record<string, number> = {};
  /** Commands to type besides, each as likely as its weight says. */
  protected readonly more: readonly { readonly weight: number; readonly type: () => Promise<void> }[] = [];

  /** Everything, to the end. */
  async run(): Promise<SoakReport> {
    const untilMs = this.startedMs + this.options.loadMs;
    const isLoad = (): boolean => Date.now() < untilMs || (Date.now() < untilMs + busyMs && !this.wasTrying());
    const looking = this.lookOn();
    await Promise.all([this.drop(isLoad), this.typeCommands(isLoad), this.killAll(isLoad)]);
    this.phase = 'rest';
    await this.comeToRest();
    this.isOver = true;
    await Promise.all([this.settle(), looking]);
    return await this.report();
  }

  /** Whether enough has happened that could have gone wrong: on a busy machine that takes longer than a short load lasts. */
  private wasTrying(): boolean {
    const isGiven = tables.every((table) => this.given[table]?.length !== 0);
    const kills = Object.entries<number>(this.kills.counts).filter(([kind]) => kind !== 'retry');
    return isGiven && kills.every(([, count]) => count > 0) && this.ledger.endings.length >= leastEndings;
  }

  /** Kills the command under way. */
  protected endTyped(): void {
    this.isOver = true;
    const { current } = this.typed;
    if (current !== null) signal(-current.pid, 'SIGKILL');
  }

  private async lookOn(): Promise<void> {
    while (!this.isOver) {
      await this.ledger.refresh();
      const { phase, uploads, ledger, kills } = this;
      const rows = rowsOf([...uploads.map(({ file }) => file), ...this.allGiven]);
      const elapsedMs = Date.now() - this.startedMs;
      const counts = { uploads: uploads.length, open: this.openUploads.length, kills: kills.total, commits: ledger.commits };
      this.options.onProgress({ phase, elapsedMs, rows, ...counts });
      await sleep(this.place.lookEveryMs);
    }
  }

  private get allGiven(): readonly SoakFile[] {
    return Object.values(this.given).flat();
  }

  private endingOf({ key, file }: Upload): Ending | undefined {
    return this.ledger.endingOf(key, file.body.length);
  }

  /** Uploads that must end and haven't, as far as the last look told. */
  private get openUploads(): readonly Upload[] {
    return this.uploads.filter((upload) => !upload.isReplaced && this.endingOf(upload) === undefined);
  }

  private async drop(isLoad: () => boolean): Promise<void> {
    while (isLoad()) {
      if (this.openUploads.length < mostOpen) {
        const before = this.random.chance(0.12) ? this.replaceable() : null;
        if (before === null) await this.upload(this.newKey());
        else await this.replace(before);
      }
      await sleep(this.random.between(100, 600));
    }
  }

  private newKey(): { readonly key: string; readonly file: SoakFile } {
    const file = this.files.any();
    const job = this.random.chance(0.25) ? 'calls' : 'visits';
    const inFolder = this.random.chance(0.2) ? `day-${file.number % 7}/` : '';
    return { key: `landing/${job}/${inFolder}${file.number}${file.ending}`, file };
  }

  /** A recent upload that may be replaced by a shorter one: `watch` holds a longer one as the same file grown. */
  private replaceable(): Upload | null {
    const newest = new Map(this.uploads.slice(-20).map((upload) => [upload.key, upload]));
    const candidates = [...newest.values()].filter(({ isReplaced, file }) => !isReplaced && file.ending === '.csv' && file.rows >= 20);
    return candidates.length === 0 ? null : this.random.pick(candidates);
  }

  private async replace(before: Upload): Promise<void> {
    // where versions are kept both are loaded
    before.isReplaced = this.place.replacedCodes.length > 0;
    await this.upload({ key: before.key, file: this.files.make(this.random.between(4, Math.floor(before.file.rows / 2))) });
  }

  private async upload({ key, file }: { readonly key: string; readonly file: SoakFile }): Promise<void> {
    await this.land(key, file.body);
    this.uploads.push({ key, file, isReplaced: false });
  }

  /** One command after another: each once, then as it comes. */
  private async typeCommands(isLoad: () => boolean): Promise<void> {
    const kinds = [
      { weight: 4, type: () => this.runOverMany() },
      { weight: 4, type: () => this.runInSplits() },
      { weight: 2, type: () => this.retryAny() },
      ...this.more,
    ];
    for (let typed = 0; isLoad(); typed++) {
      const kind = kinds[typed] ?? this.random.weighted(kinds);
      await kind?.type();
    }
  }

  /** Puts files into a folder, and remembers that their rows are to be in a table. @returns the folder */
  protected async give(table: string, files: readonly SoakFile[]): Promise<string> {
    const folder = `given/${this.allGiven.length}/`;
    for (const { number, ending, body } of files) await this.put(folder, `${number}${ending}`, body);
    this.given[table]?.push(...files);
    return folder;
  }

  private async runOverMany(): Promise<void> {
    const files = Array.from({ length: this.random.between(2, 15) }, () => this.files.any());
    await this.commit('run', this.random.pick(uploadJobs), '--input', await this.give(uploadsTable, files));
  }

  private async runInSplits(): Promise<void> {
    const folder = await this.give(splitsTable, [this.files.make(this.random.between(5_000, 40_000)), this.files.any()]);
    const splitSize = this.random.pick(['7KiB', '64KiB', '200KiB']);
    await this.commit('run', '--query', splitsQuery, '--table', splitsTable, '--input', folder, '--split-size', splitSize);
  }

  /** Goes on with any run, whatever its state: that must never load anything twice. */
  private async retryAny(): Promise<void> {
    const { runs } = this.ledger;
    if (runs.length === 0) return;
    const run = this.random.pick(runs);
    const answer = await this.typed.commit('retry', run);
    if (answer.exitCode === 0 || this.place.replacedCodes.includes(answer.code ?? '')) return;
    this.unexpected.push(`fanlake retry ${run} ended with ${answer.exitCode}: ${answer.output.slice(0, 2_000)}`);
  }

  /** Types a command until its run is committed. */
  protected async commit(name: TypedName, ...args: readonly string[]): Promise<void> {
    const { exitCode, output } = await this.typed.commit(name, ...args);
    if (exitCode !== 0) this.unexpected.push(`fanlake ${name} ${args.join(' ')} ended with ${exitCode}: ${output.slice(0, 2_000)}`);
  }

  private async killAll(isLoad: () => boolean): Promise<void> {
    while (isLoad()) {
      await sleep(this.random.between(...this.place.killEveryMs));
      this.kills.one(this.victims());
    }
  }

  /** Waits until everything that landed is loaded: what failed because its workers were killed is tried again, as its user would. */
  private async comeToRest(): Promise<void> {
    const untilMs = Date.now() + restMs;
    while (Date.now() < untilMs) {
      await this.ledger.refresh();
      for (const { run } of this.died) await this.commit('retry', run);
      if (this.openUploads.length + this.ledger.unended.length + this.died.length === 0) return;
      await sleep(this.place.lookEveryMs / 4);
    }
    const open = this.openUploads.map(({ key }) => key);
    this.unexpected.push(`no rest after ${restMs / 1_000} s; without outcome: ${open.join(', ')}`);
  }

  /** Runs that failed because their workers were killed too often. */
  private get died(): readonly Ending[] {
    return this.ledger.endings.filter(({ code, outcome }) => outcome !== 'COMMITTED' && code === 'task.died');
  }

  /** What is to be in a table. Of what was replaced, that which was loaded before. */
  private expected(table: string): readonly SoakFile[] {
    const uploads = table === uploadsTable ? this.uploads : [];
    const loaded = uploads.filter((upload) => !upload.isReplaced || this.endingOf(upload)?.outcome === 'COMMITTED');
    return [...loaded.map(({ file }) => file), ...(this.given[table] ?? [])];
  }

  /** Failures that nothing here explains. */
  private get failures(): readonly string[] {
    const replaced = this.uploads.filter(({ isReplaced }) => isReplaced).map((upload) => this.endingOf(upload));
    const isExplained = (ending: Ending): boolean => replaced.includes(ending) && this.place.replacedCodes.includes(ending.code ?? '');
    return this.ledger.endings
      .filter((ending) => ending.outcome !== 'COMMITTED' && !isExplained(ending))
      .map(({ run, outcome, message }) => `${run} is ${outcome}: ${message}`);
  }

  private async report(): Promise<SoakReport> {
    await this.ledger.refresh();
    const { ledger, kills, typed, uploads } = this;
    const comparisons: Record<string, Comparison> = {};
    for (const table of tables) comparisons[table] = await compare(await this.tablePath(table), this.expected(table));
    const outcomes: Record<string, number> = {};
    for (const { outcome, code } of ledger.endings) {
      const word = code === null ? outcome : `${outcome} ${code}`;
      outcomes[word] = (outcomes[word] ?? 0) + 1;
    }
    return {
      seed: this.options.seed,
      uploads: uploads.length,
      files: tables.reduce((sum, table) => sum + this.expected(table).length, 0),
      kills: kills.counts,
      restarts: { ...this.restarts, ...typed.again },
      outcomes,
      commits: ledger.commits,
      seconds: (Date.now() - this.startedMs) / 1_000,
      tables: comparisons,
      unended: ledger.unended,
      unexpected: [...this.unexpected, ...this.failures],
      folder: this.place.path,
    };
  }
}
