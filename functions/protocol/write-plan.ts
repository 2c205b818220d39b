import { FanlakeError } from '../core/errors.ts';
import { planKey, planPageKey, recentKey } from '../core/keys.ts';
import { maxInlineTasks, type Plan, type PlanDraft, type PlanPage, planFormat, tasksPerPage } from '../core/plan.ts';
import type { Task } from '../core/task.ts';
import type { RunContext } from './context.ts';
import { readPlan } from './documents.ts';

/** Tasks in pages of a thousand, holding one page at a time. */
function* pagesOf(tasks: Iterable<Task>): Generator<readonly Task[]> {
  let page: Task[] = [];
  for (const task of tasks) {
    page.push(task);
    if (page.length === tasksPerPage) {
      yield page;
      page = [];
    }
  }
  if (page.length > 0) yield page;
}

/**
 * Writes an epoch's plan: its pages first, then the plan itself, created if absent. Who finds one there adopts it.
 * @returns the plan that counts, and whether it is this one
 */
export async function writePlan(context: RunContext, draft: PlanDraft, tasks: Iterable<Task>): Promise<{ plan: Plan; created: boolean }> {
  const { work } = context.stores;
  const nonce = context.nonces.next();
  let [count, page] = [0, 0];
  let inline: readonly Task[] | null = [];
  for (const content of pagesOf(tasks)) {
    count += content.length;
    inline = page === 0 && content.length <= maxInlineTasks ? content : null;
    if (inline === null) await work.create(planPageKey({ ...draft, nonce }, page), JSON.stringify({ tasks: content } satisfies PlanPage));
    page += 1;
  }
  const plan: Plan = { format: planFormat, nonce, createdMs: context.clock.now(), tasks: count, inline, ...draft };
  if ((await work.create(planKey(draft), JSON.stringify(plan))) !== null) {
    // advisory: `status` finds the newest runs by it
    await work.create(recentKey(plan.run, plan.createdMs), JSON.stringify({ run: plan.run, table: plan.table.key, job: plan.job.name }));
    return { plan, created: true };
  }
  const stored = await readPlan(work, draft);
  if (stored !== null) return { plan: stored, created: false };
  throw new FanlakeError('store.failed', `The plan of run ${draft.run} can't be read though it exists. Run the command again.`);
}
