import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Column } from '../../../functions/core/layout.ts';
import { bindQuery } from '../../../functions/engine/bind.ts';
import { Bench, csvLayout } from './fixture.ts';

let bench: Bench;
beforeAll(async () => {
  bench = await Bench.open();
});
afterAll(() => bench.close());

const input: readonly Column[] = [
  { name: 'id', type: 'BIGINT' },
  { name: 'first name', type: 'VARCHAR' },
  { name: 'l', type: 'INTEGER[]' },
  { name: 'st', type: 'STRUCT(x INTEGER)' },
];

describe('binding tells', () => {
  test.each([
    ['FROM input', ['id', 'first name', 'l', 'st'], { id: 'id', 'first name': 'first name', l: 'l', st: 'st' }],
    ['SELECT * FROM input; -- the end', ['id', 'first name', 'l', 'st'], { id: 'id', 'first name': 'first name', l: 'l', st: 'st' }],
    ['SELECT id + 1 AS n, "first name" AS f, ID FROM input', ['id', 'first name'], { f: 'first name', id: 'id' }],
    ['SELECT * EXCLUDE (l) REPLACE (st.x AS st) FROM input', ['id', 'first name', 'st'], { id: 'id', 'first name': 'first name' }],
    ['SELECT input.id, st.x FROM input', ['id', 'st'], { id: 'id' }],
    ['SELECT id AS l, l AS id FROM input', ['id', 'l'], { l: 'id', id: 'l' }],
    ['SELECT input FROM input', ['id', 'first name', 'l', 'st'], {}],
    ['SELECT q FROM input AS t(p, q)', ['id', 'first name', 'l', 'st'], {}],
    ['SELECT id, _file FROM input', ['id', '_file'], { id: 'id' }],
    ['SELECT id FROM (SELECT id, l FROM input)', ['id', 'l'], {}],
  ])('what %s reads and passes through', async (sql, reads, passThrough) => {
    expect(await bindQuery(bench.engine, sql, input)).toMatchObject({ sql, reads, passThrough });
  });

  test('a struct is not taken for the input of the same name, when that has an alias', async () => {
    const columns = [
      { name: 'a', type: 'BIGINT' },
      { name: 'input', type: 'STRUCT(a BIGINT)' },
    ];
    const passed = async (sql: string) => (await bindQuery(bench.engine, sql, columns)).passThrough;
    expect(await passed('SELECT input.a FROM input AS t')).toEqual({});
    expect(await passed('SELECT t.a FROM input AS t')).toEqual({ a: 'a' });
    expect(await passed('SELECT input.a FROM input')).toEqual({ a: 'a' });
  });

  test('names and types of the output', async () => {
    const { output } = await bindQuery(
      bench.engine,
      "SELECT id::HUGEINT AS h, {'a b': id} AS s, now() AS t, [id] AS l, '{}'::JSON AS j, 1e3 AS d FROM input",
      input,
    );
    expect(output).toEqual([
      { name: 'h', type: 'HUGEINT' },
      { name: 's', type: 'STRUCT("a b" BIGINT)' },
      { name: 't', type: 'TIMESTAMP WITH TIME ZONE' },
      { name: 'l', type: 'BIGINT[]' },
      { name: 'j', type: 'JSON' },
      { name: 'd', type: 'DOUBLE' },
    ]);
  });
});

describe('virtual columns', () => {
  const names = (columns: readonly Column[]): readonly string[] => columns.map(({ name }) => name);
  test.each([
    ['SELECT *, _file FROM input', ['id', 'first name', 'l', 'st', '_file']],
    ['SELECT * EXCLUDE (l), _run AS r, 1e3 AS d FROM input', ['id', 'first name', 'st', 'r', 'd']],
    ['WITH c AS (SELECT *, _file FROM input) SELECT * FROM c', ['id', 'first name', 'l', 'st', '_file']],
    ['SELECT input.*, _file FROM input WHERE _run IS NOT NULL', ['id', 'first name', 'l', 'st', '_file']],
    ['SELECT i.*, _file FROM input i, unnest(l)', ['id', 'first name', 'l', 'st', '_file']],
    ['SELECT * FROM input', ['id', 'first name', 'l', 'st']],
  ])('%s gives them where they are named only', async (sql, expected) => {
    expect(names((await bindQuery(bench.engine, sql, input)).output)).toEqual(expected);
  });

  test('a double keeps its type where the query is printed anew', async () => {
    const columns = [{ name: 'a', type: 'BIGINT' }];
    const { rows } = await bench.map('SELECT *, _run, typeof(a * 1e0) AS t FROM input;', [bench.piece('1\n', csvLayout(['a']))], columns);
    expect(rows).toEqual([['1', 'run-1', 'DOUBLE']]);
  });

  test('a column of the input that has the name wins', async () => {
    const bound = await bindQuery(bench.engine, 'SELECT * FROM input', [...input, { name: '_file', type: 'DATE' }]);
    expect(bound.output.at(-1)).toEqual({ name: '_file', type: 'DATE' });
  });
});

describe('a query that is refused', () => {
  test.each([
    ['selec id FROM input', 'query.syntax', 'LINE 1: selec id'],
    ['SELECT id FROM', 'query.syntax', 'syntax error at end of input'],
    ['SELECT idd FROM input', 'query.column', "There is no column 'idd' (did you mean 'id'?). input has: id, first name, l, st."],
    ['SELECT nope(id) FROM input', 'query.function', 'Scalar Function with name nope does not exist'],
    ['SELECT id + l FROM input', 'query.function', 'No function matches'],
    ['SELECT 1; SELECT 2', 'query.unsupported', 'found 2 statements'],
    ['', 'query.unsupported', 'must be one SELECT'],
    ['INSERT INTO x VALUES (1)', 'query.unsupported', 'must be one SELECT'],
    ['COPY input TO $$x$$', 'query.unsupported', 'must be one SELECT'],
    ['SELECT 1e400 FROM input', 'query.unsupported', 'too large'],
    ['SELECT COLUMNS($$.*$$), _file FROM input', 'query.unsupported', 'Name the columns'],
    ["FROM read_csv('x.csv')", 'query.forbidden', 'read_csv'],
    ["FROM 'data.parquet'", 'query.forbidden', "the file 'data.parquet'"],
    ["SELECT * FROM input, '/etc/passwd'", 'query.forbidden', '/etc/passwd'],
    ["SELECT (SELECT max(content) FROM read_text('/etc/hosts')) FROM input", 'query.forbidden', 'read_text'],
    ["WITH c AS (SELECT * FROM glob('*')) SELECT id FROM input", 'query.forbidden', 'glob'],
    ["FROM query('SELECT 1')", 'query.forbidden', 'query'],
    ["FROM query_table('input')", 'query.forbidden', 'query_table'],
    ['FROM duckdb_settings()', 'query.forbidden', 'duckdb_settings'],
    ['FROM pg_type', 'query.forbidden', 'pg_type'],
    ['FROM main.input', 'query.forbidden', 'main.input'],
    ['SELECT * FROM (WITH c AS (FROM input) FROM c), c', 'query.forbidden', "reads 'c'"],
    ['WITH input AS (SELECT 1 AS a) FROM input', 'query.forbidden', "'input'"],
    ['DESCRIBE input', 'query.forbidden', 'DESCRIBE'],
    ['SUMMARIZE input', 'query.forbidden', 'SUMMARIZE'],
    ['SELECT id, $1 FROM input', 'query.forbidden', 'parameter'],
    ["SELECT getenv('HOME') FROM input", 'query.forbidden', 'getenv'],
    ["SELECT current_setting('threads') FROM input", 'query.forbidden', 'current_setting'],
    ['SELECT sleep_ms(10), id FROM input', 'query.forbidden', 'sleep_ms'],
    ["SELECT write_log('x'), id FROM input", 'query.forbidden', 'write_log'],
    ["SELECT nextval('s') FROM input", 'query.forbidden', 'nextval'],
    ['SELECT setseed(0.5) FROM input', 'query.forbidden', 'setseed'],
    ['SELECT pg_get_viewdef(1) FROM input', 'query.forbidden', 'pg_get_viewdef'],
  ])('%s', async (sql, code, part) => {
    await expect(bindQuery(bench.engine, sql, input)).rejects.toMatchObject({ code, message: expect.stringContaining(part) });
  });
});

describe('beside side tables', () => {
  const sides = [
    {
      name: 'countries',
      columns: [
        { name: 'code', type: 'VARCHAR' },
        { name: 'area', type: 'DECIMAL(9,2)' },
      ],
    },
  ];
  const bound = (sql: string) => bindQuery(bench.engine, sql, input, sides);

  test('a query reads them by name, in any case', async () => {
    const { output, rowwise } = await bound('SELECT id, c.* FROM input LEFT JOIN Countries c ON "first name" = code');
    expect(output.map(({ type }) => type)).toEqual(['BIGINT', 'VARCHAR', 'DECIMAL(9,2)']);
    expect(rowwise).toBe(true);
  });

  test('they are there for that query alone', async () => {
    await bound('SELECT id FROM input');
    expect(await bench.engine.rows("SELECT view_name FROM duckdb_views() WHERE view_name = 'countries'")).toEqual([]);
    await expect(bindQuery(bench.engine, 'SELECT * FROM input, countries', input)).rejects.toMatchObject({ code: 'query.forbidden' });
  });

  test('groups of a join with one are shared by tasks, and the join is in the map stage', async () => {
    const { staged } = await bound(
      'SELECT code, count(*) AS n FROM input JOIN countries ON "first name" = code GROUP BY code ORDER BY n, code',
    );
    expect(staged?.map.sql).toContain('countries');
    expect(staged?.steps.length).toBeGreaterThan(0);
  });

  test('one that is first in FROM is joined in the map stage too, by a subquery over it', async () => {
    const { staged } = await bound(
      'SELECT code, count(*) AS n FROM (SELECT DISTINCT code FROM countries) c JOIN input ON "first name" = code GROUP BY code',
    );
    expect(staged?.map.sql).toContain('countries');
  });

  test('behind groups it is read by the tasks that merge them', async () => {
    const { staged } = await bound(
      'SELECT area, n FROM (SELECT "first name" AS k, count(*) AS n FROM input GROUP BY k) JOIN countries ON k = code WHERE n > 1',
    );
    expect(staged?.map.sql).not.toContain('countries');
    expect(staged?.steps.map(({ readsSides = false }) => readsSides)).toEqual([true]);
    const { staged: none } = await bound('SELECT code, count(*) AS n FROM countries JOIN input ON "first name" = code GROUP BY code');
    expect(none?.steps.map(({ readsSides = false }) => readsSides)).toEqual([false]);
  });

  test.each([
    [
      'SELECT area, n FROM countries JOIN (SELECT "first name" AS k, count(*) AS n FROM input GROUP BY k) ON k = code',
      'groups rows (GROUP BY) on the right of a join; write it on the left: FROM (SELECT ... FROM input ...) JOIN ...',
    ],
    [
      'SELECT area, count(*) FROM countries WHERE EXISTS (FROM input WHERE "first name" = code) GROUP BY area',
      'reads input in a subquery, not in FROM; write FROM input JOIN ...',
    ],
    [
      'WITH n AS (SELECT "first name" AS k, count(*) AS n FROM input GROUP BY k) SELECT area FROM countries, n WHERE k = code AND n = (SELECT max(n) FROM n)',
      'reads input more than once',
    ],
    [
      'SELECT "first name", count(*) FROM input GROUP BY 1 HAVING "first name" IN (SELECT code FROM countries)',
      'has IN, ANY or ALL (SELECT ...) beside its aggregates; write it in WHERE, or around a subquery that groups',
    ],
    [
      'SELECT DISTINCT id FROM input RIGHT JOIN countries ON "first name" = code',
      "keeps the other table's rows without a match (RIGHT JOIN), which no task knows; write FROM input LEFT JOIN ...",
    ],
  ])('tasks can not share %s: it %s', async (sql, reason) => {
    expect(await bound(sql)).toMatchObject({ staged: null, reason });
  });

  test.each([
    [
      'SELECT id FROM input JOIN countrys ON code = id',
      'query.forbidden',
      "it reads 'countrys': there is no such table here (did you mean 'countries'?); there are input, countries.",
    ],
    [
      'SELECT id, aera FROM input, countries',
      'query.column',
      "There is no column 'aera' (did you mean 'area'?). input has: id, first name, l, st. countries has: code, area.",
    ],
    [
      'WITH countries AS (SELECT 1) SELECT id FROM input, countries',
      'query.forbidden',
      "it names a WITH entry 'countries': that is the name of a side input",
    ],
    ['SELECT id FROM input, main.countries', 'query.forbidden', 'tables have no schema here'],
    ['SELECT * FROM input JOIN (SELECT code AS id FROM countries) USING (nope)', 'query.column', 'nope'],
  ])('%s is refused', async (sql, code, part) => {
    await expect(bound(sql)).rejects.toMatchObject({ code, message: expect.stringContaining(part) });
  });
});
