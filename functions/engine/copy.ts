import { mkdirSync } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { RawColumnStatistics, WrittenFile } from '../core/data-file.ts';
import { FanlakeError } from '../core/errors.ts';
import type { MapOutput } from './map-output.ts';
import type { Engine, PlanOperator } from './session.ts';
import { identifier, literal } from './sql-text.ts';

export interface Copied {
  readonly files: readonly WrittenFile[];
  readonly plan: PlanOperator | null;
}

interface HowToCopy {
  readonly profile: boolean;
  readonly onStart?: (() => void) | undefined;
}

type RowsAndPlan = Awaited<ReturnType<Engine['profiled']>>;

const pollMs = 200;

/**
 * Writes a query's rows to zstd Parquet files. A file without rows is left out.
 * @param query its columns must be named `c0`, `c1`... in the order of `output.columns`
 * @param how `profile`: whether to tell the plan with its rows; `onStart` is called when the statement is on its way
 * @throws FanlakeError `table.partitions`; the engine's own errors
 */
export async function copyToParquet(engine: Engine, prologue: string, query: string, output: MapOutput, how: HowToCopy): Promise<Copied> {
  if (output.partitionBy.length === output.columns.length) {
    throw new FanlakeError(
      'table.partitions',
      `the table can't be partitioned by all its columns (${output.partitionBy.join(', ')}): leave one for its files.`,
    );
  }
  const isOneFile = output.partitionBy.length === 0 && output.targetFileBytes === null;
  // one file replaces what is there; of several the engine makes the folder
  if (!isOneFile) await rm(output.dir, { recursive: true, force: true });
  mkdirSync(dirname(output.dir), { recursive: true });
  const items = output.columns.map(
    ({ name, castTo }, index) => `${castTo === null ? `c${index}` : castOf(`c${index}`, castTo)} AS ${identifier(name)}`,
  );
  const options = ['FORMAT parquet', 'COMPRESSION zstd', 'RETURN_STATS true', ...sizeOptions(output)];
  const select = `SELECT ${items.join(', ')} FROM (${query}\n) AS q(${output.columns.map((_, index) => `c${index}`).join(', ')})`;
  const sql = `COPY (${prologue} ${select}) TO ${literal(isOneFile ? `${output.dir}.parquet` : output.dir)} (${options.join(', ')})`;
  const partitioned = output.partitionBy.length > 0;
  const run = (): Promise<RowsAndPlan> =>
    how.profile ? engine.profiled(sql) : engine.rows(sql).then((found) => ({ rows: found, plan: null }));
  const running = partitioned ? watchPartitions(engine, run, output) : run();
  how.onStart?.();
  const { rows, plan } = await running.catch(async (thrown: unknown) => {
    if (partitioned) await refuseManyPartitions(engine, prologue, select, output);
    throw thrown;
  });
  const files = rows.map((row) => decodeFile(row, output.partitionBy));
  const partitions = new Set(files.map((file) => JSON.stringify(file.partition)));
  if (partitioned && partitions.size > output.maxPartitions) throw tooManyPartitions(output, String(partitions.size));
  for (const file of files) if (file.rows === 0) await rm(file.path);
  return { files: files.filter((file) => file.rows > 0), plan };
}

/**
 * The cast of a column to the type that the table stores. For a TIMESTAMP in UTC the zone's own cast costs a tenth of a whole COPY, and its microseconds
 * are the same number; what has none (infinity) is cast.
 */
function castOf(column: string, type: string): string {
  const cast = `CAST(${column} AS ${type})`;
  return type === 'TIMESTAMP WITH TIME ZONE' ? `coalesce(make_timestamptz(epoch_us(${column})), ${cast})` : cast;
}

function sizeOptions({ partitionBy, targetFileBytes }: MapOutput): readonly string[] {
  if (partitionBy.length === 0) return targetFileBytes === null ? [] : [`FILE_SIZE_BYTES ${targetFileBytes}`];
  // NULL and the text that stands for it share a folder: under the default names one file would silently overwrite the other
  return [`PARTITION_BY (${partitionBy.map(identifier).join(', ')})`, 'WRITE_PARTITION_COLUMNS false', "FILENAME_PATTERN '{uuid}'"];
}

function tooManyPartitions({ partitionBy, maxPartitions }: MapOutput, found: string): FanlakeError {
  return new FanlakeError(
    'table.partitions',
    `one task would write ${found} lake partitions by ${partitionBy.join(', ')}, and ${maxPartitions} is the most. ` +
      'Partition by a column of fewer values, or by a coarser expression of it (a month instead of a day).',
    { partitionBy, maxPartitions },
  );
}

/** Stops a statement that fills a disk with folders long before it ends. */
async function watchPartitions(engine: Engine, run: () => Promise<RowsAndPlan>, output: MapOutput): Promise<RowsAndPlan> {
  // Threads may each write a file of a partition.
  const most = (output.maxPartitions + 1) * Math.max(2, engine.threads);
  const timer = setInterval(() => {
    countFiles(output.dir).then(
      (count) => {
        if (count > most) engine.interrupt();
      },
      () => undefined,
    );
  }, pollMs);
  try {
    return await run();
  } finally {
    clearInterval(timer);
  }
}

/** What a failed statement failed for: too many partitions show as memory or disk that ran out, or were interrupted. */
async function refuseManyPartitions(engine: Engine, prologue: string, rows: string, output: MapOutput): Promise<void> {
  const keys = output.partitionBy.map(identifier).join(', ');
  const limit = output.maxPartitions + 1;
  const [row] = await engine
    .rows(`${prologue} SELECT count(*) AS n FROM (SELECT DISTINCT ${keys} FROM (${rows}) LIMIT ${limit})`)
    .catch(() => []);
  if (Number(row?.['n'] ?? 0) > output.maxPartitions) throw tooManyPartitions(output, `more than ${output.maxPartitions}`);
}

async function countFiles(dir: string): Promise<number> {
  return (await readdir(dir, { recursive: true })).filter((name) => name.endsWith('.parquet')).length;
}

interface Entry {
  readonly key: string;
  readonly value: unknown;
}

/** A map value as the engine gives it. */
function entriesOf(value: unknown): readonly Entry[] {
  return Array.isArray(value) ? (value as Entry[]) : [];
}

function decodeFile(row: Record<string, unknown>, partitionBy: readonly string[]): WrittenFile {
  const statistics: Record<string, RawColumnStatistics> = {};
  for (const { key, value } of entriesOf(row['column_statistics'])) {
    statistics[key] = Object.fromEntries(entriesOf(value).map((entry) => [entry.key, String(entry.value)]));
  }
  const keys = new Map(entriesOf(row['partition_keys']).map(({ key, value }) => [key, value]));
  const partition = partitionBy.map((column) => {
    const value = keys.get(column) ?? null;
    return { column, value: value === null ? null : String(value) };
  });
  return { path: String(row['filename']), rows: Number(row['count']), sizeBytes: Number(row['file_size_bytes']), statistics, partition };
}
