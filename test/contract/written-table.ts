/** Writes Delta tables as Fanlake does (DuckDB's files, our log), without the rest of it: for the tests of the table log. */
import { randomUUID } from 'node:crypto';
import { copyFile, mkdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';
import { DuckDBInstance } from '@duckdb/node-api';
import type { DataFile, WrittenFile } from '../../functions/core/data-file.ts';
import type { FanlakeError } from '../../functions/core/errors.ts';
import type { Column } from '../../functions/core/layout.ts';
import { planAppend } from '../../functions/core/table-log/append.ts';
import { partitionFolder } from '../../functions/core/table-log/hive-path.ts';
import { encodeEntry } from '../../functions/core/table-log/log-entry.ts';
import { entryName, logFolder } from '../../functions/core/table-log/log-names.ts';
import { fitColumns, schemaOf } from '../../functions/core/table-log/schema.ts';
import type { Snapshot } from '../../functions/core/table-log/snapshot.ts';
import { deltaStatistics } from '../../functions/core/table-log/statistics.ts';

export async function openDuckDb(): Promise<DuckDBConnection> {
  const instance = await DuckDBInstance.create(':memory:', { threads: '1' });
  const connection = await instance.connect();
  await connection.run("SET TimeZone = 'UTC'");
  return connection;
}

interface StatsRow {
  readonly filename: string;
  readonly count: string;
  readonly file_size_bytes: string;
  readonly column_statistics: readonly {
    readonly key: string;
    readonly value: readonly { readonly key: string; readonly value: string }[];
  }[];
  readonly partition_keys: readonly { readonly key: string; readonly value: string | null }[] | null;
}

function identifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

async function describeQuery(db: DuckDBConnection, query: string): Promise<readonly Column[]> {
  const rows = await db.runAndReadAll(`DESCRIBE ${query}`);
  return rows.getRowObjectsJson().map((row) => ({ name: String(row['column_name']), type: String(row['column_type']) }));
}

/** Runs the query into data files below `folder`, one for each lake partition. */
async function copyOut(
  db: DuckDBConnection,
  query: string,
  folder: string,
  partitionBy: readonly string[],
): Promise<readonly WrittenFile[]> {
  const partitions =
    partitionBy.length === 0 ? '' : `, PARTITION_BY (${partitionBy.map(identifier).join(', ')}), FILENAME_PATTERN '{uuid}'`;
  const target = partitionBy.length === 0 ? join(folder, 'data.parquet') : folder;
  await mkdir(folder, { recursive: true });
  const copied = await db.runAndReadAll(
    `COPY (${query}) TO '${target}' (FORMAT parquet, COMPRESSION zstd, RETURN_STATS true${partitions})`,
  );
  return (copied.getRowObjectsJson() as unknown as readonly StatsRow[]).map((row) => ({
    path: row.filename,
    rows: Number(row.count),
    sizeBytes: Number(row.file_size_bytes),
    statistics: Object.fromEntries(
      row.column_statistics.map(({ key, value }) => [key, Object.fromEntries(value.map((pair) => [pair.key, pair.value]))]),
    ),
    partition: (row.partition_keys ?? []).map(({ key, value }) => ({ column: key, value })),
  }));
}

/** One commit of ours: the rows of a query. */
export interface Append {
  readonly table: string;
  readonly run: string;
  readonly query: string;
  readonly partitionBy?: readonly string[];
  /** Shut out instead. */
  readonly lost?: FanlakeError;
}

/**
 * Appends a query's rows to the table as one run, on top of `snapshot`.
 * Answers the columns as they are in the table.
 */
export async function appendQuery(
  db: DuckDBConnection,
  snapshot: Snapshot,
  append: Append,
  table: Parameters<typeof fitColumns>[1] = null,
) {
  const { table: path, run, query, partitionBy = [], lost = null } = append;
  const columns = fitColumns(await describeQuery(db, query), table);
  const select = columns.map(({ source, name, castTo }) =>
    castTo === null ? `${identifier(source)} AS ${identifier(name)}` : `CAST(${identifier(source)} AS ${castTo}) AS ${identifier(name)}`,
  );
  const scratch = join(path, '..', `scratch-${randomUUID()}`);
  const written = await copyOut(db, `SELECT ${select.join(', ')} FROM (${query})`, scratch, partitionBy);
  const fields = schemaOf(columns).fields.filter(({ name }) => !partitionBy.includes(name));
  const files: DataFile[] = [];
  for (const [index, file] of written.entries()) {
    const place = `${partitionFolder(file.partition)}${run}-e0-0-${index}.parquet`;
    await mkdir(dirname(join(path, place)), { recursive: true });
    await copyFile(file.path, join(path, place));
    const { mtimeMs } = await stat(join(path, place));
    const { rows, sizeBytes, partition } = file;
    files.push({
      path: place,
      rows,
      sizeBytes,
      partition,
      modifiedMs: Math.floor(mtimeMs),
      stats: deltaStatistics(fields, rows, file.statistics),
    });
  }
  await rm(scratch, { recursive: true });
  const member = {
    run,
    epoch: 0,
    seenVersion: snapshot.version,
    schema: schemaOf(columns),
    partitionColumns: partitionBy,
    isRemainder: false,
    files,
    sources: [`landing/${run}.csv`],
    lost,
  };
  const stamp = { nowMs: Date.now(), txnId: randomUUID(), tableId: randomUUID(), engineVersion: 'test' };
  const plan = planAppend(snapshot, [], [member], { stamp, unwritable: null });
  const entry = join(path, logFolder, entryName(plan.version));
  await mkdir(dirname(entry), { recursive: true });
  await writeFile(`${entry}.tmp`, encodeEntry(plan.actions));
  await rename(`${entry}.tmp`, entry);
  return { columns, files, plan };
}
