import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readTable } from '../../../cli/store/table-files.ts';
import { existingTable } from '../../../functions/coordinator/bind-to-table.ts';
import { FanlakeError } from '../../../functions/core/errors.ts';
import { outcomeKey, planKey } from '../../../functions/core/keys.ts';
import type { Plan } from '../../../functions/core/plan.ts';
import type { ObjectStore } from '../../../functions/core/ports.ts';
import { blankReceipt, type Receipt } from '../../../functions/core/receipt.ts';
import { entryName } from '../../../functions/core/table-log/log-names.ts';
import type { UploadMessage } from '../../../functions/core/task.ts';
import { uploadRun } from '../../../functions/core/upload.ts';
import { cancelRun } from '../../../functions/protocol/cancel-run.ts';
import { listAll, readDecision, readOutcome, readPlan } from '../../../functions/protocol/documents.ts';
import { fulfilDuties } from '../../../functions/protocol/duties.ts';
import { decide } from '../../../functions/protocol/ledger.ts';
import { lookUpRun } from '../../../functions/protocol/look-up-run.ts';
import { TableLog } from '../../../functions/protocol/table-log.ts';
import { TableLogs } from '../../../functions/protocol/table-logs.ts';
import { findWayOn } from '../../../functions/protocol/take-up-run.ts';
import { writePlan } from '../../../functions/protocol/write-plan.ts';
import type { ReducerContext } from '../../../functions/reducer/commit-candidate.ts';
import { commitRuns } from '../../../functions/reducer/commit-runs.ts';
import { askForUploadAgain } from '../../../functions/reducer/plan-upload-again.ts';
import { planOf } from '../protocol/plan-of.ts';
import { messageOf, reducerIn, runBytes, storeFinishedRun } from './finished-run.ts';

let root: string;
let context: ReducerContext;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'fanlake-commit-'));
  context = reducerIn(root);
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const bytes = runBytes;
const finishedRun = (run: string, table?: string, key?: string): Promise<Plan> => storeFinishedRun(context, run, table, key);

const outcomeOf = async ({ run, epoch, table }: Plan) => (await readOutcome(context.stores.lake, table.key, { run, epoch }))?.outcome;
const planPath = (plan: Plan): string => context.stores.work.locate(planKey(plan));

/** The runs whose files each version of the table's log adds. */
async function committed(table = 'visits'): Promise<readonly (readonly string[])[]> {
  const log = new TableLog(context.stores.lake, table);
  const entries = await log.entriesSince(-1, (await log.refresh()).version);
  return entries.map(({ actions }) => actions.flatMap((action) => ('add' in action ? [action.add.tags?.['fanlake.run'] ?? ''] : [])));
}

describe('a commit message that comes late', () => {
  it('puts nothing into the table when its epoch has ended otherwise: the next one may be in it', async () => {
    const plan = await finishedRun('visits-1');
    const { lake } = context.stores;
    await decide(context, { kind: 'commit', run: plan.run, epoch: plan.epoch, table: 'visits', version: -1 });
    const error = { code: 'commit.conflict', message: 'the table changed', details: {} } as const;
    const receipt: Receipt = { ...blankReceipt(plan, 'visits'), state: 'ended', outcome: 'FAILED', error };
    await lake.create(outcomeKey('visits', plan), JSON.stringify(receipt));
    const heard: string[] = [];
    const listening = { ...context, announce: async ({ outcome }: Receipt) => void heard.push(String(outcome)) };
    expect(await commitRuns(listening, [messageOf(plan)])).toEqual([]);
    expect((await context.logs.of('visits').refresh()).version).toBe(-1);
    expect(await outcomeOf(plan)).toBe('FAILED');
    // whoever wrote the outcome may have died before it told anybody
    expect(heard).toEqual(['FAILED']);
  });

  it('is committed where its writer died between decision and outcome', async () => {
    const plan = await finishedRun('visits-1');
    await decide(context, { kind: 'commit', run: plan.run, epoch: plan.epoch, table: 'visits', version: -1 });
    expect(await commitRuns(context, [messageOf(plan)])).toEqual([]);
    expect(await committed()).toEqual([['visits-1']]);
    expect(await outcomeOf(plan)).toBe('COMMITTED');
  });
});

describe('a process that has seen a table', () => {
  it('begins it anew when the table was deleted, whether or not another has made it again', async () => {
    for (const run of ['visits-1', 'visits-2', 'visits-3']) await commitRuns(context, [messageOf(await finishedRun(run))]);
    const folder = context.stores.lake.locate('visits');
    rmSync(folder, { recursive: true });
    await commitRuns(context, [messageOf(await finishedRun('visits-4'))]);
    expect(await committed()).toEqual([['visits-4']]);
    rmSync(folder, { recursive: true });
    const other = { ...context, logs: new TableLogs(context.stores.lake) };
    for (const run of ['visits-5', 'visits-6']) await commitRuns(other, [messageOf(await finishedRun(run))]);
    await commitRuns(context, [messageOf(await finishedRun('visits-7'))]);
    expect(await committed()).toEqual([['visits-5'], ['visits-6'], ['visits-7']]);
  });

  it('judges by the columns of the one that another has made in its place', async () => {
    const { lake } = context.stores;
    const [first, late] = [await finishedRun('visits-1'), await finishedRun('visits-2')];
    await commitRuns(context, [messageOf(first)]);
    await context.logs.of('visits').refresh();
    rmSync(lake.locate('visits/_delta_log'), { recursive: true });
    const table = { ...first.table, columns: [{ name: 'other', type: 'VARCHAR', castTo: null }] };
    const other = await storeFinishedRun(context, 'visits-3', 'visits', 'landing/other.txt', { table });
    expect(await commitRuns({ ...context, logs: new TableLogs(lake) }, [messageOf(other)])).toEqual([]);
    expect(await commitRuns(context, [messageOf(late)])).toEqual([]);
    expect(await readOutcome(lake, 'visits', late)).toMatchObject({ outcome: 'FAILED', error: { code: 'commit.conflict' } });
    expect(await committed()).toEqual([['visits-3']]);
  });

  it('takes entries behind the one that it knows for no part of it when that one is gone: they may be of another', async () => {
    const { lake } = context.stores;
    await commitRuns(context, [messageOf(await finishedRun('visits-1'))]);
    expect((await context.logs.of('visits').refresh()).version).toBe(0);
    await lake.copy(`visits/_delta_log/${entryName(0)}`, `visits/_delta_log/${entryName(1)}`);
    await lake.delete(`visits/_delta_log/${entryName(0)}`);
    await expect(context.logs.of('visits').refresh()).rejects.toMatchObject({ code: 'table.corrupt' });
  });
});

describe('an upload that conflicts with the table', () => {
  it('is planned again by itself a few times, and a run that a command asked for is not', async () => {
    const uploads: UploadMessage[] = [];
    const send = async (messages: readonly UploadMessage[]) => {
      uploads.push(...messages);
      return [];
    };
    const conflicted = { ...context, uploads: { send } };
    const job = planOf({ tasks: 1, bytes, limits: {} }).job;
    const object = { key: 'landing/a.txt', version: 'v', size: bytes };
    const uploadId = uploadRun({ job, object });
    const conflict = { code: 'commit.conflict', message: 'the table changed', details: {} } as const;
    const planned = (run: string, epoch: number): Plan => ({
      ...planOf({ tasks: 1, bytes, limits: {} }),
      run,
      epoch,
      input: { objects: 1, bytes },
      inline: [{ task: 0, splits: [{ object, layout: 0, start: 0, end: bytes }] }],
    });
    for (const epoch of [0, 1, 2, 3]) await askForUploadAgain(conflicted, planned(uploadId, epoch), conflict);
    await askForUploadAgain(conflicted, planned('visits-asked-for', 0), conflict);
    await askForUploadAgain(conflicted, planned(uploadId, 0), { ...conflict, code: 'rows.bad' });
    await askForUploadAgain(conflicted, { ...planned(uploadId, 1), remainder: true }, conflict);
    expect(uploads.map(({ epoch }) => epoch)).toEqual([1, 2, 3]);
    expect(uploads[0]).toEqual({ kind: 'upload', job: job.name, object, epoch: 1 });
  });
});

describe('an upload that is about to be planned again', () => {
  const object = { key: 'landing/a.txt', version: 'v', size: bytes };
  const run = uploadRun({ job: planOf({ tasks: 1, bytes, limits: {} }).job, object });

  /** Its files went between its decision and its commit. */
  async function conflicted(): Promise<Plan> {
    const plan = await finishedRun(run, 'visits', object.key);
    await decide(context, { kind: 'commit', run, epoch: 0, table: 'visits', version: -1 });
    for (const key of await listAll(context.stores.lake, `visits/${run}-e0-`)) await context.stores.lake.delete(key);
    return plan;
  }

  async function cancel() {
    const found = await lookUpRun(context.stores, 'visits', run);
    if (found === null) throw new Error('no such run');
    return (await cancelRun(context, found, { end: (_, decision) => fulfilDuties(context, decision) })).outcome;
  }

  it('is cancelled while it waits for that', async () => {
    await commitRuns({ ...context, uploads: { send: async () => [] } }, [messageOf(await conflicted())]);
    expect(await cancel()).toMatchObject({ epoch: 1, outcome: 'CANCELLED' });
    expect(await readDecision(context.stores.lake, 'visits', { run, epoch: 1 })).toMatchObject({ kind: 'cancel' });
  });

  it('is cancelled as soon as its conflict can be seen', async () => {
    let seen: unknown = null;
    const announce = async () => {
      seen ??= await cancel();
    };
    await commitRuns({ ...context, announce, uploads: { send: async () => [] } }, [messageOf(await conflicted())]);
    expect(seen).toMatchObject({ epoch: 1, outcome: 'CANCELLED' });
  });
});

describe('a run whose end can not be announced', () => {
  const deaf = (uploads: ReducerContext['uploads'] = null): ReducerContext => ({
    ...context,
    uploads,
    announce: async () => {
      throw new FanlakeError('store.failed', 'the bus is gone');
    },
  });

  it('is committed once, and its message comes again to announce it, saying that nothing else is missing', async () => {
    const plan = await finishedRun('visits-1');
    for (const _ of [1, 2]) {
      expect(await commitRuns(deaf(), [messageOf(plan)])).toEqual([
        { index: 0, error: expect.objectContaining({ code: 'run.unannounced' }) },
      ]);
      expect(await committed()).toEqual([['visits-1']]);
    }
    expect(await outcomeOf(plan)).toBe('COMMITTED');
  });

  it('is planned again all the same where its upload conflicted with the table', async () => {
    const object = { key: 'landing/a.txt', version: 'v', size: bytes };
    const run = uploadRun({ job: planOf({ tasks: 1, bytes, limits: {} }).job, object });
    const plan = await finishedRun(run, 'visits', object.key);
    await decide(context, { kind: 'commit', run, epoch: 0, table: 'visits', version: -1 });
    const error = { code: 'commit.conflict', message: 'the table changed', details: {} } as const;
    const receipt: Receipt = { ...blankReceipt(plan, 'visits'), state: 'ended', outcome: 'FAILED', error };
    await context.stores.lake.create(outcomeKey('visits', plan), JSON.stringify(receipt));
    const uploads: UploadMessage[] = [];
    const send = async (messages: readonly UploadMessage[]) => {
      uploads.push(...messages);
      return [];
    };
    await commitRuns(deaf({ send }), [messageOf(plan)]);
    expect(uploads).toEqual([{ kind: 'upload', job: 'visits', object, epoch: 1 }]);
  });
});

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
    writeFileSync(planPath(newer), JSON.stringify({ ...newer, format: 99 }));
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

  it('says of a run that was decided to be committed, and whose plan is gone since, that a person must look', async () => {
    const gone = await finishedRun('visits-1');
    await decide(context, { kind: 'commit', run: gone.run, epoch: 0, table: 'visits', version: -1 });
    rmSync(planPath(gone));
    // whoever decided it may have read the plan
    expect(await commitRuns(context, [messageOf(gone)])).toMatchObject([{ index: 0, error: { code: 'store.failed' } }]);
    expect(await outcomeOf(gone)).toBeUndefined();
    const later = { ...context, clock: { ...context.clock, now: () => Date.now() + 3_600_000 } };
    expect(await commitRuns(later, [messageOf(gone)])).toEqual([]);
    const unknown = { outcome: 'FAILED', error: { code: 'commit.unknown', details: { committed: false } } };
    expect(await readOutcome(context.stores.lake, 'visits', gone)).toMatchObject(unknown);
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

it('a data file of long ago that is gone is not named by the log: the next epoch does its task again', async () => {
  const [whole, robbed] = [await finishedRun('visits-1'), await finishedRun('visits-2')];
  const [path] = (await listAll(context.stores.lake, 'visits/visits-2-e0-')).values();
  await context.stores.lake.delete(path ?? '');
  expect(await commitRuns(context, [whole, robbed].map(messageOf))).toEqual([]);
  expect(await outcomeOf(whole)).toBe('COMMITTED');
  expect(await readDecision(context.stores.lake, 'visits', robbed)).toMatchObject({ kind: 'fail', error: { code: 'chain' } });
  expect(await readPlan(context.stores.work, { run: robbed.run, epoch: 1 })).toMatchObject({ tasks: 1, reuse: [] });
});

it('a run whose parts of an earlier epoch have expired ends, and says what to do', async () => {
  const earlier = await finishedRun('visits-1');
  const { format: _format, nonce: _nonce, createdMs: _created, tasks: _tasks, inline: _inline, ...draft } = earlier;
  const reuse = [{ epoch: 0, tasks: [[0, 1] as const] }];
  const { plan } = await writePlan(context, { ...draft, epoch: 1, reuse }, []);
  await context.stores.work.delete(planKey(earlier));
  expect(await commitRuns(context, [messageOf(plan)])).toEqual([]);
  expect(await readOutcome(context.stores.lake, 'visits', plan)).toMatchObject({ outcome: 'FAILED', error: { code: 'run.unknown' } });
});

describe('a decided commit whose files a VACUUM took before its log entry was put', () => {
  const lake = () => context.stores.lake;
  const takeFiles = async (plan: Plan) => {
    for (const key of await listAll(lake(), 'visits/visits-')) if (key.includes(plan.run)) await lake().delete(key);
  };
  const decideCommit = ({ run, epoch }: Plan) => decide(context, { kind: 'commit', run, epoch, table: 'visits', version: -1 });

  it('ends FAILED with nothing in the table, and its upload is planned again', async () => {
    const object = { key: 'landing/a.txt', version: 'v', size: bytes };
    const run = uploadRun({ job: planOf({ tasks: 1, bytes, limits: {} }).job, object });
    const plan = await finishedRun(run, 'visits', object.key);
    await decideCommit(plan);
    await takeFiles(plan);
    const uploads: UploadMessage[] = [];
    const send = async (messages: readonly UploadMessage[]) => {
      uploads.push(...messages);
      return [];
    };
    expect(await commitRuns({ ...context, uploads: { send } }, [messageOf(plan)])).toEqual([]);
    expect(await readOutcome(lake(), 'visits', plan)).toMatchObject({
      outcome: 'FAILED',
      error: {
        code: 'commit.conflict',
        message: expect.stringMatching(/data files.*gone.*VACUUM/),
        details: { lost: [expect.any(String)] },
      },
    });
    expect((await committed()).flat()).toEqual([]);
    expect(uploads).toEqual([{ kind: 'upload', job: 'visits', object, epoch: 1 }]);
    // what its error advises
    const found = await lookUpRun(context.stores, 'visits', run);
    expect(found === null ? null : await findWayOn(context, found, null)).toMatchObject({ kind: 'next', epoch: 1 });
  });

  it('leaves no table behind that another job with other columns would have to fit', async () => {
    const plan = await finishedRun('visits-1');
    await decideCommit(plan);
    await takeFiles(plan);
    expect(await commitRuns(context, [messageOf(plan)])).toEqual([]);
    expect(await outcomeOf(plan)).toBe('FAILED');
    const { job, table } = plan;
    expect(await existingTable(lake(), context.logs, job, 'visits')).toBeNull();
    expect(await readTable(lake(), { name: 'visits', key: 'visits' })).toBeNull();
    const columns = [{ name: 'other', type: 'BIGINT', castTo: null }];
    const other = await storeFinishedRun(context, 'visits-2', 'visits', 'landing/other.txt', { table: { ...table, columns } });
    expect(await commitRuns(context, [messageOf(other)])).toEqual([]);
    expect(await outcomeOf(other)).toBe('COMMITTED');
    expect((await readTable(lake(), { name: 'visits', key: 'visits' }))?.columns).toEqual([{ name: 'other', type: 'BIGINT' }]);
  });

  it('does not come into the table behind that, by a reducer that looked before the files went', async () => {
    const plan = await finishedRun('visits-1');
    await decideCommit(plan);
    let isFirst = true;
    const create: ObjectStore['create'] = async (key, body) => {
      if (key.includes('_delta_log') && isFirst) {
        // it sleeps before its entry, and another one finds the files gone
        isFirst = false;
        await takeFiles(plan);
        expect(await commitRuns({ ...context, logs: new TableLogs(lake()) }, [messageOf(plan)])).toEqual([]);
        expect(await outcomeOf(plan)).toBe('FAILED');
      }
      return lake().create(key, body);
    };
    const sleepy = new Proxy(lake(), {
      get: (target, name) => {
        const value: unknown = name === 'create' ? create : Reflect.get(target, name, target);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
    const late = { ...context, stores: { ...context.stores, lake: sleepy }, logs: new TableLogs(sleepy) };
    expect(await commitRuns(late, [messageOf(plan)])).toEqual([]);
    expect(isFirst).toBe(false);
    expect((await committed()).flat()).toEqual([]);
    expect(await outcomeOf(plan)).toBe('FAILED');
  });

  it('is committed if its entry was put after all: then its files went for another reason', async () => {
    const plan = await finishedRun('visits-1');
    await commitRuns(context, [messageOf(plan)]);
    await lake().delete(outcomeKey('visits', plan));
    await takeFiles(plan);
    expect(await commitRuns(context, [messageOf(plan)])).toEqual([]);
    expect(await outcomeOf(plan)).toBe('COMMITTED');
    expect(await committed()).toEqual([['visits-1']]);
  });
});

describe('a decided commit whose taken-over parts expired before its log entry was put', () => {
  /** Of an epoch that takes over the one part of the epoch before. */
  async function takenOver(): Promise<Plan> {
    const { tasks: _tasks, inline: _inline, nonce: _nonce, createdMs: _created, format: _format, ...draft } = await finishedRun('visits-1');
    const { plan } = await writePlan(context, { ...draft, epoch: 1, reuse: [{ epoch: 0, tasks: [[0, 1]] }] }, []);
    await decide(context, { kind: 'commit', run: plan.run, epoch: 1, table: 'visits', version: -1 });
    return plan;
  }
  const expire = (plan: Plan) => context.stores.work.delete(planKey({ run: plan.run, epoch: 0 }));

  it('ends FAILED with nothing in the table', async () => {
    const plan = await takenOver();
    await expire(plan);
    expect(await commitRuns(context, [messageOf(plan)])).toEqual([]);
    expect(await readOutcome(context.stores.lake, 'visits', plan)).toMatchObject({ outcome: 'FAILED', error: { code: 'run.unknown' } });
    expect((await committed()).flat()).toEqual([]);
  });

  it('is a person’s to look at if its entry was put after all: its figures are gone', async () => {
    const plan = await takenOver();
    await commitRuns(context, [messageOf(plan)]);
    await context.stores.lake.delete(outcomeKey('visits', plan));
    await expire(plan);
    expect(await commitRuns(context, [messageOf(plan)])).toEqual([]);
    expect(await readOutcome(context.stores.lake, 'visits', plan)).toMatchObject({
      outcome: 'FAILED',
      error: { code: 'commit.unknown', details: { committed: true } },
    });
    expect(await committed()).toEqual([['visits-1']]);
  });
});

it('a run that is in the table stays committed, though another writer made the table one that we can not write', async () => {
  const plan = await finishedRun('visits-1');
  expect(await commitRuns(context, [messageOf(plan)])).toEqual([]);
  // as if the reducer had died behind the log entry
  await context.stores.lake.delete(outcomeKey('visits', plan));
  const [entry] = await new TableLog(context.stores.lake, 'visits').entriesSince(-1, 0);
  const metaData = entry?.actions.flatMap((action) => ('metaData' in action ? [action.metaData] : []))[0];
  const changed = { metaData: { ...metaData, configuration: { 'delta.enableChangeDataFeed': 'true' } } };
  await context.stores.lake.create(`visits/_delta_log/${entryName(1)}`, JSON.stringify(changed));
  const other = await finishedRun('visits-2');
  expect(await commitRuns(reducerIn(root), [messageOf(plan), messageOf(other)])).toEqual([]);
  expect(await outcomeOf(plan)).toBe('COMMITTED');
  expect(await outcomeOf(other)).toBe('FAILED');
  expect((await committed()).flat()).toEqual(['visits-1']);
});

it('behind a run that is committed in part nothing is opened once its parts are gone: what they hold would come twice', async () => {
  const plan = await finishedRun('visits-1');
  const { lake, work } = context.stores;
  const missing = [{ key: 'in/a.txt', start: 0, end: 1 }];
  const receipt = { ...blankReceipt(plan, 'visits'), state: 'ended', outcome: 'PARTIAL', missing };
  await lake.create(outcomeKey('visits', plan), JSON.stringify(receipt));
  for (const key of await listAll(work, `runs/${plan.run}/e0/parts/`)) await work.delete(key);
  const found = await lookUpRun(context.stores, 'visits', plan.run);
  if (found === null) throw new Error('no such run');
  await expect(findWayOn(context, found, null)).rejects.toMatchObject({ code: 'run.unknown' });
  expect(await readPlan(work, { run: plan.run, epoch: 1 })).toBeNull();
});

it('the rest of a run that is committed in part is tried again as it was planned when the table did not fit: nothing else can load it', async () => {
  const first = await finishedRun('visits-1');
  const { lake } = context.stores;
  const missing = [{ key: 'in/a.txt', start: 0, end: 1 }];
  const ended = { ...blankReceipt(first, 'visits'), state: 'ended' } as const;
  await lake.create(outcomeKey('visits', first), JSON.stringify({ ...ended, outcome: 'PARTIAL', missing }));
  const rest = await storeFinishedRun(context, 'visits-1', 'visits', 'landing/visits-1.txt', { epoch: 1, remainder: true });
  const error = { code: 'commit.conflict', message: 'the table changed', details: {} };
  await lake.create(outcomeKey('visits', rest), JSON.stringify({ ...ended, epoch: 1, outcome: 'FAILED', error }));
  const found = await lookUpRun(context.stores, 'visits', 'visits-1');
  expect(found === null ? null : await findWayOn(context, found, null)).toMatchObject({ kind: 'next', epoch: 2 });
});
