import { type EpochId, planKey, runPrefix } from '../core/keys.ts';
import type { Plan } from '../core/plan.ts';
import type { ObjectStore, Stores } from '../core/ports.ts';
import type { Receipt } from '../core/receipt.ts';
import { readOutcome, readPlan } from './documents.ts';
import { readLedger } from './ledger.ts';

/** A run as the store knows it, from its newest epoch. */
export interface FoundRun extends EpochId {
  /** Key of its table. */
  readonly table: string;
  /** Null when the work root has expired. See also `read` of `lookUpRun`. */
  readonly plan: Plan | null;
  /** The newest epoch's outcome; null while it isn't over. */
  readonly outcome: Receipt | null;
}

/** The newest epoch that has a plan; -1 for none. */
async function newestPlan(work: ObjectStore, run: string): Promise<number> {
  const { prefixes } = await work.listKeys({ prefix: runPrefix(run), delimiter: '/' });
  const epochs = prefixes.map((prefix) => Number(/\/e(\d+)\/$/.exec(prefix)?.[1] ?? -1)).sort((a, b) => b - a);
  for (const epoch of epochs) if ((await work.head(planKey({ run, epoch }))) !== null) return epoch;
  return -1;
}

/**
 * What the store knows of a run into a known table; null when nobody has planned it.
 * @param read `readOwnPlan` for whoever goes on with no plan: then the plan of another version of Fanlake counts as gone
 * @throws FanlakeError `plan.version` when another version of Fanlake has planned it
 */
export async function lookUpRun({ work, lake }: Stores, table: string, run: string, read = readPlan): Promise<FoundRun | null> {
  const ledger = await readLedger(lake, table, run);
  const epoch = Math.max(await newestPlan(work, run), ledger.at(-1)?.epoch ?? -1);
  if (epoch < 0) return null;
  const id = { run, epoch };
  const ended = ledger.find((entry) => entry.epoch === epoch)?.ended ?? false;
  return { run, epoch, table, plan: await read(work, id), outcome: ended ? await readOutcome(lake, table, id) : null };
}
