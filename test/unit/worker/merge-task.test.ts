import { mkdtempSync, rmSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FanlakeError } from '../../../functions/core/errors.ts';
import { foldKey, partKey, rowsKey, stageTasksKey } from '../../../functions/core/keys.ts';
import { aboutMessage } from '../../../functions/core/message.ts';
import type { DonePart } from '../../../functions/core/part.ts';
import { type Plan, queryTimeOf } from '../../../functions/core/plan.ts';
import type { MergeStep } from '../../../functions/core/staged-query.ts';
import type { Task } from '../../../functions/core/task.ts';
import { watchEpoch } from '../../../functions/monitor/tick.ts';
import { completeStage } from '../../../functions/protocol/climb.ts';
import { readPart } from '../../../functions/protocol/documents.ts';
import { decide } from '../../../functions/protocol/ledger.ts';
import { openNextEpoch } from '../../../functions/protocol/open-next-epoch.ts';
import { PlanCache } from '../../../functions/protocol/plan-cache.ts';
import { createStage, mapStage, mergeMessage } from '../../../functions/protocol/stages.ts';
import { writePlan } from '../../../functions/protocol/write-plan.ts';
import { FunctionLog } from '../../../functions/runtime/log.ts';
import type { ComputedMerge, MergeInput } from '../../../functions/worker/computed-task.ts';
import { Performer, type PerformerContext } from '../../../functions/worker/perform-message.ts';
import { PrintedLog } from '../../support/printed-log.ts';
import { contextOnDisk } from '../protocol/context-on-disk.ts';
import { planOf } from '../protocol/plan-of.ts';

const step: MergeStep = { columns: [], keys: ['line'], combine: null, sql: 'SELECT * FROM parts' };

let root: string;
let printed: PrintedLog;
let sent: { readonly kind: string; readonly stage?: number }[];
let context: PerformerContext;
let now: number;
let compute: (inputs: readonly MergeInput[], folder: string) => Promise<ComputedMerge>;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'fanlake-merge-'));
  printed = new PrintedLog();
  [sent, now] = [[], 0];
  compute = async () => ({ consumed: 4, written: 0, files: [], output: null });
  const onDisk = contextOnDisk(root, sent);
  context = {
    ...onDisk,
    clock: { ...onDisk.clock, now: () => now },
    plans: new PlanCache(onDisk.stores.work),
    requests: () => ({}),
    scratch: join(root, 'scratch'),
    computer: {
      open: async ({ folder }) => {
        await mkdir(folder, { recursive: true });
      },
      close: async () => {},
      compute: () => Promise.reject(new Error('no map task here')),
      computeMerge: (_plan, _stage, _task, inputs, { folder }) => compute(inputs, folder),
      writeQuarantine: async () => {},
    },
    log: FunctionLog.open('Test'),
    maxReceives: 5,
  };
});
afterEach(() => {
  printed.restore();
  rmSync(root, { recursive: true, force: true });
});

/** A run of two map tasks that are done, with two rows each, and whose merge stages are begun. */
async function begun(steps: readonly MergeStep[] = [step]): Promise<Plan> {
  const { format: _f, nonce: _n, createdMs: _c, tasks: _t, inline: _i, ...draft } = planOf({ tasks: 2, bytes: 20, limits: {} });
  const object = { key: 'in/a.txt', version: 'v', size: 20 };
  const tasks = [0, 1].map((task): Task => ({ task, splits: [{ object, layout: 0, start: task * 10, end: task * 10 + 10 }] }));
  const staged = { map: { sql: '', rowwise: true, counted: null }, steps };
  const { plan } = await writePlan(context, { ...draft, staged: true, query: { ...draft.query, rowwise: false, staged } }, tasks);
  const { work } = context.stores;
  for (const task of [0, 1]) {
    const [from, to] = [task * 10, task * 10 + 10];
    const part: DonePart = {
      ...{ format: 1, kind: 'done', task, nonce: `n${task}`, attempts: 1, seconds: 0, beganMs: 0, requests: {} },
      ...{
        rows: { read: 2, filtered: 0, quarantined: 0, passed: 2, written: 0 },
        bytesCovered: 10,
        files: [],
        quarantine: [],
        checksum: 'none',
      },
      chain: [{ key: object.key, size: 20, dataStart: 0, start: from, end: to, from, to, alternative: null }],
      output: { nonce: `n${task}`, rows: 2, bytes: 8, groups: [[task * 32, task * 32 + 31, 2, 0, 8]] },
    };
    await work.create(rowsKey(plan, 0, task, `n${task}`), 'rows');
    await work.create(partKey(plan, 0, task), JSON.stringify(part));
  }
  // whoever looks completes the map stage
  await watchEpoch(context, { kind: 'monitor', run: plan.run, epoch: 0 });
  return plan;
}

const taskOf = (plan: Plan) => mergeMessage(plan, 1, { task: 0, inputs: [{ epoch: 0, from: 0, to: 2 }], buckets: [0, 64], bytes: 16 });

const perform = (plan: Plan, receiveCount = 1) =>
  new Performer(context).perform({ body: JSON.stringify(taskOf(plan)), receiveCount, extend: async () => {}, retryIn: async () => {} });

const part = (plan: Plan) => readPart(context.stores.work, plan, 1, 0);

it('the message of a page that comes behind the decision sends nothing: its tasks are done, and those behind them', async () => {
  const plan = await begun();
  const body = JSON.stringify({ kind: 'dispatch', run: plan.run, epoch: 0, page: 0 });
  const arrive = () => new Performer(context).perform({ body, receiveCount: 1, extend: async () => {}, retryIn: async () => {} });
  sent.splice(0);
  await arrive();
  // before it, whoever sent them may have died
  expect(sent).toEqual([taskOf(plan)]);
  await decide(context, { kind: 'commit', run: plan.run, epoch: 0, table: plan.table.key, version: -1 });
  sent.splice(0);
  await arrive();
  expect(sent).toEqual([]);
});

describe('a merge task', () => {
  it('is sent when the map stage is complete, takes the rows of its parts, and hands on what it made of them', async () => {
    const plan = await begun([step, { ...step, keys: [] }]);
    expect(sent).toEqual([taskOf(plan)]);
    const taken: MergeInput[] = [];
    compute = async (inputs, folder) => {
      taken.push(...inputs);
      await writeFile(join(folder, 'out'), 'merged');
      return { consumed: 4, written: 0, files: [], output: { path: join(folder, 'out'), rows: 3, bytes: 6, groups: [[0, 0, 3, 0, 6]] } };
    };
    await perform(plan);
    expect(taken.map(({ key }) => key)).toEqual([rowsKey(plan, 0, 0, 'n0'), rowsKey(plan, 0, 1, 'n1')]);
    const found = await part(plan);
    expect(found).toMatchObject({ kind: 'done', consumed: 4, bytesCovered: 0, chain: [], output: { rows: 3 } });
    const { nonce = '' } = found ?? {};
    expect(await context.stores.work.head(rowsKey(plan, 1, 0, nonce))).not.toBeNull();
    expect(sent.slice(1)).toMatchObject([{ kind: 'merge', stage: 2, task: { task: 0, inputs: [{ epoch: 0, from: 0, to: 1 }] } }]);
  });

  it('leaves out parts that have no row in its buckets', async () => {
    const plan = await begun();
    let count = 0;
    compute = async (inputs) => {
      count = inputs.length;
      return { consumed: 2, written: 0, files: [], output: null };
    };
    const message = { ...taskOf(plan), task: { ...taskOf(plan).task, buckets: [0, 32] as const } };
    await new Performer(context).perform({
      body: JSON.stringify(message),
      receiveCount: 1,
      extend: async () => {},
      retryIn: async () => {},
    });
    expect(count).toBe(1);
  });

  it('is computed as it was sent, with the bounds of its range of an order', async () => {
    const plan = await begun();
    const { kind, task, ...rest } = taskOf(plan);
    const message = { kind, ...rest, task: { ...task, bounds: [null, '7F00A1'] } };
    const computed: unknown[] = [];
    const { computer } = context;
    const watched = {
      ...context,
      computer: {
        ...computer,
        computeMerge: (...args: Parameters<typeof computer.computeMerge>) => {
          computed.push(args[2]);
          return computer.computeMerge(...args);
        },
      },
    };
    await new Performer(watched).perform({
      body: JSON.stringify(message),
      receiveCount: 1,
      extend: async () => {},
      retryIn: async () => {},
    });
    expect(computed).toEqual([message.task]);
  });

  it('fails for good when rows that it needs are gone, and a retry does the map task again that made them, and no other', async () => {
    const plan = await begun();
    await context.stores.work.delete(rowsKey(plan, 0, 1, 'n1'));
    compute = () => Promise.reject(new FanlakeError('input.gone', 'the object is gone'));
    await perform(plan);
    expect(await part(plan)).toMatchObject({ kind: 'failed', error: { code: 'run.unknown' }, missing: [] });
    // the run fails for it, since the stage is complete with it
    expect(sent.at(-1)).toMatchObject({ kind: 'commit' });
    const next = await openNextEpoch(context, plan, new Map());
    expect(next).toMatchObject({ epoch: 1, staged: true, tasks: 1, reuse: [{ epoch: 0, tasks: [[0, 1]] }] });
    // beside parts in which now() has that time
    expect(queryTimeOf(next)).toBe(queryTimeOf(plan));
    expect(queryTimeOf(await openNextEpoch(context, next, new Map()))).toBe(plan.createdMs);
  });

  it('fails for good when the folds that tell of its rows are gone', async () => {
    const plan = await begun();
    await context.stores.work.delete(foldKey(plan, 0, 0));
    await context.stores.work.delete(partKey(plan, 0, 1));
    await perform(plan);
    expect(await part(plan)).toMatchObject({ kind: 'failed', error: { code: 'run.unknown' } });
  });

  it('comes again while its error may pass, and in its last delivery becomes a failed part', async () => {
    const plan = await begun();
    compute = () => Promise.reject(new FanlakeError('store.failed', 'a store that fails'));
    await expect(perform(plan, 4)).rejects.toMatchObject({ code: 'store.failed' });
    expect(await part(plan)).toBeNull();
    await perform(plan, 5);
    expect(await part(plan)).toMatchObject({ kind: 'failed', attempts: 5, error: { code: 'store.failed' } });
    expect(sent.at(-1)).toMatchObject({ kind: 'commit' });
  });

  it('is told in the log by run, stage and task', async () => {
    const plan = await begun();
    expect(aboutMessage(JSON.stringify(taskOf(plan)))).toEqual({ run: plan.run, epoch: 0, stage: 1, task: 0 });
    await perform(plan);
    expect(printed.lines.at(-1)).toMatchObject({ message: 'task done', run: plan.run, stage: 1, task: 0 });
  });

  it('is sent again by the monitor when it is late, and no map task is', async () => {
    const plan = await begun();
    const look = () => watchEpoch(context, { kind: 'monitor', run: plan.run, epoch: 0 });
    now = 14 * 60_000;
    await look();
    expect(sent).toHaveLength(1);
    now = 16 * 60_000;
    await look();
    await look();
    expect(sent).toEqual([taskOf(plan), taskOf(plan)]);
  });
});

it('the tasks of a stage are those that were stored first, whoever completes the stage before it once more', async () => {
  const plan = await begun();
  const stored = await context.stores.work.get(stageTasksKey(plan, 1));
  now = 1_000;
  await completeStage(context, plan, mapStage(plan));
  expect((await context.stores.work.get(stageTasksKey(plan, 1)))?.body).toEqual(stored?.body);
  const other = { format: 1, step: 0, kind: 'merge', last: true, tasks: [] } as const;
  expect(await createStage(context, plan, 1, other, false)).toMatchObject({ created: false, stage: { tasks: 1 } });
  expect((await context.stores.work.get(stageTasksKey(plan, 1)))?.body).toEqual(stored?.body);
  // its task has no part yet
  expect(sent).toEqual([taskOf(plan), taskOf(plan)]);
});
