import type { ErrorReport } from '../core/errors.ts';
import { partKey } from '../core/keys.ts';
import type { MergeMessage } from '../core/merge-task.ts';
import type { Part } from '../core/part.ts';
import type { Plan } from '../core/plan.ts';
import type { Delivery } from '../core/ports.ts';
import type { TaskMessage } from '../core/task.ts';
import { readDecision } from '../protocol/documents.ts';
import { fulfilDuties } from '../protocol/duties.ts';
import { finishTask } from '../protocol/finish-task.ts';
import { mapStage, readStage, type Stage } from '../protocol/stages.ts';
import { type AttemptContext, attemptTask } from './attempt-task.ts';

export interface WorkerContext extends AttemptContext {
  /** Answers a run's plan, read once a worker. */
  readonly plans: { get(id: { run: string; epoch: number; plan?: string }): Promise<Plan> };
}

/** A message that waited so long may be the second one of its task, or its run may be cancelled: two looks are cheaper than the work. */
const oldMs = 60_000;

/** What a delivery of a task came to. `left alone`: another attempt's part counts, or the task isn't wanted any more. */
export type TaskEnd =
  | { readonly kind: 'done' }
  | { readonly kind: 'failed'; readonly error: ErrorReport }
  | { readonly kind: 'left alone' };

const leftAlone: TaskEnd = { kind: 'left alone' };

/**
 * One delivery of a task of any stage (protocol.md, Task t of stage s): computes it, creates its part, climbs the barrier. A permanent error becomes a
 * failed part at once, since retries would not help; a transient one is thrown, so that the message comes again.
 */
export async function handleTask(context: WorkerContext, delivery: Delivery<TaskMessage | MergeMessage>): Promise<TaskEnd> {
  const { body } = delivery;
  const { work, lake } = context.stores;
  const plan = await context.plans.get(body);
  // whoever planned anew what was lost has sent its own tasks
  if (plan.nonce !== body.plan) return leftAlone;
  const key = partKey(plan, body.stage, body.task.task);
  // merge tasks are few and each takes long, and whoever finds their stage begun sends them again
  const mayBeDone = delivery.receiveCount > 1 || (delivery.ageMs ?? 0) > oldMs || body.kind === 'merge';
  if (mayBeDone) {
    const decision = await readDecision(lake, plan.table.key, body);
    if (decision !== null) {
      await fulfilDuties(context, decision);
      return leftAlone;
    }
  }
  const stage = await stageOf(context, plan, body);
  // its tasks are planned again where they are gone
  if (stage === null) return leftAlone;
  let end = leftAlone;
  if (!mayBeDone || (await work.head(key)) === null) {
    const part = await attemptTask(context, plan, stage, body, delivery.receiveCount);
    // null: another attempt won; its files count and ours are orphans
    if ((await work.create(key, JSON.stringify(part))) !== null) end = endOf(part);
  }
  // not acknowledged before this, also where the part was found: its writer may have died here
  await finishTask(context, plan, stage, body.task.task);
  return end;
}

async function stageOf({ stores: { work } }: WorkerContext, plan: Plan, body: TaskMessage | MergeMessage): Promise<Stage | null> {
  return body.kind === 'task' ? mapStage(plan) : readStage(work, plan, body.stage);
}

const endOf = (part: Part): TaskEnd => (part.kind === 'failed' ? { kind: 'failed', error: part.error } : { kind: 'done' });
