import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Column } from '../../../functions/core/layout.ts';
import { RowsDoNotFit } from '../../../functions/engine/errors.ts';
import { Bench, counts, csvDialect, csvLayout } from './fixture.ts';

// The numbers are those of the traps in the design of the formats: each is a way in which DuckDB loses or invents rows without an error.
let bench: Bench;
beforeAll(async () => {
  bench = await Bench.open();
});
afterAll(() => bench.close());

const ab: readonly Column[] = [
  { name: 'a', type: 'BIGINT' },
  { name: 'b', type: 'VARCHAR' },
];

test('trap 1: rows with quoted newlines that look like rows, in a file over 8 MB, are read as they are', async () => {
  const records = Array.from({ length: 300 }, (_, i) => `${i},"${'\n5,fake row'.repeat(3000)}"\n`);
  const { rows, ...result } = await bench.map(
    'SELECT a, length(b) AS n FROM input',
    [bench.piece(records.join(''), csvLayout(['a', 'b']), { longestRecordBytes: 40_000 })],
    ab,
  );
  expect(counts(result)).toEqual([300, 300, 300]);
  expect(rows).toEqual(Array.from({ length: 300 }, (_, i) => [String(i), '33000']));
});

test('trap 2: DuckDB drops an unterminated last record without parallel scan (why staging must end outside quotes)', async () => {
  const path = bench.write('1,2\n3,"a\n4,5\n');
  const sql = (parallel: boolean): string =>
    `SELECT * FROM read_csv('${path}', auto_detect = false, header = false, delim = ',', quote = '"', escape = '"', new_line = '\\n', parallel = ${parallel}, columns = {a: 'VARCHAR', b: 'VARCHAR'})`;
  expect(await bench.ask(sql(false))).toEqual([['1', '2']]);
  await expect(bench.ask(sql(true))).rejects.toThrow();
});

describe('trap 4: whether a row fits does not depend on what the query reads', () => {
  const bad = 'x,y\n3,w\n';

  test.each([
    'SELECT b FROM input',
    'SELECT b FROM input WHERE b = $$w$$',
    'SELECT 1 AS one FROM input',
    'SELECT count(*) AS n FROM input',
  ])('%s', async (sql) => {
    await expect(bench.map(sql, [bench.piece(bad, csvLayout(['a', 'b']))], ab)).rejects.toBeInstanceOf(RowsDoNotFit);
    const { rows: _rows, ...result } = await bench.lenient(sql, [bench.piece(bad, csvLayout(['a', 'b']))], ab, 10);
    expect(result).toMatchObject({ scanned: 1, passed: 1, written: 1, badRecords: 1 });
    expect(result.bad).toEqual([{ piece: 0, ordinal: 0, column: 'a', reason: "'x' does not fit BIGINT", value: 'x' }]);
  });

  test('JSON lines', async () => {
    const piece = bench.piece('{"a":1,"b":"x"}\n{"a":"zz","b":"y"}\n', {
      format: 'jsonl',
      compression: 'none',
      bomBytes: 0,
      dataStart: 0,
      keys: [],
    });
    await expect(bench.map('SELECT b FROM input', [piece], ab)).rejects.toBeInstanceOf(RowsDoNotFit);
  });

  test('Parquet, also where the query filters the row away', async () => {
    const path = bench.write('', 'text.parquet');
    await bench.ask(
      `COPY (SELECT CASE WHEN i = 5 THEN 'zz' ELSE i::VARCHAR END AS a, i::VARCHAR AS b FROM range(10) t(i)) TO '${path}' (FORMAT parquet)`,
    );
    const columns = [
      { name: 'a', type: 'VARCHAR' },
      { name: 'b', type: 'VARCHAR' },
    ];
    const piece = { ...bench.piece('', { format: 'parquet', compression: 'none', columns }), path };
    for (const sql of ['SELECT b FROM input', "SELECT a FROM input WHERE b < '4'"]) {
      await expect(bench.map(sql, [piece], ab)).rejects.toBeInstanceOf(RowsDoNotFit);
    }
    const found = await bench.lenient('SELECT b FROM input', [piece], ab, 10);
    expect(found.bad).toEqual([{ piece: 0, ordinal: 5, column: 'a', reason: "'zz' does not fit BIGINT", value: 'zz' }]);
    expect(found.rows.map(([b]) => b)).toEqual(['0', '1', '2', '3', '4', '6', '7', '8', '9']);
  });
});

describe('trap 7: a bad JSON line is an error, never a row of NULLs', () => {
  test.each(['{bad}', '{"a":"zz"}', '{"a":1,"a":2}', '5', '{"a":1}{"a":2}', '{"a":1'])('%s', async (line) => {
    const piece = bench.piece(`{"a":1}\n${line}\n{"a":3}\n`, { format: 'jsonl', compression: 'none', bomBytes: 0, dataStart: 0, keys: [] });
    await expect(bench.map('SELECT * FROM input', [piece], ab)).rejects.toBeInstanceOf(RowsDoNotFit);
    const { rows, badRecords } = await bench.lenient('SELECT a FROM input', [piece], ab, 1);
    expect(badRecords).toBe(1);
    expect(rows).toEqual([['1'], ['3']]);
  });
});

test('trap 14: what DuckDB’s casts take (documented, and the reason why inference is stricter)', async () => {
  const columns = [
    { name: 'i', type: 'INTEGER' },
    { name: 'b', type: 'BOOLEAN' },
    { name: 'd', type: 'DATE' },
    { name: 't', type: 'TIMESTAMP' },
    { name: 'z', type: 'TIMESTAMP WITH TIME ZONE' },
    { name: 'n', type: 'DECIMAL(9,2)' },
  ];
  const text = [
    '1.5,yes,2020-01-02 03:04:05,2020-01-02T10:00:00+02:00,2020-01-02T10:00:00+02:00,1.005',
    '0x10,t,2020-1-2,2020-01-02,2020-01-02,1',
    '1_000,1,,,,',
    '1e3,0,,,,',
  ].join('\n');
  const sql = 'SELECT i, b, d::VARCHAR, t::VARCHAR, z::VARCHAR, n::VARCHAR FROM input';
  const { rows } = await bench.map(sql, [bench.piece(text, csvLayout([...'ibdtzn']))], columns);
  expect(rows).toEqual([
    [2, true, '2020-01-02', '2020-01-02 10:00:00', '2020-01-02 08:00:00+00', '1.01'],
    [16, true, '2020-01-02', '2020-01-02 00:00:00', '2020-01-02 00:00:00+00', '1.00'],
    [1000, false, null, null, null, null],
    [1000, true, null, null, null, null],
  ]);
});

describe('a new trap: the CSV reader makes NULL of a text that is no time with a zone, without an error', () => {
  const zoned: readonly Column[] = [
    { name: 'a', type: 'BIGINT' },
    { name: 't', type: 'TIMESTAMP WITH TIME ZONE' },
  ];

  test('DuckDB does so (when this fails, readerIsSilent can go)', async () => {
    const path = bench.write('1,oops\n');
    const sql = `SELECT * FROM read_csv('${path}', auto_detect = false, header = false, delim = ',', quote = '"', escape = '"', new_line = '\\n', columns = {a: 'BIGINT', t: 'TIMESTAMPTZ'})`;
    expect(await bench.ask(sql)).toEqual([['1', null]]);
  });

  test.each([
    'SELECT a FROM input WHERE a < 3',
    'SELECT 1 AS one FROM input WHERE a = 5',
    'SELECT t FROM input WHERE a < 3',
    'SELECT count(*) AS n FROM input',
  ])('the engine notices, also where the query filters the row away after many others: %s', async (sql) => {
    const rows = Array.from({ length: 300_000 }, (_, i) => `${i},2020-01-02T10:00:00+02:00\n`);
    rows[299_990] = '299990,oops\n';
    const piece = bench.piece(rows.join(''), csvLayout(['a', 't']));
    await expect(bench.map(sql, [piece], zoned)).rejects.toBeInstanceOf(RowsDoNotFit);
    const { bad } = await bench.lenient(sql, [piece], zoned, 5);
    expect(bad).toEqual([
      { piece: 0, ordinal: 299_990, column: 't', reason: "'oops' does not fit TIMESTAMP WITH TIME ZONE", value: 'oops' },
    ]);
  });
});

test('trap 12: columns are found by name, in files of other orders and other columns', async () => {
  const pieces = [
    bench.piece('x,1\n', csvLayout(['b', 'a'])),
    bench.piece('2,y,z\n', csvLayout(['a', 'b', 'c'])),
    bench.piece('a\n3\n', csvLayout(['A'], { header: true }), { skipRecords: 1 }),
    bench.piece('w\n', csvLayout(['b'])),
  ];
  const { rows, ...result } = await bench.map('SELECT * FROM input', pieces, ab);
  expect(rows).toEqual([
    ['1', 'x'],
    ['2', 'y'],
    ['3', null],
    [null, 'w'],
  ]);
  expect(counts(result)).toEqual([4, 4, 4]);
});

describe('trap 13: the newline is the plan’s, not the file’s', () => {
  test.each([
    ['\n', '"a\rb",1\n', 'a\rb'],
    ['\r\n', '"a\nb",1\r\n', 'a\nb'],
    ['\r', '"a\nb",1\r', 'a\nb'],
  ] as const)('records that end with %j and hold another newline in quotes', async (newline, text, value) => {
    const layout = csvLayout(['b', 'a'], { dialect: { ...csvDialect, newline } });
    const { rows } = await bench.map('SELECT b, a FROM input', [bench.piece(text, layout)], ab);
    expect(rows).toEqual([[value, '1']]);
  });
});

test('trap 15: DuckDB strips a byte order mark at the start of any file it opens (why a piece must not begin with one that is data)', async () => {
  const { rows } = await bench.map('SELECT hex(b) AS h FROM input', [bench.piece('\ufeffx,1\n\ufeffy,2\n', csvLayout(['b', 'a']))], ab);
  expect(rows).toEqual([['78'], ['EFBBBF79']]);
});

test('NULL is what is empty without quotes; quoted it is a text', async () => {
  const { rows } = await bench.map('SELECT a, b FROM input', [bench.piece('1,\n2,""\n,x\n', csvLayout(['a', 'b']))], ab);
  expect(rows).toEqual([
    ['1', null],
    ['2', ''],
    [null, 'x'],
  ]);
});

test('a wildcard in a file’s name is that character', async () => {
  bench.write('9,no\n', 'wild-x.csv');
  const piece = { ...bench.piece('', csvLayout(['a', 'b'])), path: bench.write('1,yes\n', 'wild-*.csv') };
  const bracket = { ...piece, path: bench.write('2,yes\n', 'w[a]?.csv') };
  const { rows } = await bench.map('SELECT * FROM input', [piece, bracket], ab);
  expect(rows).toEqual([
    ['1', 'yes'],
    ['2', 'yes'],
  ]);
});

test('a folder named like a partition adds no column', async () => {
  const { mkdirSync } = await import('node:fs');
  mkdirSync(`${bench.folder}/k=7`, { recursive: true });
  const piece = { ...bench.piece('', csvLayout(['a', 'b'])), path: bench.write('1,x\n', 'k=7/f.csv') };
  expect((await bench.map('SELECT * FROM input', [piece], ab)).rows).toEqual([['1', 'x']]);
});

test('a record of 20 MB is read', async () => {
  const long = 'x'.repeat(20_000_000);
  const { rows } = await bench.map('SELECT a, length(b) AS n FROM input', [bench.piece(`1,"${long}"\n2,y\n`, csvLayout(['a', 'b']))], ab);
  expect(rows).toEqual([
    ['1', '20000000'],
    ['2', '1'],
  ]);
});

describe('odd but good', () => {
  test.each([
    ['an empty file', '', 0, []],
    ['a header alone', 'a,b\n', 1, []],
    ['a header alone without a newline', 'a,b', 1, []],
    [
      'no newline at the end',
      '1,x\n2,y',
      0,
      [
        ['1', 'x'],
        ['2', 'y'],
      ],
    ],
    [
      'blank lines',
      '\n1,x\n\n\n2,y\n\n',
      0,
      [
        ['1', 'x'],
        ['2', 'y'],
      ],
    ],
    ['a header with a newline in quotes', '"a\n1,2",b\n1,x\n', 1, [['1', 'x']]],
    [
      'a quote inside an unquoted field',
      '1,x"y\n2,z""\n',
      0,
      [
        ['1', 'x"y'],
        ['2', 'z""'],
      ],
    ],
    ['quoted newlines, delimiters and doubled quotes', '1,"a\nb,""c"""\n', 0, [['1', 'a\nb,"c"']]],
    ['NUL bytes', '1,x\0y\n', 0, [['1', 'x\0y']]],
  ] as const)('%s', async (_what, text, skipRecords, expected) => {
    const { rows, scanned } = await bench.map('SELECT * FROM input', [bench.piece(text, csvLayout(['a', 'b']), { skipRecords })], ab);
    expect(rows).toEqual(expected);
    expect(scanned).toBe(expected.length);
  });

  test('other dialects: delimiters of several bytes, backslashes, comments, no quotes, null texts', async () => {
    const read = async (text: string, dialect: object, nullStrings = ['']) =>
      (
        await bench.map(
          'SELECT * FROM input',
          [bench.piece(text, csvLayout(['a', 'b'], { dialect: { ...csvDialect, ...dialect }, nullStrings }))],
          ab,
        )
      ).rows;
    expect(await read('1¦x,y\n2¦"z¦"\n', { delimiter: '¦' })).toEqual([
      ['1', 'x,y'],
      ['2', 'z¦'],
    ]);
    expect(await read('1||x|y\n', { delimiter: '||' })).toEqual([['1', 'x|y']]);
    expect(await read('1\t"a\\"b"\n', { delimiter: '\t', escape: '\\' })).toEqual([['1', 'a"b']]);
    expect(await read('# head\n1,x\n2,y# tail\n', { comment: '#' })).toEqual([
      ['1', 'x'],
      ['2', 'y'],
    ]);
    expect(await read('1,"x\n', { quote: '', escape: '' })).toEqual([['1', '"x']]);
    expect(await read("1,it's\n", { quote: "'", escape: "'" })).toEqual([['1', "it's"]]);
    expect(await read('NULL,-\n2,"-"\n', {}, ['NULL', '-'])).toEqual([
      ['2', '-'],
      [null, null],
    ]);
  });
});
