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
/** A coordinator that has to start first, and reads the heads of many objects, needs some seconds. */
const patienceMs = 60_000;

/** Waits longer each time. */
function pacer(): () => Promise<void> {
  let pauseMs = firstPauseMs;
  return async () => {
    await sleep(pauseMs);
    pauseMs = Math.min(longestPauseMs, pauseMs * growth);
  };
}

/**
 * Waits until the coordinator has planned an epoch.
 * @param onLate called while that takes longer than it should
 */
export async function waitForPlan({ stores }: Stack, id: EpochId, onLate: () => void): Promise<Plan> {
  const pause = pacer();
  const startedMs = performance.now();
  for (;;) {
    const plan = await readPlan(stores.work, id);
    if (plan !== null) return plan;
    if (performance.now() - startedMs > patienceMs) onLate();
    await pause();
  }
}

/** Waits for the outcome of an epoch that the stack works on, or of the one that follows it after a broken chain. */
export function waitOnStack({ stores }: Stack, plan: Plan, onProgress: OnProgress): Promise<Receipt> {
  const tally = new PartTally(stores.work);
  return waitForOutcome(stores, plan, {
    count: (current) => tally.count(current),
    // what the functions are at can't be seen from here
    isIdle: () => true,
    pause: pacer(),
    onProgress,
  });
}
