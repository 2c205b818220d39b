import { beforeEach, expect, it } from 'vitest';
import { FanlakeError } from '../../../functions/core/errors.ts';
import { groupCount, outcomeKey, partKey, rowsKey } from '../../../functions/core/keys.ts';
import type { DonePart, FailedPart, Part } from '../../../functions/core/part.ts';
import { type Plan, type PlanDraft, reusedCount } from '../../../functions/core/plan.ts';
import { blankReceipt, type OutcomeWord } from '../../../functions/core/receipt.ts';
import type { MergeStep } from '../../../functions/core/staged-query.ts';
import type { Task } from '../../../functions/core/task.ts';
import { climb } from '../../../functions/protocol/climb.ts';
import type { RunContext } from '../../../functions/protocol/context.ts';
import { failedPart } from '../../../functions/protocol/finish-task.ts';
import { gatherFold } from '../../../functions/protocol/gather-fold.ts';
import { lookUpRun } from '../../../functions/protocol/look-up-run.ts';
import { mapStage } from '../../../functions/protocol/stages.ts';
import { takeUpRun } from '../../../functions/protocol/take-up-run.ts';
import { writePlan } from '../../../functions/protocol/write-plan.ts';
import { CountingStore, RequestCounter } from '../../../functions/runtime/counting-store.ts';
import { memoryStore } from '../../support/memory-store.ts';
import { planOf } from './plan-of.ts';

// A run of 10,010 tasks of which the last ten fail in every epoch: what a retry asks of the stores, which is time of the coordinator, and money.
const [taskCount, goodTasks] = [10_010, 10_000];
const dayMs = 24 * 3_600_000;
const object = { key: 'in/a.txt', version: 'v', size: taskCount * 10 };
const { inline: _inline, tasks: _tasks, nonce: _nonce, ...draft } = planOf({ tasks: taskCount, bytes: object.size, limits: {} });
const step: MergeStep = { columns: [], keys: [], combine: null, sql: '' };
const query = { ...draft.query, rowwise: false, staged: { map: { sql: '', rowwise: true, counted: null }, steps: [step] } };
const staged: PlanDraft = { ...draft, query, staged: true };
const { run } = draft;
const tasks: readonly Task[] = Array.from({ length: taskCount }, (_, task) => ({
  task,
  splits: [{ object, layout: 0, start: task * 10, end: (task + 1) * 10 }],
}));
let counter: RequestCounter;
let context: RunContext;
let nowMs: number;

beforeEach(async () => {
  counter = new RequestCounter();
  nowMs = 0;
  let nonce = 0;
  const store = () => new CountingStore(memoryStore(), counter);
  const queue = { send: async () => [] };
  context = {
    stores: { landing: store(), work: store(), lake: store() },
    tasks: queue,
    merges: queue,
    commits: queue,
    monitor: queue,
    clock: { now: () => nowMs, sleep: async () => {} },
    nonces: { next: () => String(++nonce).padStart(12, '0') },
    announce: null,
  };
});

/** The run, planned and failed. */
async function fail(planned: PlanDraft, doneOf: (plan: Plan, task: Task) => Promise<DonePart>): Promise<Plan> {
  const { plan } = await writePlan(context, planned, tasks);
  for (const task of tasks) await write(plan, task.task < goodTasks ? await doneOf(plan, task) : failed(task));
  await end(plan, 'FAILED');
  return plan;
}

const attempt = { nonce: '0', attempts: 1, seconds: 1, requests: {}, quarantine: [], chain: [] };
const failed = (task: Task): FailedPart => ({ ...failedPart(task, new FanlakeError('task.died', 'it died')), ...attempt });

async function done(_plan: Plan, { task, splits: [split] }: Task): Promise<DonePart> {
  const path = `file-${task}.parquet`;
  await context.stores.lake.create(`visits/${path}`, '');
  const rows = { read: 1, filtered: 0, quarantined: 0, passed: 1, written: 1 };
  const files = [{ path, rows: 1, sizeBytes: 0, modifiedMs: nowMs, partition: [], stats: '{}' }];
  const { start = 0, end = 0 } = split ?? {};
  const chain = [{ key: object.key, size: object.size, dataStart: 0, start, end, from: start, to: end, alternative: null }];
  return { ...attempt, format: 1, task, kind: 'done', rows, bytesCovered: 10, files, checksum: 'none', chain };
}

/** Of a run with merge stages: every other task has a row to hand on. */
async function handedOn(plan: Plan, task: Task): Promise<DonePart> {
  const rows = task.task % 2;
  if (rows > 0) await context.stores.work.create(rowsKey(plan, 0, task.task, attempt.nonce), '');
  return { ...(await done(plan, task)), files: [], output: { nonce: attempt.nonce, rows, bytes: rows, groups: [] } };
}

const write = (plan: Plan, part: Part) => context.stores.work.create(partKey(plan, 0, part.task), JSON.stringify(part));

/** All parts are there. */
async function end(plan: Plan, outcome: OutcomeWord): Promise<void> {
  for (let group = 0; group < groupCount(plan.tasks); group++) await climb(context, plan, mapStage(plan), group);
  const receipt = { ...blankReceipt(plan, 'visits'), state: 'ended', outcome };
  await context.stores.lake.put(outcomeKey('visits', plan), JSON.stringify(receipt));
}

/** The next epoch, and the requests until it is open. */
async function retry(): Promise<{ readonly plan: Plan; readonly requests: number }> {
  const sum = () => Object.values(counter.now()).reduce((total, count) => total + count, 0);
  const before = sum();
  const found = await lookUpRun(context.stores, 'visits', run);
  if (found === null) throw new Error('no run');
  const plan = await takeUpRun(context, found, null);
  return { plan, requests: sum() - before };
}

async function failAll(plan: Plan, outcome: OutcomeWord): Promise<void> {
  for (const task of plan.inline ?? []) await write(plan, failed(task));
  await end(plan, outcome);
}

it('ten thousand parts that are taken over are not read one by one, as often as the run fails', async () => {
  await fail(draft, done);
  const first = await retry();
  await failAll(first.plan, 'FAILED');
  const second = await retry();
  for (const { plan } of [first, second]) expect([reusedCount(plan), plan.tasks]).toEqual([goodTasks, 10]);
  // eleven pages of the plan, and a list, a fold and a page of each group
  expect(first.requests).toBeLessThan(100);
  expect(second.requests).toBeLessThan(100);
  await failAll(second.plan, 'PARTIAL');
  const rest = await retry();
  expect([reusedCount(rest.plan), rest.plan.tasks, rest.plan.remainder]).toEqual([0, 10, true]);
  expect(rest.requests).toBeLessThan(100);
});

it('the sum of ten thousand parts that are taken over is read from the folds of their groups', async () => {
  await fail(draft, done);
  const { plan } = await retry();
  for (const task of plan.inline ?? []) await write(plan, await done(plan, task));
  await end(plan, 'COMMITTED');
  const before = counter.now()['store.get'] ?? 0;
  const { fold, complete, lost } = await gatherFold(context.stores.work, plan);
  expect([fold.done, fold.rows.written, fold.bytesCovered, complete, lost]).toEqual([taskCount, taskCount, taskCount * 10, true, false]);
  expect((counter.now()['store.get'] ?? 0) - before).toBeLessThan(20);
});

it('files so old that a VACUUM may have taken them are looked for, each once, and what went is done again', async () => {
  await fail(draft, done);
  nowMs = 7 * dayMs;
  await context.stores.lake.delete('visits/file-3.parquet');
  const { plan, requests } = await retry();
  expect([reusedCount(plan), plan.tasks]).toEqual([goodTasks - 1, 11]);
  expect(requests).toBeLessThan(goodTasks + 100);
});

it('a part that is gone though its group is folded is done again', async () => {
  const plan = await fail(draft, done);
  await context.stores.work.delete(partKey(plan, 0, 7));
  const next = (await retry()).plan;
  expect([reusedCount(next), next.tasks]).toEqual([goodTasks - 1, 11]);
});

it('rows that ten thousand parts hand on are not looked for one by one, and those that went are made again', async () => {
  const plan = await fail(staged, handedOn);
  const first = await retry();
  expect([reusedCount(first.plan), first.plan.tasks]).toEqual([goodTasks, 10]);
  await failAll(first.plan, 'FAILED');
  await context.stores.work.delete(rowsKey(plan, 0, 7, attempt.nonce));
  const second = await retry();
  expect([reusedCount(second.plan), second.plan.tasks]).toEqual([goodTasks - 1, 11]);
  // and a list of each group's rows
  for (const { requests } of [first, second]) expect(requests).toBeLessThan(110);
});
