import { join } from 'node:path';
import type { DataFile, WrittenFile } from '../core/data-file.ts';
import { asFanlakeError, type ErrorReport, FanlakeError } from '../core/errors.ts';
import { nothingIgnored } from '../core/ignored-keys.ts';
import { dataFileName, partKey, pendingFolder, quarantineKey } from '../core/keys.ts';
import { type DonePart, type Part, type RequestCounts, subtractRequests } from '../core/part.ts';
import type { BadRecord } from '../core/piece.ts';
import type { Plan } from '../core/plan.ts';
import type { Delivery } from '../core/ports.ts';
import type { DeltaStruct } from '../core/table-log/delta-types.ts';
import { partitionFolder } from '../core/table-log/hive-path.ts';
import { partitionValueOf } from '../core/table-log/partition-value.ts';
import { schemaOf } from '../core/table-log/schema.ts';
import { deltaStatistics } from '../core/table-log/statistics.ts';
import type { Task, TaskMessage } from '../core/task.ts';
import type { RunContext } from '../protocol/context.ts';
import { readDecision } from '../protocol/documents.ts';
import { fulfilDuties } from '../protocol/duties.ts';
import { failedPart, finishTask } from '../protocol/finish-task.ts';
import type { Attempt, ComputedTask, TaskComputer } from './computed-task.ts';
import { TaskError } from './task-error.ts';

export interface WorkerContext extends RunContext {
  readonly computer: TaskComputer;
  /** Answers a run's plan, read once a worker. */
  readonly plans: { get(id: { run: string; epoch: number; plan?: string }): Promise<Plan> };
  /** Requests of this process so far. */
  readonly requests: () => RequestCounts;
  /** A folder of this process's own. */
  readonly scratch: string;
}

/** A message that waited so long may be the second one of its task, or its run may be cancelled: two looks are cheaper than the work. */
const oldMs = 60_000;

/** Offenders of a failed task that are kept in quarantine. */
const keptOffenders = 1_000;

/** What a delivery of a task came to. `left alone`: another attempt's part counts, or the task isn't wanted any more. */
export type TaskEnd =
  | { readonly kind: 'done' }
  | { readonly kind: 'failed'; readonly error: ErrorReport }
  | { readonly kind: 'left alone' };

const leftAlone: TaskEnd = { kind: 'left alone' };

/**
 * One delivery of a task (protocol.md, Task t of stage s): computes it, creates its part, climbs the barrier. A permanent error becomes a
 * failed part at once, since retries would not help; a transient one is thrown, so that the message comes again.
 */
export async function handleTask(context: WorkerContext, delivery: Delivery<TaskMessage>): Promise<TaskEnd> {
  const { body } = delivery;
  const { work, lake } = context.stores;
  const plan = await context.plans.get(body);
  // whoever planned anew what was lost has sent its own tasks
  if (plan.nonce !== body.plan) return leftAlone;
  const key = partKey(plan, body.stage, body.task.task);
  const mayBeDone = delivery.receiveCount > 1 || (delivery.ageMs ?? 0) > oldMs;
  if (mayBeDone) {
    const decision = await readDecision(lake, plan.table.key, body);
    if (decision !== null) {
      await fulfilDuties(context, decision);
      return leftAlone;
    }
  }
  let end = leftAlone;
  if (!mayBeDone || (await work.head(key)) === null) {
    const part = await attemptTask(context, plan, body.task, delivery.receiveCount);
    // null: another attempt won; its files count and ours are orphans
    if ((await work.create(key, JSON.stringify(part))) !== null) end = endOf(part);
  }
  // not acknowledged before this, also where the part was found: its writer may have died here
  await finishTask(context, plan, body.task.task);
  return end;
}

const endOf = (part: Part): TaskEnd => (part.kind === 'failed' ? { kind: 'failed', error: part.error } : { kind: 'done' });

async function attemptTask(context: WorkerContext, plan: Plan, task: Task, receiveCount: number): Promise<Part> {
  const nonce = context.nonces.next();
  const requestsBefore = context.requests();
  const startedMs = context.clock.now();
  const attempt: Attempt = { nonce, receiveCount, folder: join(context.scratch, nonce) };
  const base = { format: 1, task: task.task, nonce, attempts: receiveCount, beganMs: startedMs } as const;
  const seconds = (): number => (context.clock.now() - startedMs) / 1000;
  const taken = (): RequestCounts => subtractRequests(context.requests(), requestsBefore);
  await context.computer.open(attempt);
  try {
    const computed = await context.computer.compute(plan, task, attempt);
    const done = await storeResults(context, plan, task.task, computed, attempt);
    return { ...base, ...done, seconds: seconds(), requests: taken() };
  } catch (thrown) {
    const failure = thrown instanceof TaskError ? thrown : null;
    const error = failure?.error ?? asFanlakeError(thrown);
    if (error.retryable) throw error;
    const quarantine = await storeQuarantine(context, plan, task.task, failure?.offenders.slice(0, keptOffenders) ?? [], attempt);
    return { ...base, ...failedPart(task, error), chain: failure?.chain ?? [], quarantine, seconds: seconds(), requests: taken() };
  } finally {
    await context.computer.close(attempt);
  }
}

type Results = Omit<DonePart, 'format' | 'task' | 'nonce' | 'attempts' | 'seconds' | 'beganMs' | 'requests'>;

async function storeResults(context: WorkerContext, plan: Plan, task: number, computed: ComputedTask, attempt: Attempt): Promise<Results> {
  const { rows, bytesCovered, chain, checksum, ignored = nothingIgnored } = computed;
  const quarantine = await storeQuarantine(context, plan, task, computed.bad, attempt);
  const files: DataFile[] = [];
  const schema = schemaOf(plan.table.columns);
  const fields = schema.fields.filter(({ name }) => !plan.table.partitionBy.includes(name));
  checkPartitionValues(schema, computed.files);
  for (const [index, file] of computed.files.entries()) {
    // under the table's root, but invisible until the log names it; a Hive table has no log, so its files wait in the ledger's folder
    const root = plan.table.format === 'delta' ? '' : pendingFolder(plan);
    const path = `${root}${partitionFolder(file.partition)}${dataFileName(plan, task, attempt.nonce, index)}`;
    const stored = await context.stores.lake.create(`${plan.table.key}/${path}`, { path: file.path });
    if (stored === null) throw new FanlakeError('internal', `The data file ${path} exists already though its name is unlike any other.`);
    files.push({
      path,
      rows: file.rows,
      sizeBytes: file.sizeBytes,
      modifiedMs: context.clock.now(),
      partition: file.partition,
      stats: deltaStatistics(fields, file.rows, file.statistics),
    });
  }
  return { kind: 'done', rows, bytesCovered, chain, files, quarantine, checksum, ...(ignored.values === 0 ? {} : { ignored }) };
}

/** Refuses a value that no folder or log entry can carry here, where a task can fail, and not when the run is committed. */
function checkPartitionValues(schema: DeltaStruct, files: readonly WrittenFile[]): void {
  const types = new Map(schema.fields.map(({ name, type }) => [name, type]));
  for (const { column, value } of files.flatMap(({ partition }) => partition)) {
    const type = types.get(column);
    if (type !== undefined) partitionValueOf(type, value, column);
  }
}

async function storeQuarantine(
  context: WorkerContext,
  plan: Plan,
  task: number,
  records: readonly BadRecord[],
  attempt: Attempt,
): Promise<readonly string[]> {
  if (records.length === 0) return [];
  const path = join(attempt.folder, 'quarantine.parquet');
  await context.computer.writeQuarantine(records, path);
  const key = quarantineKey(plan.job.name, plan, task, attempt.nonce);
  await context.stores.lake.create(key, { path });
  return [key];
}
