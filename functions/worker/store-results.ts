import { join } from 'node:path';
import type { DataFile, WrittenFile } from '../core/data-file.ts';
import { FanlakeError } from '../core/errors.ts';
import { nothingIgnored } from '../core/ignored-keys.ts';
import { dataFileName, pendingFolder, quarantineKey, rowsKey } from '../core/keys.ts';
import { type DonePart, noRows, type PartOutput } from '../core/part.ts';
import type { BadRecord } from '../core/piece.ts';
import type { Plan } from '../core/plan.ts';
import type { DeltaStruct } from '../core/table-log/delta-types.ts';
import { partitionFolder } from '../core/table-log/hive-path.ts';
import { partitionValueOf } from '../core/table-log/partition-value.ts';
import { schemaOf } from '../core/table-log/schema.ts';
import { deltaStatistics } from '../core/table-log/statistics.ts';
import type { RunContext } from '../protocol/context.ts';
import type { Attempt, ComputedMerge, ComputedOutput, ComputedTask, TaskComputer } from './computed-task.ts';

/** What storing needs besides the stores. */
export interface ResultsContext extends RunContext {
  readonly computer: TaskComputer;
}

/** A task as its results are named by it. */
export interface TaskId {
  /** 0: the map stage. */
  readonly stage: number;
  readonly task: number;
}

/** What a part says of a task that is done, apart from the attempt. */
export type Results = Omit<DonePart, 'format' | 'task' | 'nonce' | 'attempts' | 'seconds' | 'beganMs' | 'requests'>;

/** Stores what an attempt at a map task has made, under names of its own: data files, or of a run with merge stages the rows for the next one. */
export async function storeMapResults(
  context: ResultsContext,
  plan: Plan,
  id: TaskId,
  computed: ComputedTask,
  attempt: Attempt,
): Promise<Results> {
  const { bytesCovered, chain, checksum, ignored = nothingIgnored, output } = computed;
  if ((plan.staged === true) !== (output !== undefined)) {
    throw new FanlakeError(
      'internal',
      `Task ${id.task} made ${output === undefined ? 'no ' : ''}rows for another stage, and its run has ${plan.staged === true ? 'one' : 'none'}.`,
    );
  }
  const quarantine = await storeQuarantine(context, plan, id.task, computed.bad, attempt);
  const files = await storeFiles(context, plan, id.task, computed.files, attempt);
  const handedOn = output === undefined ? {} : { output: await storeRows(context, plan, id, output, attempt) };
  const rows = output === undefined ? computed.rows : { ...computed.rows, written: 0 };
  return {
    kind: 'done',
    rows,
    bytesCovered,
    chain,
    files,
    quarantine,
    checksum,
    ...(ignored.values === 0 ? {} : { ignored }),
    ...handedOn,
  };
}

/** The same for a merge task: those of the last stage write data files. It reads no input, so that it counts nothing of it. */
export async function storeMergeResults(
  context: ResultsContext,
  plan: Plan,
  id: TaskId,
  { consumed, written, files: made, output }: ComputedMerge,
  attempt: Attempt,
): Promise<Results> {
  const files = await storeFiles(context, plan, id.task, made, attempt);
  const handedOn = output === null ? {} : { output: await storeRows(context, plan, id, output, attempt) };
  const rows = { ...noRows, written };
  return { kind: 'done', rows, bytesCovered: 0, chain: [], files, quarantine: [], checksum: 'none', consumed, ...handedOn };
}

async function storeFiles(
  context: ResultsContext,
  plan: Plan,
  task: number,
  made: readonly WrittenFile[],
  attempt: Attempt,
): Promise<readonly DataFile[]> {
  const files: DataFile[] = [];
  const schema = schemaOf(plan.table.columns);
  const fields = schema.fields.filter(({ name }) => !plan.table.partitionBy.includes(name));
  checkPartitionValues(schema, made);
  for (const [index, file] of made.entries()) {
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
  return files;
}

/** Refuses a value that no folder or log entry can carry here, where a task can fail, and not when the run is committed. */
function checkPartitionValues(schema: DeltaStruct, files: readonly WrittenFile[]): void {
  const types = new Map(schema.fields.map(({ name, type }) => [name, type]));
  for (const { column, value } of files.flatMap(({ partition }) => partition)) {
    const type = types.get(column);
    if (type !== undefined) partitionValueOf(type, value, column);
  }
}

async function storeRows(
  { stores: { work } }: ResultsContext,
  plan: Plan,
  { stage, task }: TaskId,
  { path, ...output }: ComputedOutput,
  { nonce }: Attempt,
): Promise<PartOutput> {
  if (path !== null) {
    const key = rowsKey(plan, stage, task, nonce);
    if ((await work.create(key, { path })) === null)
      throw new FanlakeError('internal', `The rows ${key} exist already though their name is unlike any other.`);
  }
  return { ...output, nonce };
}

/**
 * Keeps records that can't be taken.
 * @returns keys of the objects that have them
 */
export async function storeQuarantine(
  context: ResultsContext,
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
