import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Column } from '../../../functions/core/layout.ts';
import { bindQuery } from '../../../functions/engine/bind.ts';
import { Bench } from './fixture.ts';

let bench: Bench;
beforeAll(async () => {
  bench = await Bench.open();
});
afterAll(() => bench.close());

const input: readonly Column[] = [
  { name: 'id', type: 'BIGINT' },
  { name: 'k', type: 'INTEGER' },
  { name: 'g', type: 'VARCHAR' },
  { name: 'd', type: 'DOUBLE' },
  { name: 'l', type: 'INTEGER[]' },
  { name: 'v', type: 'VARIANT' },
];

const bound = (sql: string) => bindQuery(bench.engine, sql, input);

describe('tasks share', () => {
  test.each<[string, readonly (readonly string[])[]]>([
    ['SELECT count(*) FROM input', [[]]],
    ['SELECT k, sum(d) FROM input GROUP BY k', [['x0']]],
    ['SELECT k, sum(d) AS s FROM input GROUP BY k ORDER BY s DESC LIMIT 3', [['x0'], []]],
    ['SELECT k, g, count(*) FROM input GROUP BY ROLLUP (k, g)', [[]]],
    ['SELECT k, g, count(*) FROM input GROUP BY GROUPING SETS ((k, g), (k))', [['x0']]],
    ['SELECT DISTINCT k, g FROM input', [['c0', 'c1']]],
    ['SELECT id, rank() OVER (PARTITION BY k, g ORDER BY id) FROM input', [['y1', 'y2']]],
    ['SELECT id, sum(d) OVER (PARTITION BY k, g), max(d) OVER (PARTITION BY g) FROM input', [['y3']]],
    ['SELECT max(n) FROM (SELECT k, count(*) AS n FROM (SELECT DISTINCT k, g FROM input) GROUP BY k)', [['c0', 'c1'], ['x0'], []]],
    ['SELECT k, rank() OVER (ORDER BY count(*)) FROM input GROUP BY k', [['x0'], []]],
    ['SELECT k, sum(d) FROM input GROUP BY k UNION ALL SELECT id, max(d) FROM input GROUP BY id', [['_branch', 'b0_x0', 'b1_x0']]],
    ['SELECT k, sum(d) FROM input GROUP BY k UNION ALL SELECT 0, sum(d) FROM input', [[]]],
  ])('%s, whose rows meet by %j', async (sql, keys) => {
    const { staged, rowwise } = await bound(sql);
    expect(rowwise).toBe(false);
    expect(staged?.steps.map((step) => step.keys)).toEqual(keys);
  });

  test.each<[string, boolean | undefined]>([
    ['SELECT id, g FROM input ORDER BY g DESC, d NULLS FIRST', true],
    ['SELECT to_days(k) AS i FROM input ORDER BY i', true],
    ['SELECT id FROM input ORDER BY l, id', true],
    // one sort key doesn't tell which of these come first
    ['SELECT [to_days(k)] AS i FROM input ORDER BY i', false],
    ["SELECT id FROM input ORDER BY {'i': to_days(k)}", false],
    ['SELECT id FROM input ORDER BY id LIMIT 3', false],
    ['SELECT id FROM input ORDER BY id OFFSET 3', false],
    ['SELECT DISTINCT id FROM input', undefined],
  ])('%s: whether the order is theirs: %j', async (sql, isShared) => {
    expect((await bound(sql)).staged?.steps.at(-1)?.order?.isShared).toBe(isShared);
  });

  test('an order is that of the query’s columns and of keys that are none', async () => {
    const { staged } = await bound('SELECT id, g FROM input ORDER BY g DESC, d NULLS FIRST, id DESC NULLS LAST');
    expect(staged?.steps[0]?.order?.by).toEqual([
      { name: 'c1', descending: true, nullsFirst: false },
      { name: 'o1', descending: false, nullsFirst: true },
      { name: 'c0', descending: true, nullsFirst: false },
    ]);
  });

  test('rows of the input are handed on without the columns that nothing behind them needs', async () => {
    const { staged } = await bound('SELECT k, median(d) FROM input WHERE id > 3 GROUP BY k');
    expect(staged?.steps[0]?.columns.map(({ type }) => type)).toEqual(['INTEGER', 'DOUBLE']);
  });

  test('an order inside a query that another one reads is not made, unless it decides which rows there are', async () => {
    const steps = async (sql: string) => (await bound(sql)).staged?.steps.length;
    expect(await steps('SELECT count(*) FROM (SELECT k, count(*) AS n FROM input GROUP BY k ORDER BY n)')).toBe(2);
    expect(await steps('SELECT count(*) FROM (SELECT k, count(*) AS n FROM input GROUP BY k ORDER BY n LIMIT 2)')).toBe(3);
  });

  test('a column of the input goes before a function that is written without parentheses', async () => {
    const { staged } = await bindQuery(bench.engine, 'SELECT max(current_date) FROM input', [{ name: 'current_date', type: 'DATE' }]);
    expect(staged).not.toBeNull();
  });

  test('an alias in HAVING is the column inside an aggregate and the item outside of it', async () => {
    expect((await bound('SELECT k, sum(d) AS d FROM input GROUP BY k HAVING sum(d) > 1')).staged).not.toBeNull();
    expect((await bound('SELECT k, sum(d) AS d FROM input GROUP BY k HAVING d > 1')).staged).not.toBeNull();
  });
});

/** Why a row without names of its fields is refused where its text would show them. */
const nameless = (type: string): string =>
  `must hand on values of type ${type}, and a STRUCT whose fields have no names can't be stored exactly; write struct_pack(name := value, ...), or a cast to VARCHAR`;

describe('refused', () => {
  test.each([
    [
      'SELECT id FROM input LIMIT 3',
      'takes any rows (LIMIT or OFFSET without ORDER BY); write an ORDER BY that says which rows are the first',
    ],
    [
      "SELECT * FROM input PIVOT (sum(id) FOR k IN ('a', 'b'))",
      "turns rows into columns (PIVOT); write an aggregate for each of them, such as sum(v) FILTER (k = 'a') AS a",
    ],
    [
      'UNPIVOT input ON g INTO NAME n VALUE v',
      "turns columns into rows (UNPIVOT); write unnest(['a', 'b']) AS name, unnest([a, b]) AS value",
    ],
    [
      'SELECT id FROM input ORDER BY id LIMIT (1 + 1)',
      'computes how many rows it gives (LIMIT or OFFSET); write a whole number behind LIMIT and OFFSET',
    ],
    ['SELECT id FROM input ORDER BY id LIMIT 10%', 'takes a share of its rows (LIMIT ... %); write LIMIT with a number of rows'],
    ['SELECT DISTINCT g FROM input ORDER BY upper(g)', 'sorts by what DISTINCT leaves out; write ORDER BY with columns of the SELECT list'],
    [
      'SELECT DISTINCT ON (k) k, id FROM input',
      'keeps any one row of several (DISTINCT ON without ORDER BY); write an ORDER BY that says which one',
    ],
    [
      'SELECT sum(d) OVER (ORDER BY id) FROM input',
      'looks at all rows at once (sum() OVER without PARTITION BY); write windows that share a column in PARTITION BY',
    ],
    [
      'SELECT 1 AS one FROM input GROUP BY ALL',
      'has a clause that changes nothing (such as GROUP BY ALL without a column); write it without that clause',
    ],
    [
      'SELECT (SELECT 1) AS one, count(*) FROM input GROUP BY ALL',
      'groups by nothing but a subquery (GROUP BY ALL); write GROUP BY with columns, or leave it away',
    ],
    [
      'SELECT sum(d) OVER (ORDER BY d) FROM (SELECT d FROM input WHERE d > 1 UNION ALL SELECT count(*) FROM input)',
      'looks at all rows at once (sum() OVER without PARTITION BY); write windows that share a column in PARTITION BY',
    ],
    [
      'SELECT sum(d) OVER (PARTITION BY k), sum(d) OVER (PARTITION BY g) FROM input',
      'has windows without a common column in PARTITION BY; write windows that share a column in PARTITION BY',
    ],
    [
      'SELECT row_number() OVER (PARTITION BY k) FROM input',
      'depends on the order of rows and gives none (row_number() OVER without ORDER BY); write an ORDER BY in the window',
    ],
    [
      'SELECT sum(d) OVER (PARTITION BY k ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) FROM input',
      'depends on the order of rows and gives none (sum() OVER without ORDER BY); write an ORDER BY in the window',
    ],
    [
      'SELECT k FROM input GROUP BY k HAVING max(make_timestamp(id)) < current_date',
      'takes current_date from a group, and it is neither grouped nor aggregated; write today()',
    ],
    [
      'SELECT k, random() AS r, count(*) FROM input GROUP BY ALL',
      'calls random(), which gives each task another value; write the value itself, or random() in the SELECT list of a query that takes rows one by one',
    ],
    [
      'SELECT (SELECT uuid()) AS u FROM input',
      'calls uuid(), which gives each task another value; write the value itself, or uuid() in the SELECT list of a query that takes rows one by one',
    ],
    [
      'SELECT alias(id) AS x, count(*) FROM input GROUP BY ALL',
      'asks for the name of an expression (alias), and tasks have names of their own; write the name as a text',
    ],
    [
      'SELECT k, list(id) FROM (SELECT * FROM (SELECT k, id FROM input ORDER BY d) WHERE id > 1) GROUP BY k',
      'relies on the order of a query in FROM (list); write the order in the aggregate: list(x ORDER BY y)',
    ],
    [
      'SELECT json_group_array(id) FROM (SELECT id FROM input ORDER BY id)',
      'relies on the order of a query in FROM (json_group_array); write an aggregate that takes an order: to_json(list(x ORDER BY y))',
    ],
    [
      'WITH RECURSIVE r(n) AS (SELECT min(id) FROM input UNION ALL SELECT n + 1 FROM r WHERE n < 3) SELECT * FROM r',
      'is recursive (WITH RECURSIVE)',
    ],
    [
      'WITH a AS (SELECT k, count(*) AS n FROM input GROUP BY k) SELECT x.k FROM a x JOIN a y USING (k) ORDER BY 1',
      'reads input more than once',
    ],
    [
      "SELECT unnest({'a': id, 'b': k}) FROM input ORDER BY ALL",
      'is taken apart in a way that the engine refuses: Binder Error: Referenced column "c0" not found in FROM clause!',
    ],
    [
      'SELECT g COLLATE nocase AS c, count(*) FROM input GROUP BY c',
      'compares texts by a collation (COLLATE); write lower(...) or strip_accents(...) of the column',
    ],
    ['SELECT count(*) FROM input WHERE d > (SELECT avg(d) FROM input)', 'reads input more than once'],
    ['SELECT count(*) FROM input AS a JOIN input AS b USING (id)', 'reads input more than once'],
    ['SELECT k FROM input INTERSECT SELECT 1', 'combines queries (INTERSECT)'],
    ['SELECT count(*) FROM input UNION ALL SELECT 1', 'adds rows that are not of input (UNION ALL)'],
    [
      'SELECT count(*) AS n FROM input UNION ALL BY NAME SELECT max(id) AS m FROM input',
      'combines by their names what it makes of several rows (UNION ALL BY NAME); write UNION ALL',
    ],
    [
      'SELECT count(*) FROM (VALUES (1)) AS w(x) LEFT JOIN input ON id = x',
      'has input on the right of LEFT JOIN, where each task sees some of its rows only; write FROM input LEFT JOIN ...',
    ],
    [
      'SELECT k, (SELECT max(x) FROM (VALUES (1), (2)) AS w(x) WHERE x < k) AS m, count(*) FROM input GROUP BY k',
      'has a subquery beside its aggregates that depends on the group; write it around a subquery that groups: SELECT ... FROM (SELECT ... GROUP BY ...)',
    ],
    [
      'SELECT k, count(*) FROM input GROUP BY k HAVING k IN (SELECT 1)',
      'has IN, ANY or ALL (SELECT ...) beside its aggregates; write it in WHERE, or around a subquery that groups',
    ],
    [
      'SELECT sum(COLUMNS(*)) FROM (SELECT k, id FROM input)',
      'uses COLUMNS(...) or * inside an expression; write the columns by their names',
    ],
    ['SELECT #1, count(*) FROM input GROUP BY #1', 'names columns by their place (#1); write the columns by their names'],
    [
      'SELECT * FROM input, (SELECT 1 AS x), (SELECT 2 AS y) ORDER BY id LIMIT 1',
      'selects * from tables without names of their own; write the columns by their names',
    ],
    ['SELECT COLUMNS(*) FROM input ORDER BY id LIMIT 1', 'uses COLUMNS(...); write the columns by their names'],
    ['SELECT count(*) FROM input USING SAMPLE 10%', 'takes a sample (SAMPLE)'],
    ['SELECT max((k, id))::VARCHAR AS m FROM input', nameless('STRUCT(INTEGER, BIGINT)')],
    ['SELECT list([(k, g)])::VARCHAR AS l FROM input', nameless('STRUCT(INTEGER, VARCHAR)[]')],
    ['SELECT lag((k, id)) OVER (PARTITION BY k ORDER BY (k, id))::VARCHAR AS l FROM input', nameless('STRUCT(INTEGER, BIGINT)')],
    ['SELECT z::VARCHAR AS t FROM (SELECT (k, g) AS z, count(*) AS n FROM input GROUP BY z)', nameless('STRUCT(INTEGER, VARCHAR)')],
  ])('%s: it %s', async (sql, reason) => {
    expect(await bound(sql)).toMatchObject({ rowwise: false, staged: null, reason });
  });

  test.each([
    ['SELECT first(d) FROM input', /ORDER BY/],
    ['SELECT approx_top_k(k, 3) FROM input', /approx_top_k/],
    ['SELECT k, max(v) FROM input GROUP BY k', /VARIANT/],
  ])('%s', async (sql, reason) => {
    const { staged, reason: found } = await bound(sql);
    expect(staged).toBeNull();
    expect(found).toMatch(reason);
  });
});
