import type { DraftedPlan } from '../functions/coordinator/draft-plan.ts';
import { type ForecastCost, type ForecastStage, forecastCost, forecastStages } from '../functions/core/run-forecast.ts';
import type { StageSizing } from '../functions/core/stage-sizing.ts';
import { buckets, type OrderColumn, type StagedQuery } from '../functions/core/staged-query.ts';

/** Where stages hand on next to nothing, and where as many bytes as the input has: how much it will be isn't known before. */
export interface Between<Value> {
  readonly least: Value;
  readonly most: Value;
}

/** A stage of a run. */
export interface ExplainedStage {
  /** `map`, `merge 1`, `merge 2`... */
  readonly stage: string;
  /** Of a merge stage at least. */
  readonly tasks: number;
  /** How many there may be at most; where tasks share an order about so many, if each stage hands on as many bytes as the input has. */
  readonly mostTasks: number;
  readonly splits: number;
  /** Of input; null of a merge stage. */
  readonly bytes: number | null;
  /** That the stage before hands on for each task, about; null of the map stage. */
  readonly taskBytes: number | null;
  /** What each task computes: one SELECT over `input`, or over `parts`. */
  readonly sql: string;
  /** By which columns rows of the stage before meet in its tasks; none: all in one task, unless `order` says more. Null of the map stage. */
  readonly keys: readonly string[] | null;
  /** The order that its tasks share, each a range of it: columns, as they stand behind ORDER BY. Null where they share none. */
  readonly order: readonly string[] | null;
  /** Tasks before it that make few parts of many, where the stage before has many tasks. */
  readonly combining: Between<number>;
  /** Tasks before it that deal rows again, where a bucket of them is too large for a task. */
  readonly dealing: Between<number>;
  /** To S3 by its tasks, those that combine included. */
  readonly requests: Between<number>;
}

/** What a run costs on AWS, as far as can be told before. */
export interface ExplainedCost {
  readonly currency: 'USD';
  readonly least: ForecastCost;
  readonly most: ForecastCost;
}

/**
 * The stages that a drafted plan will have, the map stage first, and what that costs on AWS.
 * @param sizing of merge stages where the run would be
 */
export function explainStages(
  { draft, taskCount }: DraftedPlan,
  splits: number,
  sizing: StageSizing,
): { stages: readonly ExplainedStage[]; cost: ExplainedCost } {
  const staged = draft.staged === true ? draft.query.staged : null;
  const { bytes } = draft.input;
  const input = { tasks: taskCount, bytes, steps: staged?.steps ?? [] };
  const [least, most] = [forecastStages(input, 0, sizing), forecastStages(input, 1, sizing)];
  const between = (of: (stages: readonly ForecastStage[]) => number): Between<number> => ({ least: of(least), most: of(most) });
  const map: ExplainedStage = {
    stage: 'map',
    tasks: taskCount,
    mostTasks: taskCount,
    splits,
    bytes,
    taskBytes: null,
    sql: staged?.map.sql ?? draft.query.sql,
    keys: null,
    order: null,
    combining: { least: 0, most: 0 },
    dealing: { least: 0, most: 0 },
    requests: between((stages) => storeRequests(stages, -1)),
  };
  return {
    stages: [map, ...(staged?.steps ?? []).map((step, index) => mergeStage(step, index, between, sizing))],
    cost: { currency: 'USD', least: forecastCost(forecastStages(input, 0)), most: forecastCost(forecastStages(input, 1)) },
  };
}

function mergeStage(
  { sql, keys, order }: StagedQuery['steps'][number],
  index: number,
  between: (of: (stages: readonly ForecastStage[]) => number) => Between<number>,
  { mergeBytes }: StageSizing,
): ExplainedStage {
  const tasksOf = (kind: ForecastStage['kind']) => (stages: readonly ForecastStage[]) =>
    stages.reduce((sum, stage) => sum + (stage.step === index && stage.kind === kind ? stage.tasks : 0), 0);
  const merging = between(tasksOf('merge'));
  const shared = order?.isShared === true ? order.by.map(orderText) : null;
  const least = keys.length === 0 ? 1 : buckets;
  return {
    stage: `merge ${index + 1}`,
    tasks: merging.least,
    mostTasks: Math.max(least, merging.most),
    splits: 0,
    bytes: null,
    taskBytes: mergeBytes,
    sql,
    keys,
    order: shared,
    combining: between(tasksOf('combine')),
    dealing: between(tasksOf('deal')),
    requests: between((stages) => storeRequests(stages, index)),
  };
}

const orderText = ({ name, descending, nullsFirst }: OrderColumn): string =>
  `${name}${descending ? ' DESC' : ''}${nullsFirst ? ' NULLS FIRST' : ''}`;

const storeRequests = (stages: readonly ForecastStage[], step: number): number =>
  stages.reduce((sum, { step: of, requests: { put, list, get } }) => sum + (of === step ? put + list + get : 0), 0);
