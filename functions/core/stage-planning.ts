import { bucketBytes, bucketRanges, wholeRange } from './bucket-ranges.ts';
import { dealTasks, dealtTasks } from './dealing.ts';
import type { StageTasks } from './merge-task.ts';
import { mayHave } from './part-share.ts';
import { type SortRange, sortRanges } from './sort-samples.ts';
import { bucketTask, neighbours, type StageOutput, taskRanges, type UnnumberedTask } from './stage-inputs.ts';
import { type StageSizing, stageSizing, tasksFor } from './stage-sizing.ts';
import { buckets, type MergeStep } from './staged-query.ts';

/**
 * The tasks of the stage behind one that is complete. It follows from what that one has handed on alone, so that everybody plans the same.
 *
 * How many tasks share the rows follows from the bytes. Each of them asks for each part, which of many parts would be many requests for little: those are
 * made fewer first, in as many stages as it takes, so that the requests of all stages together grow with the parts and not with parts times tasks. Rows of a bucket
 * that is too large for a task are dealt into finer ones, once: what is too large even then is most likely one key, which only one task can take.
 * @param outputs of all tasks of the stage before, in order
 * @param before that stage; null: the map stage
 * @param steps of the query
 * @returns at least one task, also where there is no row: an aggregate over nothing is a row
 */
export function planStage(
  outputs: readonly StageOutput[],
  before: Pick<StageTasks, 'step' | 'kind' | 'tasks'> | null,
  steps: readonly MergeStep[],
  sizing: StageSizing = stageSizing,
): StageTasks {
  const step = before === null ? 0 : stepBehind(before);
  const filled = outputs.filter(({ rows }) => rows > 0);
  const stage = (kind: StageTasks['kind'], tasks: readonly UnnumberedTask[]): StageTasks => ({
    ...{ format: 1, step, kind, last: kind === 'merge' && step === steps.length - 1 },
    tasks: tasks.map((task, number) => ({ task: number, ...task })),
  });
  if (before?.kind === 'deal' && filled.length > 0) return stage('merge', dealtTasks(filled, before.tasks, sizing));
  const { keys, order } = steps[step] ?? { keys: [] };
  if (order?.isShared === true) return planSorted(filled, sizing, stage);
  const count = keys.length === 0 ? 1 : Math.min(buckets, tasksFor(filled, sizing));
  const combining = isTooMany(filled.length, filled.length * count, sizing) ? combiningTasks(filled, sizing) : null;
  if (combining !== null) return stage('combine', combining);
  if (keys.length > 0 && bucketBytes(filled).some((bytes) => bytes > sizing.mostBytes)) return stage('deal', dealTasks(filled, sizing));
  return stage(
    'merge',
    bucketRanges(filled, count).map((range) => bucketTask(filled, range)),
  );
}

/** The step that follows on a stage: behind one that only puts rows together anew it is the same. */
export const stepBehind = ({ step, kind }: Pick<StageTasks, 'step' | 'kind'>): number => (kind === 'merge' ? step + 1 : step);

/** Tasks that share an order: each takes a range of it. */
function planSorted(
  filled: readonly StageOutput[],
  sizing: StageSizing,
  stage: (kind: StageTasks['kind'], tasks: readonly UnnumberedTask[]) => StageTasks,
): StageTasks {
  const ranges = filled.length > sizing.mostInputs ? null : sortRanges(filled, tasksFor(filled, sizing));
  const requests = ranges === null ? Number.POSITIVE_INFINITY : requestsOf(filled, ranges);
  const combining = isTooMany(filled.length, requests, sizing) ? combiningTasks(filled, sizing) : null;
  if (combining !== null) return stage('combine', combining);
  const inputs = taskRanges(filled);
  const tasks = (ranges ?? sortRanges(filled, tasksFor(filled, sizing))).map(({ bounds, bytes }) => ({
    ...{ inputs, buckets: wholeRange, bytes: Math.round(bytes) },
    ...(bounds[0] === null && bounds[1] === null ? {} : { bounds }),
  }));
  return stage('merge', tasks);
}

/** Of parts whose rows are near each other in the order already, a range needs few. */
const requestsOf = (filled: readonly StageOutput[], ranges: readonly SortRange[]): number =>
  filled.reduce((sum, part) => sum + ranges.filter(({ bounds }) => mayHave(part, 0, part.rows, bounds)).length, 0);

/** As few parts as one task combines are few in any case. */
function isTooMany(inputs: number, requests: number, sizing: StageSizing): boolean {
  if (inputs <= sizing.combineInputs) return false;
  return inputs > sizing.mostInputs || requests > sizing.requestsPerInput * inputs + sizing.freeRequests;
}

/** Tasks that take neighbours together; null where the parts are so large that there would be hardly fewer. */
function combiningTasks(filled: readonly StageOutput[], sizing: StageSizing): readonly UnnumberedTask[] | null {
  const tasks = neighbours(filled, { parts: sizing.combineInputs, bytes: sizing.combineBytes }, ({ bytes }) => bytes).map((inputs) =>
    bucketTask(inputs, wholeRange),
  );
  return tasks.length * 2 <= filled.length ? tasks : null;
}
