import type { Plan } from '../../functions/core/plan.ts';
import type { Receipt } from '../../functions/core/receipt.ts';
import { type OnProgress, waitForOutcome } from '../store/wait-for-outcome.ts';
import { PartTally } from './part-tally.ts';
import type { Stack } from './stack.ts';

/** Between two looks into the store: often at first, when most runs end, and rarer the longer it takes. */
const firstPauseMs = 1_000;
const longestPauseMs = 10_000;
const growth = 1.1;

/** Waits longer each time; answers how long it has waited in all. */
export function pacer({ context: { clock } }: Stack): () => Promise<number> {
  let [pauseMs, waitedMs] = [firstPauseMs, 0];
  return async () => {
    await clock.sleep(pauseMs);
    waitedMs += pauseMs;
    pauseMs = Math.min(longestPauseMs, pauseMs * growth);
    return waitedMs;
  };
}

/** Waits for the outcome of an epoch that the stack works on, or of the one that follows it after a broken chain. */
export function waitOnStack(stack: Stack, plan: Plan, onProgress: OnProgress): Promise<Receipt> {
  const tally = new PartTally(stack.stores.work);
  const pause = pacer(stack);
  return waitForOutcome(stack.stores, plan, {
    count: (current) => tally.count(current),
    // what the functions are at can't be seen from here
    isIdle: () => true,
    pause: async () => {
      await pause();
    },
    onProgress,
  });
}
