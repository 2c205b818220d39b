import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { LocalStore } from '../../../functions/adapters/local-store.ts';
import { FanlakeError } from '../../../functions/core/errors.ts';
import type { Plan } from '../../../functions/core/plan.ts';
import type { Task } from '../../../functions/core/task.ts';
import { readPart } from '../../../functions/protocol/documents.ts';
import { PlanCache } from '../../../functions/protocol/plan-cache.ts';
import { writePlan } from '../../../functions/protocol/write-plan.ts';
import { FunctionLog } from '../../../functions/runtime/log.ts';
import type { ComputedMerge, ComputedTask } from '../../../functions/worker/computed-task.ts';
import { Performer, type PerformerContext } from '../../../functions/worker/perform-message.ts';
import { PrintedLog } from '../../support/printed-log.ts';
import { planOf } from '../protocol/plan-of.ts';

let root: string;
let printed: PrintedLog;
let context: PerformerContext;
let compute: () => ComputedTask;
let computeMerge: () => ComputedMerge;
const task: Task = { task: 0, splits: [{ object: { key: 'in/a.txt', version: 'v', size: 10 }, layout: 0, start: 0, end: 10 }] };
const nothing: ComputedTask = {
  rows: { read: 0, filtered: 0, quarantined: 0, passed: 0, written: 0 },
  bytesCovered: 10,
  chain: [],
  files: [],
  bad: [],
  checksum: 'none',
};

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'fanlake-perform-'));
  printed = new PrintedLog();
  compute = () => nothing;
  computeMerge = () => ({ consumed: 0, written: 0, files: [], output: null });
  const store = (name: string) => new LocalStore(join(root, name), { durable: false });
  const stores = { landing: store('landing'), work: store('work'), lake: store('lake') };
  const queue = { send: async () => [] };
  let nonce = 0;
  context = {
    stores,
    tasks: queue,
    merges: queue,
    commits: queue,
    monitor: queue,
    clock: { now: () => 0, sleep: async () => {} },
    nonces: { next: () => String(++nonce).padStart(12, '0') },
    announce: null,
    plans: new PlanCache(stores.work),
    requests: () => ({}),
    scratch: join(root, 'scratch'),
    computer: {
      open: async () => {},
      close: async () => {},
      compute: async () => compute(),
      computeMerge: async () => computeMerge(),
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

async function perform(receiveCount = 1): Promise<Plan> {
  const { plan } = await writePlan(context, planOf({ tasks: 1, bytes: 10, limits: {} }), [task]);
  const body = JSON.stringify({ kind: 'task', plan: plan.nonce, run: plan.run, epoch: 0, stage: 0, task });
  await new Performer(context).perform({ body, receiveCount, extend: async () => {}, retryIn: async () => {} });
  return plan;
}

it('a task that fails for good is an error of its run and task, and is not called done; what a row holds is in no line', async () => {
  compute = () => {
    throw new FanlakeError('rows.bad', "byte 4, column 'n': 'the secret' is no INTEGER");
  };
  const plan = await perform();
  const { run } = plan;
  expect(await readPart(context.stores.work, plan, 0, 0)).toMatchObject({ kind: 'failed' });
  expect(printed.errors).toEqual([expect.objectContaining({ run, epoch: 0, task: 0, code: 'rows.bad', retryable: false })]);
  expect(printed.lines.map(({ message }) => message)).not.toContain('task done');
  expect(printed.texts.join('')).not.toContain('the secret');
});

it('a task that succeeds is done, and no error', async () => {
  const { run } = await perform();
  expect(printed.errors).toEqual([]);
  expect(printed.lines.at(-1)).toMatchObject({ message: 'task done', run, task: 0 });
});

it('a task whose part was there already, or whose attempt came second, is not called done by this attempt', async () => {
  await perform();
  compute = () => {
    throw new FanlakeError('rows.bad', 'too late');
  };
  printed.texts.length = 0;
  await perform(1);
  await perform(2);
  expect(printed.errors).toEqual([]);
  const ends = printed.lines.map(({ message }) => message).filter((message) => message !== 'task begins');
  expect(ends).toEqual([
    'task left alone: it was done, or is not wanted any more',
    'task left alone: it was done, or is not wanted any more',
  ]);
});
