import { FanlakeError } from '../core/errors.ts';
import type { FoldedFile } from '../core/part.ts';
import type { Plan } from '../core/plan.ts';
import type { ObjectStore } from '../core/ports.ts';
import { inOrder } from '../protocol/documents.ts';

/**
 * A VACUUM by another program deletes what no log entry names once it is seven days old (Delta protocol's writers' default, `delta.deletedFileRetentionDuration`):
 * what is nearly so old is looked for before it is committed.
 */
const safeAgeMs = 6 * 24 * 3_600_000;

/**
 * The error of a run of which data files are gone, or null: those of an epoch long ago that a retry takes over. With the code `chain` the next epoch opens by
 * itself, and does the tasks again whose files are missing.
 */
export async function lostFilesError(
  lake: ObjectStore,
  plan: Plan,
  files: readonly FoldedFile[],
  nowMs: number,
): Promise<FanlakeError | null> {
  // files of a Hive table are copied under other names when they are committed, and no VACUUM knows them
  if (plan.table.format !== 'delta') return null;
  const old = files.filter(({ modifiedMs }) => nowMs - modifiedMs > safeAgeMs);
  const found = await inOrder(old, ({ path }) => lake.head(`${plan.table.key}/${path}`));
  const lost = old.filter((_, index) => found[index] === null);
  if (lost.length === 0) return null;
  return new FanlakeError(
    'chain',
    `${lost.length} data files that tasks of run ${plan.run} wrote are gone (a VACUUM of the table may have taken them); their tasks are done again.`,
    { lost: lost.slice(0, 10).map(({ path }) => path) },
  );
}
