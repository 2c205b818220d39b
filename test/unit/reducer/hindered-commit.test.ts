import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { outcomeKey, partKey, pendingFolder, planKey } from '../../../functions/core/keys.ts';
import type { DonePart } from '../../../functions/core/part.ts';
import type { Plan } from '../../../functions/core/plan.ts';
import { entryName } from '../../../functions/core/table-log/log-names.ts';
import { listAll, readOutcome, readPart } from '../../../functions/protocol/documents.ts';
import { decide } from '../../../functions/protocol/ledger.ts';
import { lookUpRun } from '../../../functions/protocol/look-up-run.ts';
import { TableLogs } from '../../../functions/protocol/table-logs.ts';
import { findWayOn } from '../../../functions/protocol/take-up-run.ts';
import type { ReducerContext } from '../../../functions/reducer/commit-candidate.ts';
import { commitRuns } from '../../../functions/reducer/commit-runs.ts';
import { planOf } from '../protocol/plan-of.ts';
import { messageOf, reducerIn, runBytes, storeFinishedRun } from './finished-run.ts';

let root: string;
let nowMs: number;
let context: ReducerContext;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'fanlake-hindered-'));
  nowMs = Date.UTC(2026, 0, 1);
  context = { ...reducerIn(root), clock: { now: () => nowMs, sleep: async () => {} } };
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const lake = () => context.stores.lake;
const { deadlineMinutes } = planOf({ tasks: 1, bytes: runBytes, limits: {} }).job.limits;
const outlive = () => {
  nowMs += deadlineMinutes * 60_000;
};
const decideCommit = ({ run, epoch }: Plan) => decide(context, { kind: 'commit', run, epoch, table: 'visits', version: -1 });
/** By a function that has just started, and one that has seen the table before. */
const commit = (plans: readonly Plan[], logs = new TableLogs(lake())) => commitRuns({ ...context, logs }, plans.map(messageOf));
const outcomeOf = (plan: Plan) => readOutcome(lake(), 'visits', plan);

async function expectUnknown(plan: Plan, message: RegExp): Promise<void> {
  expect(await outcomeOf(plan)).toMatchObject({
    outcome: 'FAILED',
    rows: { written: 0 },
    error: { code: 'commit.unknown', message: expect.stringMatching(message) },
  });
  const found = await lookUpRun(context.stores, 'visits', plan.run);
  if (found === null) throw new Error('no such run');
  await expect(findWayOn(context, found, null)).rejects.toMatchObject({ code: 'commit.unknown' });
}

describe('a run whose commit is decided, into a table whose log can not be read since', () => {
  const entryPath = (version: number) => lake().locate(`visits/_delta_log/${entryName(version)}`);

  it('is committed when the log is mended', async () => {
    const plan = await storeFinishedRun(context, 'visits-1');
    await decideCommit(plan);
    await lake().create(`visits/_delta_log/${entryName(0)}`, '{"metaData":');
    const [failed] = await commit([plan]);
    expect(failed?.error).toMatchObject({
      code: 'store.failed',
      retryable: true,
      message: expect.stringMatching(/visits-1 .*can't be read.*tried again until 2026-01-02/),
    });
    expect(await outcomeOf(plan)).toBeNull();
    rmSync(entryPath(0));
    expect(await commit([plan])).toEqual([]);
    expect(await outcomeOf(plan)).toMatchObject({ outcome: 'COMMITTED' });
  });

  it('ends as one of which nobody can tell, when it has waited for as long as its job allows', async () => {
    const plan = await storeFinishedRun(context, 'visits-1');
    await decideCommit(plan);
    await lake().create(`visits/_delta_log/${entryName(0)}`, '{"metaData":');
    outlive();
    expect(await commit([plan])).toEqual([]);
    await expectUnknown(plan, /can't be read.*Whether its rows are in the table can't be told.*--again/s);
    // and stays so, whatever becomes of the log
    rmSync(entryPath(0));
    expect(await commit([plan])).toEqual([]);
    expect((await new TableLogs(lake()).of('visits').refresh()).version).toBe(-1);
  });

  it('ends so too where its reducer had read the log before, and an earlier entry is the one that is damaged', async () => {
    const plan = await storeFinishedRun(context, 'visits-1');
    await decideCommit(plan);
    const warm = new TableLogs(lake());
    for (const run of ['visits-2', 'visits-3']) await commit([await storeFinishedRun(context, run)], warm);
    writeFileSync(entryPath(0), '{"metaData":');
    expect(await commit([plan], warm)).toHaveLength(1);
    outlive();
    expect(await commit([plan], warm)).toEqual([]);
    await expectUnknown(plan, /can't be read/);
  });

  it('fails at once when it is the schema that can not be read: the entries tell that it is not in the table', async () => {
    const plan = await storeFinishedRun(context, 'visits-1');
    const other = await storeFinishedRun(context, 'visits-2');
    await commit([other]);
    await decideCommit(plan);
    const [entry] = await new TableLogs(lake()).of('visits').entriesSince(-1, 0);
    const metaData = entry?.actions.flatMap((action) => ('metaData' in action ? [action.metaData] : []))[0];
    await lake().create(`visits/_delta_log/${entryName(1)}`, JSON.stringify({ metaData: { ...metaData, schemaString: '{' } }));
    expect(await commit([plan])).toEqual([]);
    expect(await outcomeOf(plan)).toMatchObject({ outcome: 'FAILED', error: { code: expect.stringMatching(/^table\./) } });
  });
});

describe('a run whose commit is decided, and whose plan is one of another version of Fanlake since', () => {
  const rewrite = (plan: Plan, format: number) => context.stores.work.put(planKey(plan), JSON.stringify({ ...plan, format }));

  it('is committed when that version is back', async () => {
    const plan = await storeFinishedRun(context, 'visits-1');
    await decideCommit(plan);
    await rewrite(plan, 99);
    const [failed] = await commit([plan]);
    expect(failed?.error).toMatchObject({
      code: 'store.failed',
      message: expect.stringMatching(/another version of Fanlake.*tried again until/),
    });
    expect(await outcomeOf(plan)).toBeNull();
    await rewrite(plan, plan.format);
    expect(await commit([plan])).toEqual([]);
    expect(await outcomeOf(plan)).toMatchObject({ outcome: 'COMMITTED' });
  });

  it.each([
    ['is not there', [], /another version of Fanlake.*The table does not name it/],
    ['is in the table', ['visits-1'], /another version of Fanlake.*Its rows are in the table/],
  ])('ends as one of which nobody can tell, when it has waited for as long as any job allows: %s', async (_where, before, message) => {
    const plan = await storeFinishedRun(context, 'visits-1');
    await decideCommit(plan);
    if (before.length > 0) {
      await commit([plan]);
      // its reducer died in front of it
      await lake().delete(outcomeKey('visits', plan));
    }
    await rewrite(plan, 99);
    nowMs += 7 * 24 * 60 * 60_000;
    expect(await commit([plan])).toEqual([]);
    expect(await outcomeOf(plan)).toMatchObject({
      outcome: 'FAILED',
      error: { code: 'commit.unknown', message: expect.stringMatching(message) },
    });
    // and its message may come once more
    expect(await commit([plan])).toEqual([]);
  });
});

describe('a run whose commit is decided, into Hive folders, when somebody has deleted files that wait for it', () => {
  /** Of two files. */
  async function decided(run: string): Promise<readonly [Plan, readonly string[]]> {
    const { table } = planOf({ tasks: 1, bytes: runBytes, limits: {} });
    const plan = await storeFinishedRun(context, run, 'visits', `landing/${run}.txt`, { table: { ...table, format: 'parquet' } });
    const { work } = context.stores;
    const part = (await readPart(work, plan, 0, 0)) as DonePart;
    const [first] = part.files;
    if (first === undefined) throw new Error('no file');
    const paths = [0, 1].map((index) => `${pendingFolder(plan)}${run}-e0-0000000-000000000000-${index}.parquet`);
    await work.put(partKey(plan, 0, 0), JSON.stringify({ ...part, files: paths.map((path) => ({ ...first, path })) }));
    for (const path of paths) await lake().create(`visits/${path}`, run);
    await decideCommit(plan);
    return [plan, paths.map((path) => `visits/${path}`)];
  }

  it('it keeps no other run waiting, and is committed when they are brought back', async () => {
    const [plan, [gone = '']] = await decided('visits-1');
    const [good] = await decided('visits-2');
    await lake().delete(gone);
    const failed = await commit([plan, good]);
    expect(failed.map(({ index }) => index)).toEqual([0]);
    expect(failed[0]?.error).toMatchObject({ code: 'store.failed', message: expect.stringContaining(lake().locate(gone)) });
    expect(await outcomeOf(good)).toMatchObject({ outcome: 'COMMITTED' });
    await lake().create(gone, 'visits-1');
    expect(await commit([plan])).toEqual([]);
    expect(await outcomeOf(plan)).toMatchObject({ outcome: 'COMMITTED', table: { files: 2 } });
  });

  it.each([
    [1, /1 of its 2 data files .*The rows of the other 1 are in the table.*Delete those files .*visits-1-e0-.*--again/],
    [2, /2 of its 2 data files .*None of its rows are in the table.*--again/],
  ])('and it has waited for as long as its job allows, it ends with what is in the table of it: %d of 2', async (count, message) => {
    const [plan, files] = await decided('visits-1');
    for (const file of files.slice(0, count)) await lake().delete(file);
    outlive();
    expect(await commit([plan])).toEqual([]);
    await expectUnknown(plan, message);
  });

  it('and parts that it takes over have expired, none of its own files is put there: nobody knows any more which were', async () => {
    const { table } = planOf({ tasks: 1, bytes: runBytes, limits: {} });
    const expired = [{ epoch: 0, tasks: [[0, 1] as const] }];
    const more = { epoch: 1, reuse: expired, table: { ...table, format: 'parquet' as const } };
    const plan = await storeFinishedRun(context, 'visits-1', 'visits', 'landing/visits-1.txt', more);
    await decideCommit(plan);
    const before = await listAll(lake(), 'visits/');
    expect(await commit([plan])).toEqual([]);
    await expectUnknown(plan, /parts that it took over are gone.*--again/);
    expect((await listAll(lake(), 'visits/')).filter((key) => key !== outcomeKey('visits', plan))).toEqual(before);
  });

  it('and its plan is gone as well, nothing says that the table would name it', async () => {
    const [plan, [first = '']] = await decided('visits-1');
    await lake().delete(first);
    await context.stores.work.delete(planKey(plan));
    const found = await lookUpRun(context.stores, 'visits', plan.run);
    if (found === null) throw new Error('no such run');
    await expect(findWayOn(context, found, null)).rejects.toMatchObject({
      code: 'commit.unknown',
      message: expect.stringMatching(/none, some or all of its rows are in the table.*begin with visits-1-e0-/),
      details: { committed: false },
    });
  });
});
