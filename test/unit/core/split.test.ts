import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Layout } from '../../../functions/core/layout.ts';
import { splitObject } from '../../../functions/core/split.ts';

const lines = (dataStart: number): Layout => ({ format: 'jsonl', compression: 'none', bomBytes: 0, dataStart, keys: [] });

describe('the splits of an object', () => {
  test('cover it without gap or overlap, and the first reaches a byte of data', () => {
    const sizes = fc.tuple(fc.nat(300), fc.nat(300), fc.integer({ min: 1, max: 320 }));
    fc.assert(
      fc.property(sizes, ([size, start, splitBytes]) => {
        const dataStart = Math.min(start, size);
        const ranges = [...splitObject({ size }, lines(dataStart), splitBytes)];
        expect(ranges[0]?.start).toBe(0);
        expect(ranges[ranges.length - 1]?.end).toBe(size);
        for (const [i, range] of ranges.entries()) if (i > 0) expect(range.start).toBe(ranges[i - 1]?.end);
        if (dataStart < size) expect(ranges[0]?.end).toBeGreaterThan(dataStart);
        for (const range of ranges.slice(1)) expect(range.end - range.start).toBeLessThanOrEqual(splitBytes);
      }),
    );
  });

  test('are of about equal size, so that no worker is left with a short one', () => {
    expect([...splitObject({ size: 25 }, lines(0), 12)]).toEqual([
      { start: 0, end: 9 },
      { start: 9, end: 17 },
      { start: 17, end: 25 },
    ]);
    expect([...splitObject({ size: 25 }, lines(12), 10)]).toEqual([
      { start: 0, end: 17 },
      { start: 17, end: 25 },
    ]);
  });

  test('are as few as the size asked for allows, also of an object of terabytes', () => {
    const size = 5e12 + 1;
    const ranges = [...splitObject({ size }, lines(0), 5e7)];
    expect(ranges).toHaveLength(100_001);
    expect(Math.max(...ranges.map(({ start, end }) => end - start))).toBeLessThanOrEqual(5e7);
    expect(ranges.at(-1)?.end).toBe(size);
    for (const [i, range] of ranges.entries()) if (i > 0 && range.start !== ranges[i - 1]?.end) throw new Error(`a gap at ${i}`);
  });

  test.each<[string, Layout, number | null]>([
    ['no size is asked for', lines(0), null],
    ['the size is that of the object', lines(0), 100],
    ['it is compressed', { ...lines(0), format: 'jsonl', compression: 'gzip', bomBytes: 0, dataStart: 0, keys: [] }, 10],
    ['it is a JSON array', { format: 'json', compression: 'none', bomBytes: 0, dataStart: 0, keys: [] }, 10],
    ['it is Parquet', { format: 'parquet', compression: 'none', columns: [] }, 10],
  ])('are one when %s', (_title, layout, splitBytes) => {
    expect([...splitObject({ size: 100 }, layout, splitBytes)]).toEqual([{ start: 0, end: 100 }]);
  });

  test('of an empty object are one empty range', () => expect([...splitObject({ size: 0 }, lines(0), 1)]).toEqual([{ start: 0, end: 0 }]));

  test('are made one by one, millions of them', () => {
    let count = 0;
    for (const range of splitObject({ size: 3_000_000 }, lines(0), 1)) count += range.end - range.start;
    expect(count).toBe(3_000_000);
  });
});
