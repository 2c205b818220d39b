import { FanlakeError } from '../core/errors.ts';
import { committedFileName, manifestPrefix, pendingFolderOf } from '../core/keys.ts';
import type { FoldedFile } from '../core/part.ts';
import type { Plan } from '../core/plan.ts';
import { inOrder } from '../protocol/documents.ts';
import type { CommitCandidate, CommitResult, ReducerContext } from './commit-candidate.ts';

/**
 * Commits runs into a table of plain Hive folders: after the decision each data file is copied to a name that run, epoch, task and number fix,
 * so that repeating it changes nothing; a manifest with the list of files is written last. There is no log, hence no version.
 * A reader of the bare folders may see half of a commit for a moment, never a row twice (docs/tables.md).
 */
export async function appendToHive(
  context: ReducerContext,
  candidates: readonly CommitCandidate[],
): Promise<ReadonlyMap<CommitCandidate, CommitResult>> {
  const results = new Map<CommitCandidate, CommitResult>();
  for (const candidate of candidates) {
    // without all parts nobody knows which files are to be copied, nor whether they were
    if (!candidate.incomplete) await publish(context, candidate);
    results.set(candidate, { kind: 'committed', version: null });
  }
  return results;
}

async function publish(context: ReducerContext, { plan, fold }: CommitCandidate): Promise<void> {
  const { lake } = context.stores;
  const table = plan.table.key;
  const targets = publishedPaths(plan, fold.files);
  await inOrder([...targets], async ([file, target]) => {
    const [from, to] = [`${table}/${file.path}`, `${table}/${target}`];
    // gone when another attempt went on to delete it: then the copy is there
    if ((await lake.head(to)) !== null || (await lake.copy(from, to)) || (await lake.head(to)) !== null) return;
    throw new FanlakeError(
      'store.failed',
      `The data file ${lake.locate(from)} of run ${plan.run} is gone, and it was not copied to ${target}.`,
    );
  });
  const manifest = [...targets].map(([{ rows, sizeBytes, partition }, path]) => ({ path, rows, sizeBytes, partition }));
  if (manifest.length > 0) {
    const body = JSON.stringify({
      run: plan.run,
      epoch: plan.epoch,
      columns: plan.table.columns,
      partitionBy: plan.table.partitionBy,
      files: manifest,
    });
    await lake.create(`${manifestPrefix(table)}${plan.run}-e${plan.epoch}.json`, body);
  }
  await inOrder([...targets.keys()], (file) => lake.delete(`${table}/${file.path}`));
}

/** Where each pending file goes: its lake partition's folder, under a name that is the same in every attempt. */
function publishedPaths(plan: Plan, files: readonly FoldedFile[]): ReadonlyMap<FoldedFile, string> {
  const numberOf = new Map<number, number>();
  return new Map(
    files.map((file) => {
      const index = numberOf.get(file.task) ?? 0;
      numberOf.set(file.task, index + 1);
      const folder = file.path.slice(pendingFolderOf(file.path).length, file.path.lastIndexOf('/') + 1);
      return [file, `${folder}${committedFileName(plan.run, plan.epoch, file.task, index)}`];
    }),
  );
}
