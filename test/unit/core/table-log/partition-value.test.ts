import { describe, expect, test } from 'vitest';
import { partitionValueOf } from '../../../../functions/core/table-log/partition-value.ts';

describe('partitionValueOf', () => {
  test.each([
    ['string', 'a b/50%', 'a b/50%'],
    ['string', null, null],
    ['string', '', null],
    ['long', '9007199254740993', '9007199254740993'],
    ['decimal(18,2)', '-1.50', '-1.50'],
    ['boolean', 'true', 'true'],
    ['double', '1e+20', '1e+20'],
    ['double', 'nan', 'NaN'],
    ['float', '-inf', '-Infinity'],
    ['date', '1969-12-31', '1969-12-31'],
    ['timestamp', '2020-01-31 23:59:59+00', '2020-01-31T23:59:59.000000Z'],
    ['timestamp', '2020-01-31 23:59:59.5+00', '2020-01-31T23:59:59.500000Z'],
    ['timestamp', '1900-01-01 05:21:10+05:21:10', '1900-01-01T00:00:00.000000Z'],
    ['timestamp', '2020-01-31 20:00:00.000001-04', '2020-02-01T00:00:00.000001Z'],
    ['timestamp', '2020-01-31 20:00:00', '2020-01-31T20:00:00.000000Z'],
  ] as const)('of a %s %j is %j', (type, text, value) => {
    expect(partitionValueOf(type, text, 'c')).toBe(value);
  });

  test.each([
    ['date', '0044-03-15 (BC)'],
    ['date', '10000-01-01'],
    ['date', 'infinity'],
    ['timestamp', '-infinity'],
    ['timestamp', '0001-01-01 00:00:00+01'],
    ['binary', 'x'],
  ] as const)('refuses the %s %s', (type, text) => {
    const refused = expect.objectContaining({ code: 'table.partitions', message: expect.stringContaining("'c'") });
    expect(() => partitionValueOf(type, text, 'c')).toThrow(refused);
  });

  test('refuses nested types', () => {
    const refused = expect.objectContaining({ code: 'table.partitions' });
    expect(() => partitionValueOf({ type: 'array', elementType: 'long', containsNull: true }, '[1]', 'c')).toThrow(refused);
  });
});
