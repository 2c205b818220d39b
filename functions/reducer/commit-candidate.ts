import type { CommitDecision } from '../core/decision.ts';
import type { ErrorReport, FanlakeError } from '../core/errors.ts';
import type { Fold, RequestCounts } from '../core/part.ts';
import type { Plan } from '../core/plan.ts';
import type { Queue } from '../core/ports.ts';
import type { UploadMessage } from '../core/task.ts';
import type { RunContext } from '../protocol/context.ts';
import type { TableLogs } from '../protocol/table-logs.ts';

export interface ReducerContext extends RunContext {
  /** Logs of the tables seen so far, so that a busy table's log is read once. */
  readonly logs: TableLogs;
  /** Requests of this process so far. */
  readonly requests: () => RequestCounts;
  readonly engineVersion: string;
  /** Where uploads go that are to be planned again; null where somebody else sees to that. */
  readonly uploads: Queue<UploadMessage> | null;
  /** Hears what became of each checkpoint that was due; null where nobody listens. */
  readonly onCheckpoint: ((checkpoint: CheckpointAttempt) => void) | null;
}

/** A checkpoint that was due, and what became of it. None is no failure of a run: readers then read the entries. */
export interface CheckpointAttempt {
  readonly table: string;
  readonly version: number;
  readonly result:
    | { readonly kind: 'written'; readonly actions: number; readonly bytes: number }
    | { readonly kind: 'skipped'; readonly reason: string }
    | { readonly kind: 'failed'; readonly error: unknown };
}

/** A run that is to be committed. */
export interface CommitCandidate {
  readonly plan: Plan;
  /** The sum of all stages. */
  readonly fold: Fold;
  /** Tasks of its merge stages. */
  readonly mergeTasks: number;
  readonly partial: boolean;
  readonly decision: CommitDecision;
  /** Why it can't be committed any more, unless it is: files or parts of it went behind the decision. */
  readonly lost: FanlakeError | null;
  /** Whether parts are missing in the fold: then nobody can tell its figures any more. */
  readonly incomplete: boolean;
}

/** How a candidate came out. */
export type CommitResult =
  /** In the table, at a version; null: nothing to write, or only a checkpoint tells. */
  | { readonly kind: 'committed'; readonly version: number | null }
  | { readonly kind: 'refused'; readonly error: ErrorReport }
  /** Neither, and it won't be by itself: why, what is known of its rows, and how to load them should it end so. */
  | { readonly kind: 'hindered'; readonly error: FanlakeError; readonly state: string; readonly way: string };
