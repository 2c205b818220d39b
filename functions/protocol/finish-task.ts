import type { FanlakeError } from '../core/errors.ts';
import { groupOf } from '../core/keys.ts';
import type { MergeTask } from '../core/merge-task.ts';
import type { FailedPart } from '../core/part.ts';
import type { Plan } from '../core/plan.ts';
import type { Task } from '../core/task.ts';
import { isSingleTask, sendCommit } from './barrier.ts';
import { climb } from './climb.ts';
import type { RunContext } from './context.ts';
import type { Stage } from './stages.ts';

/** What follows a part, whoever wrote or found it: the barrier, or for a single task the commit. */
export async function finishTask(context: RunContext, plan: Plan, stage: Stage, task: number): Promise<void> {
  if (isSingleTask(plan)) return sendCommit(context, plan);
  return climb(context, plan, stage, groupOf(task));
}

/** The part of a task that has failed for good. No ranges of the input are missing for one of a merge stage: it takes rows of many tasks. */
export function failedPart(
  task: Task | MergeTask,
  error: FanlakeError,
): Pick<FailedPart, 'format' | 'kind' | 'task' | 'error' | 'missing'> {
  const splits = 'splits' in task ? task.splits : [];
  const missing = splits.map(({ object, start, end }) => ({ key: object.key, start, end }));
  return { format: 1, kind: 'failed', task: task.task, error: error.toReport(), missing };
}
