import { FanlakeError } from '../core/errors.ts';
import type { Plan } from '../core/plan.ts';
import { type Appending, checkConflicts } from '../core/table-log/conflicts.ts';
import { schemaOf } from '../core/table-log/schema.ts';
import type { Snapshot } from '../core/table-log/snapshot.ts';
import { checkWritable } from '../core/table-log/writable.ts';

/** What a run appends, as somebody judges it who has seen the table at a version. */
export const appendingOf = ({ run, epoch, table, remainder }: Plan, seenVersion: number): Appending => ({
  run,
  epoch,
  seenVersion,
  schema: schemaOf(table.columns),
  partitionColumns: table.partitionBy,
  isRemainder: remainder,
});

/**
 * Why a run's files can't be appended to a table as it is, or null. To be asked before the commit is decided at the table's version: what comes behind that version stays in the
 * log, so that all who try the commit find the same of it. What was wrong before it may be mended, and then one would refuse the run and another still commit it.
 */
export const whyUnfit = (plan: Plan, snapshot: Snapshot, path: string): FanlakeError | null =>
  whyUnwritable(snapshot, path) ?? checkConflicts(appendingOf(plan, snapshot.version), snapshot, []);

/** Why nothing can be appended to a table as it is (`checkWritable`), or null. */
export function whyUnwritable(snapshot: Snapshot, path: string): FanlakeError | null {
  try {
    checkWritable(snapshot, 'append', path);
    return null;
  } catch (thrown) {
    return permanent(thrown);
  }
}

/**
 * The error of a table that stays until somebody mends it.
 * @throws whatever else was thrown
 */
export function permanent(thrown: unknown): FanlakeError {
  if (thrown instanceof FanlakeError && !thrown.retryable && thrown.code.startsWith('table.')) return thrown;
  throw thrown;
}
