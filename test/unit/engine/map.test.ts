import { basename } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Column } from '../../../functions/core/layout.ts';
import type { Piece } from '../../../functions/core/piece.ts';
import { RowsDoNotFit } from '../../../functions/engine/errors.ts';
import { Bench, counts, csvLayout, jsonLayout, textLayout } from './fixture.ts';

let bench: Bench;
beforeAll(async () => {
  bench = await Bench.open();
});
afterAll(() => bench.close());

const columns: readonly Column[] = [
  { name: 'a', type: 'BIGINT' },
  { name: 'b', type: 'VARCHAR' },
  { name: 'd', type: 'DOUBLE' },
];
const size = 5000;
const values = Array.from({ length: size }, (_, i) => ({ a: i, b: `g${i % 7}`, d: i / 4 }));
const csv = values.map(({ a, b, d }) => `${a},${b},${d}\n`).join('');
const json = values.map((value) => `${JSON.stringify(value)}\n`).join('');

async function piecesOf(format: string) {
  if (format === 'csv')
    return [bench.piece(csv, csvLayout(['a', 'b', 'd'])), bench.piece(csv, csvLayout(['a', 'b', 'd']), { objectKey: 'landing/b' })];
  if (format === 'two layouts')
    return [bench.piece(csv, csvLayout(['a', 'b', 'd'])), bench.piece(json, jsonLayout, { objectKey: 'landing/b' })];
  if (format === 'jsonl') return [bench.piece(json, jsonLayout), bench.piece(json, jsonLayout, { objectKey: 'landing/b' })];
  const source = bench.write(csv);
  return Promise.all(
    ['landing/a', 'landing/b'].map(async (objectKey) => {
      const path = `${bench.folder}/${basename(source)}-${basename(objectKey)}.parquet`;
      await bench.ask(
        `COPY (SELECT a, b, d FROM read_csv('${source}', names = ['a', 'b', 'd'], header = false)) TO '${path}' (FORMAT parquet, ROW_GROUP_SIZE 2048)`,
      );
      return { ...bench.piece('', { format: 'parquet', compression: 'none', columns: [...columns] }), path, objectKey };
    }),
  );
}

describe.each(['csv', 'jsonl', 'parquet', 'two layouts'])('over two files, %s: scanned, passed and written of', (format) => {
  const n = 2 * size;
  test.each([
    ['SELECT * FROM input', [n, n, n]],
    ['SELECT 1 AS one FROM input', [n, n, n]],
    ["SELECT a FROM input WHERE b = 'g3'", [n, 1428, 1428]],
    ['SELECT a FROM input WHERE a < 10', [n, 20, 20]],
    ['SELECT a FROM input WHERE a < 10 AND a > 20', [n, 0, 0]],
    ['SELECT a FROM input WHERE false', [n, 0, 0]],
    ['SELECT a FROM input WHERE NULL', [n, 0, 0]],
    ['SELECT a FROM input WHERE a IN (1, 2, 3, 4, 5, 6, 7, 8, 9, 10)', [n, 20, 20]],
    ['SELECT a FROM input WHERE a IN (SELECT unnest([1, 2]))', [n, 4, 4]],
    ['SELECT a FROM input WHERE a IN (SELECT i FROM range(10) r(i) WHERE i > 20)', [n, 0, 0]],
    ['SELECT unnest([a, a]) AS x FROM input WHERE a < 10', [n, 20, 40]],
    ['SELECT unnest([1, 2]) AS x, unnest([a]) AS y FROM input', [n, n, 2 * n]],
    ['SELECT unnest([]::INTEGER[]) AS x FROM input WHERE a < 10', [n, 20, 0]],
    ['SELECT unnest([a, a]) AS x FROM input WHERE a IN (SELECT unnest([1, 2]))', [n, 4, 8]],
    ['SELECT unnest([1]) AS x FROM input WHERE false', [n, 0, 0]],
    ['SELECT x FROM (SELECT a AS x FROM input WHERE a < 100) WHERE x >= 90', [n, 20, 20]],
    ['WITH c AS (SELECT a FROM input WHERE a < 10) SELECT * FROM c', [n, 20, 20]],
    ["SELECT a, _file FROM input WHERE _file = 'landing/b'", [n, size, size]],
    ['SELECT a, x FROM input, unnest([1, 2]) t(x)', [n, n, 2 * n]],
    ['SELECT count(*) AS n FROM input WHERE a < 10', [n, 20, 1]],
    ['SELECT b, sum(a) AS s FROM input WHERE a < 700 GROUP BY b', [n, 1400, 7]],
    ['SELECT a FROM input LIMIT 3', [n, n, 3]],
    ['SELECT DISTINCT b FROM input', [n, n, 7]],
  ] as const)('%s', async (sql, expected) => {
    const { rows, ...result } = await bench.map(sql, await piecesOf(format), columns);
    expect(counts(result)).toEqual(expected);
    expect(rows.length).toBe(expected[2]);
  });
});

describe('rows', () => {
  test('equal what plain DuckDB gives over the same file', async () => {
    const sql = "SELECT a * 2 AS x, upper(b) AS y, CASE WHEN d > 100 THEN d END AS z FROM input WHERE b <> 'g1'";
    const { rows } = await bench.map(sql, [bench.piece(csv, csvLayout(['a', 'b', 'd']))], columns);
    const source = bench.write(csv);
    expect(rows).toEqual(
      await bench.ask(
        `WITH input AS (FROM read_csv('${source}', header = false, names = ['a', 'b', 'd'])) SELECT * FROM (${sql}) ORDER BY ALL`,
      ),
    );
  });

  test('of many small files keep their file’s key, in one run', async () => {
    const pieces = Array.from({ length: 300 }, (_, i) =>
      bench.piece(`${i},x,1\n`, csvLayout(['a', 'b', 'd']), { objectKey: `landing/é ${i}'s` }),
    );
    const { rows, ...result } = await bench.map('SELECT a, _file, _run FROM input', pieces, columns);
    expect(counts(result)).toEqual([300, 300, 300]);
    expect(rows).toEqual(Array.from({ length: 300 }, (_, i) => [String(i), `landing/é ${i}'s`, 'run-1']));
  });

  test('of text are lines as they are, empty ones too, numbered from the piece’s first', async () => {
    const text = [
      { name: 'line', type: 'VARCHAR' },
      { name: 'line_number', type: 'BIGINT' },
    ];
    const pieces = [
      bench.piece('one\n\n"q",x \u{10ffff}\0\n', textLayout, { firstLineNumber: 1 }),
      bench.piece('four', textLayout, { firstLineNumber: 4 }),
      bench.piece('"fi""ve"\n', csvLayout(['line']), { firstLineNumber: 5 }),
    ];
    const { rows } = await bench.map('SELECT line_number, line FROM input', pieces, text);
    expect(rows).toEqual([
      ['1', 'one'],
      ['2', ''],
      ['3', '"q",x \u{10ffff}\0'],
      ['4', 'four'],
      ['5', 'fi"ve'],
    ]);
    const filtered = await bench.map("SELECT line_number FROM input WHERE line LIKE 'f%'", pieces, text);
    expect(filtered.rows).toEqual([['4'], ['5']]);
    expect(counts(filtered)).toEqual([5, 2, 2]);
  });

  test('without line numbers have NULL for them', async () => {
    const text = [
      { name: 'line', type: 'VARCHAR' },
      { name: 'line_number', type: 'BIGINT' },
    ];
    expect((await bench.map('SELECT * FROM input', [bench.piece('one\n', textLayout)], text)).rows).toEqual([['one', null]]);
  });

  test('keep deep JSON: missing keys are NULL, unknown ones are passed over', async () => {
    const deep = [
      { name: 's', type: 'STRUCT(x BIGINT, y VARCHAR)' },
      { name: 'l', type: 'DOUBLE[]' },
      { name: 'm', type: 'MAP(VARCHAR, DATE)' },
    ];
    const piece = bench.piece('{"s":{"x":1,"z":2},"l":[1,null,2.5],"m":{"k":"2020-01-02"},"u":1}\n\n{}\n', jsonLayout);
    const { rows } = await bench.map('SELECT s.x, s.y, l, m FROM input', [piece], deep);
    expect(rows).toEqual([
      ['1', null, [1, null, 2.5], [{ key: 'k', value: '2020-01-02' }]],
      [null, null, null, null],
    ]);
  });
});

describe('files', () => {
  test('of a partitioned table carry their values as text, NULL apart from the empty text', async () => {
    const piece = bench.piece('1,x y,0\n2,,0\n3,"",0\n4,a/b=é,0\n5,__HIVE_DEFAULT_PARTITION__,0\n', csvLayout(['a', 'b', 'd']));
    const request = await bench.request('SELECT a, b, a > 2 AS big FROM input', [piece], columns, { partitionBy: ['b', 'big'] });
    const { runMap } = await import('../../../functions/engine/map.ts');
    const { files } = await runMap(bench.engine, request);
    const found = await Promise.all(
      files.map(async ({ path, partition, rows }) => [
        partition.map(({ value }) => value),
        rows,
        await bench.ask(`FROM read_parquet('${path}', hive_partitioning = false)`),
      ]),
    );
    const order = (a: readonly unknown[], b: readonly unknown[]): number => (JSON.stringify(a[2]) < JSON.stringify(b[2]) ? -1 : 1);
    expect(found.sort(order)).toEqual([
      [['x y', 'false'], 1, [['1']]],
      [[null, 'false'], 1, [['2']]],
      [['', 'true'], 1, [['3']]],
      [['a/b=é', 'true'], 1, [['4']]],
      [['__HIVE_DEFAULT_PARTITION__', 'true'], 1, [['5']]],
    ]);
  });

  test('of too many partitions are refused', async () => {
    await expect(
      bench.map('SELECT a, b FROM input WHERE a < 21', await piecesOf('csv'), columns, { partitionBy: ['a'], maxPartitions: 20 }),
    ).rejects.toMatchObject({
      code: 'table.partitions',
    });
  });

  test('end near the target size, are zstd, and tell rows, bytes and statistics', async () => {
    const request = await bench.request("SELECT a, b, {'x': d} AS st FROM input", await piecesOf('csv'), columns, {
      targetFileBytes: 20_000,
    });
    const { runMap } = await import('../../../functions/engine/map.ts');
    const { files, written } = await runMap(bench.engine, request);
    expect(written).toBe(2 * size);
    expect(files.reduce((sum, { rows }) => sum + rows, 0)).toBe(2 * size);
    const [first] = files;
    expect(Object.keys(first?.statistics ?? {}).sort()).toEqual(['"a"', '"b"', '"st"."x"']);
    expect(first?.statistics['"b"']).toMatchObject({ min: 'g0', max: 'g6', null_count: '0' });
    expect(await bench.ask(`SELECT DISTINCT compression FROM parquet_metadata('${first?.path}')`)).toEqual([['ZSTD']]);
  });

  test('without rows are not there', async () => {
    expect((await bench.map('SELECT a FROM input WHERE a < 0', await piecesOf('csv'), columns)).files).toEqual([]);
  });

  test('have the table’s names and types', async () => {
    const request = await bench.request(
      'SELECT a::HUGEINT * 2 AS "x y", TIME $$10:00:00$$ AS t FROM input',
      [bench.piece('4,x,1\n', csvLayout(['a', 'b', 'd']))],
      columns,
      {
        columns: [
          { name: 'x_y', castTo: 'DECIMAL(38,0)' },
          { name: 't', castTo: 'VARCHAR' },
        ],
      },
    );
    const { runMap } = await import('../../../functions/engine/map.ts');
    const { files } = await runMap(bench.engine, request);
    const [file] = files;
    expect(await bench.ask(`SELECT *, typeof(x_y) FROM '${file?.path}'`)).toEqual([['8', '10:00:00', 'DECIMAL(38,0)']]);
  });
});

describe('an error in the query’s own expressions is query.failed, with DuckDB’s message', () => {
  test.each([
    ['SELECT b::INTEGER AS x FROM input', "Could not convert string 'g"],
    ['SELECT sqrt(a - 1) AS x FROM input', 'cannot take square root of a negative number'],
    ['SELECT a + 9223372036854775807 AS x FROM input', 'Overflow'],
    ["SELECT strptime(b, '%Y') AS x FROM input", 'Could not parse string'],
    ["SELECT error('no: ' || a) AS x FROM input", 'no: '],
  ])('%s', async (sql, message) => {
    for (const format of ['csv', 'jsonl', 'parquet']) {
      await expect(bench.map(sql, await piecesOf(format), columns)).rejects.toMatchObject({
        code: 'query.failed',
        message: expect.stringContaining(message),
      });
    }
  });
});

describe('a value that doesn’t fit is found, whatever becomes of its row', () => {
  const given = [
    { name: 'a', type: 'BIGINT', declared: true },
    { name: 'b', type: 'BIGINT', declared: true },
  ];
  const bad = 30_000;
  const csv = (): Piece =>
    bench.piece(Array.from({ length: 40_000 }, (_, i) => `${i},${i === bad ? 'x' : i}\n`).join(''), csvLayout(['a', 'b']), {
      parallelSafe: true,
    });
  const json = (): Piece =>
    bench.piece(Array.from({ length: 40_000 }, (_, i) => `{"a": ${i}, "b": ${i === bad ? '"x"' : i}}\n`).join(''), {
      ...jsonLayout,
      keys: ['a', 'b'],
    });

  test.each([
    'SELECT a, b FROM input',
    'SELECT a, b FROM input WHERE a < 10',
    'SELECT b FROM input WHERE a < 10',
    'SELECT a FROM input WHERE a < 10',
    'SELECT B AS other, a FROM input WHERE a = 5',
    'SELECT * EXCLUDE (a) FROM input WHERE a < 10',
    'SELECT * REPLACE (1 AS b) FROM input WHERE a < 10',
    'SELECT b FROM input WHERE false',
    'SELECT b FROM input WHERE 1 = 0',
    'SELECT b FROM input WHERE a IS NULL',
    'SELECT CASE WHEN a < 10 THEN b END AS c FROM input WHERE a < 10',
    'SELECT b, unnest([1, 2]) AS n FROM input WHERE a < 10',
    'SELECT b FROM input, (SELECT 1 WHERE false) AS nothing',
    'WITH c AS (SELECT b, a FROM input) SELECT b FROM c WHERE a < 10',
  ])('%s', async (sql) => {
    for (const piece of [csv(), { ...csv(), exactFields: [0] }, json()]) {
      await expect(bench.map(sql, [piece], given)).rejects.toBeInstanceOf(RowsDoNotFit);
    }
  });
});
