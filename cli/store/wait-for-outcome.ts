import { FanlakeError } from '../../functions/core/errors.ts';
import { planKey } from '../../functions/core/keys.ts';
import type { Plan } from '../../functions/core/plan.ts';
import type { Stores } from '../../functions/core/ports.ts';
import type { Receipt } from '../../functions/core/receipt.ts';
import { readDecision, readOutcome, readPlan } from '../../functions/protocol/documents.ts';

/** Tasks of the stages of an epoch that have begun, as far as is known. */
export interface TaskCount {
  /** Done or failed. */
  readonly finished: number;
  readonly tasks: number;
}

/** What a command shows while it waits. */
export interface RunProgress extends TaskCount {
  readonly plan: Plan;
}

export type OnProgress = (progress: RunProgress) => void;

/** How a command waits for a run, by where the work is done. */
export interface Waiting {
  readonly count: (plan: Plan) => Promise<TaskCount>;
  /** Whether nobody is known to be at work, so that a plan that is gone will never be ended. */
  readonly isIdle: () => boolean;
  /** Until it is worth looking again. Throws when there is nothing to wait for any more. */
  readonly pause: () => Promise<void>;
  readonly onProgress: OnProgress;
}

/**
 * Waits for the outcome of an epoch, or of the one that follows it after a broken chain.
 * @throws FanlakeError `store.failed` when its plan went
 */
export async function waitForOutcome({ lake, work }: Stores, first: Plan, waiting: Waiting): Promise<Receipt> {
  let plan = first;
  for (;;) {
    const outcome = await readOutcome(lake, plan.table.key, plan);
    waiting.onProgress({ plan, ...(outcome === null ? await waiting.count(plan) : allOf(outcome)) });
    if (outcome !== null) return outcome;
    const decision = await readDecision(lake, plan.table.key, plan);
    if (decision?.kind === 'fail' && decision.error.code === 'chain') {
      const next = await readPlan(work, { run: plan.run, epoch: plan.epoch + 1 });
      if (next !== null) {
        plan = next;
        continue;
      }
    }
    if (waiting.isIdle() && (await work.head(planKey(plan))) === null) throw workGone(work.locate(''), plan);
    await waiting.pause();
  }
}

const allOf = ({ tasks: { planned } }: Receipt): TaskCount => ({ finished: planned, tasks: planned });

function workGone(where: string, { run }: Plan): FanlakeError {
  return new FanlakeError(
    'store.failed',
    `The plan of run ${run} went from ${where} while it ran, and its outcome isn't there. Run the same command again.`,
  );
}
