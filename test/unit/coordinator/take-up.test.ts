import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { CoordinatorContext } from '../../../functions/coordinator/plan-run.ts';
import { takeUp } from '../../../functions/coordinator/take-up.ts';
import { FanlakeError } from '../../../functions/core/errors.ts';
import { outcomeKey, planKey } from '../../../functions/core/keys.ts';
import { blankReceipt, type Receipt } from '../../../functions/core/receipt.ts';
import { readOutcome } from '../../../functions/protocol/documents.ts';
import { decide } from '../../../functions/protocol/ledger.ts';
import { writePlan } from '../../../functions/protocol/write-plan.ts';
import { FunctionLog } from '../../../functions/runtime/log.ts';
import { PrintedLog } from '../../support/printed-log.ts';
import { contextOnDisk } from '../protocol/context-on-disk.ts';
import { planOf } from '../protocol/plan-of.ts';

let root: string;
let printed: PrintedLog;
let coordinator: CoordinatorContext;
let [sent, watched]: [unknown[], unknown[]] = [[], []];
let heard: string[];
const run = 'visits-1';

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'fanlake-take-up-'));
  printed = new PrintedLog();
  [sent, watched, heard] = [[], [], []];
  coordinator = {
    ...contextOnDisk(root, sent),
    monitor: {
      send: async (messages: readonly unknown[], delayMs = 0) => {
        watched.push(...messages, delayMs);
        return [];
      },
    },
    announce: async ({ epoch, outcome }: Receipt) => void heard.push(`e${epoch} ${outcome}`),
  } as unknown as CoordinatorContext;
});
afterEach(() => {
  printed.restore();
  rmSync(root, { recursive: true, force: true });
});

const deliver = (epoch: number) =>
  takeUp({ coordinator, log: FunctionLog.open('Test') }, { kind: 'retry', run, epoch, table: 'visits', request: null });

async function plan(epoch: number): Promise<void> {
  const { inline: _inline, ...draft } = planOf({ tasks: 1, bytes: 10, limits: {} });
  const object = { key: 'a.txt', version: 'v', size: 10 };
  await writePlan(coordinator, { ...draft, run, epoch }, [{ task: 0, splits: [{ object, layout: 0, start: 0, end: 10 }] }]);
}

async function fail(epoch: number): Promise<void> {
  const receipt = { ...blankReceipt({ run, epoch }, 'visits'), state: 'ended', outcome: 'FAILED' };
  await coordinator.stores.lake.put(outcomeKey('visits', { run, epoch }), JSON.stringify(receipt));
}

it('a retry whose plan has expired is looked after once no earlier delivery of it can be at work any more, whose plan may have come', async () => {
  const lambdaLimitMs = 15 * 60_000;
  await fail(0);
  await deliver(1);
  expect(watched).toEqual([{ kind: 'monitor', run, epoch: 1 }, lambdaLimitMs]);
});

it('a retry that comes once more when a later epoch is under way sends nothing of that one, and announces how its own has ended', async () => {
  for (const epoch of [0, 1]) {
    await plan(epoch);
    await fail(epoch);
  }
  await plan(2);
  await deliver(1);
  expect([sent, watched]).toEqual([[], []]);
  expect(heard).toEqual(['e1 FAILED']);
});

it('a retry of an epoch that is decided and has no plan any more ends it, which is no failure, and opens none behind it', async () => {
  await plan(1);
  const error = new FanlakeError('rows.bad', 'too many').toReport();
  await decide(coordinator, { kind: 'fail', run, epoch: 1, table: 'visits', error });
  await coordinator.stores.work.delete(planKey({ run, epoch: 1 }));
  await deliver(1);
  expect(await readOutcome(coordinator.stores.lake, 'visits', { run, epoch: 1 })).toMatchObject({ outcome: 'FAILED', error });
  expect(await coordinator.stores.work.head(planKey({ run, epoch: 2 }))).toBeNull();
  expect([printed.errors, watched]).toEqual([[], []]);
});
