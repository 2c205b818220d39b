import { mkdirSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { bucketColumn, buckets, type PartColumn } from '../core/staged-query.ts';
import { type PartFile, partGroups } from './part-groups.ts';
import { parquetReader } from './readers.ts';
import type { Engine, PlanOperator } from './session.ts';
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
}

/** Rows for the next stage, on this disk. */
export interface PartRows extends PartFile {
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
  if (file.rows > 0) return { rows: { path: target.path, ...file }, plan };
  await rm(target.path);
  return { rows: noPartRows, plan };
}

function sortedRows(query: string, { columns, keys }: PartRowsTarget): string {
  const names = columns.map(({ name }) => identifier(name));
  // the hash is the type's: all tasks must take it of the same one
  const typed = columns.map(({ type }, index) => `CAST(${names[index]} AS ${type}) AS ${names[index]}`);
  const stored = columns.map(({ type, stored: as }, index) =>
    as === type ? `${names[index]}` : `CAST(${names[index]} AS ${as}) AS ${names[index]}`,
  );
  const bucket = keys.length === 0 ? '0' : `hash(${keys.map(identifier).join(', ')}) % ${buckets}`;
  const sorted = keys.length === 0 ? '' : ` ORDER BY ${bucketColumn}`;
  return `SELECT CAST(${bucket} AS UTINYINT) AS ${bucketColumn}, ${stored.join(', ')}
    FROM (SELECT ${typed.join(', ')} FROM (${query}\n) AS q(${names.join(', ')}))${sorted}`;
}

/**
 * SQL that gives the rows of some buckets again, with the types that they had.
 * @param paths files that `writePartRows` wrote for these columns; a row group without a row of the buckets is not looked at, and may be a hole
 * @param range half-open
 */
export function partsRelation(paths: readonly string[], columns: readonly PartColumn[], [from, to]: readonly [number, number]): string {
  if (paths.length === 0) return emptyRelation(columns);
  // a cast to the type that a column has costs nothing
  const items = columns.map(({ name, type }) => `CAST(${identifier(name)} AS ${type}) AS ${identifier(name)}`);
  const wanted = [...(from > 0 ? [`${bucketColumn} >= ${from}`] : []), ...(to < buckets ? [`${bucketColumn} < ${to}`] : [])];
  return `SELECT ${items.join(', ')} FROM ${parquetReader(paths)}${wanted.length === 0 ? '' : ` WHERE ${wanted.join(' AND ')}`}`;
}
