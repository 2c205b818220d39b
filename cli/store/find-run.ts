import { FanlakeError } from '../../functions/core/errors.ts';
import { ledgerPrefix, recentPrefix, runOfRecentKey } from '../../functions/core/keys.ts';
import { didYouMean } from '../../functions/core/nearest.ts';
import type { ObjectStore } from '../../functions/core/ports.ts';
import { type Receipt, receiptOf } from '../../functions/core/receipt.ts';
import { inOrder, listAll, readDecision, type readPlan } from '../../functions/protocol/documents.ts';
import { gatherFold, mergeTasksOf } from '../../functions/protocol/gather-fold.ts';
import { type FoundRun, lookUpRun } from '../../functions/protocol/look-up-run.ts';
import type { Place } from './place.ts';
import { listTables } from './tables.ts';

/** Runs that an error names when an id may mean any of them. */
const namedCandidates = 10;

/**
 * The run of this id, or of which this is the beginning.
 * @param read as of `lookUpRun`
 * @throws FanlakeError `run.unknown`, `run.ambiguous` with the runs that it may mean; `plan.version`
 */
export async function findRun(place: Place, id: string, read?: typeof readPlan): Promise<FoundRun> {
  const known = await knownRuns(place);
  const matching = [...known].filter(([run]) => run === id || run.startsWith(id));
  const [found] = matching.filter(([run]) => run === id).concat(matching);
  if (found !== undefined && (matching.length === 1 || found[0] === id)) {
    const run = await lookUpRun(place.stores, found[1], found[0], read);
    if (run !== null) return run;
  }
  if (matching.length > 1) {
    throw ambiguous(
      id,
      matching.map(([run]) => run),
    );
  }
  throw new FanlakeError(
    'run.unknown',
    `No run '${id}' in ${place.name}${didYouMean(id, [...known.keys()])}. 'fanlake status' lists them.`,
    { id },
  );
}

/** @param runs newest first */
function ambiguous(id: string, runs: readonly string[]): FanlakeError {
  const shown = runs.slice(0, namedCandidates).map((run) => `\n  ${run}`);
  const more = runs.length > shown.length ? `\n  and ${runs.length - shown.length} more` : '';
  return new FanlakeError('run.ambiguous', `${runs.length} runs begin with '${id}':${shown.join('')}${more}\nGive more of the id.`, {
    id,
    runs: runs.slice(0, namedCandidates),
    found: runs.length,
  });
}

/** Every run that work root or ledgers know, with its table, newest first as far as that is known. */
export async function knownRuns({ stores: { work, lake } }: Place): Promise<ReadonlyMap<string, string>> {
  // the ledger knows a run for the table's whole life, the work root only until it expires
  const decided = await decidedRuns(lake);
  const recent = [...new Set((await listAll(work, recentPrefix)).reverse())];
  const newest = await inOrder(recent, async (key): Promise<readonly [string, string] | null> => {
    const run = runOfRecentKey(key);
    const table = decided.get(run) ?? (await tableOfNote(work, key));
    return table === null ? null : [run, table];
  });
  return new Map([...newest.filter((found) => found !== null), ...decided]);
}

/** The runs in the ledgers of all tables, told by their names alone. */
async function decidedRuns(lake: ObjectStore): Promise<ReadonlyMap<string, string>> {
  const runs = new Map<string, string>();
  for (const { key: table } of await listTables(lake)) {
    const prefix = ledgerPrefix(table);
    for (const folder of await foldersBelow(lake, prefix)) {
      const run = folder.slice(prefix.length, -1);
      if (!run.startsWith('_')) runs.set(run, table);
    }
  }
  return runs;
}

async function foldersBelow(store: ObjectStore, prefix: string): Promise<readonly string[]> {
  const folders: string[] = [];
  let next: string | undefined;
  do {
    const page = await store.listKeys({ prefix, delimiter: '/', ...(next === undefined ? {} : { next }) });
    folders.push(...page.prefixes);
    next = page.next;
  } while (next !== undefined);
  return folders;
}

async function tableOfNote(work: ObjectStore, key: string): Promise<string | null> {
  const object = await work.get(key);
  return object === null ? null : (JSON.parse(Buffer.from(object.body).toString('utf8')) as { readonly table: string }).table;
}

/** Where a run stands now, from the store alone. */
export async function receiptNow({ stores: { work, lake } }: Place, found: FoundRun): Promise<Receipt> {
  if (found.outcome !== null) return found.outcome;
  const { plan } = found;
  if (plan === null)
    throw new FanlakeError('run.unknown', `The plan of run ${found.run} is gone and it has no outcome. Type: fanlake retry ${found.run}`);
  const { fold, stages, complete } = await gatherFold(work, plan);
  const decided = await readDecision(lake, found.table, found);
  const begun = fold.done + fold.failed.length > 0;
  const state = decided !== null || complete ? 'committing' : begun ? 'running' : 'planned';
  const receipt = receiptOf(plan, fold, mergeTasksOf(stages), lake.locate(plan.table.key));
  // what tasks have written isn't in the table before the commit
  return { ...receipt, rows: { ...receipt.rows, written: 0 }, state };
}
