import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { cancelOnStack } from '../../../../cli/stack/cancel-on-stack.ts';
import { endOnStack } from '../../../../cli/stack/end-on-stack.ts';
import type { StackWatch } from '../../../../cli/stack/have-taken-up.ts';
import { retryOnStack } from '../../../../cli/stack/retry-on-stack.ts';
import type { Stack } from '../../../../cli/stack/stack.ts';
import { handleRequests, type RequestContext } from '../../../../functions/coordinator/handle-request.ts';
import { FanlakeError } from '../../../../functions/core/errors.ts';
import { jobFinder } from '../../../../functions/core/job-of-key.ts';
import { outcomeKey, planKey } from '../../../../functions/core/keys.ts';
import { wholeObjects } from '../../../../functions/core/plan.ts';
import type { Queue } from '../../../../functions/core/ports.ts';
import { blankReceipt, type Receipt } from '../../../../functions/core/receipt.ts';
import { readRequest } from '../../../../functions/core/request.ts';
import type {
  CancelMessage,
  DispatchMessage,
  MonitorMessage,
  RetryMessage,
  RunMessage,
  TaskMessage,
} from '../../../../functions/core/task.ts';
import { engineInspector } from '../../../../functions/engine/inspector.ts';
import { handleDeadLetter } from '../../../../functions/monitor/dead-letters.ts';
import { noteAsked } from '../../../../functions/protocol/asked-epoch.ts';
import { readOutcome } from '../../../../functions/protocol/documents.ts';
import { decide } from '../../../../functions/protocol/ledger.ts';
import { lookUpRun } from '../../../../functions/protocol/look-up-run.ts';
import { TableLogs } from '../../../../functions/protocol/table-logs.ts';
import { findWayOn } from '../../../../functions/protocol/take-up-run.ts';
import { writePlan } from '../../../../functions/protocol/write-plan.ts';
import { FunctionLog } from '../../../../functions/runtime/log.ts';
import { PrintedLog } from '../../../support/printed-log.ts';
import { planOf } from '../../protocol/plan-of.ts';
import { stackOnDisk } from './stack-on-disk.ts';

type Asked = RunMessage | RetryMessage | CancelMessage;

let folder: string;
let stack: Stack;
let printed: PrintedLog;
let asked: Asked[];
let tasks: (TaskMessage | DispatchMessage)[];
let isCrashing: boolean;
let watched: unknown[];
let heard: string[];
const run = planOf({ tasks: 1, bytes: 10, limits: {} }).run;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'fanlake-retry-'));
  printed = new PrintedLog();
  [asked, tasks, watched, heard, isCrashing] = [[], [], [], [], false];
  stack = { ...stackOnDisk(folder), requests: { send: killed } };
});
afterEach(() => {
  printed.restore();
  rmSync(folder, { recursive: true, force: true });
});

/** The message goes out, and then the command dies. */
async function killed(messages: readonly Asked[]): Promise<[]> {
  asked.push(...messages);
  throw new Error('killed');
}

/** The message goes out, and the command lives on. */
async function received(messages: readonly Asked[]): Promise<[]> {
  asked.push(...messages);
  return [];
}

/** The coordinator; it may die when it is about to send tasks. */
function coordinator(): RequestContext {
  const { stores } = stack;
  const queue: Queue<TaskMessage | DispatchMessage> = {
    send: async (messages) => {
      if (isCrashing) throw new Error('killed');
      tasks.push(...messages);
      return [];
    },
  };
  const monitor: Queue<MonitorMessage> = {
    send: async (messages, delayMs) => {
      watched.push(...messages.map((message) => ({ message, delayMs })));
      return [];
    },
  };
  const announce = async ({ epoch, outcome, error }: Receipt) => void heard.push(`e${epoch} ${outcome} ${error?.code ?? ''}`);
  const scratch = join(folder, 'scratch');
  const inspector = engineInspector(scratch, 2 ** 28);
  const { landing, lake } = stores;
  const plan = { landing, lake, logs: new TableLogs(lake), inspector, scratch, sizing: wholeObjects };
  return {
    coordinator: { ...stack.context, tasks: queue, monitor, announce, requests: () => ({}), plan },
    landingBucket: 'landing',
    jobs: [],
    findJob: jobFinder([]),
    log: FunctionLog.open('Test'),
  };
}
const deliver = (message: unknown) => handleRequests(coordinator(), readRequest(JSON.stringify(message)));

async function plannedRun(): Promise<void> {
  const object = { key: 'a.txt', version: 'v', size: 10 };
  const { inline: _inline, ...draft } = planOf({ tasks: 1, bytes: 10, limits: {} });
  await writePlan(stack.context, draft, [{ task: 0, splits: [{ object, layout: 0, start: 0, end: 10 }] }]);
}

async function failedRun(): Promise<void> {
  await plannedRun();
  await end(0);
}

async function end(epoch: number): Promise<void> {
  const receipt = { ...blankReceipt({ run, epoch }, 'visits'), state: 'ended', outcome: 'FAILED' };
  await stack.stores.lake.put(outcomeKey('visits', { run, epoch }), JSON.stringify(receipt));
}

async function type(): Promise<void> {
  const found = await lookUpRun(stack.stores, 'visits', run);
  if (found === null) throw new Error('no run');
  const watch: StackWatch = { signal: new AbortController().signal, onProgress: () => {}, say: () => {}, onUnderWay: () => {} };
  await retryOnStack(stack, found, watch).catch(() => {});
}

it('a retry whose command dies, and whose coordinator dies behind the plan, sends its tasks all the same, each time the message comes', async () => {
  await failedRun();
  await type();
  // the command opens nothing that only it could go on with
  expect(await stack.stores.work.head(planKey({ run, epoch: 1 }))).toBeNull();
  expect(asked).toEqual([{ kind: 'retry', run, epoch: 1, table: 'visits', request: null }]);
  isCrashing = true;
  await expect(deliver(asked[0])).rejects.toThrow('killed');
  expect(await stack.stores.work.head(planKey({ run, epoch: 1 }))).not.toBeNull();
  isCrashing = false;
  await deliver(asked[0]);
  expect(tasks).toEqual([expect.objectContaining({ kind: 'task', run, epoch: 1 })]);
});

it('a retry that comes again when its epoch has ended opens no further one', async () => {
  await failedRun();
  await type();
  await deliver(asked[0]);
  await end(1);
  await deliver(asked[0]);
  expect(await stack.stores.work.head(planKey({ run, epoch: 2 }))).toBeNull();
  expect(tasks).toHaveLength(1);
});

it('what can not be taken up is refused before anything is sent', async () => {
  await failedRun();
  await stack.stores.work.delete(planKey({ run, epoch: 0 }));
  const found = await lookUpRun(stack.stores, 'visits', run);
  if (found === null) throw new Error('no run');
  const watch: StackWatch = { signal: new AbortController().signal, onProgress: () => {}, say: () => {}, onUnderWay: () => {} };
  await expect(retryOnStack(stack, found, watch)).rejects.toMatchObject({ code: 'run.unknown' });
  expect(asked).toEqual([]);
});

it('a plan that was given up, and arrives when its run can not be taken up any more, is looked for by a monitor', async () => {
  await failedRun();
  await type();
  await stack.stores.work.delete(planKey({ run, epoch: 0 }));
  await deliver(asked[0]);
  expect(watched).toEqual([{ message: { kind: 'monitor', run, epoch: 1 }, delayMs: 900_000 }]);
});

it('a retry of a run that another version of Fanlake planned ends at once, with the reason and what to type', async () => {
  await failedRun();
  await type();
  const key = planKey({ run, epoch: 0 });
  const plan = JSON.parse(Buffer.from((await stack.stores.work.get(key))?.body ?? '').toString('utf8'));
  await stack.stores.work.put(key, JSON.stringify({ ...plan, format: 99 }));
  await deliver(asked[0]);
  const advice = expect.stringMatching(/planned by another version of Fanlake .*fanlake run <job> --input \.\.\. --again$/);
  expect(printed.errors).toEqual([expect.objectContaining({ run, epoch: 1, code: 'plan.version', reason: advice })]);
  expect(watched).toEqual([]);
  await expect(lookUpRun(stack.stores, 'visits', run)).rejects.toMatchObject({ code: 'plan.version', message: advice });
});

describe('a decided epoch whose plan is gone', () => {
  const error = new FanlakeError('rows.bad', 'too many').toReport();
  const lose = async () => {
    await plannedRun();
    await decide(stack.context, { kind: 'fail', run, epoch: 0, table: 'visits', error });
    await stack.stores.work.delete(planKey({ run, epoch: 0 }));
  };
  const end = { kind: 'retry', run, epoch: 0, table: 'visits', request: null };

  it('is ended and announced by the coordinator though the command dies that was about to end it', async () => {
    await lose();
    await type();
    expect(asked).toEqual([end]);
    await deliver(asked[0]);
    expect(heard).toEqual(['e0 FAILED rows.bad']);
    // which was passed over before: it is no retry of the epoch behind
    expect(printed.errors).toEqual([]);
  });

  it('is announced when the command has ended it, and has had the next epoch opened meanwhile', async () => {
    await lose();
    stack = { ...stack, requests: { send: received } };
    await type();
    expect(await readOutcome(stack.stores.lake, 'visits', { run, epoch: 0 })).toMatchObject({ outcome: 'FAILED' });
    await writePlan(stack.context, { ...planOf({ tasks: 1, bytes: 10, limits: {} }), epoch: 1 }, []);
    await deliver(asked[0]);
    expect(heard).toEqual(['e0 FAILED rows.bad']);
  });

  it('is announced when `cancel` finds it', async () => {
    await lose();
    stack = { ...stack, requests: { send: received } };
    const decision = await decide(stack.context, { kind: 'fail', run, epoch: 0, table: 'visits', error });
    await endOnStack(stack, { run, epoch: 0, table: 'visits', plan: null, outcome: null }, decision);
    expect(asked).toEqual([end]);
  });
});

describe('cancel, while a retry waits in its queue', () => {
  const cancel = async () => {
    const found = await lookUpRun(stack.stores, 'visits', run);
    if (found === null) throw new Error('no run');
    const { outcome } = await cancelOnStack(stack, found);
    return outcome;
  };
  beforeEach(failedRun);

  /** Every message goes out; the command dies over the nth. */
  const diesAt = (nth: number) => {
    let sent = 0;
    return async (messages: readonly Asked[]): Promise<[]> => (++sent === nth ? killed(messages) : received(messages));
  };

  it.each([
    ['before its decision', 1],
    ['behind it', 2],
  ])('is done by the coordinator though the command dies %s, and though that of the retry died before its message', async (_when, nth) => {
    await noteAsked(stack.stores.work, { run, epoch: 1 }, 'command');
    stack = { ...stack, requests: { send: diesAt(nth) } };
    expect(await cancel().catch(() => 'killed')).toBe('killed');
    expect(asked[0]).toEqual({ kind: 'cancel', run, epoch: 1, table: 'visits' });
    await deliver(asked[0]);
    expect(await readOutcome(stack.stores.lake, 'visits', { run, epoch: 1 })).toMatchObject({ outcome: 'CANCELLED' });
    expect(heard).toEqual(['e1 CANCELLED ']);
  });

  it('keeps the retry from being planned, and is announced by it', async () => {
    await type();
    stack = { ...stack, requests: { send: diesAt(2) } };
    expect(await cancel().catch(() => 'killed')).toBe('killed');
    await deliver(asked[0]);
    expect(await readOutcome(stack.stores.lake, 'visits', { run, epoch: 1 })).toMatchObject({ outcome: 'CANCELLED' });
    expect(await stack.stores.work.head(planKey({ run, epoch: 1 }))).toBeNull();
    expect(tasks).toEqual([]);
    expect(heard).toEqual(['e1 CANCELLED ']);
  });

  it('ends the run for the command too, and a later retry goes on from the epoch before', async () => {
    await type();
    stack = { ...stack, requests: { send: received } };
    expect(await cancel()).toMatchObject({ epoch: 1, outcome: 'CANCELLED' });
    stack = { ...stack, requests: { send: killed } };
    await type();
    const again = asked.at(-1);
    expect(again).toMatchObject({ kind: 'retry', epoch: 2 });
    for (const message of asked) await deliver(message);
    expect(tasks).toEqual([expect.objectContaining({ kind: 'task', run, epoch: 2 })]);
  });

  it.each([
    ['its table has changed', 'commit.conflict', false],
    ['its plan has expired', 'rows.bad', true],
  ] as const)('leaves a run that needs a new plan to --again, since `run` keeps to the cancelling: %s', async (_why, code, isExpired) => {
    const ended: Receipt = { ...blankReceipt({ run, epoch: 0 }, 'visits'), state: 'ended', outcome: 'FAILED' };
    const error = { code, message: 'ended', details: {} };
    await stack.stores.lake.put(outcomeKey('visits', ended), JSON.stringify({ ...ended, error }));
    if (isExpired) await stack.stores.work.delete(planKey(ended));
    const retried = async () => {
      const found = await lookUpRun(stack.stores, 'visits', run);
      return found === null ? null : findWayOn(stack.context, found, null);
    };
    await expect(retried()).rejects.toThrow(/over (?:its|the) input again: fanlake run <job> --input \.\.\.$/);
    await noteAsked(stack.stores.work, { run, epoch: 1 }, 'command');
    stack = { ...stack, requests: { send: received } };
    expect(await cancel()).toMatchObject({ epoch: 1, outcome: 'CANCELLED' });
    await expect(retried()).rejects.toThrow(/over (?:its|the) input again: fanlake run <job> --input \.\.\. --again$/);
  });

  it('comes too late where a conflict was noted, and the commit came before it after all', async () => {
    await noteAsked(stack.stores.work, { run, epoch: 1 }, 'conflict');
    expect(await cancel()).toMatchObject({ epoch: 0, outcome: 'FAILED' });
    expect(asked).toEqual([]);
  });

  it('comes too late where nobody has asked for a retry', async () => {
    expect(await cancel()).toMatchObject({ epoch: 0, outcome: 'FAILED' });
    expect(await readOutcome(stack.stores.lake, 'visits', { run, epoch: 1 })).toBeNull();
  });
});

it.each([{ kind: 'retry', request: null }, { kind: 'cancel' }])(
  'a $kind that dies in every delivery comes again from the dead letters for a day, and then rests',
  async (asking) => {
    const sent: unknown[] = [];
    const collect = {
      send: async (messages: readonly unknown[]) => {
        sent.push(...messages);
        return [];
      },
    };
    const { jobs, findJob, log } = coordinator();
    const queues = { requests: collect, undeliverable: collect, landingBucket: 'landing' };
    const dead = { ...stack.context, ...queues, jobs, findJob, log, maxReceives: 5 };
    let body = JSON.stringify({ ...asking, run, epoch: 1, table: 'visits' });
    for (let deaths = 0; deaths < 100; deaths++) {
      await handleDeadLetter(dead, { queue: 'requests', body });
      body = JSON.stringify(sent.pop());
      expect(JSON.parse(body)).toMatchObject({ kind: 'again', deaths: deaths + 1 });
      expect(readRequest(body).requests).toMatchObject([{ kind: asking.kind, message: { run, epoch: 1 } }]);
    }
    await handleDeadLetter(dead, { queue: 'requests', body });
    expect(sent).toEqual([{ why: expect.stringContaining(`fanlake ${asking.kind} ${run}`), body }]);
  },
);
