import { isRowsKey, runPrefix } from '../../functions/core/keys.ts';
import type { ObjectStore } from '../../functions/core/ports.ts';
import { inOrder, listAll } from '../../functions/protocol/documents.ts';

/**
 * Frees a work folder of the rows that the stages of a committed run handed on: nobody reads them again, and they may be as large as the input. In a bucket they
 * expire. All else of the run stays, and so do the rows of one that failed, whose retry reads them.
 */
export async function dropRows(work: ObjectStore, run: string): Promise<void> {
  const keys = await listAll(work, runPrefix(run));
  await inOrder(keys.filter(isRowsKey), (key) => work.delete(key));
}
