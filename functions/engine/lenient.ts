import type { InputColumn } from '../core/layout.ts';
import type { Piece } from '../core/piece.ts';
import { allowFiles } from './allow-files.ts';
import { asEngineError, asRowsError } from './errors.ts';
import { groupPieces } from './group-pieces.ts';
import { badCondition, type CheckedSource, checkedSource, type KnownTypes } from './lenient-relation.ts';
import { inputOf, type MapRequest, type MapResult, mapOver } from './map.ts';
import { hidesFileIndex, type InputFiles, type Relation, virtualItems } from './relation.ts';
import type { Engine } from './session.ts';
import { identifier, literal } from './sql-text.ts';

/** A record of which a value doesn't fit: the first such column of it. */
export interface BadValue {
  /** Index into the pieces. */
  readonly piece: number;
  /** Number of the record in its piece's file, from 0, blank lines not counted where the engine skips them. */
  readonly ordinal: number;
  /** Null when the record as a whole is wrong. */
  readonly column: string | null;
  readonly reason: string;
  /** At most the first 1,000 characters; '' when there is no text. */
  readonly value: string;
}

export interface BadValues {
  /** Records that don't fit, all of them. */
  readonly total: number;
  /** The first ones, by piece and ordinal. */
  readonly values: readonly BadValue[];
}

export interface LenientResult extends MapResult {
  readonly badRecords: number;
  readonly bad: readonly BadValue[];
}

const what = "the input can't be read";

/**
 * Finds records with values that don't fit the pinned columns. The pieces must hold regular records only (formats/sift.ts).
 * @param limit most values that are told
 */
export async function findBadValues(
  engine: Engine,
  pieces: readonly Piece[],
  columns: readonly InputColumn[],
  limit: number,
): Promise<BadValues> {
  await allowFiles(
    engine,
    pieces.map(({ path }) => path),
  );
  try {
    return await findIn(engine, { pieces, columns, run: '', reads: [], passed: [] }, limit);
  } catch (thrown) {
    throw asEngineError(thrown, what, 'input.corrupt');
  }
}

async function findIn(engine: Engine, input: InputFiles, limit: number): Promise<BadValues> {
  const types = await engine.types(input.columns);
  const total = await countBad(engine, input, types);
  const values: BadValue[] = [];
  for (const [index, piece] of input.pieces.entries()) {
    if (values.length >= Math.min(limit, total)) break;
    const source = checkedSource([piece], input, types, true);
    values.push(...(await badIn(engine, source, index, limit - values.length)));
  }
  return { total, values };
}

async function countBad(engine: Engine, input: InputFiles, types: KnownTypes): Promise<number> {
  const counts = groupPieces(input.pieces, () => false).flatMap((group) => {
    const source = checkedSource(group, input, types, false);
    const bad = badCondition(source);
    return bad === null ? [] : [`SELECT count(*) AS n FROM ${source.from} WHERE ${bad}`];
  });
  if (counts.length === 0) return 0;
  const [row] = await engine.rows(`SELECT sum(n)::BIGINT AS n FROM (${counts.join(' UNION ALL ')})`);
  return Number(row?.['n']);
}

async function badIn(engine: Engine, source: CheckedSource, piece: number, limit: number): Promise<readonly BadValue[]> {
  const bad = badCondition(source);
  if (bad === null) return [];
  const which = source.checks.map(({ condition }, index) => `WHEN ${condition} THEN ${index}`).join(' ');
  // picked out of a list: a CASE over the number would hold all the conditions once for each column
  const values = source.checks.map(({ value }) => value).join(', ');
  const rows = await engine.rows(
    `SELECT ordinal, CASE ${which} END AS which, left(list_extract([${values}], 1 + CASE ${which} END), 1000) AS value
     FROM ${source.from} WHERE ${bad} ORDER BY ordinal LIMIT ${limit}`,
  );
  return rows.map((row) => {
    const check = source.checks[Number(row['which'])];
    const value = typeof row['value'] === 'string' ? row['value'] : '';
    return {
      piece,
      ordinal: Number(row['ordinal']),
      column: check?.column ?? null,
      reason: check?.reason(value) ?? 'the record does not fit',
      value,
    };
  });
}

/** `input` without the records that don't fit. */
function goodRelation(input: InputFiles, types: KnownTypes): Relation {
  const { columns, run, reads } = input;
  const counting = reads.includes('line_number');
  const single = (piece: Piece): boolean =>
    (counting && piece.firstLineNumber !== undefined) || (reads.includes('_file') && hidesFileIndex(piece, columns));
  const selects = groupPieces(input.pieces, single).map((group) => {
    const [first] = group;
    const numbers = first !== undefined && counting && first.firstLineNumber !== undefined;
    const source = checkedSource(group, input, types, numbers);
    const items = columns.map((column, index) => {
      const value =
        numbers && column.name === 'line_number' ? `CAST(ordinal + ${first.firstLineNumber} AS ${column.type})` : source.values[index];
      return `${value} AS ${identifier(column.name)}`;
    });
    const bad = badCondition(source);
    return `SELECT ${[...items, ...virtualItems(group, run, reads, columns)].join(', ')} FROM ${source.from}${bad === null ? '' : ` WHERE NOT (${bad})`}`;
  });
  // No scan of this relation gives the rows that fit: they are counted.
  const sql = selects.join(' UNION ALL ');
  return { sql, guarded: sql, converts: false, textScans: -1, parquetCount: null, parquetCheck: null };
}

/**
 * The slow path after `RowsDoNotFit`: names the records that don't fit, then runs the query over the others, with the same output.
 * @param m `limit`: most bad records that are taken; with more, nothing is written and all counts but `badRecords` are 0
 * @returns `scanned` counts good rows only
 * @throws FanlakeError as `runMap`, and `input.corrupt` when records aren't regular
 */
export async function runLenient(engine: Engine, m: MapRequest & { readonly limit: number }): Promise<LenientResult> {
  await allowFiles(
    engine,
    m.pieces.map(({ path }) => path),
  );
  if (m.pieces.length === 0) return { scanned: 0, passed: 0, written: 0, files: [], badRecords: 0, bad: [] };
  const { total, values } = await findBadValues(engine, m.pieces, m.columns, m.limit);
  if (total > m.limit) return { scanned: 0, passed: 0, written: 0, files: [], badRecords: total, bad: values };
  try {
    const result = await mapOver(engine, m, goodRelation(inputOf(m), await engine.types(m.columns)));
    return { ...result, badRecords: total, bad: values };
  } catch (thrown) {
    throw asRowsError(thrown, `the query can't be run over the input of run ${literal(m.run)}`);
  }
}
