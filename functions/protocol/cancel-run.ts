import type { Decision } from '../core/decision.ts';
import type { Receipt } from '../core/receipt.ts';
import { isAskedFor } from './asked-epoch.ts';
import type { RunContext } from './context.ts';
import { readOutcome, readOwnPlan } from './documents.ts';
import { decide } from './ledger.ts';
import { type FoundRun, lookUpRun } from './look-up-run.ts';

/** Sees that an epoch with this decision gets its outcome, or its next epoch. */
export type EndRun = (found: FoundRun, decision: Decision) => Promise<void>;

/** How a place ends what is cancelled there. */
export interface Cancelling {
  /**
   * Called before an epoch is decided that is only asked for: nobody else may ever see to it, should this process die behind that. Left away where a message that comes again
   * stands for each such epoch.
   */
  readonly haveCancelled?: (open: FoundRun) => Promise<void>;
  readonly end: EndRun;
}

/** What became of a run that was to be cancelled: how the epoch ended; null while that is being committed, too late to cancel it. */
export interface CancelledRun {
  readonly found: FoundRun;
  readonly outcome: Receipt | null;
}

/**
 * Decides that a run's newest epoch is cancelled. Where another decision was first and a further epoch follows from it, that one; where it has ended and the next one is
 * asked for (`noteAsked`, by a retry, or for an upload that is planned again by itself), that one before it is planned: whoever gets the message finds it decided.
 * @throws FanlakeError `store.*`
 */
export async function cancelRun(context: RunContext, first: FoundRun, { haveCancelled, end }: Cancelling): Promise<CancelledRun> {
  for (let found = first; ; ) {
    const { run, table } = found;
    const open = await openEpoch(context, found);
    if (open === null) return { found, outcome: found.outcome };
    if (open.epoch > found.epoch) await haveCancelled?.(open);
    const decision = await decide(context, { kind: 'cancel', run, epoch: open.epoch, table });
    await end(open, decision);
    const outcome = await readOutcome(context.stores.lake, table, open);
    if (outcome !== null || decision.kind === 'commit') return { found: open, outcome };
    found = (await lookUpRun(context.stores, table, run, readOwnPlan)) ?? found;
  }
}

/** The run's epoch that hasn't ended, which may only be asked for yet; null when there is none. */
async function openEpoch({ stores }: RunContext, found: FoundRun): Promise<FoundRun | null> {
  const { outcome } = found;
  if (outcome === null) return found;
  const next = { ...found, epoch: found.epoch + 1, plan: null, outcome: null };
  return outcome.outcome !== 'COMMITTED' && (await isAskedFor(stores.work, next, outcome.error)) ? next : null;
}
