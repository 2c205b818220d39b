import { FanlakeError } from '../core/errors.ts';
import type { FoldedFile } from '../core/part.ts';
import type { Plan } from '../core/plan.ts';
import type { ObjectStore } from '../core/ports.ts';
import { looksBeforeCommitMs } from '../core/vacuum.ts';
import { inOrder } from '../protocol/documents.ts';

/** Paths of a run's data files that are gone: those of an epoch long ago that a retry takes over, or of a commit that was decided long ago and came to nothing. */
export async function lostFiles(lake: ObjectStore, plan: Plan, files: readonly FoldedFile[], nowMs: number): Promise<readonly string[]> {
  // files of a Hive table are copied under other names when they are committed, and no VACUUM knows them
  if (plan.table.format !== 'delta') return [];
  const old = files.filter(({ modifiedMs }) => nowMs - modifiedMs > looksBeforeCommitMs);
  const found = await inOrder(old, ({ path }) => lake.head(`${plan.table.key}/${path}`));
  return old.filter((_, index) => found[index] === null).map(({ path }) => path);
}

/** The error of an epoch whose files went between its decision and its commit. */
export function filesGone({ run, epoch }: Plan, lost: readonly string[]): FanlakeError {
  return new FanlakeError(
    'commit.conflict',
    `Run ${run}, epoch ${epoch}, was to be committed, and data files that its tasks wrote are gone (a VACUUM of the table by another program may have taken them). ` +
      `Nothing of it is in the table. Type: fanlake retry ${run}`,
    { lost: lost.slice(0, 10) },
  );
}

/** With the code `chain` the next epoch opens by itself, and does the tasks again whose files are missing. */
export function filesLost({ run }: Plan, lost: readonly string[]): FanlakeError {
  return new FanlakeError(
    'chain',
    `${lost.length} data files that tasks of run ${run} wrote are gone (a VACUUM of the table may have taken them); their tasks are done again.`,
    { lost: lost.slice(0, 10) },
  );
}
