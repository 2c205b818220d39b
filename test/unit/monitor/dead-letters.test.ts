import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { LocalStore } from '../../../functions/adapters/local-store.ts';
import { parseJob } from '../../../functions/core/job.ts';
import { jobFinder } from '../../../functions/core/job-of-key.ts';
import { planKey } from '../../../functions/core/keys.ts';
import { uploadRun } from '../../../functions/core/upload.ts';
import { type DeadLetterContext, handleDeadLetter } from '../../../functions/monitor/dead-letters.ts';
import { readOutcome, readPart } from '../../../functions/protocol/documents.ts';
import { writePlan } from '../../../functions/protocol/write-plan.ts';
import { FunctionLog } from '../../../functions/runtime/log.ts';
import { planOf } from '../protocol/plan-of.ts';

interface Sent {
  readonly queue: string;
  readonly message: unknown;
  readonly delayMs: number;
}

let root: string;
let sent: Sent[];
let context: DeadLetterContext;
const job = parseJob({ name: 'visits', input: { prefix: 'in/', format: 'text' }, table: { name: 'visits' } });

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'fanlake-dead-'));
  sent = [];
  vi.stubEnv('POWERTOOLS_METRICS_NAMESPACE', 'Fanlake');
  vi.spyOn(process.stdout, 'write').mockImplementation(() => true);
  const store = (name: string) => new LocalStore(join(root, name), { durable: false });
  const queue = (name: string) => ({
    send: async (messages: readonly unknown[], delayMs = 0) => {
      for (const message of messages) sent.push({ queue: name, message, delayMs });
      return [];
    },
  });
  let nonce = 0;
  context = {
    stores: { landing: store('landing'), work: store('work'), lake: store('lake') },
    tasks: queue('tasks'),
    commits: queue('commits'),
    monitor: queue('monitor'),
    requests: queue('requests'),
    undeliverable: queue('undeliverable'),
    clock: { now: () => 0, sleep: async () => {} },
    nonces: { next: () => String(++nonce).padStart(12, '0') },
    announce: null,
    landingBucket: 'landing',
    jobs: [job],
    findJob: jobFinder([job]),
    log: FunctionLog.open('Test'),
    maxReceives: 5,
  };
  return () => vi.restoreAllMocks();
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const bury = (queue: Parameters<typeof handleDeadLetter>[1]['queue'], body: string) => handleDeadLetter(context, { queue, body });
const event = (bucket = 'landing', key = 'in/a.txt') =>
  JSON.stringify({
    Records: [
      { eventSource: 'aws:s3', eventName: 'ObjectCreated:Put', s3: { bucket: { name: bucket }, object: { key, size: 3, versionId: 'v' } } },
    ],
  });
const quarterMs = 15 * 60_000;

it('a dead request is tried once more after a while, as it came', async () => {
  await bury('requests', event());
  expect(sent).toEqual([{ queue: 'requests', message: { kind: 'again', deaths: 1, body: event() }, delayMs: quarterMs }]);
});

it('a request that dies twice becomes a failed run of its upload: no upload is lost without a word', async () => {
  await bury('requests', event());
  await bury('requests', JSON.stringify(sent[0]?.message));
  const run = uploadRun({ job, object: { key: 'in/a.txt', version: 'version-id:v', size: 3 } });
  expect(await readOutcome(context.stores.lake, 'visits', { run, epoch: 0 })).toMatchObject({
    outcome: 'FAILED',
    error: { code: 'task.died' },
    objects: { total: 1, first: ['in/a.txt'] },
  });
});

it("a request about another bucket's object becomes no run", async () => {
  await bury('requests', JSON.stringify({ kind: 'again', deaths: 1, body: event('elsewhere') }));
  expect((await context.stores.lake.listKeys({ prefix: '' })).keys).toEqual([]);
});

it.each([
  ['requests', 'hello'],
  ['tasks', '{"kind":"task"}'],
  ['commits', '{}'],
  ['merges', 'null'],
] as const)('what nobody understands on %s rests where a person finds it, as it came', async (queue, body) => {
  await bury(queue, body);
  expect(sent).toEqual([{ queue: 'undeliverable', message: { why: expect.any(String), body }, delayMs: 0 }]);
});

it('a dead task gets its failed part, and its run goes on to its commit', async () => {
  const task = { task: 0, splits: [{ object: { key: 'in/a.txt', version: 'v', size: 3 }, layout: 0, start: 0, end: 3 }] };
  const { plan } = await writePlan(context, planOf({ tasks: 1, bytes: 3, limits: {} }), [task]);
  await bury('tasks', JSON.stringify({ kind: 'task', plan: plan.nonce, run: plan.run, epoch: 0, stage: 0, task }));
  expect(await readPart(context.stores.work, plan, 0, 0)).toMatchObject({ kind: 'failed', attempts: 5, error: { code: 'task.died' } });
  expect(sent).toEqual([{ queue: 'commits', message: expect.objectContaining({ kind: 'commit', run: plan.run }), delayMs: 0 }]);
});

it('a dead dispatch waits before it is tried again, and ends when there is nothing to dispatch any more', async () => {
  const { plan } = await writePlan(context, planOf({ tasks: 0, bytes: 0, limits: {} }), []);
  const dispatch = { kind: 'dispatch', run: plan.run, epoch: 0, page: 0 };
  await bury('tasks', JSON.stringify(dispatch));
  expect(sent).toEqual([{ queue: 'tasks', message: dispatch, delayMs: quarterMs }]);
  await context.stores.work.delete(planKey(plan));
  await bury('tasks', JSON.stringify(dispatch));
  expect(sent).toHaveLength(1);
});

it('a dead commit is tried again after a while', async () => {
  const commit = { kind: 'commit', run: 'visits-1', epoch: 0, table: 'visits' };
  await bury('commits', JSON.stringify(commit));
  expect(sent).toEqual([{ queue: 'commits', message: commit, delayMs: quarterMs }]);
});

it('a monitor that ticked a thousand times is followed by a fresh one as long as its run lasts', async () => {
  const { plan } = await writePlan(context, planOf({ tasks: 0, bytes: 0, limits: {} }), []);
  const monitor = { kind: 'monitor', run: plan.run, epoch: 0 };
  await bury('monitor', JSON.stringify(monitor));
  expect(sent.filter(({ queue }) => queue === 'monitor')).toEqual([{ queue: 'monitor', message: monitor, delayMs: quarterMs }]);
  sent = [];
  await context.stores.work.delete(planKey(plan));
  await bury('monitor', JSON.stringify(monitor));
  expect(sent).toEqual([]);
});
