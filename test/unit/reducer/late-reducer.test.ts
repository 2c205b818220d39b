import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { decisionKey, partKey } from '../../../functions/core/keys.ts';
import type { DonePart } from '../../../functions/core/part.ts';
import type { Plan } from '../../../functions/core/plan.ts';
import type { ObjectStore } from '../../../functions/core/ports.ts';
import type { MetaData } from '../../../functions/core/table-log/actions.ts';
import { entryName } from '../../../functions/core/table-log/log-names.ts';
import { encodeSchema, schemaOf } from '../../../functions/core/table-log/schema.ts';
import type { UploadMessage } from '../../../functions/core/task.ts';
import { uploadRun } from '../../../functions/core/upload.ts';
import { isAskedFor } from '../../../functions/protocol/asked-epoch.ts';
import { readOutcome } from '../../../functions/protocol/documents.ts';
import { lookUpRun } from '../../../functions/protocol/look-up-run.ts';
import { TableLog } from '../../../functions/protocol/table-log.ts';
import { TableLogs } from '../../../functions/protocol/table-logs.ts';
import { takeUpRun } from '../../../functions/protocol/take-up-run.ts';
import type { ReducerContext } from '../../../functions/reducer/commit-candidate.ts';
import { commitRuns } from '../../../functions/reducer/commit-runs.ts';
import { planOf } from '../protocol/plan-of.ts';
import { messageOf, reducerIn, runBytes, storeFinishedRun } from './finished-run.ts';

let root: string;
let context: ReducerContext;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'fanlake-late-'));
  context = reducerIn(root);
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const lake = () => context.stores.lake;
const commit = (plan: Plan) => commitRuns({ ...context, logs: new TableLogs(lake()) }, [messageOf(plan)]);
const outcomeOf = async (plan: Plan) => (await readOutcome(lake(), 'visits', plan))?.outcome;

/** Another writer changes the table. */
async function change(changed: Partial<MetaData>): Promise<void> {
  const { metaData, version: newest } = await new TableLog(lake(), 'visits').refresh();
  await lake().create(`visits/_delta_log/${entryName(newest + 1)}`, JSON.stringify({ metaData: { ...metaData, ...changed } }));
}

const columnsOf = (column: string): Partial<MetaData> => ({
  schemaString: encodeSchema(schemaOf([{ name: column, type: 'VARCHAR' }])),
});

async function retry(plan: Plan): Promise<Plan> {
  const found = await lookUpRun(context.stores, 'visits', plan.run);
  if (found === null) throw new Error('no such run');
  return takeUpRun(context, found, null);
}

/** Epochs of the run in the order in which they came into the table. */
async function inTable(run: string): Promise<readonly string[]> {
  const log = new TableLog(lake(), 'visits');
  const entries = await log.entriesSince(-1, (await log.refresh()).version);
  const adds = entries.flatMap(({ actions }) => actions.flatMap((action) => ('add' in action ? [action.add.tags] : [])));
  return adds.flatMap((tags) => (tags?.['fanlake.run'] === run ? [tags['fanlake.epoch'] ?? ''] : []));
}

/** A reducer that sleeps behind its decision while something happens. */
function lateReducer(plan: Plan, meanwhile: () => Promise<void>): ReducerContext {
  const create: ObjectStore['create'] = async (key, body) => {
    const created = await lake().create(key, body);
    if (key === decisionKey('visits', plan)) await meanwhile();
    return created;
  };
  const sleepy = new Proxy(lake(), {
    get: (target, name) => {
      const value: unknown = name === 'create' ? create : Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
  return { ...context, stores: { ...context.stores, lake: sleepy }, logs: new TableLogs(sleepy) };
}

it('a run that another reducer has refused, and that was committed by a retry, is not committed once more', async () => {
  await commit(await storeFinishedRun(context, 'visits-0'));
  await change({ configuration: { 'delta.enableChangeDataFeed': 'true' } });
  const plan = await storeFinishedRun(context, 'visits-1');
  const late = lateReducer(plan, async () => {
    expect(await commit(plan)).toEqual([]);
    expect(await outcomeOf(plan)).toBe('FAILED');
    await change({ configuration: {} });
    const next = await retry(plan);
    expect(await commit(next)).toEqual([]);
    expect(await outcomeOf(next)).toBe('COMMITTED');
  });
  expect(await commitRuns(late, [messageOf(plan)])).toEqual([]);
  expect(await inTable('visits-1')).toEqual(['1']);
});

it('nor one that was planned anew for the columns that the table had for a while', async () => {
  await commit(await storeFinishedRun(context, 'visits-0'));
  await change(columnsOf('other'));
  const plan = await storeFinishedRun(context, 'visits-1');
  const late = lateReducer(plan, async () => {
    expect(await commit(plan)).toEqual([]);
    expect(await readOutcome(lake(), 'visits', plan)).toMatchObject({ outcome: 'FAILED', error: { code: 'commit.conflict' } });
    const table = { ...plan.table, columns: [{ name: 'other', type: 'VARCHAR', castTo: null }] };
    const next = await storeFinishedRun(context, plan.run, 'visits', `landing/${plan.run}.txt`, { epoch: 1, table });
    expect(await commit(next)).toEqual([]);
    expect(await outcomeOf(next)).toBe('COMMITTED');
    await change(columnsOf('line'));
  });
  expect(await commitRuns(late, [messageOf(plan)])).toEqual([]);
  expect(await inTable('visits-1')).toEqual(['1']);
});

it('a reducer that slept for more than a quarter of an hour behind its look at the log puts nothing: it looks anew', async () => {
  const plan = await storeFinishedRun(context, 'visits-1');
  let nowMs = Date.UTC(2026, 0, 1);
  let isDecided = false;
  const late = lateReducer(plan, async () => {
    isDecided = true;
  });
  const list: ObjectStore['list'] = async (options) => {
    const page = await lake().list(options);
    if (isDecided) nowMs += 15 * 60_000 + 1;
    return page;
  };
  const listKeys: ObjectStore['listKeys'] = async (options) => {
    const page = await lake().listKeys(options);
    if (isDecided) nowMs += 15 * 60_000 + 1;
    return page;
  };
  const sleepy = new Proxy(late.stores.lake, {
    get: (target, name) => (name === 'list' ? list : name === 'listKeys' ? listKeys : Reflect.get(target, name, target)),
  });
  const clock = { now: () => nowMs, sleep: async () => {} };
  const slow = { ...late, clock, stores: { ...late.stores, lake: sleepy }, logs: new TableLogs(sleepy) };
  const [failed] = await commitRuns(slow, [messageOf(plan)]);
  expect(failed?.error).toMatchObject({ code: 'store.failed', retryable: true });
  expect(await inTable('visits-1')).toEqual([]);
  expect(await commit(plan)).toEqual([]);
  expect(await inTable('visits-1')).toEqual(['0']);
});

it('an upload that did not fit when it was to be decided is planned again, which cancel knows as soon as the decision is there', async () => {
  await commit(await storeFinishedRun(context, 'visits-0'));
  await change(columnsOf('other'));
  const object = { key: 'landing/a.txt', version: 'v', size: runBytes };
  const run = uploadRun({ job: planOf({ tasks: 1, bytes: runBytes, limits: {} }).job, object });
  const plan = await storeFinishedRun(context, run, 'visits', object.key);
  const uploads: UploadMessage[] = [];
  const send = async (messages: readonly UploadMessage[]) => {
    uploads.push(...messages);
    return [];
  };
  let isAsked = false;
  const late = lateReducer(plan, async () => {
    isAsked = await isAskedFor(context.stores.work, { run, epoch: 1 }, { code: 'commit.conflict', message: '', details: {} });
  });
  const again = [{ kind: 'upload', job: 'visits', object, epoch: 1 }];
  expect(await commitRuns({ ...late, uploads: { send } }, [messageOf(plan)])).toEqual([]);
  expect(isAsked).toBe(true);
  expect(uploads).toEqual(again);
  expect(await readOutcome(lake(), 'visits', plan)).toMatchObject({ outcome: 'FAILED', error: { code: 'commit.conflict' } });
  // who died before that message
  expect(await commitRuns({ ...context, uploads: { send } }, [messageOf(plan)])).toEqual([]);
  expect(uploads).toEqual([...again, ...again]);
});

it('a run without a file is committed whatever became of its table: it needs no entry', async () => {
  await commit(await storeFinishedRun(context, 'visits-0'));
  await change(columnsOf('other'));
  const plan = await storeFinishedRun(context, 'visits-1');
  const path = context.stores.work.locate(partKey(plan, 0, 0));
  const part = JSON.parse(readFileSync(path, 'utf8')) as DonePart;
  const rows = { ...part.rows, filtered: 1, passed: 0, written: 0 };
  writeFileSync(path, JSON.stringify({ ...part, rows, files: [] }));
  expect(await commit(plan)).toEqual([]);
  expect(await outcomeOf(plan)).toBe('COMMITTED');
});
