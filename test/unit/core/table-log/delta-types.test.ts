import { describe, expect, test } from 'vitest';
import { duckTypeOfDelta, storeAs } from '../../../../functions/core/table-log/delta-types.ts';

describe('storeAs', () => {
  test.each([
    ['BOOLEAN', 'boolean', null],
    ['TINYINT', 'byte', null],
    ['SMALLINT', 'short', null],
    ['INTEGER', 'integer', null],
    ['BIGINT', 'long', null],
    ['FLOAT', 'float', null],
    ['DOUBLE', 'double', null],
    ['DECIMAL(38,10)', 'decimal(38,10)', null],
    ['VARCHAR', 'string', null],
    ['BLOB', 'binary', null],
    ['DATE', 'date', null],
    ['TIMESTAMP WITH TIME ZONE', 'timestamp', null],
    ['TIMESTAMP', 'timestamp', 'TIMESTAMP WITH TIME ZONE'],
    ['TIMESTAMP_S', 'timestamp', 'TIMESTAMP WITH TIME ZONE'],
    ['TIMESTAMP_MS', 'timestamp', 'TIMESTAMP WITH TIME ZONE'],
    ['UTINYINT', 'short', 'SMALLINT'],
    ['USMALLINT', 'integer', 'INTEGER'],
    ['UINTEGER', 'long', 'BIGINT'],
    ['UBIGINT', 'decimal(20,0)', 'DECIMAL(20,0)'],
    ['HUGEINT', 'decimal(38,0)', 'DECIMAL(38,0)'],
    ['UHUGEINT', 'decimal(38,0)', 'DECIMAL(38,0)'],
    ['TIME', 'string', 'VARCHAR'],
    ['JSON', 'string', 'VARCHAR'],
    ['UUID', 'string', 'VARCHAR'],
    ["ENUM('a')", 'string', 'VARCHAR'],
  ])('keeps %s as %s', (duckType, deltaType, castTo) => {
    expect(storeAs(duckType, 'c')).toMatchObject({ deltaType, castTo, duckType: castTo ?? duckType });
  });

  test('casts inside lists, arrays, maps and structs', () => {
    expect(storeAs('STRUCT(a UTINYINT, "b c" MAP(VARCHAR, TIMESTAMP[3]))', 'c')).toEqual({
      deltaType: {
        type: 'struct',
        fields: [
          { name: 'a', type: 'short', nullable: true, metadata: {} },
          {
            name: 'b c',
            type: {
              type: 'map',
              keyType: 'string',
              valueType: { type: 'array', elementType: 'timestamp', containsNull: true },
              valueContainsNull: true,
            },
            nullable: true,
            metadata: {},
          },
        ],
      },
      duckType: 'STRUCT("a" SMALLINT, "b c" MAP(VARCHAR, TIMESTAMP WITH TIME ZONE[]))',
      castTo: 'STRUCT("a" SMALLINT, "b c" MAP(VARCHAR, TIMESTAMP WITH TIME ZONE[]))',
      notes: ['stored as a timestamp in UTC', 'stored as a list of any length'],
    });
    expect(storeAs('STRUCT(a INTEGER, b VARCHAR[])', 'c').castTo).toBeNull();
  });

  test.each([
    ['TIMESTAMP_NS', 'CAST(x AS TIMESTAMP)'],
    ['BIGNUM', 'CAST(x AS VARCHAR)'],
    ['TIME WITH TIME ZONE', 'CAST(x AS VARCHAR)'],
    ['INTERVAL', 'CAST(x AS VARCHAR)'],
    ['BIT', 'CAST(x AS VARCHAR)'],
    ['GEOMETRY', 'CAST(x AS VARCHAR)'],
    ['VARIANT', 'CAST(CAST(x AS JSON) AS VARCHAR)'],
    ['"NULL"', 'CAST(x AS VARCHAR)'],
    ['UNION(k INTEGER)', 'union_extract'],
    ['STRUCT(INTEGER, INTEGER)', 'struct_pack'],
    ['SOMETHING_NEW', 'another type'],
  ])('refuses %s by name and says what to write', (duckType, advice) => {
    const refused = expect.objectContaining({ code: 'table.type', message: expect.stringContaining(advice) });
    expect(() => storeAs(duckType, 'my column')).toThrow(refused);
    expect(() => storeAs(duckType, 'my column')).toThrow("'my column'");
    expect(() => storeAs(`STRUCT(a ${duckType}[])`, 'my column')).toThrow("'my column.a[]'");
  });
});

describe('duckTypeOfDelta', () => {
  test.each([
    ['BOOLEAN'],
    ['DECIMAL(38,10)'],
    ['TIMESTAMP WITH TIME ZONE'],
    ['STRUCT("a" SMALLINT, "b c" MAP(VARCHAR, TIMESTAMP WITH TIME ZONE[]))'],
  ])('gives back what storeAs stores: %s', (duckType) => {
    expect(duckTypeOfDelta(storeAs(duckType, 'c').deltaType, 'c')).toBe(duckType);
  });

  test.each(['variant', 'void', 'timestamp_ntz', 'interval year'])('refuses %s, which we do not write', (type) => {
    expect(() => duckTypeOfDelta({ type: 'array', elementType: type, containsNull: true }, 'c')).toThrow(
      expect.objectContaining({ code: 'table.unsupported', message: expect.stringContaining("'c[]'") }),
    );
  });
});
