import { setTimeout as sleep } from 'node:timers/promises';
import type { EpochId } from '../../functions/core/keys.ts';
import type { Plan } from '../../functions/core/plan.ts';
import type { Receipt } from '../../functions/core/receipt.ts';
import { readPlan } from '../../functions/protocol/documents.ts';
import { type OnProgress, waitForOutcome } from '../store/wait-for-outcome.ts';
import { PartTally } from './part-tally.ts';
import type { Stack } from './stack.ts';

/** Between two looks into the store: often at first, when most runs end, and rarer the longer it takes. */
const firstPauseMs = 1_000;
const longestPauseMs = 10_000;
const growth = 1.1;

/** Waits longer each time. */
function pacer(): () => Promise<void> {
  let pauseMs = firstPauseMs;
  return async () => {
    await sleep(pauseMs);
    pauseMs = Math.min(longestPauseMs, pauseMs * growth);
  };
}

/** Waits until the coordinator has planned an epoch. */
export async function waitForPlan({ stores }: Stack, id: EpochId): Promise<Plan> {
  const pause = pacer();
  for (;;) {
    const plan = await readPlan(stores.work, id);
    if (plan !== null) return plan;
    await pause();
  }
}

/** Waits for the outcome of an epoch that the stack works on, or of the one that follows it after a broken chain. */
export function waitOnStack({ stores }: Stack, plan: Plan, onProgress: OnProgress): Promise<Receipt> {
  const tally = new PartTally(stores.work);
  return waitForOutcome(stores, plan, {
    finished: (current) => tally.finished(current),
    // what the functions are at can't be seen from here
    isIdle: () => true,
    pause: pacer(),
    onProgress,
  });
}
