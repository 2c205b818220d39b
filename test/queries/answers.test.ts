import { afterAll, beforeAll, expect, test } from 'vitest';
import { checkQuery } from './check-query.ts';
import { type Chance, QueryBench } from './in-stages.ts';

let bench: QueryBench;
beforeAll(async () => {
  bench = await QueryBench.open();
  const columns = [
    'i AS id',
    'CASE WHEN i % 11 > 0 THEN (i * 7919) % 5 END::INTEGER AS k',
    "['FR', 'DE', NULL, 'it', ''][1 + (i * 31) % 5] AS s",
    "CASE i % 7 WHEN 0 THEN NULL WHEN 1 THEN 'nan'::DOUBLE WHEN 2 THEN -0.0::DOUBLE WHEN 3 THEN 0 ELSE (i * 37) % 100 / 8 END AS d",
    'CASE i % 4 WHEN 0 THEN NULL WHEN 1 THEN [] ELSE [i % 4, NULL, i % 2] END AS l',
    "{'a': i % 3, 'b': 'x'} AS st",
  ];
  await bench.makeTable(`SELECT ${columns.join(', ')} FROM range(90) t(i)`, [1, 17, 17, 40, 90]);
});
afterAll(() => bench.close(), 60_000);

const inOrder: Chance = { next: () => 1 };

/** Each was once answered wrongly, or refused without need. */
test.each([
  // a lambda's parameter goes by the name of what is grouped by
  'SELECT k + 1 AS g, list_transform([1, 2], lambda k: k + 1) AS r, count(*) AS n FROM input GROUP BY k + 1 ORDER BY g',
  "SELECT k + 1 AS x, {'a': x, 'n': count(*)} AS r FROM input GROUP BY x ORDER BY x",
  // windows see the rows before UNNEST multiplies them
  'SELECT id, unnest(l) AS u, row_number() OVER (PARTITION BY k ORDER BY id) AS r FROM input ORDER BY ALL',
  'SELECT id, unnest(l) + id AS u, sum(id) OVER (PARTITION BY k) AS r FROM input QUALIFY r > 5 ORDER BY u, id',
  // HAVING alone makes one group of all rows
  'SELECT 42 AS x FROM input HAVING true ORDER BY x',
  'SELECT 42 AS x FROM input HAVING 1 > 2',
  'SELECT 42 AS x FROM input GROUP BY ()',
])('%s', async (sql) => {
  expect(await checkQuery(bench, { sql, isOrdered: sql.includes(' ORDER BY ') }, inOrder)).toBeNull();
});
