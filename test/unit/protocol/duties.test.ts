import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { FanlakeError } from '../../../functions/core/errors.ts';
import { outcomeKey, planKey, planPageKey } from '../../../functions/core/keys.ts';
import { blankReceipt } from '../../../functions/core/receipt.ts';
import { noteAsked } from '../../../functions/protocol/asked-epoch.ts';
import { cancelRun } from '../../../functions/protocol/cancel-run.ts';
import type { RunContext } from '../../../functions/protocol/context.ts';
import { readDecision, readOutcome } from '../../../functions/protocol/documents.ts';
import { fulfilDuties } from '../../../functions/protocol/duties.ts';
import { decide } from '../../../functions/protocol/ledger.ts';
import { lookUpRun } from '../../../functions/protocol/look-up-run.ts';
import { writePlan } from '../../../functions/protocol/write-plan.ts';
import { contextOnDisk } from './context-on-disk.ts';
import { planOf } from './plan-of.ts';

let root: string;
let context: RunContext;
let sent: unknown[];

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'fanlake-duties-'));
  sent = [];
  context = contextOnDisk(root, sent);
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const object = { key: 'in/a.txt', version: 'v', size: 20 };
const tasks = [0, 1].map((task) => ({ task, splits: [{ object, layout: 0, start: task * 10, end: task * 10 + 10 }] }));

/** Epoch 0 is decided to go on with another one. */
async function brokenChain() {
  const { inline: _inline, tasks: _tasks, ...draft } = planOf({ tasks: 2, bytes: 20, limits: {} });
  const { plan } = await writePlan(context, draft, tasks);
  const error = new FanlakeError('chain', 'broken').toReport();
  return { plan, draft, broken: await decide(context, { kind: 'fail', run: plan.run, epoch: 0, table: 'visits', error }) };
}

it('behind a broken chain the next epoch is opened, and nothing is sent for one that is decided: it gets its own duties', async () => {
  const { plan, broken } = await brokenChain();
  await fulfilDuties(context, broken);
  expect(sent).toContainEqual(expect.objectContaining({ kind: 'task', epoch: 1 }));
  await decide(context, { kind: 'cancel', run: plan.run, epoch: 1, table: 'visits' });
  sent = [];
  await fulfilDuties(context, broken);
  expect(sent).toEqual([]);
  expect((await readOutcome(context.stores.lake, 'visits', { run: plan.run, epoch: 1 }))?.outcome).toBe('CANCELLED');
});

it('an epoch whose opener died before its tasks were sent is started, though the plan before it has expired since', async () => {
  const { plan, draft, broken } = await brokenChain();
  await writePlan(context, { ...draft, epoch: 1 }, tasks);
  await context.stores.work.delete(planKey(plan));
  await fulfilDuties(context, broken);
  expect(sent).toEqual([
    { kind: 'monitor', run: plan.run, epoch: 1 },
    expect.objectContaining({ kind: 'task', epoch: 1, task: tasks[0] }),
    expect.objectContaining({ kind: 'task', epoch: 1, task: tasks[1] }),
  ]);
  expect(await readOutcome(context.stores.lake, 'visits', plan)).toBeNull();
});

it('an epoch whose plan expired before another could be opened ends its run', async () => {
  const { plan, broken } = await brokenChain();
  await context.stores.work.delete(planKey(plan));
  await fulfilDuties(context, broken);
  expect(sent).toEqual([]);
  expect(await readOutcome(context.stores.lake, 'visits', plan)).toMatchObject({ outcome: 'FAILED', error: { code: 'run.unknown' } });
});

it('an epoch behind a broken chain that another version of Fanlake has opened, and nobody here can go on with, ends with that', async () => {
  const { plan, draft, broken } = await brokenChain();
  const next = (await writePlan(context, { ...draft, epoch: 1 }, tasks)).plan;
  for (const each of [plan, next]) await context.stores.work.put(planKey(each), JSON.stringify({ ...each, format: 99 }));
  await fulfilDuties(context, broken);
  expect(await readOutcome(context.stores.lake, 'visits', next)).toMatchObject({ outcome: 'FAILED', error: { code: 'plan.version' } });
  // the run goes on from its newest epoch
  expect(await readOutcome(context.stores.lake, 'visits', plan)).toBeNull();
});

it('cancel that comes behind a broken chain ends the epoch that follows on it', async () => {
  const { plan, broken } = await brokenChain();
  const first = await lookUpRun(context.stores, 'visits', plan.run);
  if (first === null) throw new Error('no such run');
  expect(broken.kind).toBe('fail');
  const { found, outcome } = await cancelRun(context, first, { end: (_, decision) => fulfilDuties(context, decision) });
  expect(found.epoch).toBe(1);
  expect(outcome?.outcome).toBe('CANCELLED');
  expect(await readDecision(context.stores.lake, 'visits', { run: plan.run, epoch: 1 })).toMatchObject({ kind: 'cancel' });
});

it('cancel ends the newest epoch that is planned, though something of a later one lies in the work root already', async () => {
  const { inline: _inline, tasks: _tasks, ...draft } = planOf({ tasks: 2, bytes: 20, limits: {} });
  const { plan } = await writePlan(context, draft, tasks);
  const next = planOf({ tasks: 20, bytes: 20, limits: {}, epoch: 1 });
  await context.stores.work.create(planPageKey(next, 0), '{}');
  const first = await lookUpRun(context.stores, 'visits', plan.run);
  if (first === null) throw new Error('no such run');
  const { found } = await cancelRun(context, first, { end: (_, decision) => fulfilDuties(context, decision) });
  expect(found.epoch).toBe(0);
  expect(await readOutcome(context.stores.lake, 'visits', plan)).toMatchObject({ outcome: 'CANCELLED' });
});

it('cancel leaves a run that is committed as it is, also where somebody has asked for an epoch behind that', async () => {
  const id = { run: 'visits-1', epoch: 0 };
  const receipt = { ...blankReceipt(id, 'visits'), state: 'ended', outcome: 'COMMITTED' };
  await context.stores.lake.put(outcomeKey('visits', id), JSON.stringify(receipt));
  await noteAsked(context.stores.work, { ...id, epoch: 1 }, 'command');
  const first = await lookUpRun(context.stores, 'visits', id.run);
  if (first === null) throw new Error('no such run');
  const { found, outcome } = await cancelRun(context, first, { end: (_, decision) => fulfilDuties(context, decision) });
  expect([found.epoch, outcome?.outcome]).toEqual([0, 'COMMITTED']);
  expect(await readDecision(context.stores.lake, 'visits', { ...id, epoch: 1 })).toBeNull();
});
