import { join } from 'node:path';
import { FanlakeError } from '../core/errors.ts';
import type { MergeTask, StageTasks } from '../core/merge-task.ts';
import { type Plan, queryTimeOf, stagesOf } from '../core/plan.ts';
import type { ObjectStore } from '../core/ports.ts';
import type { MergeStep } from '../core/staged-query.ts';
import { copyToParquet } from '../engine/copy.ts';
import { asRowsError } from '../engine/errors.ts';
import { type PartRowsTarget, partsRelation, targetOf, writePartRows } from '../engine/part-rows.ts';
import type { Engine } from '../engine/session.ts';
import { withTables } from '../engine/side-relation.ts';
import { identifier } from '../engine/sql-text.ts';
import { asksForTime } from '../engine/statement-time.ts';
import type { Attempt, ComputedMerge, MergeInput } from './computed-task.ts';
import { fetchRows } from './fetch-rows.ts';
import { stageSides } from './stage-sides.ts';
import { tableOutput } from './table-output.ts';

export interface MergeTools {
  /** Where side tables are. */
  readonly landing: ObjectStore;
  readonly work: ObjectStore;
  readonly engine: Engine;
}

/**
 * Computes a task of a merge stage: fetches its share of the rows that the stage before handed on, and runs the step's query over them.
 * @throws FanlakeError input.gone (the rows, or a side table), input.changed, input.format (a side table's), query.failed, table.partitions, task.memory, store.*
 */
export async function computeMerge(
  { landing, work, engine }: MergeTools,
  plan: Plan,
  stage: StageTasks,
  task: MergeTask,
  inputs: readonly MergeInput[],
  attempt: Attempt,
): Promise<ComputedMerge> {
  const { step, next } = stepsOf(plan, stage);
  if (asksForTime(plan.query.sql)) await engine.setTime(queryTimeOf(plan));
  const fetched = await fetchRows(work, inputs, task, attempt.folder);
  await engine.allow([attempt.folder, fetched.folder]);
  const isJoined = stage.kind === 'merge' && step.readsSides === true;
  const sides = isJoined ? await stageSides({ landing, engine, scratch: attempt.folder }, plan) : [];
  const parts = withTables('parts', partsRelation(fetched.files, step.columns, task, step.order), sides);
  const query = queryOf(step, stage);
  try {
    const [counted] = await engine.rows(`${parts} SELECT count(*) AS n FROM parts`);
    const consumed = Number(counted?.['n']);
    if (stage.last) {
      const { files } = await copyToParquet(engine, parts, query, tableOutput(plan, join(attempt.folder, 'out'), task.bytes), {
        profile: false,
      });
      return { consumed, written: files.reduce((sum, { rows }) => sum + rows, 0), files, output: null };
    }
    const target = { path: join(attempt.folder, 'out.parquet'), ...next };
    const { rows: output } = await writePartRows(engine, parts, query, target, { profile: false });
    return { consumed, written: 0, files: [], output };
  } catch (thrown) {
    throw asMergeError(thrown, plan);
  }
}

interface Steps {
  readonly step: MergeStep;
  /** What the rows are for that this step's tasks hand on. */
  readonly next: Omit<PartRowsTarget, 'path'>;
}

function stepsOf(plan: Plan, { step: index, kind, last }: StageTasks): Steps {
  const steps = stagesOf(plan)?.steps ?? [];
  const step = steps[index];
  const next = kind === 'merge' ? (steps[index + 1] ?? (last ? step : undefined)) : step;
  if (step === undefined || next === undefined)
    throw new Error(`the plan of ${plan.run} has ${steps.length} merge steps, and none for ${kind} ${index}`);
  return { step, next: { ...targetOf(next), dealtAgain: kind === 'deal' } };
}

function queryOf({ columns, combine, sql }: MergeStep, { kind }: StageTasks): string {
  if (kind === 'merge') return sql;
  return combine ?? `SELECT ${columns.map(({ name }) => identifier(name)).join(', ')} FROM parts`;
}

/** What DuckDB says of a cast that fails, where the column has a name of the planner's. */
const ownSource = / when casting from source column (b\d+_)?[acdopxy]\d+(?=[\s.]|$)/;

/** The engine's error. That a file can't be read is none of the user's: what was fetched was written by us, and is fetched again. */
function asMergeError(thrown: unknown, plan: Plan): FanlakeError {
  if (thrown instanceof FanlakeError) return thrown;
  const what = `the rows of run ${plan.run} can't be merged`;
  const ours = thrown instanceof Error && ownSource.test(thrown.message);
  const error = asRowsError(ours ? new Error(thrown.message.replace(ownSource, ''), { cause: thrown }) : thrown, what);
  return error.code === 'input.corrupt' || error.code === 'input.format'
    ? new FanlakeError('internal', `${what}: ${String(error.details['engine'])}`, {}, thrown)
    : error;
}
