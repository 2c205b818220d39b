import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { retryOnStack } from '../../../../cli/stack/retry-on-stack.ts';
import type { Stack } from '../../../../cli/stack/stack.ts';
import { outcomeKey, planKey } from '../../../../functions/core/keys.ts';
import { blankReceipt, type OutcomeWord } from '../../../../functions/core/receipt.ts';
import { lookUpRun } from '../../../../functions/protocol/look-up-run.ts';
import { writePlan } from '../../../../functions/protocol/write-plan.ts';
import { planOf } from '../../protocol/plan-of.ts';
import { stackOnDisk } from './stack-on-disk.ts';

// A retry of a failed run, on a stack whose coordinator does nothing. Time passes only in sleep.
const minute = 60_000;
const { inline: _inline, ...draft } = planOf({ tasks: 1, bytes: 10, limits: {} });
const { run } = draft;
const task = { task: 0, splits: [{ object: { key: 'a.txt', version: 'v', size: 10 }, layout: 0, start: 0, end: 10 }] };
let folder: string;
let stack: Stack;
let nowMs: number;
let said: string[];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'fanlake-taken-up-'));
  [nowMs, said] = [0, []];
  stack = stackOnDisk(folder);
  await writePlan(stack.context, draft, [task]);
  await end(0, 'FAILED');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

async function end(epoch: number, outcome: OutcomeWord): Promise<void> {
  const receipt = { ...blankReceipt({ run, epoch }, 'visits'), state: 'ended', outcome };
  await stack.stores.lake.put(outcomeKey('visits', { run, epoch }), JSON.stringify(receipt));
}

/** Types `fanlake retry`; after two minutes something happens. */
async function retry(meanwhile: () => Promise<unknown>) {
  let isOver = false;
  const sleep = async (ms: number) => {
    nowMs += ms;
    if (isOver || nowMs < 2 * minute) return;
    isOver = true;
    await meanwhile();
  };
  stack = { ...stack, context: { ...stack.context, clock: { now: () => nowMs, sleep } } };
  const found = await lookUpRun(stack.stores, 'visits', run);
  if (found === null) throw new Error('no run');
  const say = (message: string) => void said.push(message);
  return retryOnStack(stack, found, { signal: new AbortController().signal, onProgress: () => {}, say, onUnderWay: () => {} });
}

it('a run that can not go on any more, so that the coordinator passes it over, ends the waiting with the reason', async () => {
  await expect(retry(() => stack.stores.work.delete(planKey({ run, epoch: 0 })))).rejects.toMatchObject({
    code: 'run.unknown',
    message: expect.stringContaining('has expired'),
  });
  expect(nowMs).toBeLessThan(5 * minute);
});

it('a coordinator that never plans it is told of after a minute, and waited for no longer than an hour', async () => {
  await expect(retry(async () => {})).rejects.toMatchObject({
    code: 'stack.unready',
    message: expect.stringContaining(`fanlake status ${run}`),
  });
  expect(said[0]).toContain('has not planned');
  expect(nowMs).toBeGreaterThanOrEqual(60 * minute);
  expect(nowMs).toBeLessThan(61 * minute);
});

it("another command's epoch with another declaration is not taken for its own", async () => {
  const job = { ...draft.job, query: 'SELECT line AS other FROM input' };
  const faster = async () => {
    await writePlan(stack.context, { ...draft, epoch: 1, job }, [task]);
    await end(1, 'COMMITTED');
  };
  await expect(retry(faster)).rejects.toMatchObject({ code: 'job.invalid', message: expect.stringContaining('another declaration') });
});

it('an epoch with the same declaration is, whoever opened it', async () => {
  const faster = async () => {
    await writePlan(stack.context, { ...draft, epoch: 1, job: { ...draft.job, limits: { ...draft.job.limits, maxFailedTasks: 1 } } }, [
      task,
    ]);
    await end(1, 'COMMITTED');
  };
  expect(await retry(faster)).toMatchObject({ epoch: 1, outcome: 'COMMITTED' });
});

it('an epoch that ends before it is planned is its end', async () => {
  expect(await retry(() => end(1, 'CANCELLED'))).toMatchObject({ epoch: 1, outcome: 'CANCELLED' });
});
