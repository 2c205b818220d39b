import type { Decision } from '../../functions/core/decision.ts';
import { readOutcome } from '../../functions/protocol/documents.ts';
import { fulfilDuties } from '../../functions/protocol/duties.ts';
import type { FoundRun } from '../../functions/protocol/look-up-run.ts';
import { sendAll } from '../../functions/protocol/send.ts';
import { haveEndAnnounced } from './have-end-announced.ts';
import type { Asking } from './stack.ts';

/** A function that has to start first needs a second or two. */
const usualPatienceMs = 10_000;
const pauseMs = 250;

/**
 * Sees that an epoch that is decided gets its outcome (the two duties of protocol.md). The stack's monitor is asked to: what ends there is counted and announced.
 * What it doesn't do in ten seconds is done here, and so is what it can't do without a plan: that the coordinator announces.
 * @param patienceMs how long the monitor is waited for
 */
export async function endOnStack(stack: Asking, found: FoundRun, decision: Decision, patienceMs = usualPatienceMs): Promise<void> {
  const { stores, context } = stack;
  const { run, epoch, table, plan } = found;
  const { clock, monitor } = context;
  // behind a broken chain there is no outcome to wait for, but a next epoch to open
  const hasOutcome = decision.kind === 'cancel' || (decision.kind === 'fail' && decision.error.code !== 'chain');
  if (plan !== null && hasOutcome) {
    await sendAll(monitor, [{ kind: 'monitor', run, epoch }]);
    for (const untilMs = clock.now() + patienceMs; clock.now() < untilMs; await clock.sleep(pauseMs)) {
      if ((await readOutcome(stores.lake, table, { run, epoch })) !== null) return;
    }
  }
  await haveEndAnnounced(stack, found);
  await fulfilDuties(context, decision);
}
