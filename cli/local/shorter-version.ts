import type { ObjectVersion, Stores } from '../../functions/core/ports.ts';
import type { Receipt } from '../../functions/core/receipt.ts';
import { readOwnPlan } from '../../functions/protocol/documents.ts';
import { outcomeWithRows } from '../../functions/protocol/in-the-table.ts';
import { type FoundRun, lookUpRun } from '../../functions/protocol/look-up-run.ts';

/**
 * Why a file that has grown is not to be loaded, which would double the rows that it had; null where nothing of its shorter version is in the table, or may come into it.
 * @param table key of the table
 * @param before the shorter version, and its run
 */
export async function shorterVersionReason(
  stores: Stores,
  table: string,
  { run, object }: { readonly run: string; readonly object: ObjectVersion },
  now: ObjectVersion,
): Promise<string | null> {
  const outcome = await outcomeWithRows(stores.lake, table, run);
  if (outcome !== null) return grownReason(object, now, outcome);
  // by a retry in another process, say
  const found = await lookUpRun(stores, table, run, readOwnPlan);
  return found !== null && found.outcome === null ? loadingReason(object, now, found) : null;
}

function grownReason(before: ObjectVersion, now: ObjectVersion, { run }: Receipt): string {
  return (
    `it was loaded when it had ${before.size} bytes (run ${run}) and has ${now.size} now; loading it again would double the rows that it had. ` +
    `Land the new rows as a file of another name, or rename this one if all of it is to be loaded.`
  );
}

function loadingReason(before: ObjectVersion, now: ObjectVersion, { run }: FoundRun): string {
  return (
    `it had ${before.size} bytes when another command began to load it (run ${run}), which isn't over, and has ${now.size} now; loading it as well could double its rows. ` +
    `Should that run end without them, touch the file. Else land the new rows as a file of another name.`
  );
}
