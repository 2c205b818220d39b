import type { BrokenLink } from '../core/chain.ts';
import type { FailDecision } from '../core/decision.ts';
import { groupCount, planPagesPrefix } from '../core/keys.ts';
import { type ExactStarts, nextEpoch, remainingTasks, splitId, startsBehind } from '../core/next-epoch.ts';
import { inputOf, type Plan, type PlanDraft, queryTimeOf } from '../core/plan.ts';
import type { ObjectStore } from '../core/ports.ts';
import type { Task } from '../core/task.ts';
import type { RunContext } from './context.ts';
import { listAll, readPlan } from './documents.ts';
import { isInTable, isThere, pastTasks } from './past-tasks.ts';
import { startEpoch } from './start-epoch.ts';
import { writePlan } from './write-plan.ts';

/** From this epoch on an object whose chain broke again is read to its end as one split. */
const maxChainEpochs = 3;

/** The exact starts that a `chain` decision names. */
export function exactStartsOf(decision: FailDecision): ExactStarts {
  const broken = (decision.error.details['broken'] ?? []) as readonly BrokenLink[];
  return new Map(broken.map((link) => [splitId(link), link.from]));
}

/**
 * Opens the epoch behind one that failed: only what is missing is done again, good parts are taken over by name. Whoever finds the next epoch
 * open repeats the rest (monitor, tasks): harmless.
 * @param epoch of the next one; those between were cancelled before they were planned
 */
export async function openNextEpoch(context: RunContext, plan: Plan, exactStarts: ExactStarts, epoch = plan.epoch + 1): Promise<Plan> {
  const past = await pastTasks(context.stores.work, plan, isThere(context.stores, plan, context.clock.now()));
  const next = nextEpoch(past.tasks, exactStarts, epoch >= maxChainEpochs);
  return openEpoch(context, { ...draftBehind(plan, epoch), reuse: next.reuse }, next.tasks);
}

/**
 * Opens the epoch behind one that was committed in part: only the missing ranges, and nothing is taken over, since what is done is in the table.
 * @param tasks its `remainderOf`
 * @param epoch as of `openNextEpoch`
 */
export async function openRemainder(context: RunContext, plan: Plan, tasks: readonly Task[], epoch = plan.epoch + 1): Promise<Plan> {
  const splits = tasks.flatMap((task) => task.splits);
  const objects = [...new Map(splits.map(({ object }) => [object.key, object])).values()];
  const input = {
    ...inputOf(objects),
    bytes: splits.reduce((sum, { start, end }) => sum + end - start, 0),
  };
  return openEpoch(context, { ...draftBehind(plan, epoch), input, reuse: [], remainder: true }, tasks);
}

/**
 * The tasks that an epoch that was committed in part lacks; null when parts of it are gone: what they say is done is in the table, and would come into it twice. Their exact
 * starts follow from what the splits before them own.
 */
export async function remainderOf(work: ObjectStore, plan: Plan): Promise<readonly Task[] | null> {
  const { tasks, chain, complete } = await pastTasks(work, plan, isInTable);
  return complete ? remainingTasks(tasks, startsBehind(chain)) : null;
}

function draftBehind(plan: Plan, epoch: number): PlanDraft {
  const { format: _format, nonce: _nonce, createdMs: _created, tasks: _tasks, inline: _inline, ...draft } = plan;
  return { ...draft, queryMs: queryTimeOf(plan), epoch, error: null };
}

async function openEpoch(context: RunContext, draft: PlanDraft, tasks: readonly Task[]): Promise<Plan> {
  const { plan, created } = await writePlan(context, draft, tasks);
  await startEpoch(context, plan, created);
  return plan;
}

/** Whether a page of the plan is gone, or one that it takes parts over from, or a page of that: then no epoch can be opened behind it. */
export async function hasLostPages(work: ObjectStore, plan: Plan): Promise<boolean> {
  if (await lacksPages(work, plan)) return true;
  for (const { epoch } of plan.reuse) {
    const earlier = await readPlan(work, { run: plan.run, epoch });
    if (earlier === null || (await lacksPages(work, earlier))) return true;
  }
  return false;
}

const lacksPages = async (work: ObjectStore, plan: Plan): Promise<boolean> =>
  plan.inline === null && (await listAll(work, planPagesPrefix(plan))).length < groupCount(plan.tasks);
