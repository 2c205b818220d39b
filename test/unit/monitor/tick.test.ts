import { expect, it } from 'vitest';
import { isTimeToResend, nextTickMs } from '../../../functions/monitor/tick.ts';

const minuteMs = 60_000;

it('what has no part is sent again after a quarter of an hour, and each time that its run is twice as old, whatever the ticks', () => {
  const resentAt: number[] = [];
  let ageMs = 15_000;
  for (let tick = 1; ageMs < 24 * 60 * minuteMs; tick++) {
    if (isTimeToResend(ageMs, tick)) resentAt.push(Math.round(ageMs / minuteMs));
    ageMs += nextTickMs(tick);
  }
  // once for each doubling from 15 min to 16 h, at the first tick behind it
  expect(resentAt).toHaveLength(7);
  for (const [index, minutes] of resentAt.entries()) {
    expect(minutes).toBeGreaterThanOrEqual(15 * 2 ** index);
    expect(minutes).toBeLessThanOrEqual(15 * 2 ** index + 10);
  }
});

it('ticks grow from 15 s to 10 min', () => {
  expect([1, 2, 3, 6, 7, 100].map((tick) => nextTickMs(tick) / 1000)).toEqual([15, 30, 60, 480, 600, 600]);
});
