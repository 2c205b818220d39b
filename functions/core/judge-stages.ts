import { type ErrorReport, FanlakeError } from './errors.ts';
import { checkFiles, failedTasksError, judge } from './judge.ts';
import type { StageTasks } from './merge-task.ts';
import type { Fold } from './part.ts';
import type { Plan } from './plan.ts';

/** A stage as its parts so far tell of it. */
export interface JudgedStage {
  readonly fold: Fold;
  /** Whether each of its tasks has a part. */
  readonly complete: boolean;
  /** Null of the map stage. */
  readonly merge: StageTasks | null;
}

/**
 * Why a run can't be committed, or null: its map stage first, since what is wrong with the input is told by that alone; then each merge stage.
 * @param stages those that have begun, the map stage first
 * @returns `incomplete` while tasks are at work, or a stage is still to come
 */
export function judgeStages(plan: Plan, [map, ...merges]: readonly [JudgedStage, ...JudgedStage[]]): ErrorReport | 'incomplete' | null {
  if (!map.complete && plan.error === null) return 'incomplete';
  const ofInput = judge(plan, map.fold);
  if (ofInput !== null || plan.staged !== true) return ofInput;
  let before = map;
  for (const stage of merges) {
    if (!stage.complete) return 'incomplete';
    const wrong = judgeMerge(plan, before, stage);
    if (wrong !== null) return wrong;
    before = stage;
  }
  return before.merge?.last === true ? null : 'incomplete';
}

function judgeMerge(plan: Plan, before: JudgedStage, { fold, merge }: JudgedStage): ErrorReport | null {
  if (fold.failed.length > 0) return failedTasksError(plan, fold.failed, merge?.tasks.length);
  const wrong = checkHandedOn(plan, before.fold, fold) ?? checkFiles(plan, fold);
  return wrong?.toReport() ?? null;
}

/** No row is lost between two stages, and none is taken twice: the tasks of one have taken what those before it have handed on, no more and no less. */
function checkHandedOn({ run }: Plan, before: Fold, fold: Fold): FanlakeError | null {
  const handedOn = before.outputs.reduce((sum, { rows }) => sum + rows, 0);
  if (before.outputs.length === before.done && handedOn === fold.consumed) return null;
  return new FanlakeError(
    'run.unaccounted',
    `Run ${run} is not committed: ${before.outputs.length} of ${before.done} tasks handed on ${handedOn} rows, and the tasks behind them took ${fold.consumed}. ` +
      'This is a defect of Fanlake, and nothing was written; please report it with the input that shows it.',
    { tasks: before.done, outputs: before.outputs.length, handedOn, consumed: fold.consumed },
  );
}
