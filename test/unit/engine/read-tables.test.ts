import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openReader, type TableFiles, type TableReader } from '../../../functions/engine/read-tables.ts';
import { Bench } from './fixture.ts';

let bench: Bench;
let reader: TableReader;
let table: TableFiles;
const limits = { threads: 2, memoryLimitBytes: 1 << 28 };

beforeAll(async () => {
  bench = await Bench.open();
  const file = async (folder: string, name: string, sql: string): Promise<string> => {
    mkdirSync(join(bench.folder, 'lake', folder), { recursive: true });
    const path = join(bench.folder, 'lake', folder, name);
    await bench.ask(`COPY (${sql}) TO '${path}' (FORMAT parquet)`);
    return path;
  };
  table = {
    name: 'visits',
    columns: [
      { name: 'n', type: 'BIGINT' },
      { name: 'year', type: 'INTEGER' },
      { name: 'country', type: 'VARCHAR' },
      { name: 'added', type: 'DATE' },
      { name: 'never', type: 'DOUBLE' },
    ],
    partitionBy: ['year', 'country'],
    files: [
      { path: await file('year=2019/country=FR', 'a.parquet', 'SELECT 1::INTEGER AS n'), partition: { year: '2019', country: 'FR' } },
      {
        path: await file('year=2020/country=x%20y', 'b.parquet', "SELECT DATE '2020-05-06' AS added, 2::BIGINT AS n"),
        partition: { year: '2020', country: 'x y' },
      },
      {
        path: await file('year=2020/country=__HIVE_DEFAULT_PARTITION__', 'c.parquet', 'SELECT 3::BIGINT AS n'),
        partition: { year: '2020', country: null },
      },
    ],
  };
  await file('', 'not-live.parquet', 'SELECT 99::BIGINT AS n');
  const empty: TableFiles = { name: 'odd name', columns: [{ name: 'a', type: 'STRUCT(x INTEGER)' }], partitionBy: [], files: [] };
  reader = await openReader({ ...limits, tables: [table, empty], scratch: join(bench.engine.scratch, 'reader') });
});
afterAll(() => {
  reader.close();
  bench.close();
});

test('a table is its live files: partition values with their types, NULL for columns that a file lacks', async () => {
  expect(await reader.query('SELECT * FROM visits ORDER BY n')).toEqual({
    columns: table.columns,
    rows: [
      [1, 2019, 'FR', null, null],
      [2, 2020, 'x y', '2020-05-06', null],
      [3, 2020, null, null, null],
    ],
    more: false,
  });
  expect((await reader.query('SELECT count(*) FROM visits WHERE year = 2020 AND country IS NULL')).rows).toEqual([[1]]);
});

test('rows beyond the limit are not fetched, and that is said', async () => {
  expect(await reader.query('SELECT n FROM visits ORDER BY n', 2)).toMatchObject({ rows: [[1], [2]], more: true });
  expect(await reader.query('SELECT n FROM visits ORDER BY n', 3)).toMatchObject({ more: false });
  expect((await reader.query('FROM range(10000000)', 5)).rows.length).toBe(5);
});

test('a table without files has columns and no rows', async () => {
  expect(await reader.query('FROM "odd name"')).toMatchObject({ columns: [{ name: 'a' }], rows: [], more: false });
});

test.each([
  'SHOW TABLES',
  'DESCRIBE visits',
  'SUMMARIZE visits',
  'EXPLAIN FROM visits',
  'EXPLAIN ANALYZE SELECT 1',
  'WITH x AS (FROM visits) FROM x;',
  'VALUES (1)',
])('%s reads', async (sql) => {
  expect((await reader.query(sql)).rows.length).toBeGreaterThan(0);
});

describe('what would change or read anything else is refused', () => {
  test.each([
    ["COPY (SELECT 1) TO '$/bad.parquet'", 'query.forbidden'],
    ["EXPLAIN ANALYZE COPY (SELECT 1) TO '$/bad.parquet'", 'query.forbidden'],
    ["EXPLAIN (ANALYZE) COPY (SELECT 1) TO '$/bad.parquet'", 'query.forbidden'],
    ['CREATE TABLE x (a INTEGER)', 'query.forbidden'],
    ['DROP VIEW visits', 'query.forbidden'],
    ['SELECT 1; DROP VIEW visits', 'query.forbidden'],
    ["ATTACH '$/x.db'", 'query.forbidden'],
    ['SET threads = 1', 'query.forbidden'],
    ["FROM read_text('/etc/hosts')", 'query.forbidden'],
    ['selec', 'query.syntax'],
    ['SELECT nope FROM visits', 'query.column'],
    ['SELECT nope(n) FROM visits', 'query.function'],
  ])('%s', async (sql, code) => {
    await expect(reader.query(sql.replace('$', join(bench.folder, 'lake')))).rejects.toMatchObject({ code });
    expect(existsSync(join(bench.folder, 'lake', 'bad.parquet'))).toBe(false);
  });
});

test('a data file that is not there is named', async () => {
  const files = [{ path: join(bench.folder, 'lake', 'gone.parquet'), partition: {} }];
  const opened = openReader({ ...limits, tables: [{ ...table, partitionBy: [], files }], scratch: join(bench.engine.scratch, 'gone') });
  await expect(opened).rejects.toMatchObject({ code: 'store.failed', message: expect.stringContaining('gone.parquet') });
});
