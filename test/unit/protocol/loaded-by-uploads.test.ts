import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { parseJob } from '../../../functions/core/job.ts';
import { outcomeKey, planKey } from '../../../functions/core/keys.ts';
import { blankReceipt, type OutcomeWord } from '../../../functions/core/receipt.ts';
import { uploadRun } from '../../../functions/core/upload.ts';
import { noteAsked } from '../../../functions/protocol/asked-epoch.ts';
import type { RunContext } from '../../../functions/protocol/context.ts';
import { loadedByUploads } from '../../../functions/protocol/loaded-by-uploads.ts';
import { contextOnDisk } from './context-on-disk.ts';

let root: string;
let context: RunContext;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'fanlake-loaded-'));
  context = contextOnDisk(root);
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const job = parseJob({ name: 'visits', input: { prefix: 'in/', format: 'text' }, table: { name: 'visits' } });
const objectOf = (name: string) => ({ key: `in/${name}.txt`, version: 'v', size: 3 });

/** Epochs of an upload's run, each planned and with its end; null: under way. */
async function upload(name: string, ...ends: readonly (OutcomeWord | 'unknown' | null)[]): Promise<void> {
  const run = uploadRun({ job, object: objectOf(name) });
  for (const [epoch, outcome] of ends.entries()) {
    await context.stores.work.create(planKey({ run, epoch }), '{}');
    if (outcome === null) continue;
    const end =
      outcome === 'unknown' ? { outcome: 'FAILED', error: { code: 'commit.unknown', message: 'nobody knows', details: {} } } : { outcome };
    const receipt = { ...blankReceipt({ run, epoch }, 'visits'), state: 'ended', ...end };
    await context.stores.lake.create(outcomeKey('visits', { run, epoch }), JSON.stringify(receipt));
  }
}

it('objects whose uploads are in the table or on their way to it are found, whichever epoch that is; others aren’t', async () => {
  await upload('committed', 'COMMITTED');
  await upload('in-part', 'PARTIAL');
  await upload('under-way', null);
  await upload('failed', 'FAILED');
  await upload('cancelled', 'CANCELLED');
  await upload('by-a-retry', 'FAILED', 'COMMITTED');
  await upload('retried-just-now', 'FAILED', null);
  await upload('unknown', 'unknown');
  await upload('retried-in-vain', 'CANCELLED', 'FAILED');
  await upload('another-job-s');
  await upload('retry-waits', 'FAILED');
  await noteAsked(context.stores.work, { run: uploadRun({ job, object: objectOf('retry-waits') }), epoch: 1 }, 'command');
  const names = [
    'committed',
    'in-part',
    'under-way',
    'failed',
    'cancelled',
    'by-a-retry',
    'retried-just-now',
    'unknown',
    'retried-in-vain',
    'another-job-s',
    'retry-waits',
  ];
  const loaded = await loadedByUploads(context.stores, job, names.map(objectOf));
  expect(loaded.map(({ object }) => object.key)).toEqual(
    ['committed', 'in-part', 'under-way', 'by-a-retry', 'retried-just-now', 'unknown', 'retry-waits'].map((name) => objectOf(name).key),
  );
});
