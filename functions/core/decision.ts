import type { ErrorReport } from './errors.ts';
import type { EpochId } from './keys.ts';

/** commit, fail or cancel: written once for an epoch; the first writer wins. */
export type Decision = CommitDecision | FailDecision | CancelDecision;

interface DecisionBase extends EpochId {
  readonly format: 1;
  /** Of the attempt that wrote it: a create that says "exists" may be the echo of one's own. */
  readonly nonce: string;
  readonly atMs: number;
  /** Where plan and parts were, so that the two duties can be done from the ledger alone. */
  readonly table: string;
}

export interface CommitDecision extends DecisionBase {
  readonly kind: 'commit';
  /** The table's version that was seen when it was decided; -1 for a table that didn't exist. */
  readonly version: number;
}

export interface FailDecision extends DecisionBase {
  readonly kind: 'fail';
  readonly error: ErrorReport;
}

export interface CancelDecision extends DecisionBase {
  readonly kind: 'cancel';
}
