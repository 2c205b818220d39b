import { createHash } from 'node:crypto';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { gzipMembers, zstdFrames } from './compressed.ts';
import { deltaLog, runSql, sorted, sqlText, tableRows, textRows } from './duckdb.ts';
import { type OddDocument, oddCsv, oddJson, oddText, wideText } from './odd-documents.ts';
import { WarmHome } from './warm-home.ts';

// Odd but good: each input gives exactly these rows, written down by hand; as it is, and as gzip of several members and zstd of several frames.
let home: WarmHome;
beforeAll(async () => {
  home = await WarmHome.open();
});
afterAll(() => home.close());

async function check(
  { name, content, rows, wanted, columns }: OddDocument,
  form: (content: Uint8Array) => Uint8Array,
  ending: string,
): Promise<void> {
  const table = home.newTable();
  const path = home.file(`${name}${ending}`, form(Buffer.from(content)));
  const { exitCode, error, receipt } = await home.run({ input: [path], table, ...wanted });
  expect({ exitCode, error }).toEqual({ exitCode: 0, error: null });
  const log = deltaLog(home.tablePath(table));
  expect(sorted(await tableRows(home.tablePath(table)))).toEqual(sorted(rows));
  if (columns !== undefined) expect(Object.keys(log.columns)).toEqual(columns);
  const size = statSync(path).size;
  expect(receipt).toMatchObject({
    outcome: 'COMMITTED',
    rows: { read: rows.length, filtered: 0, quarantined: 0, passed: rows.length, written: rows.length },
    bytes: { input: size, covered: size },
  });
}

describe.each([
  ['CSV', oddCsv],
  ['JSON', oddJson],
  ['text', oddText],
] as const)('odd but good %s', (_format, cases) => {
  describe.each(cases)('$what', (odd) => {
    test.each([
      ['as it is', '', (content: Uint8Array) => content],
      ['as gzip of several members', '.gz', gzipMembers],
      ['as zstd of several frames', '.zst', zstdFrames],
    ] as const)('%s', async (_form, ending, form) => check(odd, form, ending));
  });
});

describe('an input without rows is committed with 0 rows and no log entry', () => {
  test.each([
    ['an empty object', 'a.csv', ''],
    ['an empty object of JSON lines', 'a.jsonl', ''],
    ['an empty array', 'a.json', '[]'],
    ['an empty text', 'a.txt', ''],
    ['an empty object named as gzip', 'a.csv.gz', ''],
    ['a header alone', 'a.csv', 'a,b\n'],
    ['a header alone without a newline', 'a.csv', 'a,b'],
    ['a header alone behind a byte order mark', 'a.csv', '\ufeffa,b\r\n'],
    ['blank lines alone', 'a.csv', '\n\n'],
    ['a byte order mark alone', 'a.csv', '\ufeff'],
  ])('%s', async (_what, name, content) => {
    for (const splitBytes of [undefined, 1]) {
      const table = home.newTable();
      const path = home.file(name, content);
      const { exitCode, receipt, error } = await home.run({ input: [path], table, ...(splitBytes === undefined ? {} : { splitBytes }) });
      const size = Buffer.byteLength(content);
      expect({ exitCode, error }).toEqual({ exitCode: 0, error: null });
      expect(receipt).toMatchObject({ outcome: 'COMMITTED', rows: { read: 0, written: 0 }, bytes: { input: size, covered: size } });
      expect(deltaLog(home.tablePath(table)).versions).toEqual([]);
    }
  });
});

test('an empty object between others adds nothing and takes nothing away', async () => {
  const table = home.newTable();
  const files = ['a.csv', 'b.csv', 'c.csv'].map((name, i) => home.file(name, ['a,b\n1,x\n', '', 'b,a\ny,2\n'][i] ?? ''));
  expect(await home.run({ input: files, table })).toMatchObject({ exitCode: 0, error: null });
  expect(sorted(await tableRows(home.tablePath(table)))).toEqual(
    sorted([
      ['1', 'x'],
      ['2', 'y'],
    ]),
  );
});

test('a record of 50 MB is one row, whole, and larger than its splits', async () => {
  const long = Buffer.alloc(50_000_000, 'line of text\n5,fake row\n');
  const path = home.file('long.csv', Buffer.concat([Buffer.from('a,b\n0,first\n1,"'), long, Buffer.from('"\n2,last\n')]));
  for (const splitBytes of [undefined, 16 << 20]) {
    const table = home.newTable();
    const query = 'SELECT a, length(b) AS n, md5(b) AS hash FROM input';
    const ended = await home.run({ input: [path], table, query, ...(splitBytes === undefined ? {} : { splitBytes }) });
    expect({ exitCode: ended.exitCode, error: ended.error }).toEqual({ exitCode: 0, error: null });
    const md5 = (bytes: Uint8Array | string) => createHash('md5').update(bytes).digest('hex');
    expect(sorted(await tableRows(home.tablePath(table)))).toEqual(
      sorted([
        ['0', '5', md5('first')],
        ['1', '50000000', md5(long)],
        ['2', '4', md5('last')],
      ]),
    );
  }
});

describe('Parquet', () => {
  test('of several row groups and nested types gives the rows that DuckDB reads from it', async () => {
    const path = join(home.folder, 'nested.parquet');
    const select = `SELECT i, 'v' || i AS "a b", CASE WHEN i % 7 = 0 THEN NULL ELSE [i, NULL, i + 1] END AS l, {'x': i::DOUBLE / 3, 'y': {'z': 'é'}} AS s,
      MAP {'k' || i: i} AS m, DATE '2024-02-29' + i::INTEGER AS d, TIMESTAMP '2024-01-01' + INTERVAL (i) SECOND AS t, (i / 8)::DECIMAL(18, 3) AS dec,
      'blob' || i AS plain FROM range(5000) r(i)`;
    await runSql(`COPY (${select}) TO ${sqlText(path)} (FORMAT parquet, ROW_GROUP_SIZE 2048)`);
    const table = home.newTable();
    const ended = await home.run({ input: [path], table });
    expect(ended).toMatchObject({ exitCode: 0, receipt: { rows: { read: 5000, written: 5000 }, tasks: { planned: 1 } } });
    const oracle = await textRows(`SELECT * REPLACE (t::TIMESTAMPTZ AS t) FROM read_parquet(${sqlText(path)})`);
    expect(sorted(await tableRows(home.tablePath(table)))).toEqual(sorted(oracle));
  });

  test('without rows is committed with 0 rows', async () => {
    const path = join(home.folder, 'none.parquet');
    await runSql(`COPY (SELECT 1 AS a WHERE false) TO ${sqlText(path)} (FORMAT parquet)`);
    expect(await home.run({ input: [path], table: home.newTable() })).toMatchObject({
      exitCode: 0,
      receipt: { outcome: 'COMMITTED', rows: { read: 0 } },
    });
  });

  test('files of other columns and orders are united by name', async () => {
    const [one, two] = [join(home.folder, 'one.parquet'), join(home.folder, 'two.parquet')];
    await runSql(`COPY (SELECT 1 AS a, 'x' AS b) TO ${sqlText(one)} (FORMAT parquet)`);
    await runSql(`COPY (SELECT 'y' AS b, 2 AS a, true AS c) TO ${sqlText(two)} (FORMAT parquet)`);
    const table = home.newTable();
    expect(await home.run({ input: [one, two], table, query: 'SELECT a, b, c FROM input' })).toMatchObject({ exitCode: 0 });
    expect(sorted(await tableRows(home.tablePath(table)))).toEqual(
      sorted([
        ['1', 'x', null],
        ['2', 'y', 'true'],
      ]),
    );
  });
});

// last: a planner that is slow here would keep the tests behind it waiting
test('the types of 1,500 columns are learned in a moment', { timeout: 30_000 }, async () => {
  const table = home.newTable();
  expect(await home.run({ input: [home.file('wide.csv', wideText)], table })).toMatchObject({ exitCode: 0, error: null });
  expect(new Set(Object.values(deltaLog(home.tablePath(table)).columns))).toEqual(new Set(['long']));
});
