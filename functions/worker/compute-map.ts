import { mkdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { asFanlakeError } from '../core/errors.ts';
import { addIgnored } from '../core/ignored-keys.ts';
import type { RowCounts } from '../core/part.ts';
import type { BadRecord, Piece } from '../core/piece.ts';
import { type Plan, queryTimeOf, stagesOf } from '../core/plan.ts';
import type { ObjectStore } from '../core/ports.ts';
import type { Task } from '../core/task.ts';
import { RowsDoNotFit } from '../engine/errors.ts';
import { type BadValue, findBadValues, runLenient } from '../engine/lenient.ts';
import { type MapRequest, type MapResult, runMap, type StagedMap } from '../engine/map.ts';
import { type MapAhead, mapAhead } from '../engine/map-ahead.ts';
import { noPartRows, targetOf } from '../engine/part-rows.ts';
import { writeQuarantine } from '../engine/quarantine.ts';
import type { Engine } from '../engine/session.ts';
import type { SideRelation } from '../engine/side-relation.ts';
import { asksForTime } from '../engine/statement-time.ts';
import { badRecordOf, sift } from '../formats/sift.ts';
import type { SiftedPiece } from '../formats/sifted-split.ts';
import type { ProjectAside } from '../formats/stage-halves.ts';
import { likelyPiece } from '../formats/stage-split.ts';
import type { SplitToStage } from '../formats/staged-split.ts';
import { BadRowsError } from './bad-rows-error.ts';
import { computeMerge } from './compute-merge.ts';
import type { Attempt, ComputedTask, TaskComputer } from './computed-task.ts';
import { fetchSplit } from './fetch-split.ts';
import { type StagedInput, stageInput } from './stage-input.ts';
import { stageSides } from './stage-sides.ts';
import { tableOutput } from './table-output.ts';
import { TaskError } from './task-error.ts';
import { unknownKeysError } from './unknown-keys-error.ts';

/** Below this a scan is over before the engine has begun. */
const worthStartingAheadBytes = 32 * 1024 * 1024;
/** Offenders that a failing task names; counting goes on, collecting stops. */
const fewOffenders = 1_000;

export interface MapTools {
  readonly landing: ObjectStore;
  /** Where tasks of merge stages find the rows that others handed on. */
  readonly work: ObjectStore;
  readonly engines: EngineSource;
  /** The engine begins with an object of at least so many bytes while it is scanned. Default: where the scan takes tens of milliseconds. */
  readonly aheadBytes?: number;
  /** Of a split with at least so many bytes of CSV the engine gets the fields that it needs, where they are few. Default: where that pays. */
  readonly projectBytes?: number;
  /** Scans half of a large object beside this thread. Default: nobody does. */
  readonly aside?: ProjectAside;
}

/** Where a task gets its engine. */
export interface EngineSource {
  /** From the second receive on a task gets half the threads and memory: its predecessor may have been killed for memory. */
  engine(receiveCount: number, tasks: number): Promise<Engine>;
}

/** Computes map tasks with the formats' staging and the engine, and merge tasks with the engine alone. */
export function mapComputer(tools: MapTools): TaskComputer {
  return {
    open: async ({ folder }) => {
      await mkdir(folder, { recursive: true });
    },
    close: ({ folder }) => rm(folder, { recursive: true, force: true }),
    compute: (plan, task, attempt) => computeMap(tools, plan, task, attempt),
    computeMerge: async (plan, stage, task, inputs, attempt) => {
      const engine = await tools.engines.engine(attempt.receiveCount, stage.tasks.length);
      return computeMerge({ landing: tools.landing, work: tools.work, engine }, plan, stage, task, inputs, attempt);
    },
    writeQuarantine: async (records, path) => {
      const engine = await tools.engines.engine(1, 1);
      await engine.allow([dirname(path)]);
      await writeQuarantine(engine, records, path);
    },
  };
}

/** An attempt at a map task. */
interface MapAttempt extends Attempt {
  readonly sides: readonly SideRelation[];
}

async function computeMap(tools: MapTools, plan: Plan, task: Task, given: Attempt): Promise<ComputedTask> {
  const engine = await tools.engines.engine(given.receiveCount, plan.tasks);
  if (asksForTime(plan.query.sql)) await engine.setTime(queryTimeOf(plan));
  const attempt = { ...given, sides: await stageSides({ landing: tools.landing, engine, scratch: given.folder }, plan) };
  const { inputs, ahead } = await stageInputs(tools, engine, plan, task, attempt);
  await engine.allow(foldersOf(inputs, attempt));
  const chain = inputs.map(({ staged }) => staged.link);
  const ignored = addIgnored(inputs.flatMap(({ staged }) => staged.ignored ?? []));
  const refused = unknownKeysError(plan, ignored);
  if (refused !== null) {
    await ahead?.stop();
    throw new TaskError(refused, chain, []);
  }
  const mapped = await mapRows(engine, plan, inputs, attempt, ahead).catch((thrown: unknown) => {
    const error = asFanlakeError(thrown);
    if (error.retryable) throw error;
    throw new TaskError(error, chain, error instanceof BadRowsError ? error.records : []);
  });
  for (const { file } of inputs) await file.release();
  const unchecked = inputs.some(({ staged }) => staged.checksum === 'unchecked');
  const verified = inputs.some(({ staged }) => staged.checksum === 'verified');
  return {
    ...mapped,
    bytesCovered: inputs.reduce((sum, { staged }) => sum + staged.bytesCovered, 0),
    chain,
    ignored,
    checksum: unchecked ? 'unchecked' : verified ? 'verified' : 'none',
  };
}

interface StagedInputs {
  readonly inputs: readonly StagedInput[];
  readonly ahead: MapAhead | null;
}

async function stageInputs(tools: MapTools, engine: Engine, plan: Plan, task: Task, attempt: MapAttempt): Promise<StagedInputs> {
  const inputs: StagedInput[] = [];
  let ahead: MapAhead | null = null;
  try {
    for (const [index, split] of task.splits.entries()) {
      const { landing, projectBytes } = tools;
      const how = { landing, scratch: attempt.folder, name: `s${index}`, threads: engine.threads, projectBytes };
      const fetched = await fetchSplit(plan, split, how);
      if (task.splits.length === 1) ahead = await startAhead(tools, engine, plan, fetched.split, attempt);
      inputs.push(await stageInput(engine, fetched, tools.aside));
    }
  } catch (thrown) {
    await ahead?.stop();
    throw thrown;
  }
  return { inputs, ahead };
}

/**
 * Lets the engine begin with a large object while it is scanned here: the scan takes one core, and more than a tenth of the time. What the engine made is
 * used if the scan finds that it read the object the right way.
 */
async function startAhead(tools: MapTools, engine: Engine, plan: Plan, split: SplitToStage, attempt: MapAttempt): Promise<MapAhead | null> {
  const piece = likelyPiece(split);
  if (piece === null || split.size < (tools.aheadBytes ?? worthStartingAheadBytes)) return null;
  await engine.allow([attempt.folder, dirname(piece.path)]);
  return mapAhead(engine, requestOf(plan, attempt, [piece], 'out', split.size));
}

function foldersOf(inputs: readonly StagedInput[], attempt: Attempt): readonly string[] {
  const folders = inputs
    .flatMap(({ split, staged }) => [split.path, ...staged.pieces.map(({ path }) => path)])
    .map((path) => dirname(path));
  return [...new Set([attempt.folder, ...folders])];
}

/** The pieces of a text that is read from its first line on, each with the number of its own first line. */
function withLineNumbers<Some extends Piece>({ layout, range, size }: SplitToStage, pieces: readonly Some[]): readonly Some[] {
  if (layout.format !== 'text' || range.start > 0 || range.end < size) return pieces;
  let firstLineNumber = 1;
  return pieces.map((piece) => {
    const numbered = { ...piece, firstLineNumber };
    firstLineNumber += piece.records;
    return numbered;
  });
}

type Mapped = Pick<ComputedTask, 'rows' | 'files' | 'bad' | 'output'>;

/**
 * Runs the query over the splits: typed and in one scan where everything is regular, else the slow way, which names what can't be taken.
 * A scan that gives another number of rows than the record machine counted is not believed, and done again the slow way.
 */
async function mapRows(
  engine: Engine,
  plan: Plan,
  inputs: readonly StagedInput[],
  attempt: MapAttempt,
  ahead: MapAhead | null,
): Promise<Mapped> {
  const read = inputs.reduce((sum, { staged }) => sum + staged.records, 0);
  const pieces = inputs.flatMap(({ split, staged }) => withLineNumbers(split, staged.pieces));
  if (!inputs.some(({ staged }) => staged.suspects)) {
    const request = requestOf(plan, attempt, pieces, 'out', bytesOf(inputs));
    if (pieces.length === 0) {
      await ahead?.stop();
      return mappedOf(plan, read, await runMap(engine, request));
    }
    try {
      const result = (await ahead?.confirm(request)) ?? (await runMap(engine, request));
      if (result.scanned === read) return mappedOf(plan, read, result);
    } catch (thrown) {
      if (!(thrown instanceof RowsDoNotFit)) throw thrown;
    }
  }
  await ahead?.stop();
  return mapCarefully(engine, plan, inputs, attempt, read);
}

async function mapCarefully(
  engine: Engine,
  plan: Plan,
  inputs: readonly StagedInput[],
  attempt: MapAttempt,
  read: number,
): Promise<Mapped> {
  const allowed = plan.job.limits.maxBadRows;
  const limit = Math.max(allowed, fewOffenders);
  const bad: BadRecord[] = [];
  const pieces: { readonly piece: SiftedPiece; readonly input: StagedInput }[] = [];
  let badRecords = 0;
  for (const input of inputs) {
    // a Parquet file has no records to walk: its values are judged by the engine as they are
    if (input.split.layout.format === 'parquet') {
      for (const piece of input.staged.pieces) pieces.push({ piece: { ...piece, offsets: new Float64Array() }, input });
      continue;
    }
    const sifted = sift(input.split, input.staged, limit);
    for (const record of sifted.bad) bad.push(record);
    badRecords += sifted.badCount;
    for (const piece of withLineNumbers(input.split, sifted.pieces)) pieces.push({ piece, input });
  }
  if (badRecords > allowed) throw new BadRowsError(bad, badRecords, allowed);
  const request = requestOf(
    plan,
    attempt,
    pieces.map(({ piece }) => piece),
    'careful',
    bytesOf(inputs),
  );
  const result =
    pieces.length === 0
      ? { ...(await runMap(engine, request)), badRecords: 0, bad: [] }
      : await runLenient(engine, { ...request, limit: allowed - badRecords });
  badRecords += result.badRecords;
  const tooMany = badRecords > allowed;
  // past the limit nothing was written, and the first offenders are looked up to be named
  const values = tooMany ? (await findBadValues(engine, request.pieces, plan.columns, fewOffenders)).values : result.bad;
  for (const value of values) {
    const source = pieces[value.piece];
    if (source !== undefined) bad.push(badRecordAt(source.input, source.piece, value));
  }
  if (tooMany) throw new BadRowsError(bad, badRecords, allowed);
  return mappedOf(plan, read, result, { count: badRecords, bad });
}

function badRecordAt({ split, staged }: StagedInput, piece: SiftedPiece, { ordinal, column, reason, value }: BadValue): BadRecord {
  if (split.layout.format !== 'parquet') return badRecordOf(split, staged, piece, ordinal, { column, reason });
  return { objectKey: split.key, offset: ordinal, lengthBytes: 0, column, reason, raw: value };
}

/** Uncompressed bytes of text, and the size of Parquet files. */
function bytesOf(inputs: readonly StagedInput[]): number {
  return inputs.reduce((sum, { split, staged: { text } }) => sum + (text === null ? split.size : text.to - text.from), 0);
}

/**
 * @param name of the output in the attempt's folder
 * @param bytes of the input
 */
function requestOf(plan: Plan, { folder, sides }: MapAttempt, pieces: readonly Piece[], name: string, bytes: number): MapRequest {
  const output = tableOutput(plan, join(folder, name), bytes);
  const request = { pieces, columns: plan.columns, query: plan.query, sides, run: plan.run, output };
  const staged = stagedMapOf(plan, join(folder, name));
  return staged === null ? request : { ...request, staged };
}

function stagedMapOf(plan: Plan, folder: string): StagedMap | null {
  const staged = stagesOf(plan);
  if (staged === null) return null;
  const [first] = staged.steps;
  if (first === undefined) throw new Error(`the query of ${plan.run} in stages has no merge step`);
  return { map: staged.map, path: `${folder}.parquet`, ...targetOf(first) };
}

/**
 * `read` is the record machine's count, the others are the engine's: whether they agree is checked when the run is judged.
 * @param quarantined records that were left out
 */
function mappedOf(
  plan: Plan,
  read: number,
  { scanned, passed, written, files, handedOn = noPartRows }: MapResult,
  quarantined: { readonly count: number; readonly bad: readonly BadRecord[] } = { count: 0, bad: [] },
): Mapped {
  const rows: RowCounts = { read, filtered: scanned - passed, quarantined: quarantined.count, passed, written };
  return { rows, files, bad: quarantined.bad, ...(stagesOf(plan) === null ? {} : { output: handedOn }) };
}
