import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { expect, it } from 'vitest';

/** Its entries take 150 MiB when they are decoded. */
it.each([
  ['is read', 'snapshot'],
  ['is read, and what came since its first version looked through,', 'changes'],
])(
  'a log of 200,000 files whose checkpoint can not be decoded %s within 48 MiB',
  async (_what, workerData) => {
    const worker = new Worker(new URL('./long-log-worker.ts', import.meta.url), {
      workerData,
      resourceLimits: { maxOldGenerationSizeMb: 48 },
    });
    const [code] = await once(worker, 'exit');
    expect(code).toBe(0);
  },
  120_000,
);
