import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FanlakeError } from '../../../functions/core/errors.ts';
import { parseJob } from '../../../functions/core/job.ts';
import { jobFinder } from '../../../functions/core/job-of-key.ts';
import { planKey } from '../../../functions/core/keys.ts';
import type { Plan } from '../../../functions/core/plan.ts';
import type { Receipt } from '../../../functions/core/receipt.ts';
import { uploadRun } from '../../../functions/core/upload.ts';
import { type DeadLetterContext, handleDeadLetter } from '../../../functions/monitor/dead-letters.ts';
import { watchEpoch } from '../../../functions/monitor/tick.ts';
import { readDecision, readOutcome } from '../../../functions/protocol/documents.ts';
import { fulfilDuties } from '../../../functions/protocol/duties.ts';
import { decide, type Proposal } from '../../../functions/protocol/ledger.ts';
import { writePlan } from '../../../functions/protocol/write-plan.ts';
import { FunctionLog } from '../../../functions/runtime/log.ts';
import { PrintedLog } from '../../support/printed-log.ts';
import { contextOnDisk } from '../protocol/context-on-disk.ts';
import { planOf } from '../protocol/plan-of.ts';

let root: string;
let sent: unknown[];
let resting: unknown[];
let printed: PrintedLog;
let context: DeadLetterContext;
const job = parseJob({ name: 'visits', input: { prefix: 'in/', format: 'text' }, table: { name: 'visits' } });

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'fanlake-other-version-'));
  [sent, resting] = [[], []];
  printed = new PrintedLog();
  const queueInto = (list: unknown[]) => ({
    send: async (messages: readonly unknown[]) => {
      list.push(...messages);
      return [];
    },
  });
  context = {
    ...contextOnDisk(root, sent),
    requests: queueInto(sent),
    undeliverable: queueInto(resting),
    landingBucket: 'landing',
    jobs: [job],
    findJob: jobFinder([job]),
    log: FunctionLog.open('Test'),
    maxReceives: 5,
  };
});
afterEach(() => {
  printed.restore();
  rmSync(root, { recursive: true, force: true });
});

const object = { key: 'in/a.txt', version: 'version-id:v', size: 3 };
const run = uploadRun({ job, object });
const task = { task: 0, splits: [{ object, layout: 0, start: 0, end: 3 }] };

/** A run of one task that was planned before a deploy. */
async function plannedBefore(change: (plan: Plan) => object = (plan) => plan): Promise<Plan> {
  const { plan } = await writePlan(context, { ...planOf({ tasks: 1, bytes: 3, limits: {} }), run }, [task]);
  await context.stores.work.put(planKey(plan), JSON.stringify({ ...change(plan), format: 99 }));
  return plan;
}

const decideAs = (proposal: { readonly [Kind in 'kind' | 'error' | 'version']?: unknown }) =>
  decide(context, { ...proposal, run, epoch: 0, table: 'visits' } as Proposal);
const outcome = () => readOutcome(context.stores.lake, 'visits', { run, epoch: 0 });
const ended = { outcome: 'FAILED', error: { code: 'plan.version', message: expect.stringContaining('--again') } };
const event = JSON.stringify({
  Records: [
    {
      eventSource: 'aws:s3',
      eventName: 'ObjectCreated:Put',
      s3: { bucket: { name: 'landing' }, object: { key: 'in/a.txt', size: 3, versionId: 'v' } },
    },
  ],
});

const letters = (plan: Plan) =>
  ({
    task: { queue: 'tasks', message: { kind: 'task', plan: plan.nonce, run, epoch: 0, stage: 0, task } },
    dispatch: { queue: 'tasks', message: { kind: 'dispatch', run, epoch: 0, page: 0 } },
    monitor: { queue: 'monitor', message: { kind: 'monitor', run, epoch: 0 } },
    upload: { queue: 'requests', message: { kind: 'again', deaths: 1, body: event } },
  }) as const;
type Letter = keyof ReturnType<typeof letters>;
const kinds: readonly Letter[] = ['task', 'dispatch', 'monitor', 'upload'];

async function bury(plan: Plan, kind: Letter): Promise<void> {
  const { queue, message } = letters(plan)[kind];
  await handleDeadLetter(context, { queue, body: JSON.stringify(message) });
}

describe('the dead letter of a run that another version of Fanlake planned ends it with that:', () => {
  it.each(kinds)('a %s', async (kind) => {
    const plan = await plannedBefore();
    await bury(plan, kind);
    expect(await outcome()).toMatchObject(ended);
    expect(printed.errors).toEqual([expect.objectContaining({ run, epoch: 0, code: 'plan.version' })]);
    expect([sent, resting]).toEqual([[], []]);
  });

  it.each(kinds)('a %s, when it was to go on with another epoch, which nobody can open', async (kind) => {
    const plan = await plannedBefore();
    await decideAs({ kind: 'fail', error: new FanlakeError('chain', 'broken').toReport() });
    await bury(plan, kind);
    expect(await outcome()).toMatchObject(ended);
  });

  it.each(kinds)('a %s, unless it was cancelled', async (kind) => {
    const plan = await plannedBefore();
    await decideAs({ kind: 'cancel' });
    await bury(plan, kind);
    expect(await outcome()).toMatchObject({ outcome: 'CANCELLED' });
  });

  it.each(kinds)('a %s, unless its commit is decided, which is for the reducer to do', async (kind) => {
    const plan = await plannedBefore();
    await decideAs({ kind: 'commit', version: -1 });
    await bury(plan, kind);
    expect(await outcome()).toBeNull();
    expect(await readDecision(context.stores.lake, 'visits', plan)).toMatchObject({ kind: 'commit' });
  });

  it('a task whose plan tells no table rests where a person finds it, with why', async () => {
    const plan = await plannedBefore(({ table: _table, ...rest }) => rest);
    await bury(plan, 'task');
    const body = JSON.stringify(letters(plan).task.message);
    expect(resting).toEqual([{ why: expect.stringContaining('another version of Fanlake'), body }]);
  });

  it("a command's request of another version rests where a person finds it, with why", async () => {
    await context.stores.work.create(`requests/${run}/abc.json`, JSON.stringify({ format: 99 }));
    const request = { kind: 'run', run, epoch: 0, request: 'abc' };
    const body = JSON.stringify({ kind: 'again', deaths: 1, body: JSON.stringify(request) });
    await handleDeadLetter(context, { queue: 'requests', body });
    expect(resting).toEqual([{ why: expect.stringContaining('another version of Fanlake'), body }]);
  });
});

describe('a monitor of a run that another version of Fanlake planned', () => {
  const monitor = { kind: 'monitor', run, epoch: 0 } as const;

  it('comes again while that may be deployed again, or is still being replaced', async () => {
    await plannedBefore();
    await expect(watchEpoch(context, monitor)).rejects.toMatchObject({ code: 'plan.version' });
    expect(await outcome()).toBeNull();
  });

  it('ends when the run has ended', async () => {
    const plan = await plannedBefore();
    await bury(plan, 'task');
    expect(await watchEpoch(context, monitor)).toBe(true);
  });

  it('tells of the end that a command wrote, which nobody hears', async () => {
    await plannedBefore();
    await fulfilDuties(context, await decideAs({ kind: 'cancel' }));
    const heard: unknown[] = [];
    const announce = async ({ outcome: word }: Receipt) => void heard.push(word);
    expect(await watchEpoch({ ...context, announce }, monitor)).toBe(true);
    expect(heard).toEqual(['CANCELLED']);
  });

  it('ends what is decided', async () => {
    await plannedBefore();
    await decideAs({ kind: 'cancel' });
    expect(await watchEpoch(context, monitor)).toBe(true);
    expect(await outcome()).toMatchObject({ outcome: 'CANCELLED' });
  });
});
