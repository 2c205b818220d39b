import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { expectSameAnswer, expectSameContent } from '../../../bench/same-rows.ts';

// What the benchmarks compare answers with: it must see what a wrong engine would do to them.
describe('printed answers', () => {
  const compare = (ours: unknown, theirs: unknown) => () =>
    expectSameAnswer(
      'it',
      JSON.stringify({ result: { rows: ours } }),
      JSON.stringify({ types: ['BIGINT', 'DECIMAL(4,2)', 'DOUBLE'], rows: theirs }),
    );

  test('are the same with doubles that were added in another order, and numbers in either form', () => {
    expect(compare([[1, '2.00', 3.0000000000001]], [['1', '2.00', 3]])).not.toThrow();
  });

  test.each([
    ['a double', [[1, '2.00', 3.0001]], [[1, '2.00', 3]]],
    ['the digits of a decimal', [[1, '2.0', 3]], [[1, '2.00', 3]]],
    ['NULL', [[1, '2.00', null]], [[1, '2.00', 0]]],
    [
      'the order',
      [
        [1, '2.00', 3],
        [2, '2.00', 3],
      ],
      [
        [2, '2.00', 3],
        [1, '2.00', 3],
      ],
    ],
    [
      'a row more',
      [
        [1, '2.00', 3],
        [2, '2.00', 3],
      ],
      [[1, '2.00', 3]],
    ],
    ['a row fewer', [], [[1, '2.00', 3]]],
  ])('differ by %s', (_, ours, theirs) => {
    expect(compare(ours, theirs)).toThrow(/^it: row \d of the answers differs/);
  });
});

describe('tables', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'fanlake-same-rows-'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  async function table(name: string, query: string): Promise<string> {
    const connection = await (await DuckDBInstance.create(':memory:')).connect();
    mkdirSync(join(folder, name));
    await connection.run(`COPY (${query}) TO '${join(folder, name, 'x.parquet')}'`);
    connection.closeSync();
    return join(folder, name);
  }
  const rows = 'FROM range(100) t(i)';

  test('are the same in any order of rows and columns, also with another integer type', async () => {
    const ours = await table('ours', `SELECT i AS k, i / 7 AS v, i % 3 AS m ${rows}`);
    const theirs = await table('theirs', `SELECT (i % 3)::INTEGER AS m, i / 7 + 1e-14 AS v, i AS k ${rows} ORDER BY k DESC`);
    await expect(expectSameContent('it', ours, theirs)).resolves.toBeUndefined();
  });

  test('differ by integers in other rows, where there is no double beside them', async () => {
    const ours = await table('integers', `SELECT i AS k, i % 3 AS m ${rows}`);
    const theirs = await table('swapped integers', `SELECT i AS k, (99 - i) % 3 AS m ${rows}`);
    await expect(expectSameContent('it', ours, theirs)).rejects.toThrow(/^it: the tables differ/);
  });

  test.each([
    ['a double', `SELECT i AS k, i / 7 + (i = 5)::INTEGER / 1000 AS v, i % 3 AS m ${rows}`],
    ['the same doubles in other rows', `SELECT i AS k, (99 - i) / 7 AS v, i % 3 AS m ${rows}`],
    ['the same integers in other rows', `SELECT i AS k, i / 7 AS v, (99 - i) % 3 AS m ${rows}`],
    ['NULL', `SELECT i AS k, nullif(i, 5) / 7 AS v, i % 3 AS m ${rows}`],
    ['a row twice', `SELECT i AS k, i / 7 AS v, i % 3 AS m FROM (${rows} UNION ALL SELECT 5)`],
    ['a column', `SELECT i AS k, i / 7 AS v ${rows}`],
  ])('differ by %s', async (what, query) => {
    const ours = await table(`ours of ${what}`, `SELECT i AS k, i / 7 AS v, i % 3 AS m ${rows}`);
    await expect(expectSameContent('it', ours, await table(what, query))).rejects.toThrow(/^it: the tables differ/);
  });
});
