import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { CoordinatorContext } from '../../../functions/coordinator/plan-run.ts';
import { takeUp } from '../../../functions/coordinator/take-up.ts';
import { outcomeKey } from '../../../functions/core/keys.ts';
import { blankReceipt } from '../../../functions/core/receipt.ts';
import { FunctionLog } from '../../../functions/runtime/log.ts';
import { PrintedLog } from '../../support/printed-log.ts';
import { contextOnDisk } from '../protocol/context-on-disk.ts';

let root: string;
let printed: PrintedLog;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'fanlake-take-up-'));
  printed = new PrintedLog();
});
afterEach(() => {
  printed.restore();
  rmSync(root, { recursive: true, force: true });
});

it('a retry whose plan has expired is looked after once no earlier delivery of it can be at work any more, whose plan may have come', async () => {
  const [lambdaLimitMs, failed] = [15 * 60_000, { run: 'visits-1', epoch: 0 }];
  const watched: unknown[] = [];
  const context = contextOnDisk(root);
  const receipt = { ...blankReceipt(failed, 'visits'), state: 'ended', outcome: 'FAILED' };
  await context.stores.lake.put(outcomeKey('visits', failed), JSON.stringify(receipt));
  const coordinator = {
    ...context,
    monitor: {
      send: async (messages: readonly unknown[], delayMs = 0) => {
        watched.push(...messages, delayMs);
        return [];
      },
    },
  } as unknown as CoordinatorContext;
  await takeUp(
    { coordinator, log: FunctionLog.open('Test') },
    { kind: 'retry', run: failed.run, epoch: 1, table: 'visits', request: null },
  );
  expect(watched).toEqual([{ kind: 'monitor', run: 'visits-1', epoch: 1 }, lambdaLimitMs]);
});
