import { readDecision } from '../../functions/protocol/documents.ts';
import type { FoundRun } from '../../functions/protocol/look-up-run.ts';
import { sendAll } from '../../functions/protocol/send.ts';
import type { Asking } from './stack.ts';

/**
 * Of an epoch that is decided, without an outcome, and whose plan is gone: asks the coordinator to end it, which announces that, with a message that comes again until it
 * is done. To be called before a command ends it itself: nobody hears of what a command writes down, and it may die behind that.
 * @throws FanlakeError `store.*`
 */
export async function haveEndAnnounced({ stores, requests }: Asking, { run, epoch, table, plan, outcome }: FoundRun): Promise<void> {
  if (plan !== null || outcome !== null) return;
  const decision = await readDecision(stores.lake, table, { run, epoch });
  // a commit without its plan is for a person to look at
  if (decision === null || decision.kind === 'commit') return;
  await sendAll(requests, [{ kind: 'retry', run, epoch, table, request: null }]);
}
