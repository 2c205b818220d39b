import { asFanlakeError, type FanlakeError } from '../core/errors.ts';
import type { RequestCounts } from '../core/part.ts';
import { subtractRequests } from '../core/part.ts';
import type { Plan, PlanDraft } from '../core/plan.ts';
import { unplannable } from '../core/unplannable.ts';
import type { RunContext } from '../protocol/context.ts';
import { startEpoch } from '../protocol/start-epoch.ts';
import { writePlan } from '../protocol/write-plan.ts';
import { draftPlan, type PlanRequest, type PlanTools } from './draft-plan.ts';

export interface CoordinatorContext extends RunContext {
  readonly plan: PlanTools;
  /** Requests of this process so far. */
  readonly requests: () => RequestCounts;
}

/** What is wrong with the machine is not the input's fault. */
export const recordUnlessStore = ({ code }: FanlakeError): 'throw' | 'record' => (code.startsWith('store.') ? 'throw' : 'record');

/**
 * Plans an epoch of a run and starts it. Everything is repeatable: whoever finds a plan there goes on with that one.
 * @param onUnplannable what to do with an input that can't be planned: `throw`, or write an empty plan with the error, which fails the run
 * @throws FanlakeError
 */
export async function planRun(
  context: CoordinatorContext,
  request: PlanRequest,
  onUnplannable: (error: FanlakeError) => 'throw' | 'record',
): Promise<Plan> {
  const before = context.requests();
  const { draft, tasks } = await draftOrRecord(context, request, onUnplannable);
  const complete: PlanDraft = { ...draft, requests: subtractRequests(context.requests(), before) };
  const { plan, created } = await writePlan(context, complete, tasks);
  await startEpoch(context, plan, created);
  return plan;
}

async function draftOrRecord(
  context: CoordinatorContext,
  request: PlanRequest,
  onUnplannable: (error: FanlakeError) => 'throw' | 'record',
) {
  try {
    return await draftPlan(context.plan, request);
  } catch (thrown) {
    const error = asFanlakeError(thrown);
    if (error.retryable || onUnplannable(error) === 'throw') throw error;
    return { draft: unplannable(request, error), tasks: [] };
  }
}
