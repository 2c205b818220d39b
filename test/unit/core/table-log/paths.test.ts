import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeDataPath, encodeDataPath } from '../../../../functions/core/table-log/data-path.ts';
import { partitionFolder, partitionOfPath } from '../../../../functions/core/table-log/hive-path.ts';

/** As Spark reads a folder's name (ExternalCatalogUtils.unescapePathName): each encoded byte becomes a character of its own. */
function unescapeAsSpark(text: string): string {
  return text.replace(/%([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}

/** As a reader that takes the whole name for percent-encoded UTF-8 (DuckDB, Arrow, delta-rs). */
const unescapeAsUtf8 = decodeURIComponent;

describe('partitionFolder', () => {
  test.each([
    ['FR x', 'k=FR%20x/'],
    ['a/b', 'k=a%2Fb/'],
    ['50%', 'k=50%25/'],
    ['é☃😀', 'k=é☃😀/'],
    ['x=y:z', 'k=x%3Dy%3Az/'],
    ['a\u0001\n', 'k=a%01%0A/'],
    [`*?"'<>|#{}[]\\^+&`, 'k=%2A%3F%22%27%3C%3E%7C%23%7B%7D%5B%5D%5C%5E%2B%26/'],
    ['..', 'k=../'],
    ['', 'k=__HIVE_DEFAULT_PARTITION__/'],
    [null, 'k=__HIVE_DEFAULT_PARTITION__/'],
  ])('writes %j as %s', (value, folder) => {
    expect(partitionFolder([{ column: 'k', value }])).toBe(folder);
  });

  test('has a folder for each column in order, and none without columns', () => {
    const values = [
      { column: 'a b', value: '1' },
      { column: '.c', value: null },
    ];
    expect(partitionFolder(values)).toBe('a%20b=1/%2Ec=__HIVE_DEFAULT_PARTITION__/');
    expect(partitionFolder([])).toBe('');
  });

  test('is read alike by Spark, by readers of UTF-8 and by us, whatever the value', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 40 }), (value) => {
        const folder = partitionFolder([{ column: 'k', value }]);
        const text = folder.slice('k='.length, -1);
        expect(folder).toMatch(/^[^/]*\/$/);
        expect(unescapeAsSpark(text)).toBe(value);
        expect(unescapeAsUtf8(text)).toBe(value);
        expect(partitionOfPath(`${folder}f.parquet`)).toEqual([{ column: 'k', value }]);
      }),
    );
  });

  test("refuses the value that means NULL, and a name longer than a file system's", () => {
    const refused = expect.objectContaining({ code: 'table.partitions' });
    expect(() => partitionFolder([{ column: 'k', value: '__HIVE_DEFAULT_PARTITION__' }])).toThrow(refused);
    expect(partitionFolder([{ column: 'k', value: 'x'.repeat(253) }])).toHaveLength(256);
    expect(() => partitionFolder([{ column: 'k', value: 'x'.repeat(254) }])).toThrow(refused);
    expect(() => partitionFolder([{ column: 'k', value: 'é'.repeat(127) }])).toThrow(refused);
  });
});

describe('partitionOfPath', () => {
  test('reads what DuckDB and delta-rs write', () => {
    expect(partitionOfPath('k=%C3%A9%25/d=__HIVE_DEFAULT_PARTITION__/x/f=1.parquet')).toEqual([
      { column: 'k', value: 'é%' },
      { column: 'd', value: null },
    ]);
  });
});

describe('the path of an action', () => {
  test.each([
    ['country=FR%20x/r-e0-1.parquet', 'country=FR%2520x/r-e0-1.parquet'],
    ['k=é/a b+c.parquet', 'k=%C3%A9/a%20b%2Bc.parquet'],
    ['r1-e0-0-0a1b2c-0.parquet', 'r1-e0-0-0a1b2c-0.parquet'],
  ])('of %s is %s', (path, encoded) => {
    expect(encodeDataPath(path)).toBe(encoded);
    expect(decodeDataPath(encoded)).toBe(path);
  });

  test('gives back every path', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (path) => {
        expect(decodeDataPath(encodeDataPath(path))).toBe(path);
      }),
    );
  });

  test('that cannot be decoded is corrupt', () => {
    expect(() => decodeDataPath('a%GG.parquet')).toThrow(expect.objectContaining({ code: 'table.corrupt' }));
  });
});
