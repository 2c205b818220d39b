import { groupCount, groupOf } from './keys.ts';
import type { MergeTask, StageTasks } from './merge-task.ts';
import type { StageOutput } from './stage-inputs.ts';
import { planStage } from './stage-planning.ts';
import {
  addBilled,
  type BilledRequests,
  groupRequests,
  judgedStageRequests,
  mapTaskRequests,
  mergeTaskRequests,
  nextStageRequests,
  noRequests,
  runRequests,
  taskMessages,
} from './stage-requests.ts';
import { type StageSizing, stageSizing } from './stage-sizing.ts';
import { buckets, type MergeStep } from './staged-query.ts';

/** A stage as it will most likely be. */
export interface ForecastStage {
  readonly kind: 'map' | StageTasks['kind'];
  /** Index of the merge step; -1: the map stage. */
  readonly step: number;
  readonly tasks: number;
  /** That its tasks fetch, all together. */
  readonly bytes: number;
  readonly requests: BilledRequests;
  /** Of its tasks' functions. */
  readonly seconds: number;
}

export interface ForecastInput {
  readonly tasks: number;
  readonly bytes: number;
  /** Merge steps; none for a run whose map tasks write the table. */
  readonly steps: readonly MergeStep[];
}

/** So many parts are looked at one by one; more are taken for as many larger ones: a run of 100,000 tasks may cost a quarter more than its upper estimate says. */
const mostParts = 4_000;
/** Least that a task hands on: a Parquet file with a row. */
const leastPartBytes = 1_000;
/** A task that does nearly nothing, and what 256 MiB take besides: docs/cost.md. */
const taskSeconds = 0.15;
const secondsPerByte = 7.4 / 2 ** 28;

/**
 * The stages of a run, before it is known what its tasks hand on.
 * @param share how many bytes each stage hands on, as a share of the input's: 0 for next to nothing, 1 for as many
 * @param sizing of merge stages, where they are run
 */
export function forecastStages(
  { tasks, bytes, steps }: ForecastInput,
  share: number,
  sizing: StageSizing = stageSizing,
): readonly ForecastStage[] {
  const stages: ForecastStage[] = [mapStage(tasks, bytes)];
  let before = Math.min(tasks, mostParts);
  for (let stage: StageTasks | null = null; stage === null || !stage.last; ) {
    if (steps.length === 0) break;
    stage = planStage(outputsOf(before, bytes * share), stage, steps, sizing);
    stages.push(mergeStage({ ...stage, groupsBefore: groupCount(before) }));
    before = stage.tasks.length;
  }
  return stages;
}

function mapStage(tasks: number, bytes: number): ForecastStage {
  const { put, list, get } = mapTaskRequests(bytes / Math.max(1, tasks));
  const requests = { put: put * tasks, list: list * tasks, get: get * tasks, queue: taskMessages(tasks) };
  return { kind: 'map', step: -1, tasks, bytes, requests: addBilled(requests, foldingOf(tasks)), seconds: secondsOf(tasks, bytes) };
}

interface MergeStage {
  readonly kind: StageTasks['kind'];
  readonly step: number;
  readonly tasks: readonly MergeTask[];
  /** Groups of the stage before. */
  readonly groupsBefore: number;
}

function mergeStage({ kind, step, tasks, groupsBefore }: MergeStage): ForecastStage {
  const begun = { ...nextStageRequests(groupsBefore), queue: taskMessages(tasks.length) };
  const requests = tasks.reduce((sum, task) => addBilled(sum, mergeRequestsOf(task)), addBilled(begun, foldingOf(tasks.length)));
  const bytes = tasks.reduce((sum, task) => sum + task.bytes, 0);
  return { kind, step, tasks: tasks.length, bytes, requests, seconds: secondsOf(tasks.length, bytes) };
}

function mergeRequestsOf({ inputs, bytes }: MergeTask): BilledRequests {
  const parts = inputs.reduce((sum, { from, to }) => sum + to - from, 0);
  const groups = new Set(inputs.flatMap(({ from, to }) => [groupOf(from), groupOf(to - 1)]));
  return { ...mergeTaskRequests(parts, groups.size, bytes), queue: 0 };
}

const foldingOf = (tasks: number): BilledRequests => {
  const groups = groupCount(tasks);
  const { put, list, get } = groupRequests;
  return { put: put * groups, list: list * groups, get: get * groups, queue: 0 };
};

const secondsOf = (tasks: number, bytes: number): number => tasks * taskSeconds + bytes * secondsPerByte;

/** Of parts whose rows are evenly spread over the order: two digits are enough for all samples of one. */
const samples = Array.from({ length: buckets + 1 }, (_, sample) => sample.toString(16).padStart(2, '0'));

/** Parts that share the bytes evenly, over all buckets. */
function outputsOf(tasks: number, bytes: number): readonly StageOutput[] {
  const each = Math.max(leastPartBytes, Math.ceil(bytes / Math.max(1, tasks)));
  const edge = (bucket: number): number => Math.floor((each * bucket) / buckets);
  const groups = Array.from({ length: buckets }, (_, bucket) => [bucket, bucket, 1, edge(bucket), edge(bucket + 1)] as const);
  return Array.from({ length: tasks }, (_, task) => ({ epoch: 0, task, nonce: '', rows: buckets, bytes: each, groups, samples }));
}

/** List prices of us-east-1 in US dollars, as docs/cost.md has them. */
const prices = { putOrList: 5e-6, get: 0.4e-6, queue: 0.4e-6, invocation: 0.2e-6, gbSecond: 13.33e-6 } as const;
/** Of a worker's function. */
const workerGb = 3.46;
/** Of the functions beside the workers: coordinator, reducer, monitor. */
const otherFunctions = { invocations: 4, gbSeconds: 0.7 } as const;

export interface ForecastCost {
  /** In US dollars. */
  readonly requests: number;
  readonly functions: number;
}

/** All requests of a run of such stages, with those of coordinator and reducer. */
export function forecastRequests(stages: readonly ForecastStage[]): BilledRequests {
  return stages.reduce((sum, { kind, tasks, requests }) => {
    const judged = kind === 'map' ? noRequests : { ...judgedStageRequests(groupCount(tasks)), queue: 0 };
    return addBilled(addBilled(sum, requests), judged);
  }, runRequests);
}

/** What a run of such stages costs on AWS, as far as can be told: requests, and the seconds of functions. */
export function forecastCost(stages: readonly ForecastStage[]): ForecastCost {
  const { put, list, get, queue } = forecastRequests(stages);
  const tasks = stages.reduce((sum, stage) => sum + stage.tasks, 0);
  const seconds = stages.reduce((sum, stage) => sum + stage.seconds, 0);
  return {
    requests: (put + list) * prices.putOrList + get * prices.get + queue * prices.queue,
    functions: (tasks + otherFunctions.invocations) * prices.invocation + (seconds * workerGb + otherFunctions.gbSeconds) * prices.gbSecond,
  };
}
