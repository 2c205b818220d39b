import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { FanlakeError } from '../../../functions/core/errors.ts';
import { partKey, planKey } from '../../../functions/core/keys.ts';
import type { Plan } from '../../../functions/core/plan.ts';
import type { Task } from '../../../functions/core/task.ts';
import { watchEpoch } from '../../../functions/monitor/tick.ts';
import type { RunContext } from '../../../functions/protocol/context.ts';
import { listAll, readDecision, readOutcome } from '../../../functions/protocol/documents.ts';
import { fulfilDuties } from '../../../functions/protocol/duties.ts';
import { failedPart } from '../../../functions/protocol/finish-task.ts';
import { decide } from '../../../functions/protocol/ledger.ts';
import { lookUpRun } from '../../../functions/protocol/look-up-run.ts';
import { dispatchPage } from '../../../functions/protocol/start-epoch.ts';
import { findWayOn, takeUpRun } from '../../../functions/protocol/take-up-run.ts';
import { writePlan } from '../../../functions/protocol/write-plan.ts';
import { contextOnDisk } from './context-on-disk.ts';
import { planOf } from './plan-of.ts';

// A plan whose pages went from the work root, and which is there itself: pages are older by a moment.
let root: string;
let context: RunContext;
let sent: unknown[];
let nowMs: number;
let plan: Plan;
/** More than stand in the plan itself. */
const taskCount = 20;
const object = { key: 'in/a.txt', version: 'v', size: 200 };
const tasks: readonly Task[] = Array.from({ length: taskCount }, (_, task) => ({
  task,
  splits: [{ object, layout: 0, start: task * 10, end: (task + 1) * 10 }],
}));

beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), 'fanlake-page-'));
  [sent, nowMs] = [[], 0];
  context = { ...contextOnDisk(root, sent), clock: { now: () => nowMs, sleep: async () => {} } };
  const { inline: _inline, tasks: _tasks, ...draft } = planOf({ tasks: taskCount, bytes: 200, limits: {} });
  plan = (await writePlan(context, draft, tasks)).plan;
  for (const key of await listAll(context.stores.work, 'runs/')) if (key.includes('/plan/')) await context.stores.work.delete(key);
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const outcome = () => readOutcome(context.stores.lake, 'visits', plan);
const lost = {
  outcome: 'FAILED',
  error: { code: 'run.unknown', message: expect.stringMatching(/page of its plan.*gone.*over its input again/) },
};

it('tasks that nobody can send any more end their run, which says so', async () => {
  await dispatchPage(context, plan, 0, false);
  expect(sent).toEqual([]);
  expect(await outcome()).toMatchObject(lost);
});

it('tasks that are all done need no page: their run goes on to its commit', async () => {
  for (const task of tasks) {
    const part = failedPart(task, new FanlakeError('task.died', 'it died'));
    await context.stores.work.create(partKey(plan, 0, task.task), JSON.stringify({ ...part, chain: [], quarantine: [], requests: {} }));
  }
  await dispatchPage(context, plan, 0, false);
  expect(sent).toEqual([expect.objectContaining({ kind: 'commit', run: plan.run })]);
  expect(await outcome()).toBeNull();
});

it('a monitor that would send late tasks again ends their run, long before its deadline', async () => {
  nowMs = 2 * 3_600_000;
  await watchEpoch(context, { kind: 'monitor', run: plan.run, epoch: 0 });
  expect(await outcome()).toMatchObject(lost);
});

it('whoever still has a plan that was lost whole ends nothing of the run that was planned anew since', async () => {
  await context.stores.work.delete(planKey(plan));
  const { inline: _inline, tasks: _tasks, nonce: _nonce, ...draft } = planOf({ tasks: taskCount, bytes: 200, limits: {} });
  const { plan: anew } = await writePlan(context, draft, tasks);
  expect(anew.nonce).not.toBe(plan.nonce);
  await expect(dispatchPage(context, plan, 0, false)).rejects.toMatchObject({ code: 'store.failed', retryable: true });
  expect(await readDecision(context.stores.lake, 'visits', plan)).toBeNull();
});

it('what its error advises works: retry says the same, and the same run over its input is planned anew', async () => {
  await dispatchPage(context, plan, 0, false);
  const found = await lookUpRun(context.stores, 'visits', plan.run);
  if (found === null) throw new Error('no run');
  await expect(takeUpRun(context, found, null)).rejects.toMatchObject({ code: 'run.unknown', message: /over its input again/ });
  const asked = { job: plan.job, splitBytes: null, plan: () => Promise.resolve(plan) };
  expect(await findWayOn(context, found, asked)).toMatchObject({ kind: 'anew', epoch: 1 });
});

it('a broken chain of which no next epoch can be opened ends the run', async () => {
  const error = new FanlakeError('chain', 'broken').toReport();
  const decision = await decide(context, { kind: 'fail', run: plan.run, epoch: 0, table: 'visits', error });
  await fulfilDuties(context, decision);
  expect(await outcome()).toMatchObject({ outcome: 'FAILED', error: { code: 'run.unknown' } });
});

it('tasks that nobody can send any more end no run that goes on behind a broken chain: that may be in the table with its next epoch', async () => {
  const error = new FanlakeError('chain', 'broken').toReport();
  await decide(context, { kind: 'fail', run: plan.run, epoch: 0, table: 'visits', error });
  await dispatchPage(context, plan, 0, false);
  expect([sent, await outcome()]).toEqual([[], null]);
});

it('no epoch is opened behind one that takes over tasks of that plan: where they begin and end can not be told', async () => {
  const { inline: _inline, tasks: _tasks, nonce: _nonce, ...draft } = planOf({ tasks: 1, bytes: 200, limits: {} });
  const reuse = [{ epoch: 0, tasks: [[0, taskCount - 1] as const] }];
  const { plan: next } = await writePlan(context, { ...draft, epoch: 1, reuse }, tasks.slice(-1));
  for (const task of tasks.slice(0, -1)) {
    const part = failedPart(task, new FanlakeError('task.died', 'it died'));
    await context.stores.work.create(partKey(plan, 0, task.task), JSON.stringify({ ...part, chain: [], quarantine: [], requests: {} }));
  }
  const error = new FanlakeError('rows.bad', 'too many').toReport();
  await fulfilDuties(context, await decide(context, { kind: 'fail', run: next.run, epoch: 1, table: 'visits', error }));
  const found = await lookUpRun(context.stores, 'visits', next.run);
  if (found === null) throw new Error('no run');
  await expect(takeUpRun(context, found, null)).rejects.toMatchObject({ code: 'run.unknown', message: /over the input again/ });
  expect(await context.stores.work.head(planKey({ run: next.run, epoch: 2 }))).toBeNull();
});
