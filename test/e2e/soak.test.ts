import { describe, expect, it } from 'vitest';
import { LocalSoak } from '../soak/local-soak.ts';
import { doubledRows, lostRows, renderFaults, renderReport } from '../soak/report.ts';
import { noProcesses } from './worker-processes.ts';

/** `npm run soak` is the long one. */
const loadMs = 20_000;

describe('a soak: watch, run and retry under load, with a process that is killed every second', () => {
  it('loses no row and doubles none, and leaves no run without an outcome', { timeout: 400_000 }, async (context) => {
    if (noProcesses !== null) context.skip(noProcesses);
    const soak = new LocalSoak({ loadMs, seed: Date.now() % 1_000_000, onProgress: () => {} });
    try {
      const report = await soak.run();
      const told = [renderReport(report), ...renderFaults(report)].join('\n');
      expect([lostRows(report), doubledRows(report), report.unended, report.unexpected], told).toEqual([0, 0, [], []]);
      // and something was at stake
      for (const { expected } of Object.values(report.tables)) expect(expected, told).toBeGreaterThan(0);
      for (const kind of ['worker', 'watch', 'run']) expect(report.kills[kind], `${kind}: ${told}`).toBeGreaterThan(0);
    } finally {
      await soak.end();
    }
  });
});
