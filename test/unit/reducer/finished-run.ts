import { join } from 'node:path';
import { LocalStore } from '../../../functions/adapters/local-store.ts';
import { dataFileName, partKey } from '../../../functions/core/keys.ts';
import type { DonePart } from '../../../functions/core/part.ts';
import type { Plan, PlanDraft } from '../../../functions/core/plan.ts';
import type { CommitMessage } from '../../../functions/core/task.ts';
import { TableLogs } from '../../../functions/protocol/table-logs.ts';
import { writePlan } from '../../../functions/protocol/write-plan.ts';
import type { ReducerContext } from '../../../functions/reducer/commit-candidate.ts';
import { planOf } from '../protocol/plan-of.ts';

/** A reducer over three folders, with nobody at the other end of its queues. */
export function reducerIn(root: string): ReducerContext {
  const store = (name: string) => new LocalStore(join(root, name), { durable: false });
  const stores = { landing: store('landing'), work: store('work'), lake: store('lake') };
  const queue = { send: async () => [] };
  let nonce = 0;
  return {
    stores,
    tasks: queue,
    merges: queue,
    commits: queue,
    monitor: queue,
    clock: { now: () => Date.UTC(2026, 0, 1), sleep: async () => {} },
    nonces: { next: () => String(++nonce).padStart(12, '0') },
    announce: null,
    logs: new TableLogs(stores.lake),
    requests: () => ({}),
    engineVersion: 'test',
    uploads: null,
    onCheckpoint: null,
  };
}

export const runBytes = 10;

/** A run of one task that is done, with one row in one file, and waits for its commit. */
export async function storeFinishedRun(
  context: ReducerContext,
  run: string,
  table = 'visits',
  key = `landing/${run}.txt`,
  more: Partial<PlanDraft> = {},
): Promise<Plan> {
  const {
    format: _format,
    nonce: _nonce,
    createdMs: _created,
    tasks: _tasks,
    inline: _inline,
    ...like
  } = planOf({ tasks: 1, bytes: runBytes, limits: {} });
  const draft: PlanDraft = { ...like, run, table: { ...like.table, key: table }, ...more };
  const object = { key, version: 'v', size: runBytes };
  const { plan } = await writePlan(context, draft, [{ task: 0, splits: [{ object, layout: 0, start: 0, end: runBytes }] }]);
  const path = dataFileName(plan, 0, 'attempt', 0);
  await context.stores.lake.create(`${table}/${path}`, run);
  const part: DonePart = {
    format: 1,
    kind: 'done',
    task: 0,
    nonce: 'attempt',
    attempts: 1,
    seconds: 0,
    requests: {},
    rows: { read: 1, filtered: 0, quarantined: 0, passed: 1, written: 1 },
    bytesCovered: runBytes,
    chain: [{ key, size: runBytes, dataStart: 0, start: 0, end: runBytes, from: 0, to: runBytes, alternative: null }],
    files: [{ path, rows: 1, sizeBytes: run.length, modifiedMs: 0, partition: [], stats: '{}' }],
    quarantine: [],
    checksum: 'none',
  };
  await context.stores.work.create(partKey(plan, 0, 0), JSON.stringify(part));
  return plan;
}

export const messageOf = ({ run, epoch, table }: Plan): CommitMessage => ({ kind: 'commit', run, epoch, table: table.key });
