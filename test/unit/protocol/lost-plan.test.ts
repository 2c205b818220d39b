import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { planKey } from '../../../functions/core/keys.ts';
import type { Task, TaskMessage } from '../../../functions/core/task.ts';
import { buryTask } from '../../../functions/protocol/bury-task.ts';
import type { RunContext } from '../../../functions/protocol/context.ts';
import { listAll } from '../../../functions/protocol/documents.ts';
import { decide } from '../../../functions/protocol/ledger.ts';
import { PlanCache } from '../../../functions/protocol/plan-cache.ts';
import { writePlan } from '../../../functions/protocol/write-plan.ts';
import { handleTask, type WorkerContext } from '../../../functions/worker/handle-task.ts';
import { contextOnDisk } from './context-on-disk.ts';
import { planOf } from './plan-of.ts';

// A plan that went from the work folder, and was made anew for the same epoch while tasks of the first one were still about.
let root: string;
let context: RunContext;
const computed: string[] = [];
const object = { key: 'landing/a.txt', version: 'v', size: 10 };
const task: Task = { task: 0, splits: [{ object, layout: 0, start: 0, end: 10 }] };

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'fanlake-lost-'));
  computed.length = 0;
  context = contextOnDisk(root);
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const plan = async () => (await writePlan(context, planOf({ tasks: 1, bytes: 10, limits: {}, nonce: context.nonces.next() }), [task])).plan;
const messageOf = ({ run, epoch, nonce }: { run: string; epoch: number; nonce: string }): TaskMessage => ({
  kind: 'task',
  plan: nonce,
  run,
  epoch,
  stage: 0,
  task,
});
const parts = () => listAll(context.stores.work, 'runs/').then((keys) => keys.filter((key) => key.includes('/s0/')));

const delivered = (body: TaskMessage, ageMs = 0) => ({ body, receiveCount: 1, ageMs, extend: async () => {}, retryIn: async () => {} });

/** A worker that computes nothing, and tells for which plans. */
function workerWith(plans: PlanCache): WorkerContext {
  return {
    ...context,
    plans,
    requests: () => ({}),
    scratch: join(root, 'scratch'),
    computer: {
      open: async () => {},
      close: async () => {},
      computeMerge: () => Promise.reject(new Error('no stages here')),
      compute: async ({ nonce }) => {
        computed.push(nonce);
        return {
          rows: { read: 0, filtered: 0, quarantined: 0, passed: 0, written: 0 },
          bytesCovered: 10,
          chain: [],
          files: [],
          bad: [],
          checksum: 'none',
        };
      },
      writeQuarantine: async () => {},
    },
  };
}

it('a worker that has kept the lost plan takes up the new one, and passes over tasks of the lost one', async () => {
  const plans = new PlanCache(context.stores.work);
  const worker = workerWith(plans);
  const deliver = (body: TaskMessage) => handleTask(worker, delivered(body));
  const lost = await plan();
  await plans.get(messageOf(lost));
  await context.stores.work.delete(planKey(lost));
  const anew = await plan();
  expect(anew.nonce).not.toBe(lost.nonce);

  await deliver(messageOf(anew));
  await deliver(messageOf(lost));
  expect(computed).toEqual([anew.nonce]);
  expect(await parts()).toEqual([expect.stringContaining(anew.nonce)]);
});

it('a dead letter of the lost plan fails no task of the new one', async () => {
  const lost = await plan();
  await context.stores.work.delete(planKey(lost));
  const anew = await plan();
  await buryTask(context, messageOf(lost), 5, null);
  expect(await parts()).toEqual([]);
  await buryTask(context, messageOf(anew), 5, null);
  expect((await parts()).length).toBe(1);
});

it('a message that waited long is of a task that may be done, or of a run that is decided: nothing is computed for these', async () => {
  const worker = workerWith(new PlanCache(context.stores.work));
  const planned = await plan();
  const message = messageOf(planned);
  await handleTask(worker, delivered(message));
  await handleTask(worker, delivered(message, 120_000));
  expect(computed).toHaveLength(1);
  const cancelled = { ...planned, run: `${planned.run}b` };
  const other = (
    await writePlan(context, { ...planOf({ tasks: 2, bytes: 20, limits: {} }), run: cancelled.run }, [task, { ...task, task: 1 }])
  ).plan;
  await decide(context, { kind: 'cancel', run: other.run, epoch: 0, table: 'visits' });
  await handleTask(worker, delivered(messageOf(other), 120_000));
  expect(computed).toHaveLength(1);
});
