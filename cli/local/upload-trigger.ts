import { accessSync, constants } from 'node:fs';
import { LocalQueue } from '../../functions/adapters/local-queue.ts';
import { handleUpload, planUploadAgain, uploadRequest } from '../../functions/coordinator/handle-upload.ts';
import { asFanlakeError, type FanlakeError } from '../../functions/core/errors.ts';
import { jobFinder, type UploadJob } from '../../functions/core/job-of-key.ts';
import type { ObjectVersion } from '../../functions/core/ports.ts';
import type { Receipt } from '../../functions/core/receipt.ts';
import type { UploadMessage } from '../../functions/core/task.ts';
import { tableKeyOf, type Upload, uploadRun } from '../../functions/core/upload.ts';
import { buryUnplanned } from '../../functions/protocol/bury-unplanned.ts';
import { isOtherVersion } from '../../functions/protocol/documents.ts';
import { endOtherVersion } from '../../functions/protocol/end-other-version.ts';
import { partialOutcome } from '../../functions/protocol/in-the-table.ts';
import type { FoundRun } from '../../functions/protocol/look-up-run.ts';
import { takeUpRun } from '../../functions/protocol/take-up-run.ts';
import { endedRuns, unendedRuns } from './earlier-runs.ts';
import { LandedNotes } from './landed-notes.ts';
import type { LandedFile, LandingWatch } from './landing-watch.ts';
import type { LocalFanlake } from './local-fanlake.ts';
import { type OpenRun, OpenRuns } from './open-runs.ts';
import { shorterVersionReason } from './shorter-version.ts';
import { TableGates } from './table-gates.ts';
import type { WatchEvent } from './watch-events.ts';

/** Uploads that are planned side by side. */
const plannedAtOnce = 4;
/** How often planning is tried before the upload fails with what went wrong. */
const maxReceives = 5;
/** How often an upload is planned again because the table changed while it was computed. */
const maxReplans = 3;

export interface UploadTriggerOptions {
  readonly fanlake: LocalFanlake;
  readonly jobs: readonly UploadJob[];
  readonly landing: LandingWatch;
  readonly report: (event: WatchEvent) => void;
  /** This process can't go on. */
  readonly giveUp: (error: FanlakeError) => void;
}

/** Makes each landed file a run of its job, once: the coordinator's queue on this machine. */
export class UploadTrigger {
  private readonly options: UploadTriggerOptions;
  private readonly jobs: ReadonlyMap<string, UploadJob>;
  private readonly find: ReturnType<typeof jobFinder>;
  private readonly notes: LandedNotes;
  private readonly open: OpenRuns;
  private readonly gates: TableGates;
  private readonly deadRequests = new LocalQueue<UploadMessage>('dead requests');
  private readonly requests = new LocalQueue<UploadMessage>('requests', { maxReceives, deadLetters: this.deadRequests });
  /** Runs of which an outcome is known. */
  private readonly ended = new Set<string>();
  /** Files that wait for the end of a run of a shorter version of themselves. */
  private readonly parked = new Map<string, LandedFile[]>();
  private readonly offered: LandedFile[] = [];
  private readonly startedMs = Date.now();
  private taking = false;
  private stopped = false;
  /** Files whose runs had ended before this process began. */
  knownBefore = 0;

  constructor(options: UploadTriggerOptions) {
    const { fanlake, jobs } = options;
    this.options = options;
    this.jobs = new Map(jobs.map((job) => [job.name, job]));
    this.find = jobFinder(jobs);
    this.notes = new LandedNotes(fanlake.home.stores);
    this.open = new OpenRuns(
      fanlake,
      (open, receipt) => this.end(open, receipt),
      (open, epoch) => this.planLost(open, epoch),
    );
    this.gates = new TableGates(async (table) => (await fanlake.context.plan.logs.of(table).refresh()).version >= 0);
  }

  get openRuns(): number {
    return this.open.size;
  }

  /** Learns what was loaded before and goes on with what an earlier command left; from then on uploads are planned. */
  async begin(): Promise<void> {
    const { fanlake, jobs, report } = this.options;
    const { lake } = fanlake.home.stores;
    const ended = new Map<string, number>();
    for (const table of new Set(jobs.map(tableKeyOf))) for (const [run, epoch] of await endedRuns(lake, table)) ended.set(run, epoch);
    for (const run of ended.keys()) this.ended.add(run);
    fanlake.onJudged((messages) => void this.guard(() => this.checkAll(messages.map(({ run }) => run))));
    for await (const found of unendedRuns(fanlake.home, jobs, ended)) {
      if (this.stopped) return;
      const { run, table, plan } = found;
      this.ended.delete(run);
      const job = plan?.job.name ?? '';
      const object = this.objectOf(found);
      const key = object?.key ?? null;
      this.open.add({ run, job, table, object, landedMs: this.startedMs, replans: 0 });
      this.gates.occupy(table, run);
      report({ event: 'resumed', run, job, key });
      await takeUpRun(fanlake.context, found, null);
      await this.open.planned(run, found.epoch, false);
    }
    if (this.stopped) return;
    this.requests.consume(async ([delivery]) => this.plan(delivery?.body), { concurrency: plannedAtOnce });
    this.deadRequests.consume(async ([delivery]) =>
      this.bury(delivery?.body, asFanlakeError(delivery?.lastError?.message ?? 'it was never planned')),
    );
  }

  /** A complete file. */
  offer(file: LandedFile): void {
    this.offered.push(file);
    void this.guard(() => this.takeAll());
  }

  /** Finds the ends of runs that another process brought about. */
  async sweep(): Promise<void> {
    await this.open.sweep();
  }

  async stop(): Promise<void> {
    this.stopped = true;
    await Promise.all([this.requests.stop(), this.deadRequests.stop()]);
  }

  private async takeAll(): Promise<void> {
    if (this.taking) return;
    this.taking = true;
    try {
      for (let file = this.offered.shift(); file !== undefined && !this.stopped; file = this.offered.shift()) await this.take(file);
    } finally {
      this.taking = false;
    }
  }

  private async take(file: LandedFile): Promise<void> {
    const { fanlake, landing, report } = this.options;
    const { key } = file;
    const verdict = this.find(key);
    if (verdict.kind === 'ignored') return report({ event: 'ignored', key, reason: verdict.reason });
    const object = await fanlake.home.stores.landing.head(key);
    if (object === null || !landing.isStill(file)) return;
    const upload: Upload = { job: verdict.job, object };
    const run = uploadRun(upload);
    if (this.ended.has(run)) {
      this.knownBefore += 1;
      return;
    }
    if (this.open.has(run)) return;
    const path = fanlake.home.stores.landing.locate(key);
    if (!isReadable(path))
      return report({ event: 'held', key, reason: `${path} may not be read by this user. It is taken once its permissions allow it.` });
    if (await this.isGrown(upload, file)) return;
    await this.send(upload, run, file);
  }

  private async send(upload: Upload, run: string, { look }: LandedFile): Promise<void> {
    const { job, object } = upload;
    const table = tableKeyOf(job);
    await this.notes.add(upload);
    this.open.add({ run, job: job.name, table, object, landedMs: Math.max(look.changedMs, this.startedMs), replans: 0 });
    this.options.report({ event: 'landed', key: object.key, job: job.name, run, bytes: object.size });
    const go = async () => {
      await this.requests.send([{ kind: 'upload', job: job.name, object, epoch: 0 }]);
    };
    // a table of plain folders has no log that could tell its columns
    if (job.table.format === 'parquet') await go();
    else await this.gates.enter(table, run, go);
  }

  /** Whether a shorter version of the file is in the table (then it is held) or may come into it (then it waits). */
  private async isGrown(upload: Upload, file: LandedFile): Promise<boolean> {
    const { stores } = this.options.fanlake.home;
    for (const { run, object } of await this.notes.shorterThan(upload)) {
      if (this.open.has(run)) {
        this.parked.set(run, [...(this.parked.get(run) ?? []), file]);
        return true;
      }
      const reason = await shorterVersionReason(stores, tableKeyOf(upload.job), { run, object }, upload.object);
      if (reason === null) continue;
      this.options.report({ event: 'held', key: file.key, reason });
      return true;
    }
    return false;
  }

  private async plan(message: UploadMessage | undefined): Promise<undefined> {
    const upload = this.uploadOf(message);
    if (upload === null || this.stopped) return;
    const { context } = this.options.fanlake;
    const { run, epoch, plan, isLost } = await (upload.epoch === 0
      ? handleUpload(context, upload)
      : planUploadAgain(context, upload, upload.epoch));
    if (isLost) {
      const message = `${upload.object.key}: run ${run} was being committed when it was interrupted, and its plan is gone: whether its rows are in the table can't be told. It is not loaded again by itself.`;
      this.options.report({ event: 'notice', message });
    }
    await this.open.planned(run, epoch, plan === null);
  }

  private async bury(message: UploadMessage | undefined, error: FanlakeError): Promise<undefined> {
    const upload = this.uploadOf(message);
    if (upload === null) return;
    await this.guard(async () => {
      const request = uploadRequest(upload, upload.epoch);
      const buried = await buryUnplanned(this.options.fanlake.context, request, error).catch(async (thrown: unknown) => {
        if (!isOtherVersion(thrown)) throw thrown;
        await endOtherVersion(this.options.fanlake.context, request, thrown);
        return null;
      });
      await this.open.planned(request.run, buried?.plan.epoch ?? request.epoch, buried === null);
    });
  }

  private uploadOf(message: UploadMessage | undefined): (Upload & { readonly epoch: number }) | null {
    const job = this.jobs.get(message?.job ?? '');
    return job === undefined || message === undefined ? null : { job, object: message.object, epoch: message.epoch };
  }

  /** The object of a run that an upload made; null for one that a command made. */
  private objectOf({ run, plan }: FoundRun): ObjectVersion | null {
    const object = plan?.inline?.[0]?.splits[0]?.object;
    const job = this.jobs.get(plan?.job.name ?? '');
    return object !== undefined && job !== undefined && uploadRun({ job, object }) === run ? object : null;
  }

  private async checkAll(runs: readonly string[]): Promise<void> {
    for (const run of runs) await this.open.check(run);
  }

  private async end(open: OpenRun, receipt: Receipt): Promise<void> {
    if (receipt.error?.code === 'commit.conflict' && (await this.planAgain(open, receipt))) return;
    const { run, job, table, object, landedMs } = open;
    this.ended.add(run);
    this.options.report({
      event: 'ended',
      key: object?.key ?? null,
      job,
      run,
      outcome: receipt.outcome === 'ALREADY_COMMITTED' || receipt.outcome === null ? 'COMMITTED' : receipt.outcome,
      rows: receipt.rows.written,
      version: receipt.table.version,
      seconds: Math.max(0, Date.now() - landedMs) / 1000,
      error: receipt.error,
    });
    await this.gates.done(table, run);
    for (const file of this.parked.get(run) ?? []) this.offer(file);
    this.parked.delete(run);
  }

  /**
   * Plans an upload anew whose files didn't fit the table in the end: another process made or changed it meanwhile. What lands has nobody who
   * would type the command again.
   * @returns false when that was done often enough, or the run isn't an upload's
   */
  private async planAgain(open: OpenRun, { epoch, error }: Receipt): Promise<boolean> {
    const { run, job, table, object, replans } = open;
    if (object === null || replans >= maxReplans || (await this.isInTable(table, run))) return false;
    // before anything else: the run is open all the time
    this.open.add({ ...open, replans: replans + 1 });
    const message = `${object.key} (run ${run}) is planned again for the table as it is now. ${error?.message ?? ''}`;
    this.options.report({ event: 'notice', message });
    await this.requests.send([{ kind: 'upload', job, object, epoch: epoch + 1 }]);
    // others needn't wait for it: the table is there
    await this.gates.done(table, run);
    return true;
  }

  /** Plans an upload once more whose plan was lost: nobody has decided it, so nothing of it is in the table. */
  private async planLost({ run, job, table, object }: OpenRun, epoch: number): Promise<boolean> {
    if (object === null || (await this.isInTable(table, run))) return false;
    const message = `The plan of ${object.key} (run ${run}) is gone from the work folder: it is planned once more.`;
    this.options.report({ event: 'notice', message });
    await this.requests.send([{ kind: 'upload', job, object, epoch }]);
    return true;
  }

  /** Whether it is committed in part: planning the whole input again would double what is there. */
  private async isInTable(table: string, run: string): Promise<boolean> {
    return (await partialOutcome(this.options.fanlake.home.stores.lake, table, run)) !== null;
  }

  private async guard(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (thrown) {
      if (!this.stopped) this.options.giveUp(asFanlakeError(thrown));
    }
  }
}

function isReadable(path: string): boolean {
  try {
    accessSync(path, constants.R_OK);
    return true;
  } catch {
    return false;
  }
}
