import { describe, expect, test } from 'vitest';
import { storedType } from '../../../../functions/core/planner/stored-type.ts';

describe('the type in which a column is handed on', () => {
  test.each([
    'BIGINT',
    'DECIMAL(38,3)',
    'TIMESTAMP WITH TIME ZONE',
    'STRUCT(a INTEGER, "b c" VARCHAR[])',
    'MAP(VARCHAR, DOUBLE)',
    'UNION(k INTEGER, s VARCHAR)',
  ])('is its own for %s', (type) => {
    expect(storedType(type)).toBe(type);
  });

  test.each([
    ['HUGEINT', 'VARCHAR'],
    ['INTERVAL', 'VARCHAR'],
    ['TIME WITH TIME ZONE', 'VARCHAR'],
    ["ENUM('b', 'it''s')", 'VARCHAR'],
    ['TIMESTAMP_MS', 'TIMESTAMP'],
    ['"NULL"', 'INTEGER'],
    ['INTEGER[2]', 'INTEGER[]'],
    ['HUGEINT[]', 'VARCHAR[]'],
    ['STRUCT(a HUGEINT, "b c" INTEGER[3])', 'STRUCT("a" VARCHAR, "b c" INTEGER[])'],
    ['MAP(INTERVAL, UHUGEINT)', 'MAP(VARCHAR, VARCHAR)'],
    ['UNION(k HUGEINT, s VARCHAR)', 'UNION("k" VARCHAR, "s" VARCHAR)'],
  ])('of %s is %s', (type, stored) => {
    expect(storedType(type)).toBe(stored);
  });

  test.each(['VARIANT', 'GEOMETRY', "GEOMETRY('OGC:CRS84')[]", 'STRUCT(INTEGER, VARCHAR)', 'A_TYPE_OF_TOMORROW'])(
    'is refused for %s',
    (type) => {
      expect(() => storedType(type)).toThrow(expect.objectContaining({ code: 'query.unsupported' }));
    },
  );
});
