import type { Receipt } from '../../functions/core/receipt.ts';
import type { FoundRun } from '../../functions/protocol/look-up-run.ts';
import { askToRetry } from './ask-stack.ts';
import { haveTakenUp, type StackWatch } from './have-taken-up.ts';
import type { Stack } from './stack.ts';

/**
 * Has the stack go on with a run as it was planned, and waits for the outcome. The command itself opens nothing: it may die at any moment, and what it has asked for is done.
 * @throws FanlakeError as `askToRetry` and `haveTakenUp`
 */
export async function retryOnStack(stack: Stack, found: FoundRun, watch: StackWatch): Promise<Receipt> {
  return haveTakenUp(stack, await askToRetry(stack, found), watch);
}
