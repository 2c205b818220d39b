import { existsSync } from 'node:fs';
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { asFanlakeError, FanlakeError } from '../core/errors.ts';
import type { BadRecord, Piece } from '../core/piece.ts';
import type { Plan } from '../core/plan.ts';
import type { ObjectStore } from '../core/ports.ts';
import { shortHash } from '../core/run-id.ts';
import type { PlannedSide } from '../core/side-table.ts';
import { RowsDoNotFit } from '../engine/errors.ts';
import { findBadValues } from '../engine/lenient.ts';
import type { Engine } from '../engine/session.ts';
import { type SideRelation, sideRelation, writeSideTable } from '../engine/side-relation.ts';
import { badRecordOf, sift } from '../formats/sift.ts';
import { fetchSplit } from './fetch-split.ts';
import { type StagedInput, stageInput } from './stage-input.ts';

/** Most rows that a refusal names. */
const namedRows = 5;

export interface SideTools {
  readonly landing: ObjectStore;
  readonly engine: Engine;
  /** For files that are needed for a moment. */
  readonly scratch: string;
}

/**
 * Brings the plan's side tables to this disk, each once for all tasks of this process: typed, in the engine's own scratch folder.
 * @throws FanlakeError `input.gone`, `input.changed`: the pinned version isn't there any more; `input.format`: a row that doesn't fit, of which none is set aside; `store.*`
 */
export async function stageSides(tools: SideTools, plan: Plan): Promise<readonly SideRelation[]> {
  const sides = plan.sides ?? [];
  if (sides.length === 0) return [];
  const folder = join(tools.engine.scratch, 'sides');
  const files = sides.map((side) => ({ side, path: join(folder, fileOf(side)) }));
  await forgetOthers(
    folder,
    files.map(({ path }) => basename(path)),
  );
  for (const { side, path } of files) if (!existsSync(path)) await stageSide(tools, plan, side, path);
  return files.map(({ side: { name, columns }, path }) => sideRelation(name, columns, path));
}

/** Equal for the same bytes read in the same way. */
const fileOf = ({ object: { key, version }, layout, columns }: PlannedSide): string =>
  `${shortHash(JSON.stringify([key, version, layout, columns]), 32)}.parquet`;

/** A process that stays alive for days takes the disk for one run's tables only. */
async function forgetOthers(folder: string, kept: readonly string[]): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (const name of await readdir(folder)) if (!kept.includes(name)) await rm(join(folder, name), { force: true });
}

async function stageSide(tools: SideTools, plan: Plan, side: PlannedSide, path: string): Promise<void> {
  try {
    const input = await fetchSide(tools, plan, side);
    const { pieces = [], records = 0 } = input?.staged ?? {};
    const unfinished = `${path}.unfinished`;
    const rows = input?.staged.suspects === true ? null : await writeRows(tools.engine, side, pieces, unfinished);
    if (input !== null && rows !== records) throw await badRows(tools.engine, side, input);
    await input?.file.release();
    // now it is sure that these are the pinned version's rows, for all tasks to come
    await rename(unfinished, path);
  } catch (thrown) {
    throw namedAfter(side, asFanlakeError(thrown));
  }
}

/** Null for an object without a byte. */
async function fetchSide({ landing, engine, scratch }: SideTools, plan: Plan, side: PlannedSide): Promise<StagedInput | null> {
  const { object, layout, columns } = side;
  if (object.size === 0) return null;
  await engine.allow([scratch]);
  // whatever the query reads of `input`
  const query = { ...plan.query, reads: columns.map((column) => column.name) };
  const alone = { ...plan, layouts: [layout], columns, query };
  const split = { object, layout: 0, start: 0, end: object.size };
  const name = `side-${side.name}`;
  return stageInput(engine, await fetchSplit(alone, split, { landing, scratch, name, threads: engine.threads }));
}

/** How many rows were written; null where one doesn't fit. */
async function writeRows(engine: Engine, { columns }: PlannedSide, pieces: readonly Piece[], path: string): Promise<number | null> {
  try {
    return await writeSideTable(engine, { pieces, columns, path });
  } catch (thrown) {
    if (thrown instanceof RowsDoNotFit) return null;
    throw thrown;
  }
}

/** What is wrong with a table of which some row doesn't fit. */
async function badRows(engine: Engine, { name, columns }: PlannedSide, input: StagedInput): Promise<FanlakeError> {
  const { split, staged } = input;
  const isParquet = split.layout.format === 'parquet';
  const sifted = isParquet ? null : sift(split, staged, namedRows);
  const pieces = sifted?.pieces ?? staged.pieces;
  const { total, values } = await findBadValues(engine, pieces, columns, namedRows);
  const found = (sifted?.badCount ?? 0) + total;
  const bad: Pick<BadRecord, 'offset' | 'column' | 'reason'>[] = [...(sifted?.bad ?? [])];
  for (const { piece, ordinal, column, reason } of values) {
    const source = sifted?.pieces[piece];
    bad.push(source === undefined ? { offset: ordinal, column, reason } : badRecordOf(split, staged, source, ordinal, { column, reason }));
  }
  const first = bad.slice(0, namedRows).map(({ offset, column, reason }) => ({ object: split.key, offset, column, reason }));
  const unit = isParquet ? 'row' : 'byte';
  const places = first.map(
    ({ offset, column, reason }) => `  ${unit} ${offset}${column === null ? '' : `, column '${column}'`}: ${reason}`,
  );
  const more = found > first.length ? [`  and ${found - first.length} more`] : [];
  const message = [
    `${found === 1 ? '1 row' : `${found} rows`} can't be taken, and all rows of a side input must fit:`,
    ...places,
    ...more,
    `Correct it, or declare its columns as they are (the job's inputs.${name}.columns). Then run the same again.`,
  ].join('\n');
  return new FanlakeError('input.format', message, { found, first });
}

/** The error as one of the side input, with what can be done. */
function namedAfter({ name, object: { key } }: PlannedSide, error: FanlakeError): FanlakeError {
  const advice =
    error.code === 'input.gone' || error.code === 'input.changed'
      ? ". A run takes the side input that was there when it was planned; to take the one that is there now: the same 'fanlake run' again."
      : '';
  const message = `The side input '${name}' (${key}): ${error.message}${advice}`;
  return new FanlakeError(error.code, message, { ...error.details, side: name, key }, error);
}
