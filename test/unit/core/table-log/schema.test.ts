import { describe, expect, test } from 'vitest';
import { checkPartitionColumns, checkSamePartitions } from '../../../../functions/core/table-log/partition-columns.ts';
import { columnsOf, decodeSchema, encodeSchema, fitColumns, isSameType, schemaOf } from '../../../../functions/core/table-log/schema.ts';

const columns = [
  { name: 'id', type: 'BIGINT' },
  { name: 'Größe', type: 'STRUCT(a UTINYINT, b VARCHAR[])' },
  { name: 'at', type: 'TIMESTAMP' },
];

describe('the schema of a table', () => {
  test('is written as Spark writes it', () => {
    expect(encodeSchema(schemaOf(columns))).toBe(
      '{"type":"struct","fields":[' +
        '{"name":"id","type":"long","nullable":true,"metadata":{}},' +
        '{"name":"Größe","type":{"type":"struct","fields":[{"name":"a","type":"short","nullable":true,"metadata":{}},' +
        '{"name":"b","type":{"type":"array","elementType":"string","containsNull":true},"nullable":true,"metadata":{}}]},"nullable":true,"metadata":{}},' +
        '{"name":"at","type":"timestamp","nullable":true,"metadata":{}}]}',
    );
  });

  test('is read back, and its columns have the types of the data files', () => {
    const schema = decodeSchema(encodeSchema(schemaOf(columns)));
    expect(schema).toEqual(schemaOf(columns));
    expect(columnsOf(schema)).toEqual([
      { name: 'id', type: 'BIGINT' },
      { name: 'Größe', type: 'STRUCT("a" SMALLINT, "b" VARCHAR[])' },
      { name: 'at', type: 'TIMESTAMP WITH TIME ZONE' },
    ]);
  });

  test.each([
    '',
    '{}',
    '"long"',
    '{"type":"struct"}',
    '{"type":"struct","fields":[{"type":"long"}]}',
    '{"type":"struct","fields":[{"name":"a"}]}',
  ])('is corrupt when it is %j', (text) => {
    expect(() => decodeSchema(text)).toThrow(expect.objectContaining({ code: 'table.corrupt' }));
  });
});

describe('fitColumns', () => {
  const table = schemaOf([
    { name: 'id', type: 'BIGINT' },
    { name: 'Year', type: 'INTEGER' },
    { name: 'st', type: 'STRUCT(a INTEGER, b VARCHAR)' },
    { name: 'at', type: 'TIMESTAMP' },
  ]);

  test('gives a new table the columns as they are stored', () => {
    expect(
      fitColumns(
        [
          { name: 'a', type: 'UBIGINT' },
          { name: 'b', type: 'DATE' },
        ],
        null,
      ),
    ).toEqual([
      { source: 'a', name: 'a', type: 'DECIMAL(20,0)', castTo: 'DECIMAL(20,0)' },
      { source: 'b', name: 'b', type: 'DATE', castTo: null },
    ]);
  });

  test("takes the table's spelling and field order, casts what is the same once stored, and lets columns be missing", () => {
    const run = [
      { name: 'YEAR', type: 'USMALLINT' },
      { name: 'at', type: 'TIMESTAMP_MS' },
      { name: 'st', type: 'STRUCT(b VARCHAR, a INTEGER)' },
    ];
    expect(fitColumns(run, table)).toEqual([
      { source: 'YEAR', name: 'Year', type: 'INTEGER', castTo: 'INTEGER' },
      { source: 'at', name: 'at', type: 'TIMESTAMP WITH TIME ZONE', castTo: 'TIMESTAMP WITH TIME ZONE' },
      { source: 'st', name: 'st', type: 'STRUCT("a" INTEGER, "b" VARCHAR)', castTo: 'STRUCT("a" INTEGER, "b" VARCHAR)' },
    ]);
    expect(fitColumns([{ name: 'id', type: 'BIGINT' }], table)[0]?.castTo).toBeNull();
  });

  test('refuses a new column by its name', () => {
    const refused = expect.objectContaining({ code: 'table.schema', message: expect.stringContaining("no column 'extra', 'more'") });
    const run = ['id', 'extra', 'more'].map((name) => ({ name, type: 'BIGINT' }));
    expect(() => fitColumns(run, table)).toThrow(refused);
  });

  test.each([
    ['id', 'INTEGER', 'CAST("id" AS BIGINT) AS "id"'],
    ['year', 'VARCHAR', 'CAST("year" AS INTEGER) AS "Year"'],
    ['st', 'STRUCT(a INTEGER)', 'CAST("st" AS STRUCT("a" INTEGER, "b" VARCHAR)) AS "st"'],
    ['at', 'DATE', 'CAST("at" AS TIMESTAMP WITH TIME ZONE) AS "at"'],
  ])('refuses %s as %s with the cast to write', (name, type, cast) => {
    const refused = expect.objectContaining({ code: 'table.schema', message: expect.stringContaining(cast) });
    expect(() => fitColumns([{ name, type }], table)).toThrow(refused);
  });

  test('does not take a decimal for one of another scale', () => {
    expect(isSameType('decimal(10,2)', 'decimal(10, 2)')).toBe(true);
    expect(isSameType('decimal(10,2)', 'decimal(10,3)')).toBe(false);
  });
});

describe('partition columns', () => {
  const schema = schemaOf(columns);
  test.each([
    [['nope'], "no column 'nope'"],
    [['ID'], "no column 'ID'"],
    [['id', 'id'], 'named twice'],
    [['Größe'], 'has no partition value'],
  ])('%j are refused: %s', (partitionBy, found) => {
    const refused = expect.objectContaining({ code: 'table.partitions', message: expect.stringContaining(found) });
    expect(() => checkPartitionColumns(partitionBy, schema)).toThrow(refused);
  });

  test('leave a column for the data files', () => {
    expect(() =>
      checkPartitionColumns(
        ['id', 'at'],
        schemaOf([
          { name: 'id', type: 'BIGINT' },
          { name: 'at', type: 'DATE' },
        ]),
      ),
    ).toThrow('no column would be left');
    expect(() => checkPartitionColumns(['id', 'at'], schema)).not.toThrow();
  });

  test("are the existing table's, in its order", () => {
    expect(() => checkSamePartitions(['a', 'b'], ['a', 'b'])).not.toThrow();
    expect(() => checkSamePartitions(['b', 'a'], ['a', 'b'])).toThrow(expect.objectContaining({ code: 'table.partitions' }));
    expect(() => checkSamePartitions([], ['a'])).toThrow('partitions by nothing, but the table is partitioned by a');
  });
});
