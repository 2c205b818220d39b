import { expect, it } from 'vitest';
import { parseCount, parseNames, parseSide, parseSize } from '../../../cli/values.ts';

it.each([
  ['1', 1],
  ['4096', 4096],
  ['64MiB', 64 * 1024 * 1024],
  ['64mib', 64 * 1024 * 1024],
  ['1GB', 1_000_000_000],
  ['1.5 KiB', 1536],
  ['2 kB', 2000],
])('the size %s is %d bytes', (text, size) => {
  expect(parseSize(text)).toBe(size);
});

it.each(['0', '-1', '', 'MiB', '1.5', '0.1KiB', '1e6', '99999999TiB'])('%j is no size', (text) => {
  expect(() => parseSize(text)).toThrow(/bytes|whole number/);
});

it('an unknown unit is told with the nearest one and the list', () => {
  expect(() => parseSize('64MiBs')).toThrow("'MiBs' is no unit (did you mean 'MiB'?). Units are B, kB");
});

it('a count is a whole number from its least value on', () => {
  expect(parseCount(0)('0')).toBe(0);
  expect(parseCount(1)('12')).toBe(12);
  for (const text of ['0', '-1', '1.5', 'x', '']) expect(() => parseCount(1)(text)).toThrow('whole number, 1 or more');
});

it('names are split at commas, and the empty text has none', () => {
  expect(parseNames('country, year')).toEqual(['country', 'year']);
  expect(parseNames('')).toEqual([]);
});

it('side inputs are names and paths, one after the other', () => {
  expect(parseSide('b=x=y.csv', parseSide('a=a.csv'))).toEqual({ a: 'a.csv', b: 'x=y.csv' });
  for (const text of ['a', '=a.csv', 'a=', '']) expect(() => parseSide(text)).toThrow('a name and a file');
  expect(() => parseSide('a=b.csv', { a: 'a.csv' })).toThrow("'a' is given twice");
});
