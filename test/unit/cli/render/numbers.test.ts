import { expect, it } from 'vitest';
import { bytes, counted, duration, rate } from '../../../../cli/render/numbers.ts';

it.each([
  [0, '0 B'],
  [1023, '1023 B'],
  [1024, '1 KiB'],
  [1_223_329, '1.17 MiB'],
  [1024 * 1024 - 1, '1 MiB'],
  [128 * 1024 * 1024, '128 MiB'],
  [2.4e9, '2.24 GiB'],
])('%d bytes are shown as %s', (value, shown) => {
  expect(bytes(value)).toBe(shown);
});

it.each([
  [0.84, '0.84 s'],
  [9.999, '10.0 s'],
  [59.99, '1 min 00 s'],
  [245, '4 min 05 s'],
  [7_800, '2 h 10 min'],
])('%d seconds are shown as %s', (seconds, shown) => {
  expect(duration(seconds)).toBe(shown);
});

it('a noun has its plural, a rate its unit', () => {
  expect(counted(1, 'row')).toBe('1 row');
  expect(counted(2_000, 'row')).toBe('2,000 rows');
  expect(rate(10_000, 2)).toBe('5,000 rows/s');
  expect(rate(4_000_000, 2)).toBe('2.00 M rows/s');
});
