import type { Decision } from './decision.ts';
import type { ErrorCode } from './errors.ts';
import type { EpochId } from './keys.ts';
import type { OutcomeWord } from './receipt.ts';

/** How an epoch stands in the ledger. */
export interface EpochEnd {
  readonly epoch: number;
  /** Null where nothing is decided, and where the outcome tells it. */
  readonly decision: Decision['kind'] | null;
  readonly outcome: {
    readonly word: OutcomeWord | null;
    readonly code: ErrorCode | null;
    /** Data files that it put into the table. */
    readonly files: number;
  } | null;
}

/** What is left of a run. */
export interface RunLeft {
  readonly run: string;
  /** Whether the work root has anything of it: a plan, a part. */
  readonly hasWork: boolean;
  /** The epochs that the ledger knows. */
  readonly epochs: readonly EpochEnd[];
}

/** What a table says of itself. */
export interface TableKnown {
  /** Whether it has a log. */
  readonly hasLog: boolean;
  /** Whether its log has the epoch's transaction, or its manifests the epoch's. */
  readonly holds: (id: EpochId) => boolean;
}

/**
 * Why a run's data files stay though no log entry names them:
 * - `open`: something of the run is in the work root, so it may be under way, or be tried again with these files
 * - `committing`: a commit is decided and nobody has written how it ended
 * - `unknown`: nobody can tell whether the run is in the table (`commit.unknown`)
 * - `other-log`: the run was committed, and the table doesn't know it: its log was deleted, damaged, or is another's
 * - `no-table`: nobody has decided the run, and there is no log, so that the folder may be anything
 */
export type KeptBecause = 'open' | 'committing' | 'unknown' | 'other-log' | 'no-table';

const inTable = ({ outcome }: EpochEnd): boolean => outcome !== null && (outcome.word === 'COMMITTED' || outcome.word === 'PARTIAL');

/**
 * Why the files of a run must stay that the table doesn't name; null when nobody can commit them any more. A later epoch takes parts of earlier ones over by
 * name, so what holds back one epoch holds back all of the run.
 */
export function whyKept({ run, hasWork, epochs }: RunLeft, { hasLog, holds }: TableKnown, pending: boolean): KeptBecause | null {
  if (hasWork) return 'open';
  if (epochs.some(({ decision, outcome }) => outcome === null && decision === 'commit')) return 'committing';
  if (epochs.some(({ outcome }) => outcome?.code === 'commit.unknown')) return 'unknown';
  const committed = epochs.filter((epoch) => inTable(epoch) && (epoch.outcome?.files ?? 0) > 0);
  if (!committed.every(({ epoch }) => holds({ run, epoch }))) return 'other-log';
  // a folder of the ledger is a table's in any case
  return epochs.length === 0 && !hasLog && !pending ? 'no-table' : null;
}
