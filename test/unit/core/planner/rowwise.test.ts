import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { FunctionCatalog } from '../../../../functions/core/planner/functions.ts';
import { treatmentOfRows } from '../../../../functions/core/planner/rowwise.ts';
import { parseTree, printTree, statementsOf, type TreeNode } from '../../../../functions/core/planner/statement-tree.ts';
import { functionCatalog } from '../../../../functions/engine/function-catalog.ts';
import { Engine } from '../../../../functions/engine/session.ts';

// The trees are DuckDB's own, so that the tests notice when a version gives others.
let engine: Engine;
let catalog: FunctionCatalog;
beforeAll(async () => {
  engine = await Engine.open({ threads: 1, memoryLimitBytes: 1 << 28, scratch: join(tmpdir(), `fanlake-rowwise-${process.pid}`) });
  catalog = await functionCatalog(engine);
});
afterAll(() => engine.close());

async function treeOf(sql: string): Promise<TreeNode> {
  const [row] = await engine.rows(`SELECT json_serialize_sql('${sql.replaceAll("'", "''")}'::VARCHAR)::VARCHAR AS tree`);
  const [query] = statementsOf(parseTree(String(row?.['tree'])));
  if (query === undefined) throw new Error(`no tree: ${String(row?.['tree'])}`);
  return query;
}

describe('row by row', () => {
  test.each([
    'SELECT * FROM input',
    'FROM input',
    'FROM input SELECT a',
    'SELECT * EXCLUDE (a) REPLACE (b + 1 AS b) FROM input WHERE a > 1 AND b IN (1, 2)',
    "SELECT CASE WHEN a = 1 THEN 'x' ELSE upper(s) END, a::DOUBLE, TRY_CAST(s AS DATE), a BETWEEN 1 AND 2, s LIKE 'x%', st.x, l[1], {'k': a} FROM input",
    'SELECT list_sum(l), list_transform(l, x -> x + 1), [y * 2 FOR y IN l], array_to_string(l, $$,$$) FROM input',
    'WITH c AS (SELECT a FROM input WHERE a > 1) SELECT a + 1 FROM c',
    'SELECT x FROM (SELECT a AS x FROM input) WHERE x > 2',
    'SELECT a FROM input WHERE a IN (SELECT unnest([1, 2]))',
    'SELECT a FROM input WHERE EXISTS (SELECT 1 FROM range(10) r(i) WHERE i = a ORDER BY i LIMIT 1)',
    'SELECT COLUMNS($$a.*$$) FROM input',
    'SELECT nullif(a, 1), split_part(s, $$,$$, 1) FROM input',
    'SELECT (SELECT sum(x) FROM unnest(l) t(x)) FROM input',
    'WITH c AS (SELECT a, random() AS r FROM input) SELECT a, uuid() AS u FROM (SELECT * FROM c WHERE r < random())',
  ])('%s', async (sql) => {
    expect(treatmentOfRows(await treeOf(sql), catalog)).toEqual({
      rowwise: true,
      reason: null,
      changesRowCount: false,
      filters: sql.includes('WHERE'),
    });
  });
});

describe('row by row, with more rows than before', () => {
  test.each([
    'SELECT unnest(l) FROM input',
    'SELECT a, x FROM input, unnest(l) u(x)',
    'SELECT a, x FROM input CROSS JOIN range(3) r(x)',
    'SELECT a, x FROM input LEFT JOIN (VALUES (1), (2)) v(x) ON a = x',
    'SELECT a, t.x FROM input, LATERAL (SELECT unnest(l) AS x) t',
    'SELECT generate_subscripts(l, 1) FROM input',
    'SELECT a FROM input UNION ALL SELECT b FROM input',
    'SELECT a, b FROM input UNION ALL BY NAME SELECT b, a FROM input',
    'WITH c AS (SELECT a FROM input) SELECT a FROM c UNION ALL SELECT a + 1 FROM c UNION ALL SELECT b FROM input',
    'SELECT x FROM (SELECT a AS x FROM input UNION ALL SELECT b FROM input)',
    'SELECT regexp_split_to_table(s, $$,$$) FROM input',
  ])('%s', async (sql) => {
    expect(treatmentOfRows(await treeOf(sql), catalog)).toEqual({ rowwise: true, reason: null, changesRowCount: true, filters: false });
  });
});

describe('not row by row', () => {
  test.each([
    ['SELECT count(*) FROM input', 'aggregates rows (count(*))'],
    ['SELECT sum(a) + 1 FROM input', 'aggregates rows (sum)'],
    // DuckDB gives an aggregate over an outer column to the outer query: one row
    ['SELECT (SELECT sum(i.a)) FROM input i', 'aggregates in a subquery (sum)'],
    ['SELECT geomean(a) FROM input', 'aggregates rows (geomean)'],
    ['SELECT wavg(a, b) FROM input', 'aggregates rows (wavg)'],
    ['SELECT json_group_array(a) FROM input', 'aggregates rows (json_group_array)'],
    ['SELECT a FROM input GROUP BY a', 'groups rows (GROUP BY)'],
    ['SELECT 1 FROM input GROUP BY ()', 'groups rows (GROUP BY)'],
    ['SELECT a FROM input GROUP BY ALL', 'groups rows (GROUP BY ALL)'],
    ['SELECT a FROM input HAVING a > 1', 'filters groups (HAVING)'],
    ['SELECT row_number() OVER () FROM input', 'looks at several rows at once (the window function row_number)'],
    ['SELECT sum(a) OVER (ORDER BY b) FROM input', 'looks at several rows at once (the window function sum)'],
    ['SELECT a FROM input QUALIFY row_number() OVER () = 1', 'looks at several rows at once (QUALIFY)'],
    ['SELECT DISTINCT a FROM input', 'removes duplicates (DISTINCT)'],
    ['SELECT DISTINCT ON (a) * FROM input', 'removes duplicates (DISTINCT)'],
    ['SELECT a FROM input ORDER BY a', 'sorts (ORDER BY)'],
    ['SELECT a FROM input LIMIT 1', 'limits its rows (LIMIT or OFFSET)'],
    ['SELECT a FROM input OFFSET 1', 'limits its rows (LIMIT or OFFSET)'],
    ['SELECT a FROM input LIMIT 10%', 'limits its rows (LIMIT)'],
    ['SELECT a FROM input USING SAMPLE 10%', 'takes a sample (SAMPLE)'],
    ['SELECT a FROM input TABLESAMPLE 10%', 'takes a sample (SAMPLE)'],
    ['SELECT a FROM input UNION ALL SELECT 1', 'adds rows that are not of input (UNION ALL)'],
    ['SELECT a FROM input UNION ALL (VALUES (1))', 'adds rows that are not of input (UNION ALL)'],
    ['SELECT a FROM input UNION ALL SELECT max(b) FROM input', 'aggregates rows (max) in a branch of UNION ALL'],
    ['SELECT a FROM input UNION ALL SELECT b FROM input ORDER BY a', 'sorts (ORDER BY)'],
    ['SELECT a FROM input UNION ALL SELECT b FROM input WHERE b IN (SELECT a FROM input)', 'reads input more than once'],
    ['SELECT a FROM input UNION SELECT 1', 'combines queries (UNION)'],
    ['SELECT a FROM input UNION SELECT b FROM input', 'reads input more than once'],
    ['SELECT a FROM input EXCEPT SELECT 1', 'combines queries (EXCEPT)'],
    ['SELECT a FROM input WHERE a IN (SELECT b FROM input)', 'reads input more than once'],
    ['SELECT i.a FROM input i JOIN input j USING (a)', 'reads input more than once'],
    ['WITH c AS (FROM input) SELECT * FROM c c1, c c2', 'reads input more than once'],
    ['SELECT max(x) FROM (SELECT a AS x FROM input)', 'aggregates rows (max)'],
    ['SELECT * FROM (SELECT a FROM input LIMIT 3)', 'limits its rows (LIMIT or OFFSET)'],
    ['WITH c AS (SELECT DISTINCT a FROM input) SELECT * FROM c', 'removes duplicates (DISTINCT)'],
    ['SELECT (SELECT max(b) FROM input)', 'reads input in a subquery'],
    [
      'WITH RECURSIVE r AS (SELECT a FROM input UNION ALL SELECT a + 1 FROM r WHERE a < 9) SELECT * FROM r',
      'is recursive (WITH RECURSIVE)',
    ],
    ['SELECT 1', 'does not read input'],
    ['VALUES (1)', 'does not read input'],
    ['SELECT nobody_knows(a) FROM input', 'calls a function that is not known to treat rows one by one (nobody_knows)'],
  ])('%s: it %s', async (sql, reason) => {
    expect(treatmentOfRows(await treeOf(sql), catalog)).toMatchObject({ rowwise: false, reason });
  });
});

/** A table of which every task has all rows. */
const sides = [
  {
    name: 'Dim',
    columns: [
      { name: 'k', type: 'INTEGER' },
      { name: 'y', type: 'VARCHAR' },
    ],
  },
];

const treatmentWithSides = async (sql: string) => treatmentOfRows(await treeOf(sql), catalog, sides);

describe('with a side table, row by row', () => {
  const unchanged = { changesRowCount: false, filters: false };
  const filtered = { changesRowCount: false, filters: true };
  const multiplied = { changesRowCount: true, filters: false };
  test.each([
    ['SELECT * FROM input JOIN dim USING (k)', multiplied],
    ['SELECT * FROM input i LEFT JOIN dim d ON i.a = d.k', multiplied],
    ['SELECT * FROM input, dim', multiplied],
    ['SELECT * FROM input CROSS JOIN dim', multiplied],
    ['SELECT * FROM dim JOIN input USING (k)', multiplied],
    ['SELECT * FROM dim, input', multiplied],
    ['SELECT * FROM dim, (SELECT a FROM input) t', multiplied],
    ['SELECT * FROM input SEMI JOIN dim USING (k)', filtered],
    ['SELECT * FROM input ANTI JOIN dim USING (k)', filtered],
    ['SELECT * FROM input ASOF JOIN dim ON a >= dim.k', filtered],
    ['SELECT * FROM input ASOF LEFT JOIN dim ON a >= dim.k', unchanged],
    ['SELECT * FROM input LEFT JOIN (SELECT k, max(y) AS y FROM dim GROUP BY k ORDER BY k LIMIT 5) d USING (k)', multiplied],
    ['WITH d AS (SELECT DISTINCT k FROM dim) SELECT * FROM input JOIN d USING (k)', multiplied],
    ['SELECT * FROM input, LATERAL (SELECT y FROM dim WHERE dim.k = a) d', multiplied],
    ['SELECT * FROM input WHERE a IN (SELECT k FROM dim)', filtered],
    ['SELECT * FROM input WHERE a NOT IN (SELECT k FROM dim)', filtered],
    ['SELECT * FROM input WHERE EXISTS (SELECT 1 FROM dim WHERE dim.k = input.a)', filtered],
    ['SELECT a, (SELECT max(y) FROM dim) FROM input', unchanged],
    ['SELECT a, (SELECT count(*) FROM dim) FROM input', unchanged],
    ['SELECT a, (SELECT max(d.k + i.a) FROM dim d) FROM input i', unchanged],
    ['SELECT a, (SELECT max(n) FROM (SELECT count(*) AS n FROM dim GROUP BY y)) FROM input', unchanged],
    ['SELECT a, (SELECT y FROM dim ORDER BY k LIMIT 1) FROM input', unchanged],
  ])('%s', async (sql, expected) => {
    expect(await treatmentWithSides(sql)).toEqual({ rowwise: true, reason: null, ...expected });
  });
});

describe('a value that each task would make anew is not row by row', () => {
  test.each([
    ['uuid', 'SELECT (SELECT uuid()) AS u FROM input'],
    ['random', 'SELECT a FROM input WHERE a > (SELECT random())'],
    ['uuidv4', 'SELECT uuidv4() IN (SELECT uuidv4()) FROM input'],
    ['uuidv7', 'WITH r AS (SELECT uuidv7() AS u) SELECT r.u FROM input, r'],
    ['gen_random_uuid', 'SELECT a, u FROM input JOIN (SELECT k, gen_random_uuid() AS u FROM dim) d ON a = d.k'],
    ['random', 'SELECT * FROM (SELECT k, random() AS r FROM dim) d JOIN input ON a = d.k'],
    ['random', 'SELECT a FROM input JOIN dim ON a = dim.k AND dim.k < random()'],
    ['random', 'SELECT * FROM input, (VALUES (random())) v(x)'],
    ['random', 'SELECT * FROM input, LATERAL (SELECT a + random() AS x)'],
    ['random', 'SELECT * FROM input, unnest([random()]) u(x)'],
    ['uuid', 'WITH r AS (SELECT uuid() AS u) SELECT u FROM input, r UNION ALL SELECT u FROM input, r'],
    ['uuid', 'SELECT * FROM (WITH r AS (SELECT uuid() AS u) SELECT u, a FROM input, r)'],
  ])('%s: %s', async (name, sql) => {
    const reason = `calls ${name}(), which gives each task another value; write the value itself, or ${name}() in the SELECT list of a query that takes rows one by one`;
    expect(await treatmentWithSides(sql)).toMatchObject({ rowwise: false, reason });
  });
});

describe('with a side table, not row by row', () => {
  const right = (join: string) =>
    `has input on the right of ${join}, where each task sees some of its rows only; write FROM input ${join} ...`;
  const kept = (join: string) =>
    `keeps the other table's rows without a match (${join}), which no task knows; write FROM input LEFT JOIN ...`;
  const anyRows = 'takes any rows of a side table (LIMIT or OFFSET without ORDER BY); write an ORDER BY that says which';
  test.each([
    ['SELECT * FROM dim LEFT JOIN input USING (k)', right('LEFT JOIN')],
    ['SELECT * FROM dim SEMI JOIN input USING (k)', right('SEMI JOIN')],
    ['SELECT * FROM dim ANTI JOIN input USING (k)', right('ANTI JOIN')],
    ['SELECT * FROM dim ASOF JOIN input ON dim.k >= a', right('ASOF JOIN')],
    ['SELECT * FROM dim ASOF LEFT JOIN input ON dim.k >= a', right('ASOF JOIN')],
    ['SELECT * FROM input RIGHT JOIN dim USING (k)', kept('RIGHT JOIN')],
    ['SELECT * FROM dim RIGHT JOIN input USING (k)', kept('RIGHT JOIN')],
    ['SELECT * FROM input FULL JOIN dim USING (k)', kept('FULL JOIN')],
    [
      'SELECT * FROM input POSITIONAL JOIN dim',
      'joins by the place of rows (POSITIONAL JOIN), which no task knows; write a join by a column',
    ],
    [
      'SELECT * FROM input NATURAL JOIN dim',
      'joins by all names that both tables have (NATURAL JOIN); write the columns: JOIN ... USING (...)',
    ],
    ['SELECT a FROM input UNION ALL SELECT k FROM dim', 'adds rows that are not of input (UNION ALL)'],
    ['SELECT * FROM dim', 'does not read input'],
    ['SELECT * FROM dim WHERE EXISTS (SELECT 1 FROM input WHERE a = dim.k)', 'reads input in a subquery'],
    ['SELECT * FROM input JOIN dim USING (k) WHERE a = (SELECT max(a) FROM input)', 'reads input more than once'],
    // the outer query's, although a side table stands in FROM
    ['SELECT (SELECT sum(i.a) FROM dim) FROM input i', 'aggregates in a subquery (sum)'],
    ['SELECT (SELECT sum(a) FROM dim) FROM input', 'aggregates in a subquery (sum)'],
    ['SELECT (SELECT count(*) FILTER (WHERE a > 1) FROM dim) FROM input', 'aggregates in a subquery (count_star)'],
    ['SELECT (SELECT max(list_sum(list_transform(l, k -> k + 1))) FROM dim) FROM input', 'aggregates in a subquery (max)'],
    ['SELECT count(*) FROM input JOIN dim USING (k)', 'aggregates rows (count(*))'],
    ['SELECT * FROM input JOIN (SELECT * FROM dim LIMIT 3) d USING (k)', anyRows],
    ['SELECT a, (SELECT y FROM dim LIMIT 1) FROM input', anyRows],
    ['WITH d AS (FROM dim OFFSET 2) SELECT * FROM input JOIN d USING (k)', anyRows],
    ['SELECT * FROM input JOIN (FROM dim USING SAMPLE 10%) d USING (k)', 'takes a sample of a side table (SAMPLE)'],
    ['SELECT * FROM input JOIN dim TABLESAMPLE 10% USING (k)', 'takes a sample of a side table (SAMPLE)'],
  ])('%s: it %s', async (sql, reason) => {
    expect(await treatmentWithSides(sql)).toMatchObject({ rowwise: false, reason });
  });
});

describe('a tree', () => {
  test.each([
    'SELECT 9007199254740993 AS a, 18446744073709551616 AS b, 10.0 AS c, -1 AS d',
    "SELECT '-12', 'x 5 \"7\" \\ 9' AS e, [1, 2.50]",
    'SELECT a FROM t WHERE b = 1e3',
  ])('keeps every digit of %s', async (sql) => {
    const [row] = await engine.rows(`SELECT json_serialize_sql('${sql.replaceAll("'", "''")}'::VARCHAR)::VARCHAR AS tree`);
    const text = String(row?.['tree']);
    const tree = parseTree(text);
    expect(tree === null ? null : printTree(tree)).toBe(text);
  });

  test('that can not be kept is refused: a number beyond a double, a text that looks like our mark', () => {
    expect(parseTree('{"value":Infinity}')).toBeNull();
    expect(parseTree('{"value":"\\u0000n12"}')).toBeNull();
  });
});
