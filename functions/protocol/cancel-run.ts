import type { Decision } from '../core/decision.ts';
import type { Receipt } from '../core/receipt.ts';
import type { RunContext } from './context.ts';
import { readOutcome } from './documents.ts';
import { decide } from './ledger.ts';
import { type FoundRun, lookUpRun } from './look-up-run.ts';

/** Sees that an epoch with this decision gets its outcome, or its next epoch. */
export type EndRun = (found: FoundRun, decision: Decision) => Promise<void>;

/** What became of a run that was to be cancelled: how its newest epoch ended; null while that is being committed, too late to cancel it. */
export interface CancelledRun {
  readonly found: FoundRun;
  readonly outcome: Receipt | null;
}

/**
 * Decides that a run's newest epoch is cancelled. Where another decision was first and a further epoch follows from it, that one.
 * @throws FanlakeError `store.*`
 */
export async function cancelRun(context: RunContext, first: FoundRun, end: EndRun): Promise<CancelledRun> {
  for (let found = first; ; ) {
    const { run, epoch, table } = found;
    if (found.outcome !== null) return { found, outcome: found.outcome };
    const decision = await decide(context, { kind: 'cancel', run, epoch, table });
    await end(found, decision);
    const outcome = await readOutcome(context.stores.lake, table, found);
    if (outcome !== null || decision.kind === 'commit') return { found, outcome };
    found = (await lookUpRun(context.stores, table, run)) ?? found;
  }
}
