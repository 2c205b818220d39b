import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { LocalStore } from '../../../functions/adapters/local-store.ts';
import { FanlakeError } from '../../../functions/core/errors.ts';
import type { MergeMessage, MergeTask, StageTasks } from '../../../functions/core/merge-task.ts';
import type { Plan, PlanDraft } from '../../../functions/core/plan.ts';
import type { ObjectStore, Queue } from '../../../functions/core/ports.ts';
import type { Receipt } from '../../../functions/core/receipt.ts';
import type { MergeStep } from '../../../functions/core/staged-query.ts';
import type { CommitMessage, DispatchMessage, MonitorMessage, Task, TaskMessage } from '../../../functions/core/task.ts';
import { watchEpoch } from '../../../functions/monitor/tick.ts';
import { buryTask } from '../../../functions/protocol/bury-task.ts';
import type { RunContext } from '../../../functions/protocol/context.ts';
import { readOutcome, readPlan } from '../../../functions/protocol/documents.ts';
import { openRemainder, remainderOf } from '../../../functions/protocol/open-next-epoch.ts';
import { PlanCache } from '../../../functions/protocol/plan-cache.ts';
import { dispatchPage, startEpoch } from '../../../functions/protocol/start-epoch.ts';
import { TableLog } from '../../../functions/protocol/table-log.ts';
import { TableLogs } from '../../../functions/protocol/table-logs.ts';
import { writePlan } from '../../../functions/protocol/write-plan.ts';
import { commitRuns } from '../../../functions/reducer/commit-runs.ts';
import type {
  Attempt,
  ComputedMerge,
  ComputedOutput,
  ComputedTask,
  MergeInput,
  TaskComputer,
} from '../../../functions/worker/computed-task.ts';
import { handleTask } from '../../../functions/worker/handle-task.ts';
import { Crash, CrashingStore, type CrashPlan } from './crashing-store.ts';
import { planOf } from './plan-of.ts';

interface Waiting<Message> {
  readonly body: Message;
  received: number;
}

/** A queue in an array: what isn't acknowledged stays. */
class ArrayQueue<Message> implements Queue<Message> {
  readonly waiting: Waiting<Message>[] = [];

  async send(messages: readonly Message[]): Promise<[]> {
    for (const body of messages) this.waiting.push({ body: structuredClone(body), received: 0 });
    return [];
  }
}

const splitBytes = 10;

/** What the computer of the world does with a task; default: one row. */
export type Fault = (task: Task, plan: Plan) => FanlakeError | 'wrong-start' | null;

/** A run of a few tasks over the real functions and the real local store, with the rows left out. */
export class TinyWorld {
  readonly lake: ObjectStore;
  private readonly tasks = new ArrayQueue<TaskMessage | MergeMessage | DispatchMessage>();
  private readonly commits = new ArrayQueue<CommitMessage>();
  private readonly monitor = new ArrayQueue<MonitorMessage>();
  private readonly root: string;
  private readonly crash: CrashPlan;
  private readonly taskCount: number;
  private readonly fault: Fault;
  private readonly steps: readonly MergeStep[];
  private nonce = 0;
  /** Milliseconds; moves on with each look. */
  private now = Date.UTC(2026, 0, 1);
  crashes = 0;

  /** @param options `steps`: merge stages behind the map stage; default: none */
  constructor(root: string, options: { crash: CrashPlan; tasks: number; fault?: Fault; steps?: readonly MergeStep[] }) {
    this.root = root;
    this.crash = options.crash;
    this.taskCount = options.tasks;
    this.fault = options.fault ?? (() => null);
    this.steps = options.steps ?? [];
    this.lake = new LocalStore(join(root, 'lake'), { durable: false });
  }

  private context(): RunContext {
    const store = (name: string) => new CrashingStore(new LocalStore(join(this.root, name), { durable: false }), this.crash);
    return {
      stores: { landing: store('landing'), work: store('work'), lake: store('lake') },
      tasks: this.tasks,
      // one worker is at work on both
      merges: this.tasks,
      commits: this.commits,
      monitor: this.monitor,
      clock: { now: () => (this.now += 1_000), sleep: async () => {} },
      nonces: { next: () => String(++this.nonce).padStart(12, '0') },
      announce: null,
    };
  }

  /** Plans the run and works until its outcome is there; a crash loses the process but not the queues. */
  async run(maxFailedTasks = 0): Promise<Receipt> {
    await this.survive(async () => {
      const { plan, created } = await writePlan(
        this.context(),
        draft(this.taskCount, maxFailedTasks, this.steps),
        tasksFor(this.taskCount),
      );
      await startEpoch(this.context(), plan, created);
    }, 'again');
    return this.work();
  }

  /** What `fanlake retry` does after PARTIAL. */
  async retryMissing(): Promise<Receipt> {
    const context = this.context();
    const plan = await readPlan(context.stores.work, { run, epoch: 0 });
    if (plan === null) throw new Error('the plan is gone');
    await openRemainder(context, plan, (await remainderOf(context.stores.work, plan)) ?? []);
    return this.work();
  }

  async work(): Promise<Receipt> {
    for (let step = 0; step < 5_000; step++) {
      await this.stepTasks();
      await this.stepCommits();
      const outcome = await this.newestOutcome();
      if (outcome !== null && this.tasks.waiting.length + this.commits.waiting.length === 0) return outcome;
      if (this.tasks.waiting.length + this.commits.waiting.length === 0) await this.stepMonitor();
    }
    throw new Error('the run never ended');
  }

  private async newestOutcome(): Promise<Receipt | null> {
    for (let epoch = 5; epoch >= 0; epoch--) {
      const work = new LocalStore(join(this.root, 'work'), { durable: false });
      if ((await readPlan(work, { run, epoch })) !== null) return readOutcome(this.lake, 'visits', { run, epoch });
    }
    return null;
  }

  private async stepTasks(): Promise<void> {
    const message = this.tasks.waiting[0];
    if (message === undefined) return;
    message.received += 1;
    const done = await this.survive(() => this.performTask(message));
    if (done) this.tasks.waiting.splice(this.tasks.waiting.indexOf(message), 1);
  }

  private async performTask({ body, received }: Waiting<TaskMessage | MergeMessage | DispatchMessage>): Promise<void> {
    const context = this.context();
    const plans = new PlanCache(context.stores.work);
    if (body.kind === 'dispatch') return dispatchPage(context, await plans.get(body), body.page, false);
    if (received > 3) {
      await buryTask(context, body, received, null);
      return;
    }
    const computer: TaskComputer = {
      open: async ({ folder }) => {
        await mkdir(folder, { recursive: true });
      },
      close: ({ folder }) => rm(folder, { recursive: true, force: true }),
      compute: (plan, task, { folder }) => this.compute(plan, task, folder),
      computeMerge: (_plan, stage, task, inputs, attempt) => this.merge(context.stores.work, stage, task, inputs, attempt),
      writeQuarantine: async () => {},
    };
    const delivery = { body, receiveCount: received, extend: async () => {}, retryIn: async () => {} };
    const worker = { ...context, computer, plans, requests: () => ({}), scratch: join(this.root, 'scratch') };
    try {
      await handleTask(worker, delivery);
    } catch (thrown) {
      // a transient error: the message comes again
      if (thrown instanceof FanlakeError && thrown.retryable && !(thrown.cause instanceof Crash)) return;
      throw thrown;
    }
  }

  private async compute(plan: Plan, task: Task, folder: string): Promise<ComputedTask> {
    const fault = this.fault(task, plan);
    if (fault instanceof FanlakeError) throw fault;
    const path = join(folder, 'rows');
    const row = `task ${task.splits[0]?.start}`;
    await writeFile(path, plan.staged === true ? JSON.stringify([row]) : row);
    const [split] = task.splits;
    if (split === undefined) throw new Error('a task without splits');
    const from = split.from ?? (fault === 'wrong-start' ? split.start + 3 : split.start);
    return {
      rows: { read: 1, filtered: 0, quarantined: 0, passed: 1, written: 1 },
      bytesCovered: splitBytes,
      chain: [
        {
          key: split.object.key,
          size: split.object.size,
          dataStart: 0,
          start: split.start,
          end: split.end,
          from,
          to: split.end,
          alternative: null,
        },
      ],
      bad: [],
      checksum: 'none',
      ...(plan.staged === true
        ? { files: [], output: outputOf(path, [row]) }
        : { files: [{ path, rows: 1, sizeBytes: 6, statistics: {}, partition: [] }] }),
    };
  }

  /** All rows as they are; in the last stage a file each. */
  private async merge(
    work: ObjectStore,
    { last }: StageTasks,
    { buckets: [from, to] }: MergeTask,
    inputs: readonly MergeInput[],
    { folder }: Attempt,
  ): Promise<ComputedMerge> {
    const rows: string[] = [];
    for (const { key } of inputs) {
      const object = await work.get(key);
      if (object === null) throw new FanlakeError('input.gone', `${key} is gone`);
      const all = JSON.parse(Buffer.from(object.body).toString()) as readonly string[];
      rows.push(...all.filter((row) => from <= bucketOf(row) && bucketOf(row) < to));
    }
    rows.sort((a, b) => bucketOf(a) - bucketOf(b));
    const path = join(folder, 'merged');
    await writeFile(path, JSON.stringify(rows));
    if (!last) return { consumed: rows.length, written: 0, files: [], output: outputOf(rows.length === 0 ? null : path, rows) };
    const files = rows.map((row, index) => ({ row, path: join(folder, `file-${index}`) }));
    for (const { row, path: file } of files) await writeFile(file, row);
    return {
      consumed: rows.length,
      written: rows.length,
      files: files.map((file) => ({ path: file.path, rows: 1, sizeBytes: 6, statistics: {}, partition: [] })),
      output: null,
    };
  }

  private async stepCommits(): Promise<void> {
    const batch = [...this.commits.waiting];
    if (batch.length === 0) return;
    const context = { ...this.context(), requests: () => ({}), uploads: null, onCheckpoint: null, engineVersion: 'test' };
    const done = await this.survive(async () => {
      const failed = await commitRuns(
        { ...context, logs: new TableLogs(context.stores.lake) },
        batch.map(({ body }) => body),
      );
      const crash = failed.find(({ error }) => error instanceof Crash);
      if (crash !== undefined) throw crash.error;
      if (failed.length > 0) throw failed[0]?.error;
    });
    if (done) for (const message of batch) this.commits.waiting.splice(this.commits.waiting.indexOf(message), 1);
  }

  private async stepMonitor(): Promise<void> {
    for (const message of [...this.monitor.waiting]) {
      message.received += 1;
      this.now += 3_600_000;
      await this.survive(async () => {
        if (await watchEpoch(this.context(), message.body)) this.monitor.waiting.splice(this.monitor.waiting.indexOf(message), 1);
      });
    }
  }

  /** Runs one process's work; false when it crashed. */
  private async survive(work: () => Promise<unknown>, then: 'again' | 'later' = 'later'): Promise<boolean> {
    try {
      await work();
      return true;
    } catch (thrown) {
      if (!(thrown instanceof Crash) && !(thrown instanceof FanlakeError && thrown.cause instanceof Crash)) throw thrown;
      this.crashes += 1;
      return then === 'again' ? this.survive(work, then) : false;
    }
  }

  /** The rows that are visible: what the files hold that the log adds, one for each add, sorted. */
  async visibleRows(): Promise<readonly string[]> {
    const log = new TableLog(this.lake, 'visits');
    const entries = await log.entriesSince(-1, (await log.refresh()).version);
    const rows: string[] = [];
    for (const action of entries.flatMap(({ actions }) => actions)) {
      if (!('add' in action)) continue;
      const object = await this.lake.get(`visits/${action.add.path}`);
      rows.push(object === null ? `missing ${action.add.path}` : Buffer.from(object.body).toString());
    }
    return rows.sort();
  }
}

export const run = 'visits-00000000000000000000';

export const allRows = (tasks: number): readonly string[] => Array.from({ length: tasks }, (_, task) => `task ${task * splitBytes}`).sort();

function tasksFor(count: number): readonly Task[] {
  const object = { key: 'landing/a.csv', version: 'v', size: count * splitBytes };
  return Array.from({ length: count }, (_, task) => ({
    task,
    splits: [{ object, layout: 0, start: task * splitBytes, end: (task + 1) * splitBytes }],
  }));
}

/** Tasks begin at tens: 0, 10, 20, ... */
const bucketOf = (row: string): number => Number(row.slice('task '.length)) % 64;

/** A row group each, of so many bytes that a task takes one. */
function outputOf(path: string | null, rows: readonly string[]): ComputedOutput {
  const mergeBytes = 64 * 2 ** 20;
  const groups = rows.map((row, index) => [bucketOf(row), bucketOf(row), 1, index * mergeBytes, (index + 1) * mergeBytes] as const);
  return { path, rows: rows.length, bytes: rows.length * mergeBytes, groups };
}

function draft(tasks: number, maxFailedTasks: number, steps: readonly MergeStep[]): PlanDraft {
  const {
    format: _format,
    nonce: _nonce,
    createdMs: _created,
    tasks: _tasks,
    inline: _inline,
    ...rest
  } = planOf({
    tasks,
    bytes: tasks * splitBytes,
    limits: { maxFailedTasks },
  });
  if (steps.length === 0) return { ...rest, run };
  const staged = { map: { sql: '', rowwise: true, counted: null }, steps };
  return { ...rest, run, staged: true, query: { ...rest.query, rowwise: false, staged } };
}
