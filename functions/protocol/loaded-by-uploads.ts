import type { Job } from '../core/job.ts';
import { ledgerPrefix, parseLedgerKey, planKey } from '../core/keys.ts';
import type { ObjectVersion, Stores } from '../core/ports.ts';
import type { Receipt } from '../core/receipt.ts';
import { tableKeyOf, uploadRun } from '../core/upload.ts';
import { isAskedFor } from './asked-epoch.ts';
import { inOrder, listAll, readOutcome } from './documents.ts';

/** An object that the job loads or has loaded, and the run of its upload. */
export interface LoadedObject {
  readonly object: ObjectVersion;
  readonly run: string;
}

/** Each is a request: beyond so many objects only what ended runs have put into the table is seen. */
const mostLooks = 1_000;

/**
 * Those of some objects that the same job loads by itself, each by a run of its own since it was uploaded: they are in the table, or on their way to it. A run
 * over many objects has another id and would load them a second time. Lists the table's ledger once.
 */
export async function loadedByUploads(
  { work, lake }: Stores,
  job: Job,
  objects: readonly ObjectVersion[],
): Promise<readonly LoadedObject[]> {
  const table = tableKeyOf(job);
  const uploads = new Map(objects.map((object) => [uploadRun({ job, object }), object]));
  const ended = (await listAll(lake, ledgerPrefix(table))).flatMap((key) => {
    const found = parseLedgerKey(key);
    return found?.kind === 'outcome' && uploads.has(found.run) ? [found] : [];
  });
  const inTable = new Set<string>();
  const newest = new Map<string, Receipt>();
  await inOrder(ended, async (id) => {
    const outcome = await readOutcome(lake, table, id);
    if (outcome === null) return;
    const word = outcome.outcome;
    // of a commit of which nobody knows, too: it may be there
    if (word === 'COMMITTED' || word === 'PARTIAL' || outcome.error?.code === 'commit.unknown') inTable.add(id.run);
    if (id.epoch >= (newest.get(id.run)?.epoch ?? 0)) newest.set(id.run, outcome);
  });
  // behind what ended otherwise, another epoch may be on its way, or asked for
  const others = [...uploads.keys()].filter((run) => !inTable.has(run));
  await inOrder(others.length > mostLooks ? [] : others, async (run) => {
    const before = newest.get(run);
    const next = { run, epoch: before === undefined ? 0 : before.epoch + 1 };
    const isPlanned = (await work.head(planKey(next))) !== null;
    if (isPlanned || (before !== undefined && (await isAskedFor(work, next, before.error)))) inTable.add(run);
  });
  return [...uploads].flatMap(([run, object]) => (inTable.has(run) ? [{ object, run }] : []));
}
