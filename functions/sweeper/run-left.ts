import { manifestPrefix, runPrefix } from '../core/keys.ts';
import type { EpochEnd, RunLeft } from '../core/orphan.ts';
import type { ObjectStore } from '../core/ports.ts';
import { readDecision, readOutcome } from '../protocol/documents.ts';
import { type LedgerEpoch, readLedger } from '../protocol/ledger.ts';

/** A run as work root and ledger know it, and its epochs that a manifest names. */
export interface RunLook extends RunLeft {
  readonly manifests: ReadonlySet<number>;
}

export interface RunStores {
  readonly work: ObjectStore;
  readonly lake: ObjectStore;
}

/**
 * Looks at what is left of a run: first at the work root, then at the ledger, so that a commit decided in between is seen.
 * @param asGone whether its work doesn't count
 */
export async function lookAtRun({ work, lake }: RunStores, table: string, run: string, asGone: boolean): Promise<RunLook> {
  const { keys } = asGone ? { keys: [] } : await work.listKeys({ prefix: runPrefix(run), limit: 1 });
  if (keys.length > 0) return { run, hasWork: true, epochs: [], manifests: new Set() };
  const manifests = new Set<number>();
  const epochs: EpochEnd[] = [];
  for (const known of await readLedger(lake, table, run)) {
    const end = await endOf(lake, table, run, known);
    epochs.push(end);
    if ((end.outcome?.files ?? 0) === 0) continue;
    if ((await lake.head(`${manifestPrefix(table)}${run}-e${known.epoch}.json`)) !== null) manifests.add(known.epoch);
  }
  return { run, hasWork: false, epochs, manifests };
}

async function endOf(lake: ObjectStore, table: string, run: string, { epoch, ended }: LedgerEpoch): Promise<EpochEnd> {
  const outcome = ended ? await readOutcome(lake, table, { run, epoch }) : null;
  if (outcome === null) return { epoch, decision: (await readDecision(lake, table, { run, epoch }))?.kind ?? null, outcome: null };
  const word = outcome.outcome === 'ALREADY_COMMITTED' ? 'COMMITTED' : outcome.outcome;
  return { epoch, decision: null, outcome: { word, code: outcome.error?.code ?? null, files: outcome.table.files } };
}
