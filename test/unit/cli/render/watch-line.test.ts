import { describe, expect, it } from 'vitest';
import type { WatchEvent } from '../../../../cli/local/watch-events.ts';
import { watchLine } from '../../../../cli/render/watch-line.ts';

const from = { home: '.fanlake', jobsFile: null, currentFolder: '/home/me' };
const failed = {
  event: 'ended',
  key: 'landing/visits/a.csv',
  job: 'visits',
  run: 'visits-3f9c',
  outcome: 'FAILED',
  rows: 0,
  version: null,
  seconds: 0.5,
  error: { code: 'rows.bad', message: "1 row can't be taken", details: {} },
} as const satisfies WatchEvent;
const load = 'fanlake run visits --input .fanlake/landing/visits/a.csv';

describe('an upload that is not fully in the table says what to type', () => {
  it('failed: the command that loads the landed file, with nothing that watch was not given', () => {
    const text = watchLine(failed, from);
    expect(text).toContain("FAILED    landing/visits/a.csv: 1 row can't be taken [rows.bad]\n");
    expect(text).toMatch(new RegExp(`Nothing of it is in the table\\..*: ${load}$`));
    expect(text).not.toContain('--max-bad-rows');
  });

  it('for what is not the fault of the file: not to land another one', () => {
    const text = watchLine({ ...failed, error: { ...failed.error, code: 'query.column' } }, from);
    expect(text).toContain(`Nothing of it is in the table. Load it when what was wrong is mended: ${load}`);
    expect(text).not.toContain('Land a');
  });

  it('with the home and the jobs that watch was given, quoted for a shell', () => {
    const text = watchLine({ ...failed, key: "landing/visits/it's a.csv" }, { ...from, home: 'my home', jobsFile: 'more/jobs.ts' });
    expect(text).toMatch(/fanlake run visits --input 'my home\/landing\/visits\/it'\\''s a\.csv' --jobs more\/jobs\.ts --home 'my home'$/);
    expect(watchLine(failed, { ...from, home: '/data/home' })).toMatch(
      /--input \/data\/home\/landing\/visits\/a\.csv --home \/data\/home$/,
    );
  });

  it('failed, and of several files: the run', () => {
    expect(watchLine({ ...failed, key: null }, from)).toMatch(/: fanlake retry visits-3f9c$/);
  });

  it('committed in part: the missing tasks', () => {
    expect(watchLine({ ...failed, outcome: 'PARTIAL', rows: 3, version: 0 }, from)).toMatch(
      /To load what is missing: fanlake retry visits-3f9c$/,
    );
  });

  it('cancelled: only --again loads it', () => {
    expect(watchLine({ ...failed, outcome: 'CANCELLED', error: null }, from)).toMatch(new RegExp(`To load it after all: ${load} --again$`));
  });
});

it('a committed upload is one line', () => {
  const text = watchLine({ ...failed, outcome: 'COMMITTED', rows: 3, version: 0, error: null }, from);
  expect(text).toBe('committed landing/visits/a.csv: 3 rows, version 0, 0.50 s');
});
