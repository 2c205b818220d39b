import { type DatedEpoch, mayExpire } from '../../functions/core/expired-work.ts';
import {
  allLandedPrefix,
  type EpochId,
  ledgerRunPrefix,
  parseLedgerKey,
  planKey,
  recentPrefix,
  requestsPrefix,
  runOfLandedKey,
  runOfRecentKey,
  runOfRequestKey,
  runPrefix,
  runsPrefix,
} from '../../functions/core/keys.ts';
import type { ListedObject, ObjectStore, Stores } from '../../functions/core/ports.ts';
import { inOrder, readOutcome, readOwnPlan } from '../../functions/protocol/documents.ts';

/** What went from the work folder, or would go. */
export interface WorkSwept {
  readonly runs: number;
  readonly files: number;
  readonly bytes: number;
  /** The runs of which nothing is left there. */
  readonly gone: ReadonlySet<string>;
}

interface WorkSweepOptions {
  /** What was stored or ended at this moment or later stays, in milliseconds since 1970 UTC. */
  readonly beforeMs: number;
  readonly dryRun: boolean;
  readonly isOver: () => boolean;
}

/** Notes about runs, and whose they are. */
const notes: readonly (readonly [prefix: string, runOf: (key: string) => string])[] = [
  [requestsPrefix, runOfRequestKey],
  [recentPrefix, runOfRecentKey],
  [allLandedPrefix, runOfLandedKey],
];

/**
 * Does for a work folder what the expiry of its objects does for a bucket: removes plans and parts of runs that ended long ago, and notes about runs of which
 * nothing else is left there. A note about a file that is still in landing stays: it shows that the file was loaded when it was shorter.
 */
export async function sweepWork(stores: Stores, options: WorkSweepOptions): Promise<WorkSwept> {
  const { work, landing } = stores;
  const gone = new Set<string>();
  const swept = { files: 0, bytes: 0 };
  const remove = async (objects: readonly ListedObject[]): Promise<void> => {
    if (!options.dryRun) await inOrder(objects, ({ key }) => work.delete(key));
    swept.files += objects.length;
    swept.bytes += objects.reduce((sum, { size }) => sum + size, 0);
  };
  for await (const run of plannedRuns(work)) {
    if (options.isOver()) break;
    const objects = await expiredObjects(stores, run, options.beforeMs);
    if (objects.length === 0) continue;
    await remove(objects);
    gone.add(run);
  }
  for (const [prefix, runOf] of notes) {
    for await (const objects of pagesOf(work, prefix)) {
      if (options.isOver()) break;
      const old = objects.filter(({ modifiedMs }) => modifiedMs < options.beforeMs);
      const keep = await inOrder(old, async ({ key }) => {
        const run = runOf(key);
        if (!gone.has(run) && (await hasWork(work, run))) return true;
        return prefix === allLandedPrefix && (await isInLanding(work, landing, key));
      });
      await remove(old.filter((_, index) => keep[index] === false));
    }
  }
  return { runs: gone.size, ...swept, gone };
}

async function* pagesOf(store: ObjectStore, prefix: string): AsyncGenerator<readonly ListedObject[]> {
  let next: string | undefined;
  do {
    const page = await store.list({ prefix, ...(next === undefined ? {} : { next }) });
    yield page.objects;
    next = page.next;
  } while (next !== undefined);
}

async function* plannedRuns(work: ObjectStore): AsyncGenerator<string> {
  let next: string | undefined;
  do {
    const page = await work.listKeys({ prefix: runsPrefix, delimiter: '/', ...(next === undefined ? {} : { next }) });
    for (const prefix of page.prefixes) yield prefix.slice(runsPrefix.length, -1);
    next = page.next;
  } while (next !== undefined);
}

const hasWork = async (work: ObjectStore, run: string): Promise<boolean> =>
  (await work.listKeys({ prefix: runPrefix(run), limit: 1 })).keys.length > 0;

/** Whether the file that a note is about is still where it landed, in whatever version. */
async function isInLanding(work: ObjectStore, landing: ObjectStore, key: string): Promise<boolean> {
  const note = await work.get(key);
  if (note === null) return false;
  const { object } = JSON.parse(Buffer.from(note.body).toString('utf8')) as { readonly object: { readonly key: string } };
  return (await landing.head(object.key)) !== null;
}

/** All that the work folder has of a run, plans first, so that nobody goes on with half of it; nothing when it is to stay. */
async function expiredObjects({ work, lake }: Stores, run: string, beforeMs: number): Promise<readonly ListedObject[]> {
  const objects: ListedObject[] = [];
  for await (const page of pagesOf(work, runPrefix(run))) objects.push(...page);
  const newestMs = objects.reduce((newest, { modifiedMs }) => Math.max(newest, modifiedMs), 0);
  // saves the looks
  if (newestMs >= beforeMs) return [];
  const planEpochs = objects.flatMap(({ key }) => {
    const epoch = Number(/\/e(\d+)\/plan\.json$/.exec(key)?.[1] ?? Number.NaN);
    return Number.isNaN(epoch) ? [] : [epoch];
  });
  const planned = planEpochs.length === 0 ? null : Math.max(...planEpochs);
  const epochs = planned === null ? [] : await datedEpochs(work, lake, run, planned);
  if (!mayExpire({ newestMs, planned, epochs }, beforeMs)) return [];
  const plans = new Set(planEpochs.map((epoch) => planKey({ run, epoch })));
  return [...objects.filter(({ key }) => plans.has(key)).reverse(), ...objects.filter(({ key }) => !plans.has(key))];
}

/** The run's epochs in the ledger of its table, which its plan names. */
async function datedEpochs(work: ObjectStore, lake: ObjectStore, run: string, planned: number): Promise<readonly DatedEpoch[]> {
  const table = await tableOf(work, { run, epoch: planned });
  if (table === null) return [];
  const ledger: ListedObject[] = [];
  for await (const page of pagesOf(lake, ledgerRunPrefix(table, run))) ledger.push(...page);
  const epochs = new Map<number, DatedEpoch>();
  for (const { key, modifiedMs } of ledger) {
    const found = parseLedgerKey(key);
    if (found === null) continue;
    const dated = found.kind === 'outcome' ? await endedEpoch(lake, table, found, modifiedMs) : null;
    // a decision alone, unless its outcome came before it in the listing
    epochs.set(found.epoch, dated ?? epochs.get(found.epoch) ?? { epoch: found.epoch, outcome: null, endedMs: null });
  }
  return [...epochs.values()];
}

async function endedEpoch(lake: ObjectStore, table: string, id: EpochId, endedMs: number): Promise<DatedEpoch | null> {
  const word = (await readOutcome(lake, table, id))?.outcome ?? null;
  return word === null ? null : { epoch: id.epoch, outcome: word === 'ALREADY_COMMITTED' ? 'COMMITTED' : word, endedMs };
}

/** Null for a plan that another version of Fanlake wrote: it alone knows what to do with it. */
async function tableOf(work: ObjectStore, id: EpochId): Promise<string | null> {
  return (await readOwnPlan(work, id))?.table.key ?? null;
}
