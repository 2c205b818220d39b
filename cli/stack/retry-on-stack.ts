import type { Receipt } from '../../functions/core/receipt.ts';
import type { FoundRun } from '../../functions/protocol/look-up-run.ts';
import { askToRetry } from './ask-stack.ts';
import { planOf, type StackWatch } from './run-on-stack.ts';
import type { Stack } from './stack.ts';
import { waitOnStack } from './wait-on-stack.ts';

/**
 * Has the stack go on with a run as it was planned, and waits for the outcome. The command itself opens nothing: it may die at any moment, and what it has asked for is done.
 * @throws FanlakeError what keeps the run from going on, found before anything is sent
 */
export async function retryOnStack(stack: Stack, found: FoundRun, watch: StackWatch): Promise<Receipt> {
  const message = await askToRetry(stack, found);
  watch.onUnderWay(found.run);
  return waitOnStack(stack, await planOf(stack, message, watch), watch.onProgress);
}
