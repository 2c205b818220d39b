import type { OutcomeWord } from './receipt.ts';

/** How an epoch stands in the ledger, with when it ended. */
export interface DatedEpoch {
  readonly epoch: number;
  readonly outcome: OutcomeWord | null;
  /** When the outcome was stored; null without one. */
  readonly endedMs: number | null;
}

/** What the work root has of a run, and the ledger. */
export interface WorkOfRun {
  /** When the newest of it was stored. */
  readonly newestMs: number;
  /** The newest epoch that has a plan; null when none has. */
  readonly planned: number | null;
  readonly epochs: readonly DatedEpoch[];
}

/**
 * Whether what the work folder has of a run may go, as it does in a bucket whose objects expire. Here it goes only when the run has ended, and stays where the
 * plan is the only way to the missing rows of a run that was committed in part.
 * @param beforeMs what was stored or ended later stays
 */
export function mayExpire({ newestMs, planned, epochs }: WorkOfRun, beforeMs: number): boolean {
  if (newestMs >= beforeMs) return false;
  // what was written without a plan, or behind it, is of use to nobody
  if (planned === null) return true;
  const newest = epochs.reduce((epoch, known) => Math.max(epoch, known.epoch), planned);
  const end = epochs.find(({ epoch }) => epoch === newest);
  if (end === undefined || end.outcome === null || end.endedMs === null || end.endedMs >= beforeMs) return false;
  return end.outcome === 'COMMITTED' || !epochs.some(({ outcome }) => outcome === 'PARTIAL');
}
