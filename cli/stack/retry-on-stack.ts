import type { Receipt } from '../../functions/core/receipt.ts';
import type { FoundRun } from '../../functions/protocol/look-up-run.ts';
import { findWayOn } from '../../functions/protocol/take-up-run.ts';
import { haveEndAnnounced } from './have-end-announced.ts';
import { haveTakenUp, type StackWatch } from './have-taken-up.ts';
import type { Stack } from './stack.ts';

/**
 * Has the stack go on with a run as it was planned, and waits for the outcome. The command itself opens nothing: it may die at any moment, and what it has asked for is done.
 * @throws FanlakeError what keeps the run from going on, found before anything is sent; as `haveTakenUp`
 */
export async function retryOnStack(stack: Stack, found: FoundRun, watch: StackWatch): Promise<Receipt> {
  const { run, table } = found;
  await haveEndAnnounced(stack, found);
  const { epoch, job } = await findWayOn(stack.context, found, null);
  return haveTakenUp(stack, { message: { kind: 'retry', run, epoch, table, request: null }, table, job, asked: null }, watch);
}
