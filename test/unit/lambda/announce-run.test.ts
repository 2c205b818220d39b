import { beforeEach, expect, it, vi } from 'vitest';
import type { Announcement } from '../../../functions/core/ports.ts';
import { blankReceipt, type Receipt } from '../../../functions/core/receipt.ts';
import { announceRun } from '../../../functions/lambda/announce-run.ts';
import { FunctionLog } from '../../../functions/runtime/log.ts';

let heard: Announcement[];
let printed: string[];

beforeEach(() => {
  heard = [];
  printed = [];
  vi.stubEnv('POWERTOOLS_METRICS_NAMESPACE', 'Fanlake');
  vi.spyOn(process.stdout, 'write').mockImplementation((line) => {
    printed.push(String(line));
    return true;
  });
  return () => vi.restoreAllMocks();
});

const receipt = (given: Partial<Receipt>): Receipt => ({
  ...blankReceipt({ run: 'visits-1', epoch: 0 }, 's3://lake/visits'),
  state: 'ended',
  outcome: 'FAILED',
  ...given,
});

async function announce(ended: Receipt, isNew: boolean): Promise<void> {
  const log = FunctionLog.open('Test');
  const bus = { announce: async (announcement: Announcement) => void heard.push(announcement) };
  await announceRun({ log, bus, stack: 'Test' })(ended, isNew);
  log.flush();
}

const isCounted = (metric: string): boolean => printed.some((line) => line.includes('"_aws"') && line.includes(`"${metric}":`));

it('an end is an event with its receipt each time, and counted once', async () => {
  await announce(receipt({}), true);
  expect(isCounted('RunsFailed')).toBe(true);
  printed = [];
  await announce(receipt({}), false);
  expect(isCounted('RunsFailed')).toBe(false);
  expect(heard).toHaveLength(2);
  expect(heard[1]).toMatchObject({ type: 'Fanlake Run Ended', detail: { run: 'visits-1', epoch: 0, outcome: 'FAILED', stack: 'Test' } });
});

it('what a row holds goes into the event and into no log', async () => {
  const error = { code: 'rows.bad', message: "byte 4, column 'n': 'the secret' is no INTEGER", details: {} } as const;
  await announce(receipt({ error }), true);
  expect(JSON.stringify(heard)).toContain('the secret');
  expect(printed.join('\n')).toContain('rows.bad');
  expect(printed.join('\n')).not.toContain('the secret');
});

it('a receipt with long lists is announced without them, since an event has at most 256 KB', async () => {
  const missing = Array.from({ length: 10_000 }, (_, n) => ({
    key: `landing/a/rather/long/name/of/an/object/${n}.csv`,
    start: n,
    end: n + 1,
  }));
  await announce(receipt({ outcome: 'PARTIAL', missing }), true);
  expect(Buffer.byteLength(JSON.stringify(heard[0]))).toBeLessThan(256_000);
  expect(heard[0]?.detail).toMatchObject({ outcome: 'PARTIAL', missing: [], shortened: true });
  expect(isCounted('RunsPartial')).toBe(true);
});
