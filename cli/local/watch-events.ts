import type { ErrorReport } from '../../functions/core/errors.ts';
import type { OutcomeWord } from '../../functions/core/receipt.ts';

/** What `watch` tells, as `--json` prints it: one document a line. A promise to users. */
export type WatchEvent =
  | {
      readonly event: 'watching';
      readonly home: string;
      readonly jobs: readonly { readonly job: string; readonly folder: string; readonly table: string }[];
    }
  | { readonly event: 'resumed'; readonly run: string; readonly job: string; readonly key: string | null }
  | { readonly event: 'landed'; readonly key: string; readonly job: string; readonly run: string; readonly bytes: number }
  | {
      readonly event: 'ended';
      readonly key: string | null;
      readonly job: string;
      readonly run: string;
      readonly outcome: OutcomeWord;
      /** Rows that are in the table now. */
      readonly rows: number;
      /** Of the table's log; null when it has no entry for this run. */
      readonly version: number | null;
      /** From the landing (from the start of `watch` for what was there) to the outcome. */
      readonly seconds: number;
      readonly error: ErrorReport | null;
    }
  | { readonly event: 'held'; readonly key: string; readonly reason: string }
  | { readonly event: 'ignored'; readonly key: string; readonly reason: string }
  | { readonly event: 'notice'; readonly message: string }
  | ({ readonly event: 'summary' } & WatchSummary);

/** What happened while `watch` ran. */
export interface WatchSummary {
  readonly landed: number;
  readonly committed: number;
  readonly failed: number;
  readonly held: number;
  /** Files that were there and whose runs had ended before. */
  readonly knownBefore: number;
  /** Runs that the next `watch` goes on with. */
  readonly open: number;
  readonly rows: number;
  /** Log entries that the runs share. */
  readonly commits: number;
}
