import { mkdirSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { PartShare } from '../core/merge-task.ts';
import type { PartOutput } from '../core/part.ts';
import { sampleCount, sampledRow } from '../core/sort-samples.ts';
import { bucketColumn, buckets, type MergeStep, type PartColumn, type RowOrder } from '../core/staged-query.ts';
import { type PartFile, partGroups } from './part-groups.ts';
import { parquetReader } from './readers.ts';
import type { Engine, PlanOperator } from './session.ts';
import { betweenBounds, orderBy, sampleOf } from './sort-key.ts';
import { emptyRelation, identifier, literal } from './sql-text.ts';

/** Rows of a group: few enough that a range of buckets is about a range of bytes, many enough that a file of ten million rows has a footer of half a megabyte. */
const groupRows = 16_384;

/** Where rows for the next stage go, and what they look like there. */
export interface PartRowsTarget {
  /** A file of this output's own in a folder that the engine may use; replaced if it is there. */
  readonly path: string;
  /** In the order of the query's output. */
  readonly columns: readonly PartColumn[];
  /** Names of the columns whose hash tells the bucket. */
  readonly keys: readonly string[];
  /** That tasks may share: then the rows are in this order. */
  readonly order?: RowOrder;
  /** Whether other bits of the hash tell the bucket: those of the first deal are alike in all rows. */
  readonly dealtAgain?: boolean;
}

/** What rows look like that are for a step. */
export const targetOf = ({ columns, keys, order }: MergeStep): Omit<PartRowsTarget, 'path'> => ({
  ...{ columns, keys },
  ...(order === undefined ? {} : { order }),
});

/** Rows for the next stage, on this disk. */
export interface PartRows extends PartFile, Pick<PartOutput, 'samples'> {
  /** Null without a row. */
  readonly path: string | null;
}

/** Of a task that hands on nothing. */
export const noPartRows: PartRows = { path: null, rows: 0, bytes: 0, groups: [] };

export interface WrittenRows {
  readonly rows: PartRows;
  readonly plan: PlanOperator | null;
}

interface HowToWrite {
  /** Whether to tell the plan with its rows. */
  readonly profile: boolean;
  /** Called when the statement is on its way. */
  readonly onStart?: (() => void) | undefined;
}

/**
 * Writes a query's rows to one Parquet file, in the order of their buckets.
 * @param prologue WITH clause of what the query reads
 * @throws the engine's own errors
 */
export async function writePartRows(
  engine: Engine,
  prologue: string,
  query: string,
  target: PartRowsTarget,
  how: HowToWrite,
): Promise<WrittenRows> {
  mkdirSync(dirname(target.path), { recursive: true });
  // without bloom filters: whoever reads a row group reads all of it
  const sql = `COPY (${prologue} ${sortedRows(query, target)}) TO ${literal(target.path)}
    (FORMAT parquet, PARQUET_VERSION v2, COMPRESSION snappy, ROW_GROUP_SIZE ${groupRows}, WRITE_BLOOM_FILTER false)`;
  const running = how.profile ? engine.profiled(sql) : engine.run(sql).then(() => ({ plan: null }));
  how.onStart?.();
  const { plan } = await running;
  const file = await partGroups(target.path);
  if (file.rows > 0) return { rows: { path: target.path, ...file, ...(await samplesOf(engine, file, target)) }, plan };
  await rm(target.path);
  return { rows: noPartRows, plan };
}

function sortedRows(query: string, { columns, keys, order, dealtAgain = false }: PartRowsTarget): string {
  const names = columns.map(({ name }) => identifier(name));
  // the hash is the type's, and so is the order: all tasks must take it of the same one
  const typed = columns.map(({ type }, index) => `CAST(${names[index]} AS ${type}) AS ${names[index]}`);
  const stored = columns.map(({ type, stored: as }, index) =>
    as === type ? `${names[index]}` : `CAST(${names[index]} AS ${as}) AS ${names[index]}`,
  );
  const hash = `hash(${keys.map(identifier).join(', ')})`;
  const bucket = keys.length === 0 ? '0' : `${dealtAgain ? `(${hash} // ${buckets})` : hash} % ${buckets}`;
  return `SELECT CAST(${bucket} AS UTINYINT) AS ${bucketColumn}, ${stored.join(', ')}
    FROM (SELECT ${typed.join(', ')} FROM (${query}\n) AS q(${names.join(', ')})) AS r${sortOf(keys, order)}`;
}

function sortOf(keys: readonly string[], order: RowOrder | undefined): string {
  if (order?.isShared === true) return ` ORDER BY ${orderBy(order.by, 'r')}`;
  return keys.length === 0 ? '' : ` ORDER BY ${bucketColumn}`;
}

/** Beginnings of the sort keys of some rows of a file that is in an order: it is read once more, since no row knew its place while it was written. */
async function samplesOf(engine: Engine, file: PartFile, { path, columns, order }: PartRowsTarget): Promise<Pick<PartOutput, 'samples'>> {
  if (order?.isShared !== true) return {};
  const count = sampleCount(file);
  const rows = Array.from({ length: count }, (_, sample) => sampledRow(sample, count, file.rows));
  const by = columns.filter(({ name }) => order.by.some((key) => key.name === name));
  const found = await engine.rows(
    `SELECT ${sampleOf(order.by, by)} AS sample
     FROM (SELECT file_row_number AS _row, ${typedColumns(by)} FROM ${parquetReader([path], true)}) WHERE _row IN (${rows.join(', ')}) ORDER BY _row`,
  );
  return { samples: found.map(({ sample }) => String(sample)) };
}

/** A file that `writePartRows` wrote, and which of its rows are looked at: of others there may be holes. */
export interface RowsFile {
  readonly path: string;
  /** Half-open range; null: all. */
  readonly rows: readonly [number, number] | null;
}

/** Columns with the types that they had; a cast to the type that a column has costs nothing. */
const typedColumns = (columns: readonly PartColumn[]): string =>
  columns.map(({ name, type }) => `CAST(${identifier(name)} AS ${type}) AS ${identifier(name)}`).join(', ');

/**
 * SQL that gives a share of the rows again, with the types that they had.
 * @param files for these columns; a row group without a row of the share's buckets isn't looked at, and may be a hole
 * @param order that `share.bounds` are of
 */
export function partsRelation(files: readonly RowsFile[], columns: readonly PartColumn[], share: PartShare, order?: RowOrder): string {
  if (files.length === 0) return emptyRelation(columns);
  const [from, to] = share.buckets;
  const ofBuckets = [...(from > 0 ? [`${bucketColumn} >= ${from}`] : []), ...(to < buckets ? [`${bucketColumn} < ${to}`] : [])];
  // the engine passes over row groups by what their statistics say of a number of the row, file by file: so files with equal ranges are read together
  const reads = [...Map.groupBy(files, ({ rows }) => rows?.join() ?? '').values()].map((some) => {
    const rows = some[0]?.rows ?? null;
    const ofRows = rows === null ? [] : [`file_row_number >= ${rows[0]}`, `file_row_number < ${rows[1]}`];
    const wanted = [...ofRows, ...ofBuckets];
    const reader = parquetReader(
      some.map(({ path }) => path),
      rows !== null,
    );
    return `SELECT ${typedColumns(columns)} FROM ${reader}${wanted.length === 0 ? '' : ` WHERE ${wanted.join(' AND ')}`}`;
  });
  const all = reads.join(' UNION ALL ');
  if (share.bounds === undefined || order === undefined) return all;
  return `SELECT * FROM (${all}) WHERE ${betweenBounds(order.by, columns, share.bounds)}`;
}
