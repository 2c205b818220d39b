import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { endOnStack } from '../../../../cli/stack/end-on-stack.ts';
import type { Stack } from '../../../../cli/stack/stack.ts';
import type { Queue } from '../../../../functions/core/ports.ts';
import type { MonitorMessage } from '../../../../functions/core/task.ts';
import { watchEpoch } from '../../../../functions/monitor/tick.ts';
import type { RunContext } from '../../../../functions/protocol/context.ts';
import { readOutcome } from '../../../../functions/protocol/documents.ts';
import { decide } from '../../../../functions/protocol/ledger.ts';
import { writePlan } from '../../../../functions/protocol/write-plan.ts';
import { planOf } from '../../protocol/plan-of.ts';
import { stackOnDisk } from './stack-on-disk.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'fanlake-end-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

/** A stack whose time passes only in sleep, with this queue to its monitor. */
function stackWith(monitor: (context: RunContext) => Queue<MonitorMessage>): Stack {
  const stack = stackOnDisk(root);
  let nowMs = 0;
  const sleep = async (ms: number) => {
    nowMs += ms;
  };
  const context = { ...stack.context, clock: { now: () => nowMs, sleep } };
  return { ...stack, context: { ...context, monitor: monitor(context) } };
}

async function cancelOn(stack: Stack, hasPlan: boolean) {
  const object = { key: 'a.txt', version: 'v', size: 10 };
  const task = { task: 0, splits: [{ object, layout: 0, start: 0, end: 10 }] };
  const { plan } = await writePlan(stack.context, planOf({ tasks: 1, bytes: 10, limits: {} }), [task]);
  const { run, epoch } = plan;
  const found = { run, epoch, table: 'visits', plan: hasPlan ? plan : null, outcome: null };
  const decision = await decide(stack.context, { kind: 'cancel', run, epoch, table: 'visits' });
  await endOnStack(stack, found, decision);
  return readOutcome(stack.stores.lake, 'visits', { run, epoch });
}

it("the stack's monitor ends a cancelled run, so that it is counted there", async () => {
  const announced: string[] = [];
  const announce: RunContext['announce'] = async ({ outcome }, isNew) => {
    announced.push(`${outcome} ${isNew ? 'new' : 'known'}`);
  };
  const stack = stackWith((context) => ({
    send: async (messages) => {
      for (const message of messages) await watchEpoch({ ...context, announce }, message);
      return [];
    },
  }));
  expect(await cancelOn(stack, true)).toMatchObject({ outcome: 'CANCELLED', tasks: { planned: 1 } });
  expect(announced).toEqual(['CANCELLED new']);
});

it('a monitor that is not at work is waited for ten seconds; then the run is ended all the same', async () => {
  const stack = stackWith(() => ({ send: async () => [] }));
  expect(await cancelOn(stack, true)).toMatchObject({ outcome: 'CANCELLED' });
  expect(stack.context.clock.now()).toBe(10_000);
});

it('a monitor is not asked for a run whose plan is gone', async () => {
  const stack = stackWith(() => ({ send: () => Promise.reject(new Error('asked')) }));
  expect(await cancelOn(stack, false)).toMatchObject({ outcome: 'CANCELLED' });
});
