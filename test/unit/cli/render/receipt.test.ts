import { describe, expect, it } from 'vitest';
import { renderReceipt } from '../../../../cli/render/receipt.ts';
import { plainStyle } from '../../../../cli/render/style.ts';
import type { ErrorCode } from '../../../../functions/core/errors.ts';
import { blankReceipt, type Receipt } from '../../../../functions/core/receipt.ts';

const committed: Receipt = {
  ...blankReceipt({ run: 'visits-3f9c', epoch: 0 }, '/home/me/data/lake/visits'),
  job: 'visits',
  state: 'ended',
  outcome: 'COMMITTED',
  rows: { read: 10_000, filtered: 8, quarantined: 2, passed: 9_990, written: 9_990 },
  bytes: { input: 1_223_329, covered: 1_223_329 },
  tasks: { planned: 8, done: 8, failed: 0, attempts: 9 },
  table: { path: '/home/me/data/lake/visits', format: 'delta', version: 3, files: 5, bytes: 310_234 },
  seconds: 0.8,
};
const shown = (change: Partial<Receipt>, endedMs?: number) =>
  renderReceipt({ ...committed, ...change }, plainStyle, { currentFolder: '/home/me', endedMs });

it('a committed run says where its rows are and that all of them are accounted for', () => {
  expect(shown({}).split('\n')).toEqual([
    'COMMITTED  visits-3f9c',
    '  table      data/lake/visits (delta, version 3)',
    '  rows       10,000 read = 9,990 passed + 8 filtered + 2 quarantined',
    '  input      1.17 MiB, all of it covered',
    '  written    9,990 rows in 5 files, 303 KiB',
    '  tasks      8 of 8 done, 9 attempts',
    '  took       0.80 s, 12,500 rows/s',
    'The rows set aside: fanlake quarantine visits-3f9c',
  ]);
});

describe('what to type next stands under a run that', () => {
  it('failed, with its error', () => {
    const text = shown({ outcome: 'FAILED', error: { code: 'rows.bad', message: '3 rows\ncan not be taken', details: {} } });
    expect(text).toContain('error: 3 rows\ncan not be taken\n[rows.bad]');
    expect(text).toContain('run the same command again.');
  });

  it('failed for what a retry can end otherwise, and only then the retry', () => {
    const failedFor = (code: ErrorCode) => shown({ outcome: 'FAILED', error: { code, message: 'x', details: {} } });
    for (const code of ['store.failed', 'task.died', 'run.deadline', 'input.gone'] as const)
      expect(failedFor(code), code).toContain('run the same command again, or: fanlake retry visits-3f9c');
    for (const code of ['rows.bad', 'input.corrupt', 'query.failed', 'commit.conflict'] as const)
      expect(failedFor(code), code).not.toContain('fanlake retry');
  });

  it('may be in the table though it failed: nothing is claimed', () => {
    const text = shown({ outcome: 'FAILED', error: { code: 'commit.unknown', message: 'look for its rows', details: {} } });
    expect(text).toContain('look for its rows [commit.unknown]');
    expect(text).not.toMatch(/untouched|is in the table|none kept/);
  });

  it('failed in a later try: nothing is said of the earlier ones', () => {
    const error = { code: 'rows.bad', message: 'x', details: {} } as const;
    expect(shown({ outcome: 'FAILED', error })).toContain('Nothing of this run is in the table.');
    expect(shown({ epoch: 1, outcome: 'FAILED', error })).toContain('Nothing of this try is in the table.');
  });

  it('failed for bad rows: the option only where the command has it', () => {
    const failed = { ...committed, outcome: 'FAILED', error: { code: 'rows.bad', message: 'x', details: {} } } as const;
    expect(renderReceipt(failed, plainStyle, { currentFolder: '/', takesBadRows: true })).toContain('--max-bad-rows <n>');
    expect(renderReceipt(failed, plainStyle, { currentFolder: '/' })).not.toContain('--max-bad-rows');
  });

  it('could not be planned: nothing is there that a retry could repeat', () => {
    const text = shown({ outcome: 'FAILED', tasks: { planned: 0, done: 0, failed: 0, attempts: 0 } });
    expect(text).toContain('run the same command again.');
    expect(text).not.toContain('fanlake retry');
  });

  it('is committed in part, with the ranges that are missing', () => {
    const missing = Array.from({ length: 12 }, (_, index) => ({ key: `landing/${index}.csv`, start: 0, end: 5_000 }));
    const text = shown({ outcome: 'PARTIAL', missing });
    expect(text).toContain('  landing/0.csv bytes [0, 5,000)');
    expect(text).toContain('and 2 more ranges');
    expect(text).toContain('fanlake retry visits-3f9c');
  });

  it('was loaded before, with the time', () => {
    const text = shown({ outcome: 'ALREADY_COMMITTED' }, Date.UTC(2026, 10, 22, 12));
    expect(text).toMatch(/at 2026-11-2\d \d\d:00:00; nothing was done now.*the same command with --again/);
  });

  it('was cancelled', () => {
    expect(shown({ outcome: 'CANCELLED' })).toContain('--again');
  });

  it('nobody may be working on', () => {
    const text = shown({ outcome: null, state: 'running' });
    expect(text).toContain('RUNNING  visits-3f9c');
    expect(text).toContain('fanlake retry visits-3f9c');
  });
});

describe('a run that failed', () => {
  const failed = {
    outcome: 'FAILED',
    table: { ...committed.table, version: null, files: 0, bytes: 0 },
    error: { code: 'rows.bad', message: 'x', details: {} },
  } as const;

  it('before a task was done shows no figures that nobody knows, and that the table is untouched', () => {
    const rows = { read: 0, filtered: 0, quarantined: 0, passed: 0, written: 0 };
    const text = shown({ ...failed, rows, bytes: { input: 18, covered: 0 }, tasks: { planned: 1, done: 0, failed: 1, attempts: 1 } });
    expect(text.split('\n').slice(1, 5)).toEqual([
      '  table      data/lake/visits (delta): untouched',
      '  input      18 B',
      '  tasks      0 of 1 done, 1 failed',
      '  took       0.80 s',
    ]);
  });

  it('when some tasks were done shows what they read, and that none of it is kept', () => {
    const rows = { read: 9, filtered: 2, quarantined: 0, passed: 7, written: 0 };
    const text = shown({ ...failed, rows, bytes: { input: 1800, covered: 900 }, tasks: { planned: 2, done: 1, failed: 1, attempts: 2 } });
    expect(text).toContain('  rows       9 read = 7 passed + 2 filtered + 0 quarantined, none kept\n');
    expect(text).toContain('  input      1.76 KiB, 900 B of it covered\n');
  });
});

it('input without a checksum is a warning', () => {
  expect(shown({ unchecked: 2 })).toContain('warning: the compressed input of 2 tasks carries no checksum');
  expect(shown({})).not.toContain('warning');
});

it('values of JSON that no column holds are a warning, which names the keys with most of them and what to do', () => {
  const keys = Array.from({ length: 12 }, (_, i) => ({ key: `k${i}`, values: i + 1 }));
  const text = shown({ ignored: { values: 78, keys: [{ key: 'a\x1b[2Jb', values: 99 }, ...keys] } });
  expect(text).toContain(
    'warning: 78 values of JSON were not read, because no column holds their keys: a\\x1b[2Jb (99), k11 (12), k10 (11)',
  );
  expect(text).toContain('k3 (4), and 3 other keys\n');
  expect(text).toContain('input.columns');
});

it("a key in a receipt can't steer the terminal", () => {
  expect(shown({ outcome: 'PARTIAL', missing: [{ key: 'a\x1b[2Jb', start: 0, end: 1 }] })).toContain('a\\x1b[2Jb');
});
