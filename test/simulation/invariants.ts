import type { Decision } from '../../functions/core/decision.ts';
import type { ErrorCode, ErrorReport } from '../../functions/core/errors.ts';
import {
  decisionKey,
  foldKey,
  groupCount,
  outcomeKey,
  parseLedgerKey,
  partKey,
  planKey,
  stageSentKey,
  stageTasksKey,
} from '../../functions/core/keys.ts';
import type { MergeMessage, StoredStage } from '../../functions/core/merge-task.ts';
import type { Part } from '../../functions/core/part.ts';
import type { Plan } from '../../functions/core/plan.ts';
import type { MissingRange, Receipt } from '../../functions/core/receipt.ts';
import type { DispatchMessage, TaskMessage } from '../../functions/core/task.ts';
import { badMark } from './computer.ts';
import { minuteMs } from './limits.ts';
import { type Lines, linesOf } from './lines.ts';
import { countRow, type QueryKind } from './queries.ts';
import type { QueueState } from './queue-state.ts';
import type { StoreState } from './store-state.ts';
import { Violation } from './violation.ts';

/** One version of one object that landed, as the world knows it. */
export interface LandedUpload {
  readonly run: string;
  readonly table: string;
  readonly format: 'delta' | 'parquet';
  readonly key: string;
  readonly version: string;
  readonly body: string;
  readonly query: QueryKind;
  readonly maxBadRows: number;
  readonly maxFailedTasks: number;
  /** An epoch may take so long. */
  readonly deadlineMs: number;
}

/** What has happened that may be a reason for a run to fail. */
export interface Excuses {
  /** Ranges of tasks that were given up after deliveries of which each was disturbed by a fault: see {@link rangeId}. */
  readonly givenUpRanges: ReadonlySet<string>;
  /** Epochs, `<run>/e<epoch>`, of which such a task is, or which could not be planned in deliveries that were all disturbed. */
  readonly givenUpEpochs: ReadonlySet<string>;
  /** Runs of which the work root's objects expired. */
  readonly expired: ReadonlySet<string>;
  readonly cancelled: ReadonlySet<string>;
  /** Runs whose object was overwritten in a bucket without versions. */
  readonly overwritten: ReadonlySet<string>;
  /** Tables that another writer changed in a way that our files may not fit. */
  readonly changedTables: ReadonlySet<string>;
  /** How often that has happened since a run's upload landed: no change makes the files of two epochs not fit. */
  readonly changesSince: ReadonlyMap<string, number>;
  /** Tables of which another writer's VACUUM took files. */
  readonly vacuumed: ReadonlySet<string>;
  /** When something last went wrong with a run, or was done to it from outside, in milliseconds since 1970. */
  readonly troubleMs: ReadonlyMap<string, number>;
  /** The most by which a clock was off that somebody has looked at. */
  readonly clockErrorMs: number;
}

interface Roots {
  readonly work: StoreState;
  readonly lake: StoreState;
}

/** Objects that are written once and never again. */
export const immutable =
  /\/(?:plan\.json|decision\.json|outcome\.json|parts\/.*|plan\/.*\.json|_delta_log\/\d{20}\.(?:json|checkpoint\.parquet)|_manifest\/[^/]+\.json)$/;

const logEntry = /^(.*)\/_delta_log\/(\d{20})\.json$/;
const ourFile = /^(.+)-e(\d+)-\d{7}-[^/]*\.parquet$/;
interface LogLine {
  readonly add?: { readonly path: string };
  readonly remove?: { readonly path: string };
  readonly txn?: { readonly appId: string };
}

/** Long enough for a run to end when nothing goes wrong any more: the scheduler lets half a day pass at once (world.ts). */
const enoughMs = 20 * 60 * minuteMs;

/** A name for a range of a run's input. */
export const rangeId = (run: string, { start, end }: MissingRange): string => `${run} [${start}, ${end})`;

const parse = <Document>(body: Buffer): Document => JSON.parse(body.toString()) as Document;

/** What must hold after each write, and when everything has come to rest. */
export class Invariants {
  private readonly roots: Roots;
  private readonly uploads: ReadonlyMap<string, LandedUpload>;
  private readonly excuses: Excuses;
  private readonly announced: ReadonlySet<string> | null;

  /** @param announced epochs whose end was announced, `<run>/e<epoch>`, where that is looked at */
  constructor(roots: Roots, uploads: ReadonlyMap<string, LandedUpload>, excuses: Excuses, announced: ReadonlySet<string> | null = null) {
    this.announced = announced;
    this.roots = roots;
    this.uploads = uploads;
    this.excuses = excuses;
  }

  /** @param existed whether there was an object of the key */
  written(root: 'work' | 'lake', key: string, body: Buffer, existed: boolean): void {
    if (existed && immutable.test(key)) throw new Violation('a document never changes', `${root}/${key} was overwritten`);
    if (root === 'work') return;
    this.dataFile(key, existed);
    const entry = logEntry.exec(key);
    if (entry !== null) {
      this.transactions(entry[1] ?? '', body.toString());
      this.deltaRows(entry[1] ?? '');
      return;
    }
    const ledger = parseLedgerKey(key);
    if (ledger?.kind === 'outcome') this.outcome(key.slice(0, key.indexOf('/_fanlake/')), parse<Receipt>(body));
  }

  /** A data file has one writer; in a table without a log it is visible at once. */
  private dataFile(key: string, existed: boolean): void {
    if (key.includes('/_fanlake/')) return;
    const [, run = '', epoch] = ourFile.exec(key.slice(key.lastIndexOf('/') + 1)) ?? [];
    const upload = this.uploads.get(run);
    if (upload === undefined) return;
    if (upload.format === 'delta' && existed) throw new Violation('a document never changes', `${key} was overwritten`);
    if (upload.format === 'parquet' && this.decision(upload.table, { run, epoch: Number(epoch) })?.kind !== 'commit')
      throw new Violation('nothing is visible before its commit is decided', `${key} is there, and its epoch isn't decided to commit`);
  }

  deleted(root: 'work' | 'lake', key: string): void {
    if (immutable.test(key)) throw new Violation('a document never changes', `${key} was deleted`);
    if (root === 'lake' && this.liveFiles().has(key)) throw new Violation('a visible file stays', `${key} was deleted`);
  }

  private liveFiles(): ReadonlySet<string> {
    const tables = new Set([...this.uploads.values()].flatMap(({ table, format }) => (format === 'delta' ? [table] : [])));
    return new Set([...tables].flatMap((table) => [...this.deltaRows(table).values()].map((path) => `${table}/${path}`)));
  }

  /** Runs come into a log only when they may. */
  private transactions(table: string, entry: string): void {
    const lines = entry
      .split('\n')
      .filter((each) => each !== '')
      .map((line) => JSON.parse(line) as LogLine);
    const named = lines.flatMap(({ txn }) => (txn === undefined ? [] : [txn.appId]));
    for (const appId of named) this.transaction(table, appId);
    for (const { add } of lines) {
      const run = add === undefined ? undefined : ourFile.exec(decodeURIComponent(add.path.slice(add.path.lastIndexOf('/') + 1)))?.[1];
      if (run !== undefined && !named.some((appId) => appId.startsWith(`${run}/e`)))
        throw new Violation('nothing is visible before its commit is decided', `an entry has ${add?.path}, and doesn't name its run`);
    }
  }

  /** What a reader of a Delta table sees: each line and the file that it is in. */
  private deltaRows(table: string): ReadonlyMap<string, string> {
    const { objects } = this.roots.lake;
    const rows = new Map<string, string>();
    for (let version = 0; ; version++) {
      const entry = objects.get(`${table}/_delta_log/${String(version).padStart(20, '0')}.json`);
      if (entry === undefined) return rows;
      for (const line of entry.body
        .toString()
        .split('\n')
        .filter((each) => each !== '')) {
        const { add, remove } = JSON.parse(line) as LogLine;
        if (remove !== undefined) for (const [row, path] of rows) if (path === decodeURIComponent(remove.path)) rows.delete(row);
        if (add !== undefined) this.add(table, rows, decodeURIComponent(add.path));
      }
    }
  }

  private transaction(table: string, appId: string): void {
    const found = /^(.+)\/e(\d+)$/.exec(appId);
    if (found === null) return;
    const id = { run: found[1] ?? '', epoch: Number(found[2]) };
    const decision = this.decision(table, id);
    if (decision?.kind !== 'commit') {
      throw new Violation(
        'nothing is visible before its commit is decided',
        `${appId} is in the log, and its decision is ${decision?.kind ?? 'absent'}`,
      );
    }
    const outcome = this.roots.lake.objects.get(outcomeKey(table, id));
    if (outcome !== undefined)
      throw new Violation('an epoch that has ended changes no table', `${appId} came into the log behind its outcome`);
  }

  private add(table: string, rows: Map<string, string>, path: string): void {
    const object = this.roots.lake.objects.get(`${table}/${path}`);
    if (object === undefined) throw new Violation('a visible file is there', `${table}/${path} is in the log and not in the store`);
    for (const row of parse<readonly string[]>(object.body)) {
      const twice = rows.get(row);
      if (twice !== undefined) throw new Violation('no row is visible twice', `${row} is in ${twice} and in ${path}`);
      rows.set(row, path);
    }
  }

  private decision(table: string, id: { readonly run: string; readonly epoch: number }): Decision | null {
    const found = this.roots.lake.objects.get(decisionKey(table, id));
    return found === undefined ? null : parse<Decision>(found.body);
  }

  private outcome(table: string, receipt: Receipt): void {
    const { run, epoch, outcome, rows } = receipt;
    const id = `${run}/e${epoch} (${outcome})`;
    if (rows.read !== rows.filtered + rows.quarantined + rows.passed) throw new Violation('rows add up', `${id}: ${JSON.stringify(rows)}`);
    const decision = this.decision(table, receipt);
    const expected = outcome === 'CANCELLED' ? ['cancel'] : outcome === 'FAILED' ? ['fail', 'commit'] : ['commit'];
    if (!expected.includes(decision?.kind ?? 'absent'))
      throw new Violation('an outcome follows the decision', `${id}: decided ${decision?.kind ?? 'nothing'}`);
    this.figures(receipt);
    if (outcome === 'COMMITTED') this.conserved(receipt);
    if (outcome === 'FAILED') this.failed(receipt);
    else if (outcome !== 'CANCELLED') this.withinLimits(receipt);
    if (outcome === 'CANCELLED' && !this.excuses.cancelled.has(run)) throw new Violation('a run is cancelled when somebody cancels it', id);
    const upload = this.uploads.get(run);
    if (upload?.format === 'delta') this.compare(upload, this.deltaRows(table));
  }

  /** What a receipt says of rows and bytes is what the upload has. */
  private figures({ run, epoch, outcome, rows, bytes, missing }: Receipt): void {
    const upload = this.uploads.get(run);
    if (upload === undefined) return;
    const found = { written: rows.written, read: rows.read, input: bytes.input, covered: bytes.covered };
    if (outcome === 'FAILED' || outcome === 'CANCELLED') {
      this.expectFigures(run, epoch, found, { written: 0 });
      return;
    }
    // behind PARTIAL an epoch has what was missing, no more
    const before = this.outcomesOf(upload).findLast((other) => other.epoch < epoch && other.outcome === 'PARTIAL');
    const isToDo = (start: number): boolean => before === undefined || isWithin(before.missing, start);
    const [good, bad] = [goodLines(upload), badLines(upload)].map((lines) => lines.filter(({ start }) => isToDo(start)));
    if (good === undefined || bad === undefined) return;
    const size = Buffer.byteLength(upload.body);
    const whole = before === undefined ? { input: size } : {};
    if (outcome === 'PARTIAL') {
      const inTable = good.filter(({ start }) => !isWithin(missing, start));
      this.expectFigures(run, epoch, found, { ...whole, written: partOf(upload, inTable).length });
    } else {
      const covered = before === undefined ? { covered: size } : {};
      this.expectFigures(run, epoch, found, {
        ...{ ...whole, ...covered, written: answerOf(upload, good).length, read: good.length + bad.length },
      });
    }
  }

  private expectFigures(run: string, epoch: number, found: object, expected: object): void {
    const [is, should] = [JSON.stringify(found), JSON.stringify({ ...found, ...expected })];
    if (is !== should)
      throw new Violation("a receipt's figures are those of the upload", `${run}/e${epoch}: ${is}, and it should be ${should}`);
  }

  /** No run fails without a reason. */
  private failed({ run, epoch, error, seconds }: Receipt): void {
    const upload = this.uploads.get(run);
    if (upload === undefined) return;
    const bad = badLines(upload).length;
    const { givenUpEpochs, expired, overwritten, changedTables, changesSince, vacuumed } = this.excuses;
    const givenUp = givenUpEpochs.has(`${run}/e${epoch}`);
    const excused: Partial<Record<ErrorCode, boolean>> = {
      'rows.bad': bad > upload.maxBadRows,
      'task.died': givenUp,
      'task.memory': givenUp,
      'task.timeout': givenUp,
      'store.failed': givenUp,
      'input.changed': overwritten.has(run),
      'input.gone': overwritten.has(run),
      'run.deadline':
        this.tookMs(upload, epoch, seconds) >= upload.deadlineMs - 2 * this.excuses.clockErrorMs && !this.isHung(upload, epoch),
      'commit.conflict':
        this.conflictsOf(upload, epoch) < (changesSince.get(run) ?? 0) || (vacuumed.has(upload.table) && this.hasLost(upload.table, error)),
      'table.schema': changedTables.has(upload.table),
      'run.unknown': expired.has(run),
      'commit.unknown': expired.has(run),
    };
    if (error !== null && excused[error.code] === true) return;
    throw new Violation('no run fails without a reason', `${run}/e${epoch}: ${error?.code} ${error?.message}`);
  }

  /** From an epoch's plan to its decision, by the world's time and not by what a receipt says; where the plan is gone only that tells. */
  private tookMs({ run, table }: LandedUpload, epoch: number, seconds: number): number {
    const id = { run, epoch };
    const plan = this.roots.work.objects.get(planKey(id));
    const decision = this.roots.lake.objects.get(decisionKey(table, id));
    return plan === undefined || decision === undefined ? seconds * 1_000 : decision.modifiedMs - parse<Plan>(plan.body).createdMs;
  }

  /** Whether a run had all the time that it needed, and nothing kept it: a deadline is there for trouble, not for what nobody finishes. */
  private isHung({ run, table, deadlineMs }: LandedUpload, epoch: number): boolean {
    const endedMs = this.roots.lake.objects.get(outcomeKey(table, { run, epoch }))?.modifiedMs ?? 0;
    return deadlineMs > enoughMs && endedMs - (this.excuses.troubleMs.get(run) ?? 0) > enoughMs;
  }

  /** No more is missing or set aside than the job allows, and nothing without a reason. */
  private withinLimits({ run, epoch, outcome, rows, tasks, missing }: Receipt): void {
    const upload = this.uploads.get(run);
    if (upload === undefined) return;
    const id = `${run}/e${epoch} (${outcome})`;
    if (rows.quarantined > upload.maxBadRows || tasks.failed > upload.maxFailedTasks)
      throw new Violation(
        'a run keeps to the limits of its job',
        `${id}: ${rows.quarantined} rows set aside, ${tasks.failed} tasks failed`,
      );
    if ((outcome === 'PARTIAL') !== missing.length > 0)
      throw new Violation('PARTIAL says what is missing', `${id}: ${missing.length} ranges are missing`);
    for (const range of missing) {
      const bad = badLines(upload).filter(({ start, end }) => end > range.start && start < range.end).length;
      if (bad > upload.maxBadRows || this.excuses.givenUpRanges.has(rangeId(run, range)) || this.excuses.overwritten.has(run)) continue;
      throw new Violation('nothing is missing without a reason', `${id}: ${rangeId(run, range)}`);
    }
  }

  /**
   * A task's message is acknowledged when nobody needs it any more: with the last one of an epoch whose parts are all there, its groups are folded, and it is
   * decided or on its way to the reducer. Left to the monitor it would be late, not lost.
   */
  acknowledgedTask(body: string, tasks: readonly QueueState[], commits: readonly QueueState[]): void {
    const message = parseMessage(body);
    if (message === null || this.excuses.expired.has(message.run)) return;
    const { run, epoch } = message;
    const { objects } = this.roots.work;
    const stored = objects.get(planKey(message));
    if (stored === undefined || isOnItsWay(tasks, run, epoch)) return;
    const plan = parse<Plan>(stored.body);
    if (this.decision(plan.table.key, plan) !== null) return;
    const [stage, count] = this.newestStage(plan);
    const isThere = (count: number, keyOf: (index: number) => string): boolean =>
      Array.from({ length: count }, (_, index) => keyOf(index)).every((key) => objects.has(key));
    if (!isThere(count, (task) => partKey(plan, stage, task))) {
      if (this.isStillToBeSent(plan, stage)) return;
      throw new Violation('the last task hands its epoch on', `${run}/e${epoch}: nobody is at work on stage ${stage}`);
    }
    const isSingle = plan.tasks === 1 && plan.reuse.length === 0 && plan.staged !== true;
    const isFolded = isSingle || isThere(groupCount(count), (group) => foldKey(plan, stage, group));
    if (!isFolded || !isOnItsWay(commits, run, epoch))
      throw new Violation(
        'the last task hands its epoch on',
        `${run}/e${epoch}: ${isFolded ? 'nobody was asked to commit it' : 'its groups are not folded'}`,
      );
  }

  /**
   * Whether messages of a stage may be missing that no task's message stands for. Those of the first stage that has tasks: they may be those of a page that is still to be sent,
   * or their sender was given up. Those of a stage that a monitor has begun: it sends the rest at its next look.
   */
  private isStillToBeSent(plan: Plan, stage: number): boolean {
    if (stage === 0 || (stage === 1 && plan.tasks === 0)) return true;
    const { objects } = this.roots.work;
    const { byMonitor } = parse<StoredStage>(objects.get(stageTasksKey(plan, stage))?.body ?? Buffer.from('{}'));
    return byMonitor === true && !objects.has(stageSentKey(plan, stage));
  }

  /** The stage that has begun last, and how many tasks it has. */
  private newestStage(plan: Plan): readonly [stage: number, tasks: number] {
    let newest: readonly [number, number] = [0, plan.tasks];
    for (let stage = 1; plan.staged === true; stage++) {
      const stored = this.roots.work.objects.get(stageTasksKey(plan, stage));
      if (stored === undefined) break;
      newest = [stage, parse<StoredStage>(stored.body).tasks.length];
    }
    return newest;
  }

  /** The tasks of each stage have taken what those of the stage before them have handed on, and of a committed run there is a last one. */
  private conserved(id: { readonly run: string; readonly epoch: number }): void {
    const stored = this.roots.work.objects.get(planKey(id));
    if (stored === undefined || this.excuses.expired.has(id.run)) return;
    const plan = parse<Plan>(stored.body);
    if (plan.staged !== true) return;
    let handedOn = this.rowsOf(plan, 0, plan.tasks).handedOn;
    for (const { epoch, tasks } of plan.reuse) {
      const earlier = this.roots.work.objects.get(planKey({ run: plan.run, epoch }));
      if (earlier === undefined) return;
      for (const [from, to] of tasks) handedOn += this.rowsOf(parse<Plan>(earlier.body), 0, to, from).handedOn;
    }
    const [last] = this.newestStage(plan);
    for (let stage = 1; stage <= last; stage++) {
      const tasks = parse<StoredStage>(this.roots.work.objects.get(stageTasksKey(plan, stage))?.body ?? Buffer.of());
      const rows = this.rowsOf(plan, stage, tasks.tasks.length);
      if (rows.consumed !== handedOn)
        throw new Violation(
          'rows are conserved between stages',
          `${id.run}/e${id.epoch}: stage ${stage} took ${rows.consumed} of ${handedOn}`,
        );
      if (stage === last && !tasks.last) throw new Violation('a run is committed behind its last stage', `${id.run}/e${id.epoch}`);
      handedOn = rows.handedOn;
    }
    if (last === 0) throw new Violation('a run is committed behind its last stage', `${id.run}/e${id.epoch}`);
  }

  private rowsOf(plan: Plan, stage: number, to: number, from = 0): { readonly handedOn: number; readonly consumed: number } {
    let [handedOn, consumed] = [0, 0];
    for (let task = from; task < to; task++) {
      const stored = this.roots.work.objects.get(partKey(plan, stage, task));
      const part = stored === undefined ? null : parse<Part>(stored.body);
      if (part?.kind !== 'done') continue;
      handedOn += part.output?.rows ?? 0;
      consumed += part.consumed ?? 0;
    }
    return { handedOn, consumed };
  }

  /** Epochs of a run before this one whose files didn't fit the table; none behind a PARTIAL, of which the rest can only be loaded as it was planned. */
  private conflictsOf(upload: LandedUpload, before: number): number {
    const earlier = this.outcomesOf(upload).filter(({ epoch }) => epoch < before);
    return earlier.some(({ outcome }) => outcome === 'PARTIAL') ? 0 : earlier.filter((receipt) => this.isConflict(receipt)).length;
  }

  /** Whether the files of a run's newest epoch that has ended didn't fit the table. */
  hasConflict(upload: LandedUpload): boolean {
    const newest = this.outcomesOf(upload).at(-1);
    return newest !== undefined && this.isConflict(newest);
  }

  private isConflict({ error }: Receipt): boolean {
    return error?.code === 'commit.conflict' && error.details['lost'] === undefined;
  }

  /** Whether files are gone, as an error says: only another writer's VACUUM takes any. */
  private hasLost(table: string, error: ErrorReport | null): boolean {
    const lost = error?.details['lost'] as readonly string[] | undefined;
    return lost?.every((path) => !this.roots.lake.objects.has(`${table}/${path}`)) ?? false;
  }

  /** Outcomes of a run, oldest first. */
  private outcomesOf({ table, run }: LandedUpload): readonly Receipt[] {
    const prefix = `${table}/_fanlake/${run}/`;
    return this.roots.lake
      .keys()
      .filter((key) => key.startsWith(prefix) && key.endsWith('/outcome.json'))
      .map((key) => parse<Receipt>(this.roots.lake.objects.get(key)?.body ?? Buffer.of()))
      .sort((a, b) => a.epoch - b.epoch);
  }

  /** The rows that a run's outcomes say are in the table. */
  private expectedRows(upload: LandedUpload): readonly string[] {
    const inTable = this.outcomesOf(upload).filter(({ outcome }) => outcome === 'COMMITTED' || outcome === 'PARTIAL');
    const last = inTable.at(-1);
    if (last === undefined) return [];
    const good = goodLines(upload);
    if (last.outcome === 'COMMITTED') return answerOf(upload, good);
    return partOf(
      upload,
      good.filter(({ start }) => !isWithin(last.missing, start)),
    );
  }

  /** Whether exactly those of a run's rows are visible that its outcomes name. */
  private compare(upload: LandedUpload, visible: ReadonlyMap<string, string>): void {
    // of such a run a person has to look
    if (this.outcomesOf(upload).some(({ error }) => error?.code === 'commit.unknown') && this.excuses.expired.has(upload.run)) return;
    const found = [...visible]
      .filter(([, path]) => ourFile.exec(path.slice(path.lastIndexOf('/') + 1))?.[1] === upload.run)
      .map(([row]) => row);
    const expected = this.expectedRows(upload);
    const sorted = (rows: readonly string[]): string => [...rows].sort().join(' ');
    if (sorted(found) === sorted(expected)) return;
    const words = this.outcomesOf(upload).map(({ epoch, outcome }) => `e${epoch} ${outcome}`);
    throw new Violation(
      'the table has what the outcomes say',
      `${upload.run} (${words.join(', ')}) has [${sorted(found)}] and should have [${sorted(expected)}]`,
    );
  }

  /** When nothing is under way any more. */
  atRest(): void {
    for (const upload of this.uploads.values()) {
      const { run, table, format } = upload;
      const newest = this.newestEpoch(upload);
      if (newest < 0) throw new Violation('every upload becomes a run', `${upload.key} of ${run} has neither plan nor decision`);
      if (!this.roots.lake.objects.has(outcomeKey(table, { run, epoch: newest }))) {
        throw new Violation('every run ends', `${run}/e${newest} has no outcome, and nothing is under way`);
      }
      this.compare(upload, format === 'delta' ? this.deltaRows(table) : this.hiveRows(table));
      // an earlier one may have been overtaken by a retry
      if (this.announced?.has(`${run}/e${newest}`) === false && !this.excuses.expired.has(run))
        throw new Violation('the end of a run is announced', `${run}/e${newest}`);
    }
  }

  private newestEpoch({ run, table }: LandedUpload): number {
    let newest = -1;
    for (let epoch = 0; epoch < 60; epoch++) {
      const id = { run, epoch };
      if (this.roots.work.objects.has(planKey(id)) || this.roots.lake.objects.has(decisionKey(table, id))) newest = epoch;
    }
    return newest;
  }

  /** What a reader of a table's folders sees. */
  private hiveRows(table: string): ReadonlyMap<string, string> {
    const rows = new Map<string, string>();
    for (const key of this.roots.lake.keys()) {
      if (!key.startsWith(`${table}/`) || key.includes('/_fanlake/') || !key.endsWith('.parquet')) continue;
      for (const row of parse<readonly string[]>(this.roots.lake.objects.get(key)?.body ?? Buffer.of())) {
        const twice = rows.get(row);
        if (twice !== undefined) throw new Violation('no row is visible twice', `${row} is in ${twice} and in ${key}`);
        rows.set(row, key.slice(table.length + 1));
      }
    }
    return rows;
  }
}

const goodLines = ({ body }: LandedUpload): Lines => linesOf(body).filter(({ text }) => !text.startsWith(badMark));
const badLines = ({ body }: LandedUpload): Lines => linesOf(body).filter(({ text }) => text.startsWith(badMark));

/** Whether what begins there is in one of some ranges. */
const isWithin = (ranges: readonly MissingRange[], start: number): boolean =>
  ranges.some((range) => range.start <= start && start < range.end);

/** The answer of a run's query over its lines. */
function answerOf({ query, run }: LandedUpload, lines: Lines): readonly string[] {
  const texts = lines.map(({ text }) => text);
  if (query === 'count') return [countRow(run, texts.length)];
  return query === 'lines' ? texts : [...new Set(texts)];
}

/** What is in the table of a run that is committed in part: of a query that looks at several rows there is a part only where its one task failed. */
const partOf = (upload: LandedUpload, lines: Lines): readonly string[] =>
  upload.query === 'count' && lines.length === 0 ? [] : answerOf(upload, lines);

/** The message of a task, or of a page of them. */
function parseMessage(body: string): TaskMessage | MergeMessage | DispatchMessage | null {
  const message = JSON.parse(body) as TaskMessage | MergeMessage | DispatchMessage;
  return message.kind === 'task' || message.kind === 'merge' || message.kind === 'dispatch' ? message : null;
}

/** Whether there is a message of an epoch. */
function isOnItsWay(queues: readonly QueueState[], run: string, epoch: number): boolean {
  return queues.some((queue) =>
    [...queue.messages.values()].some(({ body }) => {
      const message = JSON.parse(body) as { readonly run?: string; readonly epoch?: number };
      return message.run === run && message.epoch === epoch;
    }),
  );
}
