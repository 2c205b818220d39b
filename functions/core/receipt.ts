import type { ErrorReport } from './errors.ts';
import { type Ignored, nothingIgnored } from './ignored-keys.ts';
import type { EpochId } from './keys.ts';
import type { RowCounts } from './part.ts';
import { addRequests, type Fold, noRows } from './part.ts';
import { type Plan, reusedCount } from './plan.ts';

export type OutcomeWord = 'COMMITTED' | 'PARTIAL' | 'FAILED' | 'CANCELLED';

export type RunState = 'planned' | 'running' | 'committing' | 'ended';

/** A range of an input object whose rows are not in the table. */
export interface MissingRange {
  readonly key: string;
  readonly start: number;
  readonly end: number;
}

/** How an epoch ended, or stands: the document that `run --json` and `status --json` print and the ledger keeps. A promise to users. */
export interface Receipt extends EpochId {
  readonly job: string;
  readonly state: RunState;
  readonly outcome: OutcomeWord | 'ALREADY_COMMITTED' | null;
  /** How many objects were to be loaded, and the keys of the first of them. */
  readonly objects: { readonly total: number; readonly first: readonly string[] };
  readonly rows: RowCounts;
  readonly bytes: { readonly input: number; readonly covered: number };
  readonly tasks: { readonly planned: number; readonly done: number; readonly failed: number; readonly attempts: number };
  readonly table: {
    readonly path: string;
    readonly format: 'delta' | 'parquet';
    /** Of the log entry; null without one. */
    readonly version: number | null;
    readonly files: number;
    readonly bytes: number;
  };
  readonly quarantine: readonly string[];
  /** Ranges whose rows are missing, after PARTIAL. */
  readonly missing: readonly MissingRange[];
  /** Compressed tasks whose format carries no checksum. */
  readonly unchecked: number;
  /** Values of JSON in the input of the tasks that are done that no column of the plan holds. */
  readonly ignored: Ignored;
  readonly requests: Readonly<Record<string, number>>;
  readonly seconds: number;
  readonly error: ErrorReport | null;
}

/** The receipt of an epoch of which nothing is known but its name. */
export function blankReceipt({ run, epoch }: EpochId, tablePath: string): Receipt {
  return {
    run,
    epoch,
    job: run.slice(0, run.lastIndexOf('-')),
    state: 'planned',
    outcome: null,
    objects: { total: 0, first: [] },
    rows: noRows,
    bytes: { input: 0, covered: 0 },
    tasks: { planned: 0, done: 0, failed: 0, attempts: 0 },
    table: { path: tablePath, format: 'delta', version: null, files: 0, bytes: 0 },
    quarantine: [],
    missing: [],
    unchecked: 0,
    ignored: nothingIgnored,
    requests: {},
    seconds: 0,
    error: null,
  };
}

/**
 * What a plan and the parts so far say; `state` and `outcome` are the caller's to set.
 * @param fold the sum of all stages: only map tasks read input, and only those of the last stage write into the table
 * @param mergeTasks tasks of the merge stages that have begun
 */
export function receiptOf(plan: Plan, fold: Fold, mergeTasks: number, tablePath: string): Receipt {
  return {
    ...blankReceipt(plan, tablePath),
    job: plan.job.name,
    objects: { total: plan.input.objects, first: plan.input.first ?? [] },
    rows: fold.rows,
    bytes: { input: plan.input.bytes, covered: fold.bytesCovered },
    tasks: {
      planned: plan.tasks + reusedCount(plan) + mergeTasks,
      done: fold.done,
      failed: fold.failed.length,
      attempts: fold.attempts,
    },
    table: { path: tablePath, format: plan.table.format, version: null, files: 0, bytes: 0 },
    quarantine: fold.quarantine,
    missing: fold.failed.flatMap(({ missing }) => missing),
    unchecked: fold.unchecked,
    ignored: fold.ignored,
    requests: addRequests(plan.requests, fold.requests),
    error: plan.error,
  };
}
