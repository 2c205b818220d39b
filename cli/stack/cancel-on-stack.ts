import { type CancelledRun, cancelRun } from '../../functions/protocol/cancel-run.ts';
import type { FoundRun } from '../../functions/protocol/look-up-run.ts';
import { sendAll } from '../../functions/protocol/send.ts';
import { endOnStack } from './end-on-stack.ts';
import type { Asking } from './stack.ts';

/**
 * Cancels a stack's run. An epoch that waits in a queue to be planned, or whose command died before it sent that, is cancelled by the coordinator too, with a message that comes
 * again until it is done.
 * @param patienceMs how long the stack's monitor is waited for; absent: as `endOnStack` does
 * @throws FanlakeError `store.*`
 */
export async function cancelOnStack(stack: Asking, found: FoundRun, patienceMs?: number): Promise<CancelledRun> {
  return cancelRun(stack.context, found, {
    haveCancelled: ({ run, epoch, table }) => sendAll(stack.requests, [{ kind: 'cancel', run, epoch, table }]),
    end: (open, decision) => endOnStack(stack, open, decision, patienceMs),
  });
}
