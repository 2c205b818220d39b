import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { lowerBound, upperBound } from '../../../../functions/core/table-log/bound.ts';
import { schemaOf } from '../../../../functions/core/table-log/schema.ts';
import { deltaStatistics } from '../../../../functions/core/table-log/statistics.ts';

/** The order of Delta's texts: that of their UTF-8 bytes. */
const compare = (a: string, b: string) => Buffer.compare(Buffer.from(a), Buffer.from(b));

describe('bounds', () => {
  test.each([
    ['long', '-9223372036854775808', '9223372036854775807', '-9223372036854775808', '9223372036854775807'],
    ['decimal(38,3)', '-1.500', '12345678901234567890123456789012345.678', '-1.500', '12345678901234567890123456789012345.678'],
    ['date', '0001-01-01', '9999-12-31', '"0001-01-01"', '"9999-12-31"'],
    ['date', '0044-03-15 (BC)', '10000-01-01', null, null],
    ['date', '-infinity', 'infinity', null, null],
    [
      'timestamp',
      '2020-01-01 00:00:00.123456+00',
      '2020-01-01 00:00:00.123456+00',
      '"2020-01-01T00:00:00.123Z"',
      '"2020-01-01T00:00:00.124Z"',
    ],
    ['timestamp', '2020-01-01 00:00:00.123+00', '2020-01-01 00:00:00.123+00', '"2020-01-01T00:00:00.123Z"', '"2020-01-01T00:00:00.123Z"'],
    [
      'timestamp',
      '1969-12-31 23:59:59.999999+00',
      '1969-12-31 23:59:59.999999+00',
      '"1969-12-31T23:59:59.999Z"',
      '"1970-01-01T00:00:00.000Z"',
    ],
    ['timestamp', '0001-01-01 00:00:00+00', '9999-12-31 23:59:59.999999+00', '"0001-01-01T00:00:00.000Z"', null],
    ['timestamp', '0044-03-15 (BC) 00:00:00+00', 'infinity', null, null],
    ['double', '-0.0', '-0.0', '-0.0', '0.0'],
    ['double', '0.0', '0.0', '-0.0', '0.0'],
    ['double', '-inf', 'inf', null, null],
    ['double', '1e-07', '1.2345678901234568e+17', '1e-7', '123456789012345680'],
    // The exact values of the 32-bit numbers that DuckDB prints so.
    ['float', '-0.1', '0.1', '-0.10000000149011612', '0.10000000149011612'],
    ['string', '', 'a"b\u0000', '""', '"a\\"b\\u0000"'],
    ['string', 'é'.repeat(33), 'é'.repeat(33), JSON.stringify('é'.repeat(32)), JSON.stringify(`${'é'.repeat(31)}ê`)],
    ['string', '😀'.repeat(33), '😀'.repeat(32), JSON.stringify('😀'.repeat(32)), JSON.stringify('😀'.repeat(32))],
    ['string', 'a', `${'a'.repeat(31)}\ud7ffb`, '"a"', JSON.stringify(`${'a'.repeat(31)}\ue000`)],
    ['string', 'a', `b${'\u{10ffff}'.repeat(40)}`, '"a"', '"c"'],
    ['string', 'a', '\u{10ffff}'.repeat(40), '"a"', null],
    ['boolean', '0', '1', null, null],
    ['binary', '00', 'AA00', null, null],
  ])('of %s from %j to %j are %j and %j', (type, min, max, lower, upper) => {
    expect([lowerBound(type, min), upperBound(type, max)]).toEqual([lower, upper]);
  });

  test('of texts contain the text, and are 32 characters at most', () => {
    const text = fc.string({ unit: 'binary', maxLength: 80 });
    fc.assert(
      fc.property(text, (value) => {
        const lower = JSON.parse(lowerBound('string', value) ?? '""') as string;
        const upper = JSON.parse(upperBound('string', value) ?? 'null') as string | null;
        expect(compare(lower, value)).toBeLessThanOrEqual(0);
        expect([...lower].length).toBeLessThanOrEqual(32);
        if (upper === null) return;
        expect(compare(upper, value)).toBeGreaterThanOrEqual(0);
        expect([...upper].length).toBeLessThanOrEqual(32);
      }),
      { numRuns: 1000 },
    );
  });
});

const found = (min: string, max: string, nulls = '0') => ({ min, max, null_count: nulls, num_values: '9', column_size_bytes: '40' });

describe('deltaStatistics', () => {
  test('has the rows, the bounds and the NULLs of each column, numbers with all their digits', () => {
    const { fields } = schemaOf([
      { name: 'a', type: 'BIGINT' },
      { name: 'big', type: 'DECIMAL(38,0)' },
      { name: 'q"x.y', type: 'VARCHAR' },
      { name: 'st', type: 'STRUCT(x INTEGER, "b c" STRUCT(d DATE))' },
    ]);
    const json = deltaStatistics(fields, 9, {
      '"a"': found('9007199254740993', '9223372036854775807', '2'),
      '"big"': found('-5', '12345678901234567890123456789012345678'),
      '"q""x.y"': found('a"b', 'z'),
      '"st"."x"': found('1', '2'),
      '"st"."b c"."d"': found('2020-01-01', '2020-01-02', '3'),
    });
    expect(json).toBe(
      '{"numRecords":9,' +
        '"minValues":{"a":9007199254740993,"big":-5,"q\\"x.y":"a\\"b","st":{"x":1,"b c":{"d":"2020-01-01"}}},' +
        '"maxValues":{"a":9223372036854775807,"big":12345678901234567890123456789012345678,"q\\"x.y":"z","st":{"x":2,"b c":{"d":"2020-01-02"}}},' +
        '"nullCount":{"a":2,"big":0,"q\\"x.y":0,"st":{"x":0,"b c":{"d":3}}}}',
    );
  });

  test('has no bounds for columns with NaN or without knowledge of it, of NULLs, of lists and maps', () => {
    const { fields } = schemaOf([
      { name: 'nan', type: 'DOUBLE' },
      { name: 'unknown', type: 'DOUBLE' },
      { name: 'fine', type: 'FLOAT' },
      { name: 'nulls', type: 'INTEGER' },
      { name: 'l', type: 'INTEGER[]' },
      { name: 'm', type: 'MAP(VARCHAR, INTEGER)' },
      { name: 'absent', type: 'INTEGER' },
    ]);
    const json = deltaStatistics(fields, 9, {
      '"nan"': { ...found('1.5', '1.5'), has_nan: 'true' },
      '"unknown"': found('1.5', '1.5'),
      '"fine"': { ...found('1.5', '2.5'), has_nan: 'false' },
      '"nulls"': { null_count: '9', num_values: '9' },
      '"l"."element"': found('1', '2'),
      '"m"."key"': found('a', 'b'),
      '"m"."value"': found('1', '2'),
    });
    expect(JSON.parse(json)).toEqual({
      numRecords: 9,
      minValues: { fine: 1.5 },
      maxValues: { fine: 2.5 },
      nullCount: { nan: 0, unknown: 0, fine: 0, nulls: 9 },
    });
  });

  test('stops after 32 leaf columns, a list being one', () => {
    const names = Array.from({ length: 40 }, (_, index) => `c${index}`);
    const { fields } = schemaOf([{ name: 'l', type: 'INTEGER[]' }, ...names.map((name) => ({ name, type: 'INTEGER' }))]);
    const json = deltaStatistics(fields, 1, Object.fromEntries(names.map((name) => [`"${name}"`, found('1', '1')])));
    const { minValues, nullCount } = JSON.parse(json) as Record<string, Record<string, number>>;
    expect(Object.keys(minValues ?? {})).toEqual(names.slice(0, 31));
    expect(Object.keys(nullCount ?? {})).toEqual(names.slice(0, 31));
  });
});
