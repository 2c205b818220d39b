import { FanlakeError } from '../core/errors.ts';
import { committedFileName, committedFilesOf, manifestPrefix, pendingFolderOf } from '../core/keys.ts';
import type { FoldedFile } from '../core/part.ts';
import type { Plan } from '../core/plan.ts';
import type { ObjectStore } from '../core/ports.ts';
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
    results.set(candidate, candidate.incomplete ? { kind: 'committed', version: null } : await publish(context, candidate));
  }
  return results;
}

async function publish(context: ReducerContext, { plan, fold }: CommitCandidate): Promise<CommitResult> {
  const { lake } = context.stores;
  const table = plan.table.key;
  const targets = publishedPaths(plan, fold.files);
  const copied = await inOrder([...targets], async ([file, target]) => {
    const [from, to] = [`${table}/${file.path}`, `${table}/${target}`];
    // gone when another attempt went on to delete it: then the copy is there
    return (await lake.head(to)) !== null || (await lake.copy(from, to)) || (await lake.head(to)) !== null;
  });
  const gone = [...targets.keys()].filter((_, index) => !copied[index]);
  if (gone.length > 0) return filesDeleted(lake, plan, gone, targets.size);
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
  return { kind: 'committed', version: null };
}

/** Somebody has deleted files that waited for the commit; the others are in the table's folders by now. */
function filesDeleted(lake: ObjectStore, plan: Plan, gone: readonly FoldedFile[], of: number): CommitResult {
  const paths = gone.slice(0, 10).map(({ path }) => lake.locate(`${plan.table.key}/${path}`));
  const message = `${gone.length} of its ${of} data files were deleted before they were put into the table's folders, the first of them ${paths[0]}.`;
  const begin = committedFilesOf(plan);
  const isNone = gone.length === of;
  return {
    kind: 'hindered',
    error: new FanlakeError('store.failed', message, { gone: paths }),
    state: isNone ? 'None of its rows are in the table.' : `The rows of the other ${of - gone.length} are in the table.`,
    way: `${isNone ? 'To load' : `Delete those files (their names begin with ${begin}); then load`} its objects as another run: --again`,
  };
}

/** Where each pending file goes: its lake partition's folder, under a name that is the same in every attempt. */
function publishedPaths(plan: Plan, files: readonly FoldedFile[]): ReadonlyMap<FoldedFile, string> {
  const numberOf = new Map<number, number>();
  return new Map(
    files.map((file) => {
      const index = numberOf.get(file.task) ?? 0;
      numberOf.set(file.task, index + 1);
      const folder = file.path.slice(pendingFolderOf(file.path).length, file.path.lastIndexOf('/') + 1);
      return [file, `${folder}${committedFileName(plan, file.task, index)}`];
    }),
  );
}
