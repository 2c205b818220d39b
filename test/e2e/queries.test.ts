import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { deltaLog, sorted, sqlText, tableRows, textRows } from './duckdb.ts';
import { WarmHome } from './warm-home.ts';

let home: WarmHome;
beforeAll(async () => {
  home = await WarmHome.open();
});
afterAll(() => home.close());

describe('a query', () => {
  const text = 'id,tags,v\n1,"a,b",x\n2,,y\n3,"c",\n';

  test('may select _file and _run', async () => {
    const table = home.newTable();
    const files = [home.file('a.csv', text), home.file('b.csv', text)];
    const ended = await home.run({ input: files, table, query: 'SELECT id, _file, _run FROM input', splitBytes: 12 });
    expect(ended.error).toBeNull();
    const run = ended.receipt?.run ?? '';
    expect(sorted(await tableRows(home.tablePath(table)))).toEqual(
      sorted(files.flatMap((file) => ['1', '2', '3'].map((id) => [id, file, run]))),
    );
  });

  test('may select line_number where a task sees the whole object, and is refused where it would be cut', async () => {
    const path = home.file('a.txt', 'first\nsecond\n\nfourth');
    const query = 'SELECT line_number, line FROM input';
    const table = home.newTable();
    const whole = await home.run({ input: [path], table, query });
    expect(whole.error).toBeNull();
    const lines = ['first', 'second', '', 'fourth'];
    expect(sorted(await tableRows(home.tablePath(table)))).toEqual(sorted(lines.map((line, index) => [String(index + 1), line])));
    const cut = await home.run({ input: [path], table: home.newTable(), query, splitBytes: 8 });
    expect(cut.error).toMatchObject({ code: 'query.unsupported', message: expect.stringContaining('line_number') });
  });

  test.each([
    [
      'functions, CASE and a filter',
      "SELECT id * 2 AS n, upper(v) AS u, CASE WHEN v IS NULL THEN 'none' ELSE v END AS c FROM input WHERE id <> 2",
    ],
    ['UNNEST', "SELECT id, unnest(string_split(tags, ',')) AS tag FROM input"],
    ['UNNEST in FROM', "SELECT id, tag FROM input, unnest(string_split(coalesce(tags, ''), ',')) AS t(tag)"],
    [
      'a CTE and a subquery',
      'WITH small AS (SELECT * FROM input WHERE id < 3) SELECT id, (SELECT x + 1 FROM (VALUES (id)) AS t(x)) AS m FROM small',
    ],
    ['FROM first', 'FROM input SELECT id, v WHERE v IS NOT NULL'],
    ['a filter that lets nothing pass', 'SELECT id FROM input WHERE id > 100'],
  ])('that treats rows one by one gives what DuckDB gives over the whole: %s', async (_what, query) => {
    const path = home.file('a.csv', text);
    const source = `(SELECT * FROM read_csv(${sqlText(path)}, auto_detect = false, header = true, delim = ',', quote = '"', escape = '"', new_line = '\\n', parallel = false, columns = {id: 'BIGINT', tags: 'VARCHAR', v: 'VARCHAR'}))`;
    const oracle = await textRows(`WITH input AS ${source} SELECT * FROM (${query})`);
    for (const splitBytes of [undefined, 8]) {
      const table = home.newTable();
      const ended = await home.run({ input: [path], table, query, ...(splitBytes === undefined ? {} : { splitBytes }) });
      expect({ splitBytes, error: ended.error }).toEqual({ splitBytes, error: null });
      expect({ splitBytes, rows: sorted(await tableRows(home.tablePath(table))) }).toEqual({ splitBytes, rows: sorted(oracle) });
      const { read = 0, filtered = 0, passed = 0, written = 0 } = ended.receipt?.rows ?? {};
      expect([read, filtered + passed, written]).toEqual([3, 3, oracle.length]);
    }
  });

  test.each([
    ['an aggregate', 'SELECT count(*) AS n, max(id) AS m FROM input', [['6', '3']]],
    [
      'groups',
      'SELECT v, count(*) AS n, sum(id)::BIGINT AS s FROM input GROUP BY v',
      [
        ['x', '2', '2'],
        ['y', '2', '4'],
        [null, '2', '6'],
      ],
    ],
    ['a median', 'SELECT median(id) AS m FROM input', [['2.0']]],
    ['DISTINCT', 'SELECT DISTINCT v FROM input', [['x'], ['y'], [null]]],
    ['ORDER BY and LIMIT', 'SELECT id FROM input ORDER BY id DESC LIMIT 1', [['3']]],
    ['a window', 'SELECT id, count(*) OVER (PARTITION BY v) AS n FROM input', ['1', '2', '3', '1', '2', '3'].map((id) => [id, '2'])],
  ] as const)('with %s gives the same over one task and over several', async (_what, query, rows) => {
    const files = [home.file('a.csv', text), home.file('b.csv', text)];
    for (const splitBytes of [undefined, 10]) {
      const table = home.newTable();
      const ended = await home.run({ input: files, table, query, ...(splitBytes === undefined ? {} : { splitBytes }) });
      expect({ splitBytes, error: ended.error }).toEqual({ splitBytes, error: null });
      expect(ended.receipt?.tasks.planned === 1).toBe(splitBytes === undefined);
      expect(ended.receipt?.rows).toMatchObject({ read: 6, filtered: 0, passed: 6, written: rows.length });
      expect({ splitBytes, rows: sorted(await tableRows(home.tablePath(table))) }).toEqual({ splitBytes, rows: sorted(rows) });
      expect(deltaLog(home.tablePath(table)).versions).toEqual([0]);
    }
  });

  test.each([
    ['count(*)', 'SELECT count(*) AS n, 5 AS five FROM input', ['', ''], [['0', '5']]],
    [
      'counts of columns of which the names are known',
      'SELECT count(v) AS n, count(DISTINCT id) AS d FROM input',
      ['id,v\n', 'id,v\n'],
      [['0', '0']],
    ],
    ['groups, of which there are none', 'SELECT v, count(*) AS n FROM input GROUP BY v', ['id,v\n', 'id,v\n'], []],
    ['a value whose type nothing tells', 'SELECT count(*) AS n, max(v) AS m FROM input', ['id,v\n', 'id,v\n'], []],
    ['a column of which nothing is known', 'SELECT count(v) AS n FROM input', ['', ''], []],
  ] as const)(
    'over files without a row gives what there is of %s, over one task and over several',
    async (_what, query, contents, rows) => {
      const files = contents.map((content, index) => home.file(`none-${index}.csv`, content));
      for (const splitBytes of [undefined, 1]) {
        const table = home.newTable();
        const ended = await home.run({ input: files, table, query, ...(splitBytes === undefined ? {} : { splitBytes }) });
        expect({ splitBytes, error: ended.error }).toEqual({ splitBytes, error: null });
        expect(ended.receipt?.rows).toMatchObject({ read: 0, passed: 0, written: rows.length });
        if (rows.length > 0) expect(await tableRows(home.tablePath(table))).toEqual(rows);
      }
    },
  );

  test('that tasks can not share is refused with the reason, and runs where one task takes all', async () => {
    const files = [home.file('a.csv', text), home.file('b.csv', text)];
    const query = 'SELECT id, count(*) OVER () AS n FROM input';
    const table = home.newTable();
    const refused = await home.run({ input: files, table, query, splitBytes: 10 });
    const message = expect.stringMatching(/all rows at once.*PARTITION BY.*--allow-single-task/s);
    expect(refused).toMatchObject({ exitCode: 2, error: { code: 'query.unsupported', message } });
    expect(deltaLog(home.tablePath(table)).versions).toEqual([]);
    expect(await home.run({ input: files, table, query })).toMatchObject({ error: null, receipt: { tasks: { planned: 1 } } });
    const all = ['1', '2', '3', '1', '2', '3'].map((id) => [id, '6']);
    expect(sorted(await tableRows(home.tablePath(table)))).toEqual(sorted(all));
  });
});
