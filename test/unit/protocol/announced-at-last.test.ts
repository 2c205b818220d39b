import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { handleRequests, type RequestContext } from '../../../functions/coordinator/handle-request.ts';
import { FanlakeError } from '../../../functions/core/errors.ts';
import { jobFinder } from '../../../functions/core/job-of-key.ts';
import { outcomeKey, planKey } from '../../../functions/core/keys.ts';
import { type Plan, wholeObjects } from '../../../functions/core/plan.ts';
import { blankReceipt, type Receipt } from '../../../functions/core/receipt.ts';
import { readRequest } from '../../../functions/core/request.ts';
import { uploadRun } from '../../../functions/core/upload.ts';
import { engineInspector } from '../../../functions/engine/inspector.ts';
import { watchEpoch } from '../../../functions/monitor/tick.ts';
import type { RunContext } from '../../../functions/protocol/context.ts';
import { listAll } from '../../../functions/protocol/documents.ts';
import { fulfilDuties } from '../../../functions/protocol/duties.ts';
import { decide } from '../../../functions/protocol/ledger.ts';
import { TableLogs } from '../../../functions/protocol/table-logs.ts';
import { writePlan } from '../../../functions/protocol/write-plan.ts';
import { commitRuns } from '../../../functions/reducer/commit-runs.ts';
import { CountingStore, RequestCounter } from '../../../functions/runtime/counting-store.ts';
import { FunctionLog } from '../../../functions/runtime/log.ts';
import { PrintedLog } from '../../support/printed-log.ts';
import { contextOnDisk } from './context-on-disk.ts';
import { planOf } from './plan-of.ts';

// An event bus that is gone when a run ends, and there when the message of whoever ended it comes again.
let root: string;
let printed: PrintedLog;
let context: RunContext;
let isBusThere: boolean;
let heard: string[];
let nowMs: number;
const hour = 3_600_000;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'fanlake-announced-'));
  printed = new PrintedLog();
  [isBusThere, heard, nowMs] = [false, [], 0];
  context = {
    ...contextOnDisk(root),
    clock: { now: () => nowMs, sleep: async () => {} },
    announce: async ({ run, epoch, outcome, error }: Receipt) => {
      if (!isBusThere) throw new FanlakeError('store.failed', 'the bus is gone');
      heard.push(`${run}/e${epoch} ${outcome} ${error?.code ?? ''}`);
    },
  };
});
afterEach(() => {
  printed.restore();
  rmSync(root, { recursive: true, force: true });
});

async function planned(): Promise<Plan> {
  const { inline: _inline, tasks: _tasks, ...draft } = planOf({ tasks: 2, bytes: 20, limits: {} });
  const object = { key: 'in/a.txt', version: 'v', size: 20 };
  const tasks = [0, 1].map((task) => ({ task, splits: [{ object, layout: 0, start: task * 10, end: task * 10 + 10 }] }));
  return (await writePlan(context, draft, tasks)).plan;
}

it('a run that was cancelled is told of once, however many messages of its tasks are left, and each takes two requests more', async () => {
  const plan = await planned();
  const decision = await decide(context, { kind: 'cancel', run: plan.run, epoch: 0, table: 'visits' });
  await expect(fulfilDuties(context, decision)).rejects.toMatchObject({ code: 'run.unannounced' });
  isBusThere = true;
  await fulfilDuties(context, decision);
  const counter = new RequestCounter();
  const { landing, work, lake } = context.stores;
  const stores = { landing, work: new CountingStore(work, counter), lake: new CountingStore(lake, counter) };
  for (let message = 0; message < 100; message++) await fulfilDuties({ ...context, stores }, decision);
  expect(heard).toEqual([`${plan.run}/e0 CANCELLED `]);
  expect(counter.now()).toEqual({ 'store.get': 100, 'store.head': 100 });
});

/** The message comes twice: the bus is there the second time. */
async function deliverTwice(handle: () => Promise<unknown>): Promise<void> {
  await expect(handle()).rejects.toMatchObject({ code: 'run.unannounced' });
  isBusThere = true;
  await handle();
}

const coordinator = (): RequestContext => {
  const { landing, lake } = context.stores;
  const { job } = planOf({ tasks: 0, bytes: 0, limits: {} });
  const jobs = [{ ...job, input: { ...job.input, prefix: 'in/' } }];
  const scratch = join(root, 'scratch');
  const inspector = engineInspector(scratch, 2 ** 28);
  const plan = { landing, lake, logs: new TableLogs(lake), inspector, scratch, sizing: wholeObjects };
  return {
    coordinator: { ...context, requests: () => ({}), plan },
    landingBucket: 'landing',
    jobs,
    findJob: jobFinder(jobs),
    log: FunctionLog.open('Test'),
  };
};
const request = (message: unknown) => handleRequests(coordinator(), readRequest(JSON.stringify(message)));

it('a deadline that the monitor enforced is announced when its tick comes again', async () => {
  const { run } = await planned();
  nowMs = 200 * 24 * hour;
  await deliverTwice(() => watchEpoch(context, { kind: 'monitor', run, epoch: 0 }));
  expect(heard).toEqual([`${run}/e0 FAILED run.deadline`]);
});

it('a cancelled run that the monitor ended is announced when its tick comes again', async () => {
  const { run } = await planned();
  await decide(context, { kind: 'cancel', run, epoch: 0, table: 'visits' });
  await deliverTwice(() => watchEpoch(context, { kind: 'monitor', run, epoch: 0 }));
  expect(heard).toEqual([`${run}/e0 CANCELLED `]);
});

it('an upload that can not be planned is announced when its event comes again', async () => {
  const s3 = { bucket: { name: 'landing' }, object: { key: 'in/gone.txt', size: 3, versionId: 'v' } };
  await deliverTwice(() => request({ Records: [{ eventSource: 'aws:s3', eventName: 'ObjectCreated:Put', s3 }] }));
  expect(heard).toEqual([expect.stringMatching(/^visits-.*\/e0 FAILED input.gone$/)]);
});

it('an upload that was cancelled, and that its event ended, is announced when the event comes again', async () => {
  const object = { key: 'in/a.txt', size: 20, version: 'version-id:v' };
  const { jobs } = coordinator();
  const { inline: _inline, tasks: _tasks, ...draft } = planOf({ tasks: 1, bytes: 20, limits: {} });
  const run = uploadRun({ job: jobs[0] ?? draft.job, object });
  await writePlan(context, { ...draft, run }, [{ task: 0, splits: [{ object, layout: 0, start: 0, end: 20 }] }]);
  await decide(context, { kind: 'cancel', run, epoch: 0, table: 'visits' });
  const s3 = { bucket: { name: 'landing' }, object: { key: object.key, size: object.size, versionId: 'v' } };
  await deliverTwice(() => request({ Records: [{ eventSource: 'aws:s3', eventName: 'ObjectCreated:Put', s3 }] }));
  expect(heard).toEqual([`${run}/e0 CANCELLED `]);
});

it('a decided run that a retry ended is announced when the retry comes again', async () => {
  const { run } = await planned();
  const error = new FanlakeError('rows.bad', 'too many').toReport();
  await decide(context, { kind: 'fail', run, epoch: 0, table: 'visits', error });
  await deliverTwice(() => request({ kind: 'retry', run, epoch: 0, table: 'visits', request: null }));
  expect(heard).toEqual([`${run}/e0 FAILED rows.bad`]);
});

it('an epoch that was cancelled before it was planned is announced though whoever ends it dies behind the outcome, and no message comes again', async () => {
  isBusThere = true;
  const { run } = await planned();
  await decide(context, { kind: 'cancel', run, epoch: 1, table: 'visits' });
  const { lake } = context.stores;
  const create = lake.create.bind(lake);
  Object.assign(lake, {
    create: async (...call: Parameters<typeof create>) => {
      const created = await create(...call);
      if (call[0].endsWith('/outcome.json')) throw new Error('killed');
      return created;
    },
  });
  await expect(request({ kind: 'retry', run, epoch: 1, table: 'visits', request: null })).rejects.toThrow();
  expect(await lake.head(outcomeKey('visits', { run, epoch: 1 }))).not.toBeNull();
  expect(heard).toEqual([`${run}/e1 CANCELLED `]);
});

it('a run that the reducer ended is announced when its message comes again, though its plan has gone meanwhile', async () => {
  const { run, epoch } = await planned();
  await context.stores.work.delete(planKey({ run, epoch }));
  const receipt = { ...blankReceipt({ run, epoch }, 'visits'), state: 'ended', outcome: 'COMMITTED' };
  await context.stores.lake.create(outcomeKey('visits', { run, epoch }), JSON.stringify(receipt));
  isBusThere = true;
  const reducer = {
    ...context,
    logs: new TableLogs(context.stores.lake),
    requests: () => ({}),
    engineVersion: '',
    uploads: null,
    onCheckpoint: null,
  };
  expect(await commitRuns(reducer, [{ kind: 'commit', run, epoch, table: 'visits' }])).toEqual([]);
  expect(heard).toEqual([`${run}/e0 COMMITTED `]);
});

it('what the reducer ended the monitor does not announce once more', async () => {
  const { run, epoch } = await planned();
  isBusThere = true;
  for (const [outcome, error] of [
    ['COMMITTED', null],
    ['FAILED', { code: 'rows.bad', message: '', details: {} }],
  ]) {
    const receipt = { ...blankReceipt({ run, epoch }, 'visits'), state: 'ended', outcome, error };
    await context.stores.lake.put(outcomeKey('visits', { run, epoch }), JSON.stringify(receipt));
    expect(await watchEpoch(context, { kind: 'monitor', run, epoch })).toBe(true);
  }
  expect(heard).toEqual([]);
  expect(await listAll(context.stores.lake, 'visits/')).toHaveLength(1);
});

it('an epoch that was cancelled before it was planned is announced when the message that ended it comes again', async () => {
  const { run } = await planned();
  await decide(context, { kind: 'cancel', run, epoch: 1, table: 'visits' });
  await deliverTwice(() => request({ kind: 'retry', run, epoch: 1, table: 'visits', request: null }));
  expect(heard).toEqual([`${run}/e1 CANCELLED `]);
});
