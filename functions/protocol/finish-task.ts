import type { FanlakeError } from '../core/errors.ts';
import { groupOf } from '../core/keys.ts';
import type { FailedPart } from '../core/part.ts';
import type { Plan } from '../core/plan.ts';
import type { Task } from '../core/task.ts';
import { climb, isSingleTask, sendCommit } from './barrier.ts';
import type { RunContext } from './context.ts';

/** What follows a part, whoever wrote or found it: the barrier, or for a single task the commit. */
export async function finishTask(context: RunContext, plan: Plan, task: number): Promise<void> {
  if (isSingleTask(plan)) return sendCommit(context, plan);
  return climb(context, plan, groupOf(task));
}

/** The part of a task that has failed for good. */
export function failedPart(task: Task, error: FanlakeError): Pick<FailedPart, 'format' | 'kind' | 'task' | 'error' | 'missing'> {
  const missing = task.splits.map(({ object, start, end }) => ({ key: object.key, start, end }));
  return { format: 1, kind: 'failed', task: task.task, error: error.toReport(), missing };
}
