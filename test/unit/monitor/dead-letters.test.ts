import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LocalStore } from '../../../functions/adapters/local-store.ts';
import { parseJob } from '../../../functions/core/job.ts';
import { jobFinder } from '../../../functions/core/job-of-key.ts';
import { planKey } from '../../../functions/core/keys.ts';
import { uploadRun } from '../../../functions/core/upload.ts';
import { type DeadLetterContext, handleDeadLetter } from '../../../functions/monitor/dead-letters.ts';
import { readOutcome, readPart } from '../../../functions/protocol/documents.ts';
import { decide } from '../../../functions/protocol/ledger.ts';
import { writePlan } from '../../../functions/protocol/write-plan.ts';
import { FunctionLog } from '../../../functions/runtime/log.ts';
import { PrintedLog } from '../../support/printed-log.ts';
import { planOf } from '../protocol/plan-of.ts';

interface Sent {
  readonly queue: string;
  readonly message: unknown;
  readonly delayMs: number;
}

let root: string;
let sent: Sent[];
let printed: PrintedLog;
let log: FunctionLog;
let context: DeadLetterContext;
const job = parseJob({ name: 'visits', input: { prefix: 'in/', format: 'text' }, table: { name: 'visits' } });

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'fanlake-dead-'));
  sent = [];
  printed = new PrintedLog();
  const store = (name: string) => new LocalStore(join(root, name), { durable: false });
  const queue = (name: string) => ({
    send: async (messages: readonly unknown[], delayMs = 0) => {
      for (const message of messages) sent.push({ queue: name, message, delayMs });
      return [];
    },
  });
  let nonce = 0;
  log = FunctionLog.open('Test');
  context = {
    stores: { landing: store('landing'), work: store('work'), lake: store('lake') },
    tasks: queue('tasks'),
    merges: queue('merges'),
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
    log,
    maxReceives: 5,
  };
});
afterEach(() => {
  printed.restore();
  rmSync(root, { recursive: true, force: true });
});

const bury = (queue: Parameters<typeof handleDeadLetter>[1]['queue'], body: string) => handleDeadLetter(context, { queue, body });
const event = (bucket = 'landing', key = 'in/a.txt') =>
  JSON.stringify({
    Records: [
      { eventSource: 'aws:s3', eventName: 'ObjectCreated:Put', s3: { bucket: { name: bucket }, object: { key, size: 3, versionId: 'v' } } },
    ],
  });
const runOf = (key: string): string => uploadRun({ job, object: { key, version: 'version-id:v', size: 3 } });
const quarterMs = 15 * 60_000;

it('a dead request is tried once more after a while, as it came', async () => {
  await bury('requests', event());
  expect(sent).toEqual([{ queue: 'requests', message: { kind: 'again', deaths: 1, body: event() }, delayMs: quarterMs }]);
});

it('a request that dies twice becomes a failed run of its upload: no upload is lost without a word', async () => {
  await bury('requests', event());
  await bury('requests', JSON.stringify(sent[0]?.message));
  const run = runOf('in/a.txt');
  expect(await readOutcome(context.stores.lake, 'visits', { run, epoch: 0 })).toMatchObject({
    outcome: 'FAILED',
    error: { code: 'task.died' },
    objects: { total: 1, first: ['in/a.txt'] },
  });
  expect(printed.errors).toEqual([expect.objectContaining({ run, epoch: 0, job: 'visits', key: 'in/a.txt', code: 'task.died' })]);
});

describe('a request that dies twice and can become no run', () => {
  const dead = (message: unknown): string => JSON.stringify({ kind: 'again', deaths: 1, body: JSON.stringify(message) });
  const upload = { kind: 'upload', job: 'gone', object: { key: 'in/a.txt', version: 'v', size: 3 }, epoch: 1 };
  const bare = { eventSource: 'aws:s3', eventName: 'ObjectCreated:Put', s3: { bucket: { name: 'landing' }, object: { key: 'in/a.txt' } } };

  it.each([
    ['its stored request is gone', { kind: 'run', run: 'visits-1', epoch: 0, request: 'abc' }, /request.*gone/, { run: 'visits-1' }],
    ['its job is not deployed any more', upload, /'gone'.*not deployed/, { job: 'gone', key: 'in/a.txt' }],
    ['its object is gone', { Records: [bare] }, /in\/a\.txt.*gone/, { job: 'visits', key: 'in/a.txt' }],
  ])('rests where a person finds it, with why, and is told in the log: %s', async (_why, message, why, about) => {
    await bury('requests', dead(message));
    expect(sent).toEqual([{ queue: 'undeliverable', message: { why: expect.stringMatching(why), body: dead(message) }, delayMs: 0 }]);
    expect(printed.errors).toEqual([expect.objectContaining(about)]);
  });

  it.each([
    ['of another bucket', event('elsewhere'), 'MessagesPassedOver'],
    ['of no job', event('landing', 'out/a.txt'), 'UploadsIgnored'],
    ['that says of itself that it is no upload', JSON.stringify({ Service: 'Amazon S3', Event: 's3:TestEvent' }), 'MessagesPassedOver'],
  ])('is passed over as by the coordinator, told and counted: an event %s', async (_what, body, metric) => {
    await bury('requests', JSON.stringify({ kind: 'again', deaths: 1, body }));
    expect(sent).toEqual([]);
    expect(printed.lines.some(({ message }) => /passed over|ignored/.test(String(message)))).toBe(true);
    log.flush();
    expect(printed.counted(metric)).toBe(true);
  });

  it('holds up none of its message that can', async () => {
    const [good] = (JSON.parse(event()) as { Records: unknown[] }).Records;
    const message = { Records: [{ ...bare, s3: { bucket: { name: 'landing' }, object: { key: 'in/gone.txt' } } }, good] };
    await bury('requests', dead(message));
    expect(await readOutcome(context.stores.lake, 'visits', { run: runOf('in/a.txt'), epoch: 0 })).toMatchObject({ outcome: 'FAILED' });
    expect(sent.map(({ queue }) => queue)).toContain('undeliverable');
  });
});

describe('a record that nobody understands, in a message with others', () => {
  const bad = { eventSource: 'aws:s3', eventName: 'ObjectCreated:Put', s3: { bucket: {} } };
  const [good] = (JSON.parse(event()) as { Records: unknown[] }).Records;
  const alone = JSON.stringify({ Records: [bad] });

  it.each([
    ['as S3 sends it', { Records: [bad, good] }],
    ['wrapped by SNS', { Records: [{ EventSource: 'aws:sns', Sns: { Message: JSON.stringify({ Records: [bad, good] }) } }] }],
  ])('rests alone, and the others are tried once more: %s', async (_how, message) => {
    await bury('requests', JSON.stringify(message));
    expect(sent).toEqual([
      { queue: 'requests', message: { kind: 'again', deaths: 1, body: event() }, delayMs: quarterMs },
      { queue: 'undeliverable', message: { why: expect.stringContaining('bucket'), body: alone }, delayMs: 0 },
    ]);
  });

  it('rests alone, and the others become runs, when they have died before', async () => {
    await bury('requests', JSON.stringify({ kind: 'again', deaths: 1, body: JSON.stringify({ Records: [bad, good] }) }));
    expect(await readOutcome(context.stores.lake, 'visits', { run: runOf('in/a.txt'), epoch: 0 })).toMatchObject({ outcome: 'FAILED' });
    expect(sent).toEqual([{ queue: 'undeliverable', message: { why: expect.any(String), body: alone }, delayMs: 0 }]);
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
  expect(printed.errors).toEqual([expect.objectContaining({ run: plan.run, epoch: 0, task: 0, code: 'task.died' })]);
});

describe('what others have brought about is not told as its own end: a dead', () => {
  const task = { task: 0, splits: [{ object: { key: 'in/a.txt', version: 'v', size: 3 }, layout: 0, start: 0, end: 3 }] };

  it('task that has its part', async () => {
    const { plan } = await writePlan(context, planOf({ tasks: 1, bytes: 3, limits: {} }), [task]);
    const body = JSON.stringify({ kind: 'task', plan: plan.nonce, run: plan.run, epoch: 0, stage: 0, task });
    await bury('tasks', body);
    await bury('tasks', body);
    expect(printed.errors).toHaveLength(1);
    expect(printed.lines.at(-1)).toMatchObject({ level: 'INFO', message: expect.stringContaining('has its part'), task: 0 });
  });

  it('task of a plan that was lost', async () => {
    const { plan } = await writePlan(context, planOf({ tasks: 1, bytes: 3, limits: {} }), [task]);
    await bury('tasks', JSON.stringify({ kind: 'task', plan: 'another', run: plan.run, epoch: 0, stage: 0, task }));
    expect(printed.errors).toEqual([]);
  });

  it.each(['planned', 'decided'])('request whose run is %s', async (state) => {
    const run = runOf('in/a.txt');
    if (state === 'planned') await writePlan(context, { ...planOf({ tasks: 1, bytes: 3, limits: {} }), run }, [task]);
    else await decide(context, { kind: 'cancel', run, epoch: 0, table: 'visits' });
    await bury('requests', JSON.stringify({ kind: 'again', deaths: 1, body: event() }));
    expect(printed.errors).toEqual([]);
    expect(printed.lines.at(-1)).toMatchObject({ level: 'INFO', message: expect.stringContaining(`its run is ${state}`), run });
  });
});

it('each dead letter is a line about its run', async () => {
  await bury('commits', JSON.stringify({ kind: 'commit', run: 'visits-1', epoch: 3, table: 'visits' }));
  expect(printed.lines[0]).toMatchObject({ level: 'WARN', message: 'a dead letter', queue: 'commits', run: 'visits-1', epoch: 3 });
  await bury('requests', event());
  expect(printed.lines.at(-1)).toMatchObject({ message: 'a dead letter', queue: 'requests', run: runOf('in/a.txt'), key: 'in/a.txt' });
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
