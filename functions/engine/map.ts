import type { WrittenFile } from '../core/data-file.ts';
import type { InputColumn } from '../core/layout.ts';
import type { Piece } from '../core/piece.ts';
import { sameName } from '../core/planner/statement-tree.ts';
import { type BoundQuery, castAnyway, virtualColumns } from '../core/query.ts';
import { buckets, type StagedQuery } from '../core/staged-query.ts';
import { allowFiles } from './allow-files.ts';
import { embeddable } from './bind.ts';
import { type Copied, copyToParquet } from './copy.ts';
import { countOfPassed, rowsBeforeUnnest, scannedRows } from './counts.ts';
import { asRowsError, isConversionError, isReadingError, RowsDoNotFit } from './errors.ts';
import type { MapOutput } from './map-output.ts';
import { type PartRows, type PartRowsTarget, partsRelation, writePartRows } from './part-rows.ts';
import { type InputFiles, type Relation, typedRelation } from './relation.ts';
import type { Engine, PlanOperator } from './session.ts';
import { type SideRelation, withTables } from './side-relation.ts';
import { emptyRelation, identifier } from './sql-text.ts';

/** What is run of a query in stages over the splits, and where its rows go. */
export interface StagedMap extends PartRowsTarget {
  readonly map: StagedQuery['map'];
}

/** A query to run over local files. */
export interface MapRequest {
  readonly pieces: readonly Piece[];
  /** The pinned columns of `input`. */
  readonly columns: readonly InputColumn[];
  readonly query: BoundQuery;
  /** The tables that the query may read besides; default none. */
  readonly sides?: readonly SideRelation[];
  /** The run's id, for `_run`. */
  readonly run: string;
  readonly output: MapOutput;
  /** Set where the rows are for a next stage and no data files: then `output` isn't used. */
  readonly staged?: StagedMap;
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
  /** Rows for the next stage. */
  readonly handedOn?: PartRows;
}

/**
 * Runs a query over whole records, typed and strict, in one scan, and writes zstd Parquet files, or one of rows for the next stage.
 * @throws RowsDoNotFit when a value doesn't fit its column: `runLenient` tells which
 * @throws FanlakeError query.failed (an expression of the query), table.partitions, task.memory, store.full, input.corrupt
 */
export async function runMap(engine: Engine, m: MapRequest): Promise<MapResult> {
  if (m.pieces.length === 0) return runOverNothing(engine, m);
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
    throw asRowsError(thrown, "the query can't be run over the input");
  }
}

/** What a query says of no row at all, which may be a row: a count is 0. Tasks that share a query hand on nothing then. */
async function runOverNothing(engine: Engine, m: MapRequest): Promise<MapResult> {
  const nothing = { scanned: 0, passed: 0, written: 0, files: [] };
  if (m.query.rowwise || m.staged !== undefined) return nothing;
  const virtual = virtualIn(m);
  const withInput = withTables(
    'input',
    emptyRelation([...m.columns, ...virtual.map((name) => ({ name, type: 'VARCHAR' }))]),
    m.sides ?? [],
  );
  const { files } = await copyToParquet(engine, withInput, await embeddable(engine, m.query.sql, virtual), m.output, { profile: false });
  return { ...nothing, files, written: files.reduce((sum, { rows }) => sum + rows, 0) };
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
  return { pieces, columns, run, reads: query.reads, passed: castAnyway(query) };
}

/** Runs the query over a relation that gives only rows that fit. */
export async function mapOver(engine: Engine, m: MapRequest, relation: Relation): Promise<MapResult> {
  const over: Over = {
    relation,
    virtual: virtualIn(m),
    withInput: withTables('input', relation.sql, m.sides ?? []),
    toCount: withTables('input', relation.guarded, m.sides ?? []),
  };
  return m.staged === undefined ? mapToFiles(engine, m, over) : mapToParts(engine, m, m.staged, over);
}

/** Virtual columns that the query reads. */
const virtualIn = ({ query, columns }: MapRequest): readonly string[] =>
  virtualColumns.filter((name) => query.reads.includes(name) && !columns.some((column) => sameName(column.name, name)));

interface Over {
  readonly relation: Relation;
  /** Virtual columns that the query reads. */
  readonly virtual: readonly string[];
  readonly withInput: string;
  /** The same for queries that count. */
  readonly toCount: string;
}

async function mapToFiles(engine: Engine, m: MapRequest, over: Over): Promise<MapResult> {
  // Then the rows written say how many were read, and the plan need not (its profile costs half a millisecond).
  const isOneToOne = m.query.rowwise && !m.query.filters && !m.query.changesRowCount;
  const query = await embeddable(engine, m.query.sql, over.virtual);
  const copied = await copyToParquet(engine, over.withInput, query, m.output, { profile: !isOneToOne, onStart: m.onStart });
  const written = copied.files.reduce((sum, file) => sum + file.rows, 0);
  if (isOneToOne) return { scanned: written, passed: written, written, files: copied.files };
  const scanned = await scannedOf(engine, over, copied.plan);
  return { scanned, passed: await passedOf(engine, m, copied, { ...over, written, scanned }), written, files: copied.files };
}

async function mapToParts(engine: Engine, m: MapRequest, staged: StagedMap, over: Over): Promise<MapResult> {
  const query = await embeddable(engine, staged.map.sql, over.virtual);
  const { rows: handedOn, plan } = await writePartRows(engine, over.withInput, query, staged, { profile: true, onStart: m.onStart });
  const scanned = await scannedOf(engine, over, plan);
  return { scanned, passed: await passedOfParts(engine, m, staged, { ...over, scanned, handedOn }), written: 0, files: [], handedOn };
}

async function countBy(engine: Engine, sql: string): Promise<number> {
  const [row] = await engine.rows(sql);
  return Number(row?.['n']);
}

/** From the profile of the one scan where that is sure, else by a scan of its own. */
async function scannedOf(engine: Engine, { relation, toCount }: Over, plan: PlanOperator | null): Promise<number> {
  const counted = scannedRows(plan, relation.textScans);
  if (counted === null) return countBy(engine, `${toCount} SELECT count(*) AS n FROM input`);
  return counted + (relation.parquetCount === null ? 0 : await countBy(engine, relation.parquetCount));
}

interface Known extends Over {
  readonly scanned: number;
}

async function passedOf(engine: Engine, m: MapRequest, copied: Copied, known: Known & { readonly written: number }): Promise<number> {
  // Row by row and never one into several: each row that passed is a row written.
  if (m.query.rowwise && !m.query.changesRowCount) return known.written;
  const before = m.query.rowwise ? rowsBeforeUnnest(copied.plan) : null;
  return before ?? passedOfQuery(engine, m, known);
}

/** By counting what its WHERE lets pass. */
async function passedOfQuery(engine: Engine, m: MapRequest, known: Known): Promise<number> {
  const count = await countOfPassed(engine, m.query, known.virtual);
  return count === null ? known.scanned : countBy(engine, `${known.toCount} SELECT n FROM (${count}\n)`);
}

async function passedOfParts(
  engine: Engine,
  m: MapRequest,
  { map, columns }: StagedMap,
  known: Known & { readonly handedOn: PartRows },
): Promise<number> {
  const { rows, path } = known.handedOn;
  if (map.rowwise) return rows;
  const counted = columns.filter(({ name }) => name === map.counted);
  const [column] = counted;
  if (column === undefined) return passedOfQuery(engine, m, known);
  if (path === null) return 0;
  return countBy(
    engine,
    `SELECT CAST(coalesce(sum(${identifier(column.name)}), 0) AS BIGINT) AS n FROM (${partsRelation([{ path, rows: null }], counted, { buckets: [0, buckets] })})`,
  );
}
