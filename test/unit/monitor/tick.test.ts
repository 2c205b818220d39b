import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LocalStore } from '../../../functions/adapters/local-store.ts';
import { partKey } from '../../../functions/core/keys.ts';
import type { MergeMessage } from '../../../functions/core/merge-task.ts';
import type { DonePart } from '../../../functions/core/part.ts';
import type { Plan, PlanDraft } from '../../../functions/core/plan.ts';
import type { ObjectStore } from '../../../functions/core/ports.ts';
import { queryOfNothing } from '../../../functions/core/query.ts';
import type { MergeStep } from '../../../functions/core/staged-query.ts';
import type { CommitMessage, DispatchMessage, Task, TaskMessage } from '../../../functions/core/task.ts';
import { nextTickMs, watchEpoch } from '../../../functions/monitor/tick.ts';
import type { RunContext } from '../../../functions/protocol/context.ts';
import { decide } from '../../../functions/protocol/ledger.ts';
import { writePlan } from '../../../functions/protocol/write-plan.ts';
import { planOf } from '../protocol/plan-of.ts';

const minuteMs = 60_000;
const startMs = Date.UTC(2026, 0, 1);

let root: string;
let now: number;
let sent: (TaskMessage | DispatchMessage)[];
let merges: MergeMessage[];
let commits: CommitMessage[];
let requests: number;
let context: RunContext;

/** The work root, with its requests counted. */
function counted(store: ObjectStore): ObjectStore {
  return new Proxy(store, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== 'function') return value;
      return (...given: readonly unknown[]) => {
        requests += 1;
        return Reflect.apply(value, target, given);
      };
    },
  });
}

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'fanlake-tick-'));
  [now, sent, merges, commits, requests] = [startMs, [], [], [], 0];
  const store = (name: string) => counted(new LocalStore(join(root, name), { durable: false }));
  const nowhere = { send: async () => [] };
  let nonce = 0;
  context = {
    stores: { landing: store('landing'), work: store('work'), lake: store('lake') },
    tasks: {
      send: async (messages) => {
        sent.push(...messages);
        return [];
      },
    },
    merges: {
      send: async (messages) => {
        merges.push(...messages);
        return [];
      },
    },
    commits: {
      send: async (messages) => {
        commits.push(...messages);
        return [];
      },
    },
    monitor: nowhere,
    clock: { now: () => now, sleep: async () => {} },
    nonces: { next: () => String(++nonce).padStart(12, '0') },
    announce: null,
  };
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const splitBytes = 10;

/**
 * Plans a run of so many tasks.
 * @param sizes has those that are larger than ten bytes
 * @param more of the plan
 */
async function planned(tasks: number, sizes: Readonly<Record<number, number>> = {}, more: Partial<Plan> = {}): Promise<Plan> {
  const {
    format: _format,
    nonce: _nonce,
    createdMs: _created,
    tasks: _tasks,
    inline: _inline,
    ...draft
  } = planOf({ tasks, bytes: 0, limits: {}, ...more });
  const list = Array.from({ length: tasks }, (_, task): Task => {
    const size = sizes[task] ?? splitBytes;
    return { task, splits: [{ object: { key: `landing/${task}.txt`, version: 'v', size }, layout: 0, start: 0, end: size }] };
  });
  const { plan } = await writePlan(context, draft satisfies PlanDraft, list);
  return plan;
}

async function finish(plan: Plan, task: number, beganMs: number, seconds: number, more: Partial<DonePart> = {}, stage = 0): Promise<void> {
  const rows = { read: 0, filtered: 0, quarantined: 0, passed: 0, written: 0 };
  const part: DonePart = {
    ...{ format: 1, kind: 'done', task, nonce: 'n', attempts: 1, seconds, beganMs, requests: {} },
    ...{ rows, bytesCovered: splitBytes, chain: [], files: [], quarantine: [], checksum: 'none' },
    ...more,
  };
  await context.stores.work.create(partKey(plan, stage, task), JSON.stringify(part));
}

const watch = (plan: Plan) => watchEpoch(context, { kind: 'monitor', run: plan.run, epoch: plan.epoch });

/** Ticks as the monitor's queue does, until so many minutes after the start. `between` does what happens before each tick. */
async function tickUntil(plan: Plan, minutes: number, between: () => Promise<unknown> = async () => {}): Promise<readonly number[]> {
  const sentAt: number[] = [];
  now = startMs + 15_000;
  for (let tick = 1; now < startMs + minutes * minuteMs; tick++) {
    await between();
    const before = sent.length;
    await watch(plan);
    if (sent.length > before) sentAt.push(Math.round((now - startMs) / minuteMs));
    now += nextTickMs(tick);
  }
  return sentAt;
}

const tasksSent = (): readonly number[] => sent.flatMap((message) => (message.kind === 'task' ? [message.task.task] : []));

describe('a run of which nothing has finished', () => {
  it('is sent again after a quarter of an hour, and each time that it is twice as old, whatever the ticks', async () => {
    const plan = await planned(3);
    const sentAt = await tickUntil(plan, 23 * 60);
    expect(sentAt).toHaveLength(7);
    for (const [index, minutes] of sentAt.entries()) {
      expect(minutes).toBeGreaterThanOrEqual(15 * 2 ** index);
      expect(minutes).toBeLessThanOrEqual(15 * 2 ** index + 11);
    }
    expect(tasksSent()).toEqual(Array.from({ length: 21 }, (_, index) => index % 3));
  });

  it('is sent again by one of several monitors', async () => {
    const plan = await planned(3);
    now = startMs + 16 * minuteMs;
    await Promise.all([watch(plan), watch(plan), watch(plan)]);
    expect(tasksSent()).toEqual([0, 1, 2]);
  });
});

describe('a task without a part', () => {
  it('is sent again minutes after the others have finished, a few times with pauses that double', async () => {
    const plan = await planned(100);
    for (let task = 0; task < 99; task++) await finish(plan, task, startMs + task * 100, 20);
    const sentAt = await tickUntil(plan, 150);
    expect(sentAt[0]).toBeLessThanOrEqual(4);
    expect(sentAt.length).toBeLessThanOrEqual(6);
    expect(tasksSent()).toEqual(sentAt.map(() => 99));
    const pauses = sentAt.slice(1).map((minutes, index) => minutes - (sentAt[index] ?? 0));
    for (const [index, pause] of pauses.entries()) expect(pause).toBeGreaterThanOrEqual(2 * 2 ** (index + 1) - 1);
  });

  it('has more time when it is larger than the others', async () => {
    const plan = await planned(100, { 7: 60 * splitBytes });
    for (let task = 0; task < 98; task++) if (task !== 7) await finish(plan, task, startMs, 20);
    // 98 and 99 are as large as the others
    // three times twenty seconds, sixty times
    await tickUntil(plan, 59);
    expect(new Set(tasksSent())).toEqual(new Set([98, 99]));
    await tickUntil(plan, 300);
    expect(tasksSent().filter((task) => task === 7).length).toBeGreaterThan(0);
  });

  it('is not sent again while tasks have their turns, in whatever order: a slow run of a thousand', async () => {
    const plan = await planned(1_000);
    // a minute each, five at a time: 200 minutes
    const order = Array.from({ length: 1_000 }, (_, index) => (index * 617) % 1_000);
    let done = 0;
    const work = async () => {
      const ended = Math.floor(((now - startMs) / minuteMs) * 5);
      for (; done < Math.min(ended, 995); done++) await finish(plan, order[done] ?? 0, startMs + Math.floor(done / 5) * minuteMs, 60);
    };
    const sentAt = await tickUntil(plan, 199, work);
    // twice while less than half had finished and nobody could tell
    expect(sentAt.length).toBeLessThanOrEqual(3);
    sent = [];
    now = startMs + 260 * minuteMs;
    await work();
    await watch(plan);
    expect(tasksSent().toSorted((a, b) => a - b)).toEqual(order.slice(995).sort((a, b) => a - b));
  }, 60_000);
});

describe('a run that waits for the reducer', () => {
  const finished = async (): Promise<Plan> => {
    const plan = await planned(3);
    for (const task of [0, 1, 2]) await finish(plan, task, startMs, 1);
    return plan;
  };
  const decideCommit = ({ run, epoch }: Plan) => decide(context, { kind: 'commit', run, epoch, table: 'visits', version: -1 });

  it('is handed to it at once and then ever more seldom', async () => {
    const plan = await finished();
    await watch(plan);
    await watch(plan);
    expect(commits.length).toBeGreaterThan(0);
    // a day has six doublings of a quarter of an hour; until its deadline
    await tickUntil(plan, 23 * 60);
    expect(commits.length).toBeGreaterThan(5);
    expect(commits.length).toBeLessThanOrEqual(9);
    expect(new Set(commits.map(({ run, epoch, table }) => `${run} ${epoch} ${table}`))).toEqual(new Set([`${plan.run} 0 visits`]));
  });

  it('is handed to it at the next look when its message did not go out', async () => {
    const plan = await finished();
    const send = async () => [{ index: 0, reason: 'the queue said no' }];
    await expect(watchEpoch({ ...context, commits: { send } }, { kind: 'monitor', run: plan.run, epoch: plan.epoch })).rejects.toThrow();
    await watch(plan);
    expect(commits).toEqual([{ kind: 'commit', run: plan.run, epoch: 0, table: 'visits' }]);
  });

  const step: MergeStep = { columns: [], keys: ['line'], combine: null, sql: '' };
  const staged = { map: { sql: '', rowwise: true, counted: null }, steps: [step] };
  const query = { ...queryOfNothing(planOf({ tasks: 2, bytes: 0, limits: {} }).job), staged };
  const mergeBytes = 64 * 2 ** 20;
  /** A run with a merge stage whose map tasks have handed on so many bytes each. */
  const mapped = async (bytes: number, more: Partial<DonePart> = {}): Promise<Plan> => {
    const plan = await planned(2, {}, { staged: true, query });
    const output = { nonce: 'n', rows: 1, bytes, groups: [[0, 63, 1, 0, bytes]] as const };
    for (const task of [0, 1]) await finish(plan, task, startMs, 1, { bytesCovered: 0, output, ...more });
    return plan;
  };

  it.each([
    ['is complete', 0, 1],
    ['can not go on behind its map stage', 1, 0],
  ] as const)('is handed to it as seldom when it has merge stages and %s', async (_, unread, mergeTasks) => {
    const plan = await mapped(1, { bytesCovered: unread });
    await watch(plan);
    const begun = merges.map(({ stage, task }) => ({ stage, task: task.task }));
    expect(begun).toHaveLength(mergeTasks);
    for (const { stage, task } of begun) await finish(plan, task, startMs, 1, { consumed: 2 }, stage);
    await tickUntil(plan, 23 * 60);
    expect(commits.length).toBeGreaterThan(5);
    expect(commits.length).toBeLessThanOrEqual(9);
    expect(merges).toHaveLength(mergeTasks);
  });

  it('has all tasks of a merge stage sent at the next look when some did not go out, and once', async () => {
    const plan = await mapped(mergeBytes);
    const send = async (messages: readonly MergeMessage[]) => {
      merges.push(...messages.slice(1));
      return [{ index: 0, reason: 'the queue said no' }];
    };
    await expect(watchEpoch({ ...context, merges: { send } }, { kind: 'monitor', run: plan.run, epoch: plan.epoch })).rejects.toThrow();
    expect(merges.map(({ task }) => task.task)).toEqual([1]);
    await watch(plan);
    await watch(plan);
    expect(merges.map(({ task }) => task.task)).toEqual([1, 0, 1]);
  });

  it('has a merge task sent again that is late, and none that has its part', async () => {
    const plan = await mapped(mergeBytes);
    await watch(plan);
    await finish(plan, 0, startMs, 1, { consumed: 1 }, 1);
    now = startMs + 16 * minuteMs;
    await watch(plan);
    expect(merges.map(({ task }) => task.task)).toEqual([0, 1, 1]);
  });

  it('is handed to it once more a while after its commit was decided, and then ever more seldom', async () => {
    const plan = await finished();
    await decideCommit(plan);
    await tickUntil(plan, 14);
    expect(commits).toEqual([]);
    // a week has nine doublings
    await tickUntil(plan, 7 * 24 * 60);
    expect(commits.length).toBeGreaterThan(7);
    expect(commits.length).toBeLessThanOrEqual(11);
  });
});

describe('a look at a run of many groups', () => {
  it('takes a few requests for each open group, and none more for those that are complete', async () => {
    const plan = await planned(20_000);
    const groups = 20;
    for (let group = 0; group < groups; group++) {
      for (const task of [0, 1, 2, 500, 999]) await finish(plan, group * 1_000 + task, startMs, 1);
    }
    now = startMs + 14 * minuteMs;
    requests = 0;
    await watch(plan);
    // plan, outcome, decision, folds, and each group's parts: nothing can be late yet
    expect(requests).toBe(4 + groups);
    now = startMs + 16 * minuteMs;
    requests = 0;
    await watch(plan);
    // and the earlier times, each group's page of the plan, and the note
    expect(requests).toBe(4 + groups + 1 + groups + 1);
    // a page each instead of a thousand tasks
    expect(sent.map(({ kind }) => kind)).toEqual(Array.from({ length: groups }, () => 'dispatch'));
  }, 60_000);
});

it('ticks grow from 15 s to 10 min', () => {
  expect([1, 2, 3, 6, 7, 100].map((tick) => nextTickMs(tick) / 1000)).toEqual([15, 30, 60, 480, 600, 600]);
});
