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
  await bench.makeSide(
    'side',
    "SELECT * FROM (VALUES (0, 'zero', 1.5), (1, 'one', 2.5), (2, NULL, NULL), (2, 'two', 4.5)) t(k, name, rate)",
  );
  await bench.makeSide('select', `SELECT 1 AS k, 'one' AS "from"`);
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
  // an alias goes before the column of its name in HAVING, but not inside of grouping() and aggregates
  'SELECT upper(s) AS s, count(*) AS n FROM input GROUP BY ROLLUP (upper(s)) HAVING grouping(upper(s)) = 0 ORDER BY s',
  "SELECT 'q' || s AS s, count(*) AS n FROM input GROUP BY s HAVING grouping(s) = 0 AND s > 'qE' ORDER BY s",
  "SELECT 'q' || s AS s, count(*) AS n FROM input GROUP BY 'q' || s HAVING 'q' || s = 'qqFR' OR max(s) = 'it'",
  'SELECT -k AS k, count(*) AS n FROM input GROUP BY k HAVING k > 1 ORDER BY k',
  'SELECT -k AS k, count(*) AS n FROM input GROUP BY k HAVING k < -1 ORDER BY k',
  // HAVING alone makes one group of all rows
  'SELECT 42 AS x FROM input HAVING true ORDER BY x',
  'SELECT 42 AS x FROM input HAVING 1 > 2',
  'SELECT 42 AS x FROM input GROUP BY ()',
  // and so does GROUP BY ALL where no item reads a column
  "SELECT 1 AS one, 'a' || 'b' AS ab, count(*) AS n FROM input WHERE id < 0 GROUP BY ALL",
  'SELECT 1 AS one, max(id) AS m, list_transform([1], lambda k: k + 1) AS l FROM input WHERE id < 0 GROUP BY ALL',
  'SELECT 1 AS one, k, count(*) AS n FROM input WHERE id < 0 GROUP BY ALL',
  'SELECT k IN (SELECT k FROM side) AS c, count(*) AS n FROM input GROUP BY ALL ORDER BY c',
  'SELECT 1 AS one FROM input WHERE id < 3 GROUP BY ALL ORDER BY one',
  // an alias in WHERE, also beside a subquery
  'SELECT id * 2 AS x, x + 1 AS y FROM input WHERE y > 11 ORDER BY y DESC LIMIT 3',
  'SELECT k + 1 AS x, count(*) AS n FROM input WHERE x IN (SELECT k FROM side) GROUP BY x ORDER BY x',
  'SELECT k * 2 AS rate, count(*) AS n FROM input WHERE rate < (SELECT max(rate) FROM side) GROUP BY k ORDER BY k',
  // WITH names the columns of its entry, FROM the first ones anew
  'WITH t(x, y) AS (SELECT k, count(*) FROM input GROUP BY k) SELECT z, y FROM t AS u(z) ORDER BY z',
  // what takes rows one by one leaves them in order
  'SELECT * FROM (SELECT k, count(*) AS n FROM input GROUP BY k ORDER BY n DESC, k) WHERE n > 1',
  'WITH t AS (SELECT id, s FROM input ORDER BY id DESC) SELECT id + 1 AS x FROM (SELECT * FROM t) WHERE x > 3',
  'SELECT list(id ORDER BY id) AS x FROM (SELECT id FROM input ORDER BY s, id)',
  'SELECT id FROM input ORDER BY id LIMIT ALL OFFSET 80',
  'SELECT id FROM input ORDER BY id LIMIT 9223372036854775807',
  'SELECT id FROM input ORDER BY id LIMIT 9223372036854775807 OFFSET 80',
  'SELECT id FROM input ORDER BY id LIMIT 3 OFFSET 9223372036854775807',
  // the rows that are passed over may be all that a task has
  'SELECT id, s FROM input ORDER BY id LIMIT 5 OFFSET 15',
  'SELECT k, count(*) AS n FROM input GROUP BY k ORDER BY n, k DESC LIMIT 2 OFFSET 3',
  // the same column with and without the name of its table
  'SELECT name, count(*) AS n FROM input i JOIN side s ON i.k = s.k GROUP BY s.name ORDER BY s.name',
  'SELECT i.k, s.name AS t, count(*) AS n FROM input i JOIN side s USING (k) GROUP BY k, name ORDER BY ALL',
  'SELECT s.k AS sk, i.k AS ik, count(*) AS n FROM input i LEFT JOIN side s USING (k) GROUP BY s.k, i.k ORDER BY ALL',
  'SELECT st.a, count(*) AS n FROM input st GROUP BY st.st.a ORDER BY st.a',
  // a struct goes by the name of a table that has a column of its field's name
  'SELECT st.st.a AS u, count(*) AS n FROM (SELECT st, k AS a FROM input) AS st GROUP BY ALL ORDER BY u',
  'SELECT sum(st.st.a) AS n FROM (SELECT st, id AS a FROM input) AS st',
  'SELECT i.st.a AS u, count(*) AS n FROM input i JOIN (SELECT k, rate AS a FROM side) AS st ON i.k = st.k GROUP BY i.st.a ORDER BY u',
  'SELECT input.st.b AS x, input.id FROM input JOIN (SELECT k, name AS b FROM side) AS st USING (k) ORDER BY input.id, x',
  'SELECT st.st.a AS a, rank() OVER (PARTITION BY st.st.a ORDER BY id) AS r, id FROM (SELECT st, id, id AS a FROM input) AS st ORDER BY id',
  // and a lambda's parameter by that of a column
  'SELECT id, list_transform([100, 200], lambda k: k + input.k) AS r FROM input ORDER BY id LIMIT 9',
  // values of a side table beside aggregates, also where there is no row
  'SELECT k, sum(id) AS n, (SELECT max(rate) FROM side) AS m FROM input GROUP BY k HAVING n > (SELECT min(rate) FROM side) ORDER BY k',
  'SELECT count(*) AS n, (SELECT max(rate) FROM side) AS m, EXISTS (FROM side) AS e FROM input WHERE id < 0',
  'SELECT k, s, median(id) AS n, (SELECT max(rate) FROM side) AS m FROM input GROUP BY GROUPING SETS ((k, s), (k)) ORDER BY ALL',
  'SELECT k, median(id) AS n, (SELECT max(rate) FROM side) AS m FROM input WHERE id < 0 GROUP BY GROUPING SETS ((k), ())',
  'WITH x AS (SELECT max(rate) AS m FROM side) SELECT k, count(DISTINCT id) + (SELECT m FROM x) AS n FROM input GROUP BY ROLLUP (k) ORDER BY ALL',
  // in tasks of few rows, and a NULL is compared
  'SELECT id, name FROM input i ASOF LEFT JOIN side ON i.k = side.k AND i.d >= rate ORDER BY id',
  'SELECT k, count(*) AS n, count(i.d) AS m FROM input i ASOF JOIN (SELECT k, rate AS d FROM side) s USING (k, d) GROUP BY k ORDER BY k',
  // a side table behind groups, windows and DISTINCT
  'SELECT name, n FROM (SELECT k, count(*) AS n FROM input GROUP BY k) JOIN side USING (k) ORDER BY ALL',
  'WITH g AS (SELECT k, sum(id) AS t FROM input GROUP BY k) SELECT g.k, name, t FROM g LEFT JOIN side ON g.k = side.k WHERE t > (SELECT max(rate) FROM side) ORDER BY ALL',
  'SELECT name, sum(n) AS n, count(*) AS g FROM (SELECT k, s, count(*) AS n FROM input GROUP BY k, s) JOIN side USING (k) GROUP BY name ORDER BY name',
  'SELECT k, (SELECT max(rate) FROM side) AS m FROM (SELECT DISTINCT k FROM input) ORDER BY k',
  'SELECT k FROM (SELECT k, row_number() OVER (PARTITION BY k ORDER BY id) AS r FROM input) WHERE r = 1 AND k IN (SELECT k FROM side) ORDER BY k',
  'SELECT * FROM (SELECT k, count(*) AS n FROM input GROUP BY k) ANTI JOIN side USING (k) ORDER BY k',
  'SELECT k, n, (SELECT name FROM side WHERE side.k = g.k ORDER BY name LIMIT 1) AS x FROM (SELECT k, count(*) AS n FROM input GROUP BY k) g ORDER BY k',
  // windows over all rows of a subquery or WITH entry whose rows are groups, or the first of an order
  'WITH g AS (SELECT s, count(*) AS n FROM input GROUP BY s) SELECT s, n, rank() OVER (ORDER BY n DESC) AS r, sum(n) OVER () AS t FROM g ORDER BY s',
  'SELECT name, n, row_number() OVER (ORDER BY n, name) AS r FROM (SELECT k, count(*) AS n FROM input GROUP BY k) JOIN side USING (k) ORDER BY r',
  'SELECT s, lag(s) OVER (ORDER BY s) AS l FROM (SELECT DISTINCT s FROM input) QUALIFY l IS NOT NULL ORDER BY s',
  'SELECT id, sum(id) OVER (ORDER BY id) AS t FROM (SELECT id FROM input ORDER BY s, id DESC LIMIT 7) ORDER BY id',
  'SELECT x, n, rank() OVER (ORDER BY n DESC, x) AS r FROM (SELECT k AS x, count(*) AS n FROM input GROUP BY k UNION ALL SELECT 9, count(*) FROM input) ORDER BY r',
  // macros that aggregate
  'SELECT k, geomean(id + 1) + 1 AS g, wavg(id, k) AS w FROM input GROUP BY k HAVING weighted_avg(id, k) > 3 ORDER BY wavg(id, k), k',
  'SELECT geomean(id) AS g, wavg(id, k) AS w FROM input WHERE id < 0',
  'SELECT json_group_object(id, s) AS j FROM input WHERE id = 5',
  // UNION of branches that each read the input, and do what they like with its rows
  'SELECT k, count(*) AS n FROM input GROUP BY k UNION ALL SELECT NULL, count(*) FROM input ORDER BY ALL',
  'SELECT count(*) AS n FROM input WHERE id < 0 GROUP BY k UNION ALL SELECT count(*) + 5 FROM input WHERE id < 0',
  'SELECT k, max(n) AS n FROM (SELECT k, s, count(*) AS n FROM input GROUP BY k, s) GROUP BY k UNION ALL SELECT k, count(*) FROM input GROUP BY k',
  'SELECT id AS x FROM input WHERE id < 3 UNION ALL SELECT k FROM input UNION ALL (SELECT id FROM input ORDER BY id DESC LIMIT 3) ORDER BY x',
  'SELECT sum(m) AS s FROM (SELECT k, median(id) AS m FROM input GROUP BY k UNION ALL SELECT 1, count(DISTINCT s) FROM input)',
  'WITH y AS (SELECT k, sum(id) AS n FROM input GROUP BY k) SELECT * FROM y UNION ALL SELECT NULL, sum(n) FROM y ORDER BY ALL',
  'SELECT k FROM input UNION SELECT id % 7 FROM input ORDER BY k LIMIT 4',
  // * of several tables
  'SELECT * FROM input JOIN side USING (k) ORDER BY id, name LIMIT 9',
  'SELECT * EXCLUDE (k) FROM input LEFT JOIN side ON input.k = side.k ORDER BY id, name LIMIT 9',
  'SELECT side.*, id FROM input LEFT JOIN side USING (k) ORDER BY id, name LIMIT 9',
  'SELECT * FROM input SEMI JOIN side USING (k) ORDER BY id LIMIT 9',
  'SELECT *, row_number() OVER (PARTITION BY name ORDER BY id) AS r FROM side JOIN input USING (k) QUALIFY r < 3 ORDER BY ALL',
  'SELECT * EXCLUDE (side.k, input.st) FROM input JOIN side ON input.k = side.k ORDER BY id, name',
  'SELECT * EXCLUDE (side.k, S) FROM input JOIN side USING (k) ORDER BY id, name',
  'SELECT side.* EXCLUDE (side.k), id FROM input JOIN side ON input.k = side.k ORDER BY ALL',
  'SELECT * EXCLUDE (st) RENAME (k AS key) FROM input ORDER BY id LIMIT 3',
  'SELECT *, id + 1 AS next FROM (SELECT k, id FROM input JOIN side USING (k)) ORDER BY ALL LIMIT 5',
  // names that are words of SQL, or have a space or a quote in them
  'SELECT "order".id, c.name FROM input AS "order" JOIN side c ON "order".k = c.k ORDER BY ALL',
  'WITH "a b" AS (SELECT k, count(*) AS n FROM input GROUP BY k) SELECT * FROM "a b" JOIN side USING (k) ORDER BY ALL',
  'SELECT id, "select"."from" AS "a ""b" FROM input JOIN "select" USING (k) ORDER BY id',
  'SELECT "a""b".*, "Group".name FROM (SELECT "a.b".* FROM input AS "a.b") AS "a""b" LEFT JOIN side AS "Group" USING (k) ORDER BY id, name',
  'SELECT count(x) AS n FROM (SELECT "from".* EXCLUDE (k), d AS x FROM input AS "from", "select") WHERE id > 3',
  // rows without names of their fields
  'SELECT s, count(DISTINCT (k, st)) AS n FROM input GROUP BY s ORDER BY s',
  'SELECT id FROM input ORDER BY (k, s) DESC, id LIMIT 9',
  'SELECT k, arg_max(id, (s, id)) AS a, min_by(id, (s, id), 2) AS b, list(id ORDER BY (s, id)) AS l FROM input GROUP BY k ORDER BY k',
  'SELECT id, rank() OVER (PARTITION BY (k, s) ORDER BY (b, id)) AS r, arg_max(id, (s, id)) OVER (PARTITION BY (k, s)) AS m FROM (SELECT *, id % 2 AS b FROM input) ORDER BY id',
  // a -0 stays one
  'SELECT k, arg_min(d, id, 4)::VARCHAR AS a, max_by(d, (s, id), 3)::VARCHAR AS b FROM input GROUP BY k ORDER BY k',
  'SELECT arg_min(d, id, 4)::VARCHAR AS a, max(d, 2) AS m FROM input WHERE id < 0',
  // 25 hours are more than a day and a month is less than 31 days; times with offsets are in order by their instants
  'SELECT k, list(id ORDER BY CASE id % 4 WHEN 0 THEN to_hours(25) WHEN 1 THEN to_days(1) WHEN 2 THEN to_days(31) ELSE to_months(1) END, id) AS l FROM input GROUP BY k ORDER BY k',
  'SELECT k, first(id ORDER BY CASE WHEN id % 2 = 0 THEN to_days(30) ELSE to_months(1) END DESC, id) AS f FROM input GROUP BY k ORDER BY k',
  "SELECT k, string_agg(s, '|' ORDER BY ['10:00:00+00', '14:00:00+05:30', '08:00:00-03'][1 + id % 3]::TIMETZ DESC, id) AS l FROM input GROUP BY k ORDER BY k",
])('%s', async (sql) => {
  expect(await checkQuery(bench, { sql, isOrdered: sql.includes(' ORDER BY ') }, inOrder)).toBeNull();
});

test('a cast that fails behind groups is told without names that the query has not', async () => {
  const failure = bench.answerOfMany('SELECT k, sum(id)::TINYINT FROM input GROUP BY k', inOrder);
  await expect(failure).rejects.toThrow(/out of range for the destination type INT8\. TRY_CAST in place of CAST/);
  const named = bench.answerOfMany('SELECT n::TINYINT FROM (SELECT k, sum(id) AS n FROM input GROUP BY k)', inOrder);
  await expect(named).rejects.toThrow(/out of range for the destination type INT8 when casting from source column n\. TRY_CAST/);
});

test('one task counts what passes a WHERE that names an alias', async () => {
  const one = await QueryBench.open();
  await one.makeTable('SELECT i AS id FROM range(9) t(i)', [9]);
  const sql = 'SELECT id % 3 AS x, x + 1 AS y, count(*) AS n FROM input WHERE y > 1 GROUP BY x ORDER BY x';
  expect(await checkQuery(one, { sql, isOrdered: true }, inOrder)).toBeNull();
  await one.close();
});
