import type { Job } from '../../functions/core/job.ts';
import { ledgerPrefix, parseLedgerKey, planKey, runsPrefix } from '../../functions/core/keys.ts';
import type { ObjectStore } from '../../functions/core/ports.ts';
import { tableKeyOf } from '../../functions/core/upload.ts';
import { readOwnPlan } from '../../functions/protocol/documents.ts';
import { type FoundRun, lookUpRun } from '../../functions/protocol/look-up-run.ts';
import type { Home } from './home.ts';

/** The runs of a table whose newest decided epoch has its outcome, and that epoch: one listing for all of them. */
export async function endedRuns(lake: ObjectStore, table: string): Promise<ReadonlyMap<string, number>> {
  const newest = new Map<string, { epoch: number; ended: boolean }>();
  let next: string | undefined;
  do {
    const page = await lake.listKeys({ prefix: ledgerPrefix(table), ...(next === undefined ? {} : { next }) });
    for (const key of page.keys) {
      const found = parseLedgerKey(key);
      if (found === null) continue;
      const known = newest.get(found.run);
      const isEnd = found.kind === 'outcome';
      if (known === undefined || found.epoch > known.epoch) newest.set(found.run, { epoch: found.epoch, ended: isEnd });
      else if (found.epoch === known.epoch && isEnd) known.ended = true;
    }
    next = page.next;
  } while (next !== undefined);
  return new Map([...newest].flatMap(([run, state]) => (state.ended ? [[run, state.epoch] as const] : [])));
}

/**
 * The runs of these jobs that were planned and have no outcome: what an earlier command left, or what another one is at.
 * @param ended runs and the epochs that they ended with: of these, those whose next epoch is planned
 */
export async function* unendedRuns(home: Home, jobs: readonly Job[], ended: ReadonlyMap<string, number>): AsyncGenerator<FoundRun> {
  const tables = new Map(jobs.map((job) => [job.name, tableKeyOf(job)]));
  let next: string | undefined;
  do {
    const page = await home.stores.work.listKeys({ prefix: runsPrefix, delimiter: '/', ...(next === undefined ? {} : { next }) });
    for (const prefix of page.prefixes) {
      const run = prefix.slice(runsPrefix.length, -1);
      const table = tables.get(run.slice(0, run.lastIndexOf('-')));
      if (table === undefined) continue;
      const last = ended.get(run);
      if (last !== undefined && (await home.stores.work.head(planKey({ run, epoch: last + 1 }))) === null) continue;
      // one that another version has planned is met again with its file
      const found = await lookUpRun(home.stores, table, run, readOwnPlan);
      // a run of this job into another table is its command's business
      if (found !== null && found.outcome === null && found.plan?.table.key === table) yield found;
    }
    next = page.next;
  } while (next !== undefined);
}
