import { describe, expect, it, test } from 'vitest';
import type { DonePart, FailedPart } from '../../../functions/core/part.ts';
import {
  lateFromMs,
  measureAttempts,
  type Resends,
  type StageProgress,
  soonestLateMs,
  spreadOver,
} from '../../../functions/core/straggler.ts';

const minuteMs = 60_000;
const createdMs = Date.UTC(2026, 0, 1);

const never: Resends = { count: 0, lastMs: null };
const stage = (tasks: number, finished: number, resends = never): StageProgress => ({ createdMs, tasks, finished, resends });

/** A sample of so many attempts that the turn of the last is known. */
const measured = (longestMinutes: number, lastBeganMinutes: number, mostBytes = 100) => ({
  count: 1e9,
  longestMs: longestMinutes * minuteMs,
  mostBytes,
  lastBeganMs: createdMs + lastBeganMinutes * minuteMs,
});

/** Minutes after the epoch's beginning. */
const minutes = (ms: number): number => Math.round(((ms - createdMs) / minuteMs) * 100) / 100;

describe('a task without a part is late', () => {
  test.each([
    ['three of the longest attempts behind the turn of the last', stage(1_000, 999), measured(4, 10), 100, 10.01 + 12],
    ['two minutes behind it when attempts are short', stage(1_000, 999), measured(0.01, 10), 100, 10.01 + 2],
    ['later when only half have finished: the others have their turns behind them', stage(1_000, 500), measured(4, 10), 100, 20 + 12],
    ['later when it is larger than what was measured', stage(1_000, 999), measured(4, 10), 250, 10.01 + 30],
    ['no sooner when it is smaller', stage(1_000, 999), measured(4, 10), 1, 10.01 + 12],
    ['by time alone when what was measured says nothing of bytes', stage(1_000, 999), measured(4, 10, 0), 500, 10.01 + 12],
    ['after a quarter of an hour when less than half has finished', stage(1_000, 499), measured(0.1, 1), 100, 15],
    ['after a quarter of an hour when nothing was measured', stage(1_000, 999), null, 100, 15],
    ['after a quarter of an hour when nothing has finished', stage(2, 0), null, 100, 15],
  ])('%s', (_, progress, sample, bytes, expected) => {
    expect(minutes(lateFromMs(progress, sample, bytes))).toBeCloseTo(expected, 1);
  });

  test('reckoned with a turn that is later, the fewer attempts were looked at', () => {
    const of = (count: number) => minutes(lateFromMs(stage(1_000_000, 999_999), { ...measured(1, 10), count }, 100));
    expect([of(1), of(2), of(10)]).toEqual([23, 18, 14]);
  });

  test('again after twice the time, each time that tasks were sent', () => {
    const again = (count: number, lastMinutes: number) => stage(1_000_000, 999_999, { count, lastMs: createdMs + lastMinutes * minuteMs });
    expect(minutes(lateFromMs(again(1, 20), measured(1, 10), 100))).toBe(20 + 6);
    expect(minutes(lateFromMs(again(2, 30), measured(1, 10), 100))).toBe(30 + 12);
    expect(minutes(lateFromMs(again(5, 30), measured(1, 10), 100))).toBe(30 + 96);
    // a large one isn't held up by what smaller ones were sent
    expect(minutes(lateFromMs(again(2, 30), measured(1, 10), 700))).toBe(30 + 21);
    expect([0, 1, 2, 3].map((count) => minutes(lateFromMs({ ...again(count, 1), finished: 0 }, null, 100)))).toEqual([15, 30, 60, 120]);
  });
});

it('is late never sooner than what is looked at without the attempts says', () => {
  for (const finished of [0, 499, 500, 999]) {
    for (const resends of [never, { count: 1, lastMs: createdMs + 20 * minuteMs }, { count: 3, lastMs: createdMs + 50 * minuteMs }]) {
      const progress = stage(1_000, finished, resends);
      const samples = [null, measured(0, 0), measured(0.001, 3), measured(9, 1)];
      for (const sample of samples) expect(lateFromMs(progress, sample, 0)).toBeGreaterThanOrEqual(soonestLateMs(progress));
    }
  }
});

test('what attempts took is told by those parts that say when they began, in any order', () => {
  const base = { format: 1, nonce: 'n', attempts: 1, requests: {}, chain: [], quarantine: [] } as const;
  const rows = { read: 0, filtered: 0, quarantined: 0, passed: 0, written: 0 };
  const done = (task: number, seconds: number, beganMs: number, bytesCovered: number): DonePart => ({
    ...base,
    ...{ kind: 'done', task, seconds, beganMs, bytesCovered, rows, files: [], checksum: 'none' },
  });
  const error = { code: 'task.died', message: 'm', details: {} } as const;
  const buried: FailedPart = { ...base, kind: 'failed', task: 3, seconds: 0, error, missing: [] };
  const { beganMs: _, ...older } = done(4, 99, 99, 99);
  const parts = [done(0, 2, 100, 10), done(1, 5, 50, 7), { ...buried, task: 2, seconds: 3, beganMs: 200 }, buried, older];
  const expected = { count: 3, longestMs: 5_000, mostBytes: 10, lastBeganMs: 200 };
  expect(measureAttempts(parts)).toEqual(expected);
  expect(measureAttempts(parts.toReversed())).toEqual(expected);
  expect(measureAttempts([buried, older])).toBeNull();
});

test('a sample is spread over what it is of, with the last', () => {
  const numbers = Array.from({ length: 10 }, (_, index) => index);
  expect(spreadOver(numbers, 3)).toEqual([3, 6, 9]);
  expect(spreadOver(numbers, 1)).toEqual([9]);
  expect(spreadOver(numbers, 10)).toEqual(numbers);
  expect(spreadOver(numbers, 99)).toEqual(numbers);
  expect(spreadOver([], 4)).toEqual([]);
});
