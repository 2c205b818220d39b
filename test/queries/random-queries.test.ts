import * as fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { checkQuery } from './check-query.ts';
import { type Chance, differenceOf, QueryBench } from './in-stages.ts';
import { sideSql } from './random-branches.ts';
import { randomCase } from './random-case.ts';
import { tableSql } from './random-query.ts';

let bench: QueryBench;
beforeAll(async () => {
  bench = await QueryBench.open();
  await bench.makeSide('side', sideSql);
});
afterAll(() => bench.close(), 60_000);

const inOrder: Chance = { next: () => 1 };

test('200 random queries over tables cut 1 to 40 ways give what one DuckDB gives (npm run queries: more of them)', async () => {
  await fc.assert(
    fc.asyncProperty(randomCase, async ({ query, table, cuts, asText, chance }) => {
      await bench.makeTable(table, cuts, asText);
      expect(await checkQuery(bench, query, chance()), query.sql).toBeNull();
    }),
    { numRuns: 200, seed: 1 },
  );
  // else they would say nothing of these
  expect(bench.stages.sorted).toBeGreaterThan(10);
  expect(bench.stages.dealt).toBeGreaterThan(3);
}, 900_000);

test('a task that fails as one DuckDB does fails the query', async () => {
  await bench.makeTable(tableSql(50, 1), [10, 20, 50]);
  const sql = 'SELECT sum(a * 9223372036854775807) AS s FROM input WHERE a <> 0';
  await expect(bench.answerOfOne(sql)).rejects.toThrow(/[Oo]verflow/);
  await expect(bench.answerOfMany(sql, inOrder)).rejects.toThrow(/[Oo]verflow/);
});

test('the comparison tells rows, values, order and NULL apart', () => {
  expect(differenceOf([['1'], ['2']], [['2'], ['1']], false)).toBeNull();
  expect(differenceOf([['1'], ['2']], [['2'], ['1']], true)).toMatch(/row 0/);
  expect(differenceOf([['1']], [['1'], ['1']], false)).toMatch(/1 rows from one DuckDB, 2/);
  expect(differenceOf([['9007199254740993']], [['9007199254740992']], false)).toMatch(/row 0/);
  expect(differenceOf([['0.30000000000000004']], [['0.3']], false)).toBeNull();
  expect(differenceOf([['0.3001']], [['0.3']], false)).toMatch(/row 0/);
  expect(differenceOf([['nan'], ['1.0']], [['-nan'], ['1.0']], false)).toBeNull();
  expect(differenceOf([[null]], [['']], false)).toMatch(/row 0/);
});
