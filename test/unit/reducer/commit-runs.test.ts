import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LocalStore } from '../../../functions/adapters/local-store.ts';
import { dataFileName, partKey, planKey } from '../../../functions/core/keys.ts';
import type { DonePart } from '../../../functions/core/part.ts';
import type { Plan, PlanDraft } from '../../../functions/core/plan.ts';
import type { CommitMessage } from '../../../functions/core/task.ts';
import { readDecision, readOutcome } from '../../../functions/protocol/documents.ts';
import { TableLog } from '../../../functions/protocol/table-log.ts';
import { TableLogs } from '../../../functions/protocol/table-logs.ts';
import { writePlan } from '../../../functions/protocol/write-plan.ts';
import type { ReducerContext } from '../../../functions/reducer/commit-candidate.ts';
import { commitRuns } from '../../../functions/reducer/commit-runs.ts';
import { planOf } from '../protocol/plan-of.ts';

let root: string;
let context: ReducerContext;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'fanlake-commit-'));
  const store = (name: string) => new LocalStore(join(root, name), { durable: false });
  const stores = { landing: store('landing'), work: store('work'), lake: store('lake') };
  const queue = { send: async () => [] };
  let nonce = 0;
  context = {
    stores,
    tasks: queue,
    commits: queue,
    monitor: queue,
    clock: { now: () => Date.UTC(2026, 0, 1), sleep: async () => {} },
    nonces: { next: () => String(++nonce).padStart(12, '0') },
    announce: null,
    logs: new TableLogs(stores.lake),
    requests: () => ({}),
    engineVersion: 'test',
    uploads: null,
  };
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const bytes = 10;

/** A run of one task that is done, with one row in one file, and waits for its commit. */
async function finishedRun(run: string, table = 'visits'): Promise<Plan> {
  const {
    format: _format,
    nonce: _nonce,
    createdMs: _created,
    tasks: _tasks,
    inline: _inline,
    ...like
  } = planOf({ tasks: 1, bytes, limits: {} });
  const draft: PlanDraft = { ...like, run, table: { ...like.table, key: table } };
  const object = { key: `landing/${run}.txt`, version: 'v', size: bytes };
  const { plan } = await writePlan(context, draft, [{ task: 0, splits: [{ object, layout: 0, start: 0, end: bytes }] }]);
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
    bytesCovered: bytes,
    chain: [{ key: object.key, size: bytes, dataStart: 0, start: 0, end: bytes, from: 0, to: bytes, alternative: null }],
    files: [{ path, rows: 1, sizeBytes: run.length, modifiedMs: 0, partition: [], stats: '{}' }],
    quarantine: [],
    checksum: 'none',
  };
  await context.stores.work.create(partKey(plan, 0, 0), JSON.stringify(part));
  return plan;
}

const messageOf = ({ run, epoch, table }: Plan): CommitMessage => ({ kind: 'commit', run, epoch, table: table.key });
const outcomeOf = async ({ run, epoch, table }: Plan) => (await readOutcome(context.stores.lake, table.key, { run, epoch }))?.outcome;
const planPath = (plan: Plan): string => context.stores.work.locate(planKey(plan));

/** The runs whose files each version of the table's log adds. */
async function committed(table = 'visits'): Promise<readonly (readonly string[])[]> {
  const log = new TableLog(context.stores.lake, table);
  const entries = await log.entriesSince(-1, (await log.refresh()).version);
  return entries.map(({ actions }) => actions.flatMap((action) => ('add' in action ? [action.add.tags?.['fanlake.run'] ?? ''] : [])));
}

describe('a batch of finished runs', () => {
  it('is one log entry for each table, also when a run is named twice', async () => {
    const [one, two, other] = [await finishedRun('visits-1'), await finishedRun('visits-2'), await finishedRun('shops-1', 'shops')];
    expect(await commitRuns(context, [one, other, two, one].map(messageOf))).toEqual([]);
    expect(await committed()).toEqual([['visits-1', 'visits-2']]);
    expect(await committed('shops')).toEqual([['shops-1']]);
    for (const plan of [one, two, other]) expect(await outcomeOf(plan)).toBe('COMMITTED');
  });

  it('commits the others when the plan of one can’t be read, and that one, once, when it can be read again', async () => {
    const [first, damaged, last] = [await finishedRun('visits-1'), await finishedRun('visits-2'), await finishedRun('visits-3')];
    const good = readFileSync(planPath(damaged));
    writeFileSync(planPath(damaged), good.subarray(0, good.length / 2));
    const failed = await commitRuns(context, [first, damaged, last, damaged].map(messageOf));
    // both its messages are to come again
    expect(failed.map(({ index }) => index)).toEqual([1, 3]);
    expect(failed[0]?.error).toMatchObject({ code: 'store.failed', message: expect.stringContaining(planPath(damaged)) });
    expect(await committed()).toEqual([['visits-1', 'visits-3']]);
    expect([await outcomeOf(first), await outcomeOf(damaged), await outcomeOf(last)]).toEqual(['COMMITTED', undefined, 'COMMITTED']);
    expect(await readDecision(context.stores.lake, 'visits', damaged)).toBeNull();

    writeFileSync(planPath(damaged), good);
    expect(await commitRuns(context, [damaged, first].map(messageOf))).toEqual([]);
    expect(await committed()).toEqual([['visits-1', 'visits-3'], ['visits-2']]);
    expect(await outcomeOf(damaged)).toBe('COMMITTED');
  });

  it('fails a run that another version of Fanlake planned, and commits the others', async () => {
    const [newer, good] = [await finishedRun('visits-1'), await finishedRun('visits-2')];
    writeFileSync(planPath(newer), JSON.stringify({ ...newer, format: 2 }));
    expect(await commitRuns(context, [newer, good].map(messageOf))).toEqual([]);
    expect(await committed()).toEqual([['visits-2']]);
    const outcome = await readOutcome(context.stores.lake, 'visits', newer);
    expect(outcome).toMatchObject({ outcome: 'FAILED', error: { code: 'plan.version' } });
  });

  it('passes over a run whose plan is gone, and commits the others', async () => {
    const [gone, good] = [await finishedRun('visits-1'), await finishedRun('visits-2')];
    rmSync(planPath(gone));
    expect(await commitRuns(context, [gone, good].map(messageOf))).toEqual([]);
    expect(await committed()).toEqual([['visits-2']]);
    expect(await outcomeOf(gone)).toBeUndefined();
  });

  it('into a table that can’t be read leaves another table’s runs alone', async () => {
    const [wrong, good] = [await finishedRun('visits-1'), await finishedRun('shops-1', 'shops')];
    await context.stores.lake.create('visits/_delta_log/00000000000000000000.json', '{"metaData":');
    expect(await commitRuns(context, [wrong, good].map(messageOf))).toEqual([]);
    expect(await committed('shops')).toEqual([['shops-1']]);
    expect(await outcomeOf(good)).toBe('COMMITTED');
    const outcome = await readOutcome(context.stores.lake, 'visits', wrong);
    expect(outcome).toMatchObject({ outcome: 'FAILED', error: { code: 'table.corrupt' } });
  });
});
