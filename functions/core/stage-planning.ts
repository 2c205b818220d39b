import type { MergeTask, StageTasks, TaskRange } from './merge-task.ts';
import type { FoldedOutput } from './part.ts';
import { buckets, type MergeStep } from './staged-query.ts';

/** How many tasks share the rows of a stage, and when many small parts are made few first. */
export interface StageSizing {
  /** Bytes that a merge task aims at, as they are stored. */
  readonly mergeBytes: number;
  /** A task that combines takes at most so many parts ... */
  readonly combineInputs: number;
  /** ... or so many bytes. */
  readonly combineBytes: number;
  /** Parts that a merge task takes at most where they can be combined: each is a request, one behind the other. */
  readonly mostInputs: number;
  /** Each task of a stage asks for each part: so many requests a part, and so many in all, are few. */
  readonly requestsPerInput: number;
  readonly freeRequests: number;
}

/**
 * A function moves about 78 MB a second each way, so that 64 MiB are a task of seconds. What 64 parts come to is fetched by one function, unless they are large: a
 * gibibyte is a quarter of a minute, and a tenth of its disk.
 */
export const stageSizing: StageSizing = {
  mergeBytes: 64 * 2 ** 20,
  combineInputs: 64,
  combineBytes: 2 ** 30,
  mostInputs: 1_000,
  requestsPerInput: 4,
  freeRequests: 1_000,
};

/** What a task hands on, and the epoch whose task it is. */
export interface StageOutput extends FoldedOutput {
  readonly epoch: number;
}

const wholeRange = [0, buckets] as const;

/**
 * The tasks of the stage behind one that is complete. It follows from what that one has handed on alone, so that everybody plans the same.
 *
 * How many tasks share the buckets follows from the bytes. Each of them asks for each part, which of many parts would be many requests for little: those are
 * made fewer first, in as many stages as it takes, so that the requests of all stages together grow with the parts and not with parts times tasks.
 * @param outputs of all tasks of the stage before, in order
 * @param step index of the step that is next
 * @param steps of the query
 * @returns at least one task, also where there is no row: an aggregate over nothing is a row
 */
export function planStage(
  outputs: readonly StageOutput[],
  step: number,
  steps: readonly MergeStep[],
  sizing: StageSizing = stageSizing,
): StageTasks {
  const filled = outputs.filter(({ rows }) => rows > 0);
  const bytes = filled.reduce((sum, output) => sum + output.bytes, 0);
  const hasKeys = (steps[step]?.keys.length ?? 0) > 0;
  const count = hasKeys ? Math.max(1, Math.min(buckets, Math.ceil(bytes / sizing.mergeBytes))) : 1;
  const combining = isTooMany(filled.length, count, sizing) ? combiningTasks(filled, sizing) : null;
  if (combining !== null) return { format: 1, step, kind: 'combine', last: false, tasks: combining };
  const tasks = bucketRanges(filled, count).map((range, task) => taskOf(task, filled, range));
  return { format: 1, step, kind: 'merge', last: step === steps.length - 1, tasks };
}

/** The step that follows on a stage: behind a `combine` it is the same. */
export const stepBehind = ({ step, kind }: Pick<StageTasks, 'step' | 'kind'>): number => (kind === 'combine' ? step : step + 1);

/** As few parts as one task combines are few in any case. */
function isTooMany(inputs: number, tasks: number, sizing: StageSizing): boolean {
  if (inputs <= sizing.combineInputs) return false;
  return inputs > sizing.mostInputs || inputs * tasks > sizing.requestsPerInput * inputs + sizing.freeRequests;
}

/** Tasks that take neighbours together; null where the parts are so large that there would be hardly fewer. */
function combiningTasks(filled: readonly StageOutput[], sizing: StageSizing): readonly MergeTask[] | null {
  const tasks: MergeTask[] = [];
  let pending: StageOutput[] = [];
  let pendingBytes = 0;
  for (const output of filled) {
    if (pending.length === sizing.combineInputs || (pending.length > 0 && pendingBytes + output.bytes > sizing.combineBytes)) {
      tasks.push(taskOf(tasks.length, pending, wholeRange));
      [pending, pendingBytes] = [[], 0];
    }
    pending.push(output);
    pendingBytes += output.bytes;
  }
  tasks.push(taskOf(tasks.length, pending, wholeRange));
  return tasks.length * 2 <= filled.length ? tasks : null;
}

/** So many contiguous ranges of buckets with about equal bytes; each has one bucket at least. */
function bucketRanges(filled: readonly StageOutput[], count: number): readonly (readonly [number, number])[] {
  if (count === 1) return [wholeRange];
  const weights = bucketBytes(filled);
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const ranges: [number, number][] = [];
  let [from, before] = [0, 0];
  for (let bucket = 0; bucket < buckets && ranges.length < count - 1; bucket++) {
    before += weights[bucket] ?? 0;
    const isFull = before >= (total * (ranges.length + 1)) / count;
    // those behind need a bucket each
    const mustEnd = buckets - bucket - 1 === count - ranges.length - 1;
    if (!isFull && !mustEnd) continue;
    ranges.push([from, bucket + 1]);
    from = bucket + 1;
  }
  ranges.push([from, buckets]);
  return ranges;
}

/** Bytes of each bucket, as far as the row groups tell: those of one that has several buckets are taken for evenly spread. */
function bucketBytes(filled: readonly StageOutput[]): readonly number[] {
  const weights = new Array<number>(buckets).fill(0);
  for (const { groups } of filled) {
    for (const [first, last, , start, end] of groups) {
      const each = (end - start) / (last - first + 1);
      for (let bucket = first; bucket <= last; bucket++) weights[bucket] = (weights[bucket] ?? 0) + each;
    }
  }
  return weights;
}

/** Whether a part has rows in a range of buckets, as far as its row groups tell. */
export const hasRowsIn = ({ groups }: Pick<FoldedOutput, 'groups'>, [from, to]: readonly [number, number]): boolean =>
  groups.some(([first, last]) => first < to && last >= from);

function taskOf(task: number, inputs: readonly StageOutput[], range: readonly [number, number]): MergeTask {
  return { task, inputs: rangesOf(inputs), buckets: range, bytes: bytesIn(inputs, range) };
}

function bytesIn(inputs: readonly StageOutput[], [from, to]: readonly [number, number]): number {
  let bytes = 0;
  for (const { groups } of inputs) for (const [first, last, , start, end] of groups) if (first < to && last >= from) bytes += end - start;
  return bytes;
}

/** As ranges of their numbers. A gap stays one: a task in it may have a part that isn't taken over. */
function rangesOf(inputs: readonly StageOutput[]): readonly TaskRange[] {
  const ranges: { epoch: number; from: number; to: number }[] = [];
  for (const { epoch, task } of inputs) {
    const last = ranges.at(-1);
    if (last !== undefined && last.epoch === epoch && last.to === task) last.to = task + 1;
    else ranges.push({ epoch, from: task, to: task + 1 });
  }
  return ranges;
}
