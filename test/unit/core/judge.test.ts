import { describe, expect, it } from 'vitest';
import { FanlakeError } from '../../../functions/core/errors.ts';
import { judge } from '../../../functions/core/judge.ts';
import { type DonePart, type FailedPart, foldParts } from '../../../functions/core/part.ts';
import type { Plan } from '../../../functions/core/plan.ts';
import { planOf } from '../protocol/plan-of.ts';

const plan = (limits: Partial<Plan['job']['limits']> = {}, more: Partial<Plan> = {}): Plan =>
  planOf({ tasks: 2, bytes: 20, limits, ...more });

const base = { format: 1, nonce: 'n', attempts: 1, seconds: 0, requests: {} } as const;

const link = (task: number, more: object = {}) => ({
  key: 'a.csv',
  size: 20,
  dataStart: 0,
  start: task * 10,
  end: task * 10 + 10,
  from: task * 10,
  to: task * 10 + 10,
  alternative: null,
  ...more,
});

const done = (task: number, more: Partial<DonePart> = {}): DonePart => ({
  ...base,
  task,
  kind: 'done',
  rows: { read: 3, filtered: 1, quarantined: 0, passed: 2, written: 2 },
  bytesCovered: 10,
  chain: [link(task)],
  files: [],
  quarantine: [],
  checksum: 'none',
  ...more,
});

const failed = (task: number, more: Partial<FailedPart> = {}): FailedPart => ({
  ...base,
  task,
  kind: 'failed',
  error: new FanlakeError('input.corrupt', 'a broken file').toReport(),
  missing: [{ key: 'a.csv', start: task * 10, end: task * 10 + 10 }],
  chain: [],
  quarantine: [],
  ...more,
});

describe('a finished run is', () => {
  it('committed when records, rows and bytes add up and the chain holds', () => {
    expect(judge(plan(), foldParts([done(0), done(1)]))).toBeNull();
  });

  it.each([
    ['one row more was read than came out', { read: 4, filtered: 1, quarantined: 0, passed: 2, written: 2 }],
    ['one row more came out than was read', { read: 2, filtered: 1, quarantined: 0, passed: 2, written: 2 }],
  ])('failed when %s', (_title, rows) => {
    expect(judge(plan(), foldParts([done(0, { rows }), done(1)]))).toMatchObject({ code: 'run.unaccounted' });
  });

  it.each([-1, 1])('failed when the bytes covered are off by %d', (off) => {
    const parts = [done(0, { bytesCovered: 10 + off }), done(1)];
    expect(judge(plan(), foldParts(parts))).toMatchObject({ code: 'run.unaccounted' });
  });

  it('failed when the splits leave a gap', () => {
    const parts = [done(0, { chain: [link(0, { end: 9, to: 9 })], bytesCovered: 10 }), done(1)];
    expect(judge(plan(), foldParts(parts))).toMatchObject({ code: 'run.unaccounted' });
  });

  it('tried again when a split was read from a wrong place, also if a task failed by it', () => {
    const wrong = [link(1, { from: 13 })];
    for (const second of [done(1, { chain: wrong }), failed(1, { chain: wrong })]) {
      const verdict = judge(plan(), foldParts([done(0), second]));
      expect(verdict).toMatchObject({ code: 'chain', details: { broken: [{ task: 1, from: 10 }] } });
    }
  });

  it('failed for its failed task, with how many failed', () => {
    const verdict = judge(plan(), foldParts([failed(0), failed(1)]));
    expect(verdict).toMatchObject({ code: 'input.corrupt', details: { failedTasks: 2 } });
  });

  it('committed in part when as many tasks failed as the job allows, and failed with one more', () => {
    expect(judge(plan({ maxFailedTasks: 1 }), foldParts([done(0), failed(1)]))).toBeNull();
    expect(judge(plan({ maxFailedTasks: 1 }), foldParts([failed(0), failed(1)]))).toMatchObject({ code: 'input.corrupt' });
  });

  it('not committed in part when the guess behind the hole can not be proven', () => {
    const guessed = done(1, { chain: [link(1, { alternative: { from: 15, to: 20 } })] });
    expect(judge(plan({ maxFailedTasks: 1 }), foldParts([failed(0), guessed]))).toMatchObject({ code: 'input.corrupt' });
  });

  it('failed with one bad row more than the job allows, over all its tasks', () => {
    const rows = { read: 3, filtered: 0, quarantined: 1, passed: 2, written: 2 };
    const parts = [done(0, { rows }), done(1, { rows })];
    expect(judge(plan({ maxBadRows: 2 }), foldParts(parts))).toBeNull();
    expect(judge(plan({ maxBadRows: 1 }), foldParts(parts))).toMatchObject({ code: 'rows.bad' });
  });

  it('failed with more than 100,000 data files', () => {
    const file = { path: 'f', rows: 1, sizeBytes: 1, modifiedMs: 0, partition: [], stats: '{}' };
    const files = (count: number) => Array.from({ length: count }, () => file);
    expect(judge(plan(), foldParts([done(0, { files: files(100_000) }), done(1)]))).toBeNull();
    expect(judge(plan(), foldParts([done(0, { files: files(100_001) }), done(1)]))).toMatchObject({ code: 'table.partitions' });
  });

  it('failed with the error that kept it from being planned', () => {
    const error = new FanlakeError('input.format', 'not what its name says').toReport();
    expect(judge(plan({}, { error }), foldParts([]))).toEqual(error);
  });
});
