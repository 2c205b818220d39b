import type { FanlakeError } from '../core/errors.ts';
import type { Plan } from '../core/plan.ts';
import { type Unplanned, unplannable } from '../core/unplannable.ts';
import type { RunContext } from './context.ts';
import { readDecision } from './documents.ts';
import { fulfilDuties } from './duties.ts';
import { startEpoch } from './start-epoch.ts';
import { writePlan } from './write-plan.ts';

interface Buried {
  readonly plan: Plan;
  readonly created: boolean;
}

/**
 * The dead letter of what was to be planned: a run that fails with what went wrong the last time, so that no upload is lost without a word. A plan that is
 * there already is gone on with.
 * @returns the plan that counts, and whether it is the empty one of this; null when the epoch was decided before, so that only its duties are left
 */
export async function buryUnplanned(context: RunContext, unplanned: Unplanned, error: FanlakeError): Promise<Buried | null> {
  const decision = await readDecision(context.stores.lake, unplanned.table, unplanned);
  if (decision !== null) {
    await fulfilDuties(context, decision);
    return null;
  }
  const { plan, created } = await writePlan(context, { ...unplannable(unplanned, error), requests: {} }, []);
  await startEpoch(context, plan, created);
  return { plan, created };
}
