import { FanlakeError } from '../../functions/core/errors.ts';
import { ledgerPrefix, planKey, recentPrefix, runOfRecentKey, runsPrefix } from '../../functions/core/keys.ts';
import { didYouMean } from '../../functions/core/nearest.ts';
import { emptyFold } from '../../functions/core/part.ts';
import type { Plan } from '../../functions/core/plan.ts';
import { type Receipt, receiptOf } from '../../functions/core/receipt.ts';
import { listAll, readDecision, readOutcome, readPlan } from '../../functions/protocol/documents.ts';
import { gatherFold } from '../../functions/protocol/gather-fold.ts';
import { readLedger } from '../../functions/protocol/ledger.ts';
import type { Home } from './home.ts';
import { listTables } from './tables.ts';

/** A run as the store knows it, from its newest epoch. */
export interface FoundRun {
  readonly run: string;
  readonly epoch: number;
  /** Key of its table. */
  readonly table: string;
  /** Null when the work root has expired. */
  readonly plan: Plan | null;
  /** The newest epoch's outcome; null while it isn't over. */
  readonly outcome: Receipt | null;
}

/** Runs that an error names when an id may mean any of them. */
const namedCandidates = 10;

/** The newest epoch that has a plan; -1 for none. */
async function newestPlan(home: Home, run: string): Promise<number> {
  const { prefixes } = await home.stores.work.listKeys({ prefix: `${runsPrefix}${run}/`, delimiter: '/' });
  const epochs = prefixes.map((prefix) => Number(/\/e(\d+)\/$/.exec(prefix)?.[1] ?? -1)).sort((a, b) => b - a);
  for (const epoch of epochs) if ((await home.stores.work.head(planKey({ run, epoch }))) !== null) return epoch;
  return -1;
}

/** What the store knows of a run into a known table; null when nobody has planned it. */
export async function lookUpRun(home: Home, table: string, run: string): Promise<FoundRun | null> {
  const { work, lake } = home.stores;
  const ledger = await readLedger(lake, table, run);
  const epoch = Math.max(await newestPlan(home, run), ledger.at(-1)?.epoch ?? -1);
  if (epoch < 0) return null;
  const id = { run, epoch };
  const ended = ledger.find((entry) => entry.epoch === epoch)?.ended ?? false;
  return { run, epoch, table, plan: await readPlan(work, id), outcome: ended ? await readOutcome(lake, table, id) : null };
}

/**
 * The run of this id, or of which this is the beginning.
 * @throws FanlakeError `run.unknown`, `run.ambiguous` with the runs that it may mean
 */
export async function findRun(home: Home, id: string): Promise<FoundRun> {
  const known = await knownRuns(home);
  const matching = [...known].filter(([run]) => run === id || run.startsWith(id));
  const [found] = matching.filter(([run]) => run === id).concat(matching);
  if (found !== undefined && (matching.length === 1 || found[0] === id)) {
    const run = await lookUpRun(home, found[1], found[0]);
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
    `No run '${id}' in ${home.path}${didYouMean(id, [...known.keys()])}. 'fanlake status' lists them.`,
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
export async function knownRuns(home: Home): Promise<ReadonlyMap<string, string>> {
  const runs = new Map<string, string>();
  for (const key of (await listAll(home.stores.work, recentPrefix)).reverse()) {
    const run = runOfRecentKey(key);
    if (runs.has(run)) continue;
    const object = await home.stores.work.get(key);
    if (object === null) continue;
    runs.set(run, (JSON.parse(Buffer.from(object.body).toString('utf8')) as { readonly table: string }).table);
  }
  // the ledger knows a run for the table's whole life, the work root only until it expires
  for (const { key: table } of await listTables(home.stores.lake)) {
    const prefix = ledgerPrefix(table);
    const { prefixes } = await home.stores.lake.listKeys({ prefix, delimiter: '/' });
    for (const folder of prefixes) {
      const run = folder.slice(prefix.length, -1);
      if (!run.startsWith('_') && !runs.has(run)) runs.set(run, table);
    }
  }
  return runs;
}

/** Where a run stands now, from the store alone. */
export async function receiptNow(home: Home, found: FoundRun): Promise<Receipt> {
  if (found.outcome !== null) return found.outcome;
  const { plan } = found;
  if (plan === null)
    throw new FanlakeError('run.unknown', `The plan of run ${found.run} is gone and it has no outcome. Type: fanlake retry ${found.run}`);
  const { fold } = plan.tasks > 0 ? await gatherFold(home.stores.work, plan) : { fold: emptyFold };
  const decided = await readDecision(home.stores.lake, found.table, found);
  const begun = fold.done + fold.failed.length > 0;
  const state = decided !== null || fold.done + fold.failed.length === plan.tasks ? 'committing' : begun ? 'running' : 'planned';
  const receipt = receiptOf(plan, fold, home.stores.lake.locate(plan.table.key));
  // what tasks have written isn't in the table before the commit
  return { ...receipt, rows: { ...receipt.rows, written: 0 }, state };
}
