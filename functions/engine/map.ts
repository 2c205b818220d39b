import type { WrittenFile } from '../core/data-file.ts';
import type { InputColumn } from '../core/layout.ts';
import type { Piece } from '../core/piece.ts';
import { sameName } from '../core/planner/statement-tree.ts';
import { type BoundQuery, virtualColumns } from '../core/query.ts';
import { allowFiles } from './allow-files.ts';
import { embeddable } from './bind.ts';
import { type Copied, copyToParquet } from './copy.ts';
import { countOfPassed, rowsBeforeUnnest, scannedRows } from './counts.ts';
import { asEngineError, isConversionError, isReadingError, RowsDoNotFit } from './errors.ts';
import type { MapOutput } from './map-output.ts';
import { type InputFiles, type Relation, typedRelation } from './relation.ts';
import type { Engine } from './session.ts';

/** A query to run over local files. */
export interface MapRequest {
  readonly pieces: readonly Piece[];
  /** The pinned columns of `input`. */
  readonly columns: readonly InputColumn[];
  readonly query: BoundQuery;
  /** The run's id, for `_run`. */
  readonly run: string;
  readonly output: MapOutput;
  /** Called when the engine has begun to read: from here on it needs nothing of this thread until it is through. */
  readonly onStart?: () => void;
}

export interface MapResult {
  /** Rows that were read, as the engine counted them. */
  readonly scanned: number;
  /** Rows that the query's WHERE let pass. */
  readonly passed: number;
  /** Rows in the files. */
  readonly written: number;
  readonly files: readonly WrittenFile[];
}

/**
 * Runs a query over whole records, typed and strict, in one scan, and writes zstd Parquet files.
 * @throws RowsDoNotFit when a value doesn't fit its column: `runLenient` tells which
 * @throws FanlakeError query.failed (an expression of the query), table.partitions, task.memory, store.full, input.corrupt
 */
export async function runMap(engine: Engine, m: MapRequest): Promise<MapResult> {
  await allowFiles(
    engine,
    m.pieces.map(({ path }) => path),
  );
  const relation = typedRelation(inputOf(m));
  try {
    // First and by itself: in the query, a filter may pass over rows whose values are then not cast.
    if (relation.parquetCheck !== null) await checkParquet(engine, relation.parquetCheck);
    return await mapOver(engine, m, relation);
  } catch (thrown) {
    if (thrown instanceof RowsDoNotFit) throw thrown;
    if (isReadingError(thrown) || (relation.converts && isConversionError(thrown)))
      throw new RowsDoNotFit('a value or a record does not fit', { cause: thrown });
    throw asEngineError(thrown, "the query can't be run over the input");
  }
}

async function checkParquet(engine: Engine, sql: string): Promise<void> {
  try {
    await engine.rows(sql);
  } catch (thrown) {
    if (isConversionError(thrown)) throw new RowsDoNotFit('a Parquet value does not fit its column', { cause: thrown });
    throw thrown;
  }
}

/** What the relation behind `input` is made from. */
export function inputOf({ pieces, columns, query, run }: MapRequest): InputFiles {
  const passed = query.rowwise && !query.changesRowCount ? Object.values(query.passThrough) : [];
  return { pieces, columns, run, reads: query.reads, passed };
}

/** Runs the query over a relation that gives only rows that fit. */
export async function mapOver(engine: Engine, m: MapRequest, relation: Relation): Promise<MapResult> {
  const virtual = virtualColumns.filter((name) => m.query.reads.includes(name) && !m.columns.some((column) => sameName(column.name, name)));
  const withInput = `WITH input AS (${relation.sql})`;
  // Then the rows written say how many were read, and the plan need not (its profile costs half a millisecond).
  const isOneToOne = m.query.rowwise && !m.query.filters && !m.query.changesRowCount;
  const query = await embeddable(engine, m.query.sql, virtual);
  const copied = await copyToParquet(engine, withInput, query, m.output, { profile: !isOneToOne, onStart: m.onStart });
  const written = copied.files.reduce((sum, file) => sum + file.rows, 0);
  if (isOneToOne) return { scanned: written, passed: written, written, files: copied.files };
  const toCount = `WITH input AS (${relation.guarded})`;
  const scanned = await scannedOf(engine, m, relation, copied, toCount);
  return { scanned, passed: await passedOf(engine, m, copied, { toCount, virtual, written, scanned }), written, files: copied.files };
}

async function countBy(engine: Engine, sql: string): Promise<number> {
  const [row] = await engine.rows(sql);
  return Number(row?.['n']);
}

/** From the profile of the one scan where that is sure, else by a scan of its own. */
async function scannedOf(engine: Engine, m: MapRequest, relation: Relation, copied: Copied, toCount: string): Promise<number> {
  const counted = m.query.rowwise ? scannedRows(copied.plan, relation.textScans) : null;
  if (counted === null) return countBy(engine, `${toCount} SELECT count(*) AS n FROM input`);
  return counted + (relation.parquetCount === null ? 0 : await countBy(engine, relation.parquetCount));
}

interface Known {
  readonly toCount: string;
  readonly virtual: readonly string[];
  readonly written: number;
  readonly scanned: number;
}

async function passedOf(engine: Engine, m: MapRequest, copied: Copied, known: Known): Promise<number> {
  // Row by row and never one into several: each row that passed is a row written.
  if (m.query.rowwise && !m.query.changesRowCount) return known.written;
  const before = m.query.rowwise ? rowsBeforeUnnest(copied.plan) : null;
  if (before !== null) return before;
  const count = await countOfPassed(engine, m.query, known.virtual);
  return count === null ? known.scanned : countBy(engine, `${known.toCount} SELECT n FROM (${count}\n)`);
}
