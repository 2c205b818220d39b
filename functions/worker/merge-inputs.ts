import { FanlakeError } from '../core/errors.ts';
import { groupOf, type PlanId, rowsKey, tasksPerGroup } from '../core/keys.ts';
import type { MergeTask, TaskRange } from '../core/merge-task.ts';
import type { FoldedOutput } from '../core/part.ts';
import { spanOf } from '../core/part-share.ts';
import type { Plan } from '../core/plan.ts';
import type { ObjectStore } from '../core/ports.ts';
import { readFold, readPlan } from '../protocol/documents.ts';
import { partsOf } from '../protocol/gather-fold.ts';
import type { MergeInput } from './computed-task.ts';

/**
 * Whose rows a merge task takes, in order, without those that have none of its share. Read from the folds of their groups, a request for up to a thousand.
 * @param stage of the task
 * @throws FanlakeError `run.unknown` when what the stage before has left is gone
 */
export async function mergeInputs(work: ObjectStore, plan: Plan, stage: number, task: MergeTask): Promise<readonly MergeInput[]> {
  const inputs: MergeInput[] = [];
  for (const [epoch, ranges] of Map.groupBy(task.inputs, (range) => range.epoch)) {
    const id = epoch === plan.epoch ? plan : await readPlan(work, { run: plan.run, epoch });
    if (id === null) throw rowsGone(plan);
    const groups = new Set(ranges.flatMap(groupsOf));
    for (const group of groups) {
      const numbers = ranges.flatMap((range) => numbersIn(range, group));
      const found = await outputsOf(work, id, stage - 1, group, numbers);
      for (const number of numbers) {
        const output = found.get(number);
        if (output === undefined) throw rowsGone(plan);
        if (output.rows > 0 && spanOf(output, task) !== null) inputs.push(inputOf(id, stage - 1, output));
      }
    }
  }
  return inputs;
}

function inputOf(id: PlanId, stage: number, { task, ...output }: FoldedOutput): MergeInput {
  return { key: rowsKey(id, stage, task, output.nonce), output };
}

const groupsOf = ({ from, to }: TaskRange): readonly number[] =>
  Array.from({ length: groupOf(to - 1) - groupOf(from) + 1 }, (_, index) => groupOf(from) + index);

function numbersIn({ from, to }: TaskRange, group: number): readonly number[] {
  const [first, end] = [Math.max(from, group * tasksPerGroup), Math.min(to, (group + 1) * tasksPerGroup)];
  return Array.from({ length: Math.max(0, end - first) }, (_, index) => first + index);
}

/** What tasks of a group hand on. A group of an earlier epoch that was never full has no fold: then their parts say it. */
async function outputsOf(
  work: ObjectStore,
  id: PlanId,
  stage: number,
  group: number,
  tasks: readonly number[],
): Promise<ReadonlyMap<number, FoldedOutput>> {
  const fold = (await readFold(work, id, stage, group)) ?? (await partsOf(work, id, stage, tasks));
  return new Map(fold.outputs.map((output) => [output.task, output]));
}

/** The error of a merge task whose rows are gone: a try that looks for them does the map tasks again that made them. */
export function rowsGone({ run }: Plan, cause?: unknown): FanlakeError {
  return new FanlakeError(
    'run.unknown',
    `Rows that tasks of run ${run} handed on to others are gone (the work folder was emptied, or has expired). The tasks that made them have to be done again: fanlake retry ${run}`,
    {},
    cause,
  );
}
