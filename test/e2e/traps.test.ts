/**
 * The fifteen ways in which DuckDB or Node lose or invent rows without an error (design of the formats, section 0), at the level of a whole run.
 *
 * | # | trap | tested |
 * | --- | --- | --- |
 * | 1 | the parallel CSV scan guesses the quote state | here; unit/engine/traps; odd-input (a record of 50 MB) |
 * | 2 | an unterminated last record is dropped | here; unit/engine/traps; bad-input (a quote that is never closed) |
 * | 3 | strict_mode=false discards | here; bad-input (text behind a closing quote, too many fields) |
 * | 4 | rows depend on the projection | here; unit/engine/traps |
 * | 5 | rejects stop at LIMIT, a lone CR is fatal | here |
 * | 6 | positions in CRLF files are wrong | here; unit/formats/sift |
 * | 7 | read_json(ignore_errors) yields rows of NULL | here; unit/engine/lenient |
 * | 8 | Node's zstd stops after the first frame | here; unit/formats/compression; odd-input (every case as zstd of several frames) |
 * | 9 | zstd without checksums decodes flipped bits | here (shown in the receipt); unit/formats/compression |
 * | 10 | DuckDB ignores gzip's checksum and a cut at a record's end | here; unit/formats/compression; bad-input (gzip) |
 * | 11 | a hole in a staged Parquet column is no error | nowhere: a local store stages the file itself, never ranges of it; to be tested with the first store that does |
 * | 12 | headers are skipped unread, files united by position | here; unit/engine/traps |
 * | 13 | the newline is detected, also inside quotes | here; unit/engine/traps; split-sizes (CR LF, CR alone) |
 * | 14 | casts are lenient | here |
 * | 15 | U+FEFF is stripped from any file | here; unit/engine/traps; tables (partition values, statistics) |
 */
import { once } from 'node:events';
import { join } from 'node:path';
import { constants, createGzip, zstdCompressSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { deltaLog, sorted, sqlText, tableRows, textRows } from './duckdb.ts';
import { type EndedRun, type WantedRun, WarmHome } from './warm-home.ts';

let home: WarmHome;
beforeAll(async () => {
  home = await WarmHome.open();
});
afterAll(() => home.close());

/** Runs over one file and answers the table's rows with the end of the run. */
async function load(
  name: string,
  content: string | Uint8Array,
  wanted: Partial<WantedRun> = {},
): Promise<EndedRun & { readonly rows: readonly string[] }> {
  const table = home.newTable();
  const ended = await home.run({ input: [home.file(name, content)], table, ...wanted });
  return { ...ended, rows: sorted(await tableRows(home.tablePath(table))) };
}

async function setAside({ receipt }: EndedRun): Promise<readonly (readonly (string | null)[])[]> {
  const files = (receipt?.quarantine ?? []).map((key) => sqlText(join(home.lake, key)));
  return textRows(`SELECT "offset", length_bytes, raw FROM read_parquet([${files.join(', ')}]) ORDER BY "offset"`);
}

const ab = { a: 'BIGINT', b: 'VARCHAR' };

test('trap 1, the parallel scan’s guess: 40 MB of quoted newlines that look like rows are 1,200 rows, whole and in splits', async () => {
  const records = Array.from({ length: 1200 }, (_, i) => `${i},"${'\n5,fake row'.repeat(3000)}"\n`);
  const expected = sorted(records.map((_, i) => [String(i), '33000']));
  for (const splitBytes of [undefined, 5_000_000]) {
    const { error, rows, receipt } = await load('a.csv', `a,b\n${records.join('')}`, {
      query: 'SELECT a, length(b) AS n FROM input',
      ...(splitBytes === undefined ? {} : { splitBytes }),
    });
    expect({ splitBytes, error }).toEqual({ splitBytes, error: null });
    expect(receipt?.rows).toMatchObject({ read: 1200, written: 1200 });
    expect(rows).toEqual(expected);
  }
});

test('trap 2, the unterminated last record: it is set aside and counted, not dropped', async () => {
  const ended = await load('a.csv', 'a,b\n1,2\n3,"a\n4,5\n', { columns: ab, maxBadRows: 1 });
  expect(ended).toMatchObject({ error: null, rows: ['["1","2"]'], receipt: { rows: { read: 2, quarantined: 1, passed: 1 } } });
  expect(await setAside(ended)).toEqual([['8', '9', '3,"a\n4,5']]);
});

test('trap 3, what a loose reader discards: text behind a quote and extra fields are never cut off', async () => {
  const ended = await load('a.csv', 'a,b\n1,"x"y\n2,z,EXTRA\n3,w,\n4,"v', { columns: ab, maxBadRows: 3 });
  expect(ended).toMatchObject({ error: null, rows: ['["3","w"]'], receipt: { rows: { read: 4, quarantined: 3 } } });
  expect((await setAside(ended)).map(([, , raw]) => raw)).toEqual(['1,"x"y', '2,z,EXTRA', '4,"v']);
});

describe('trap 4, rows that depend on the projection: what is bad is bad whatever the query reads', () => {
  test.each([
    'SELECT * FROM input',
    'SELECT b FROM input',
    "SELECT b FROM input WHERE b = 'y'",
    'SELECT 1 AS one FROM input',
    'SELECT count(*) AS n FROM input',
  ])('%s', async (query) => {
    for (const [name, content] of [
      ['a.csv', 'a,b\n1,x\nzz,y\n3,w\n4\n'],
      ['a.jsonl', '{"a":1,"b":"x"}\n{"a":"zz","b":"y"}\n{"a":3,"b":"w"}\n{"a":4,"b":[}\n'],
    ] as const) {
      expect(await load(name, content, { query, columns: ab })).toMatchObject({ exitCode: 1, error: { code: 'rows.bad' }, rows: [] });
      const { receipt, error } = await load(name, content, { query, columns: ab, maxBadRows: 2 });
      expect({ name, error, read: receipt?.rows.read, bad: receipt?.rows.quarantined }).toEqual({ name, error: null, read: 4, bad: 2 });
    }
  });
});

describe('trap 5, rejects that stop at LIMIT and lone CRs that are fatal', () => {
  test('a bad row behind the LIMIT is found', async () => {
    const ended = await load('a.csv', 'a,b\n1,x\n2,y\nzz,w\n', { query: 'SELECT a FROM input LIMIT 1', columns: ab, maxBadRows: 1 });
    expect(ended).toMatchObject({ error: null, rows: ['["1"]'], receipt: { rows: { read: 3, quarantined: 1 } } });
  });

  test('a record with a lone CR is set aside, and the others are taken', async () => {
    const ended = await load('a.csv', 'a,b\n1,x\n2,y\rz\n3,w\n', { columns: ab, maxBadRows: 1 });
    expect(ended).toMatchObject({ error: null, rows: ['["1","x"]', '["3","w"]'], receipt: { rows: { read: 3, quarantined: 1 } } });
  });
});

test('trap 6, positions in CRLF files: 200 bad rows in 5 MB are where quarantine says', async () => {
  const records = Array.from({ length: 200_000 }, (_, i) => (i % 1000 === 500 ? `bad${i},"x\n${i}"\r\n` : `${i},"value\r\n${i}"\r\n`));
  const content = Buffer.from(`a,b\r\n${records.join('')}`);
  for (const splitBytes of [undefined, 1 << 20]) {
    const ended = await load('a.csv', content, { columns: ab, maxBadRows: 200, ...(splitBytes === undefined ? {} : { splitBytes }) });
    expect({ splitBytes, error: ended.error, read: ended.receipt?.rows.read }).toEqual({ splitBytes, error: null, read: 200_000 });
    const found = (await setAside(ended)).map(([offset, length]) =>
      content.toString('utf8', Number(offset), Number(offset) + Number(length)),
    );
    expect(found).toEqual(records.filter((record) => record.startsWith('bad')));
  }
});

test('trap 7, JSON rows of NULL: a bad line is set aside whole, no field of it is NULL in a row', async () => {
  const ended = await load('a.jsonl', '{"a":1,"b":"x"}\n{bad}\n{"a":"zz","b":"k"}\n{"a":5,"b":"\\ud800"}\n{"a":2,"b":"y"}\n', {
    columns: ab,
    maxBadRows: 3,
  });
  expect(ended).toMatchObject({ error: null, rows: ['["1","x"]', '["2","y"]'], receipt: { rows: { read: 5, quarantined: 3 } } });
});

test('trap 8, zstd that ends after a frame: ten frames of a million bytes, behind a skippable one, give ten million', async () => {
  const lines = Buffer.from('1234567\n'.repeat(125_000));
  const skippable = Buffer.from('502a4d1804000000ffffffff', 'hex');
  const content = Buffer.concat([skippable, ...Array.from({ length: 10 }, () => zstdCompressSync(lines))]);
  const { error, rows } = await load('a.txt.zst', content, { query: 'SELECT count(*) AS n, sum(length(line)) AS chars FROM input' });
  expect({ error, rows }).toEqual({ error: null, rows: ['["1250000","8750000"]'] });
});

test('trap 9, zstd without a checksum: the receipt says that nothing proves the bytes', async () => {
  const content = Buffer.from('a,b\n1,x\n');
  const withChecksum = zstdCompressSync(content, { params: { [constants.ZSTD_c_checksumFlag]: 1 } });
  expect((await load('a.csv.zst', zstdCompressSync(content))).receipt?.unchecked).toBe(1);
  expect((await load('a.csv.zst', withChecksum)).receipt?.unchecked).toBe(0);
});

test('trap 10, gzip cut where a record ends: no prefix of whole rows passes for the file', async () => {
  const gzip = createGzip();
  const cuts: Buffer[] = [];
  gzip.on('data', (bytes: Buffer) => cuts.push(bytes));
  for (const record of ['a,b\n', '1,x\n', '2,y\n', '3,z\n']) {
    gzip.write(record);
    await new Promise<void>((resolve) => gzip.flush(constants.Z_SYNC_FLUSH, resolve));
  }
  const flushed = cuts.length;
  expect(await load('a.csv.gz', Buffer.concat(cuts.slice(0, flushed)))).toMatchObject({
    exitCode: 1,
    error: { code: 'input.corrupt' },
    rows: [],
  });
  const ended = once(gzip, 'end');
  gzip.end();
  await ended;
  expect(await load('a.csv.gz', Buffer.concat(cuts))).toMatchObject({ exitCode: 0, rows: ['["1","x"]', '["2","y"]', '["3","z"]'] });
});

describe('trap 12, files united by position: every file’s own names say which field is which, whatever their case', () => {
  test.each([
    ['CSV', ['a.csv', 'a,b\n1,x\n'], ['b.csv', 'b,a\ny,2\n'], ['c.csv', 'b;c;a\nz;new;3\n']],
    ['CSV of other cases', ['a.csv', 'a,b\n1,x\n'], ['b.csv', 'B,A\ny,2\n'], ['c.csv', 'b,c,A\nz,new,3\n']],
    ['CSV and JSON', ['a.csv', 'a,b\n1,x\n'], ['b.jsonl', '{"b":"y","a":2}\n'], ['c.json', '[{"a":3,"c":"new","b":"z"}]']],
    ['CSV and JSON of other cases', ['a.csv', 'a,b\n1,x\n'], ['b.jsonl', '{"B":"y","A":2}\n'], ['c.jsonl', '{"a":3,"c":"new","b":"z"}\n']],
    ['JSON of other cases', ['a.jsonl', '{"a":1,"b":"x"}\n'], ['b.jsonl', '{"B":"y","A":2}\n'], ['c.jsonl', '{"a":3,"C":"new","b":"z"}\n']],
  ] as const)('%s', async (_what, first, second, third) => {
    const table = home.newTable();
    const ended = await home.run({
      input: [first, second, third].map(([name, content]) => home.file(name, content)),
      table,
      query: 'SELECT * FROM input',
    });
    expect(ended.error).toBeNull();
    expect(
      Object.keys(deltaLog(home.tablePath(table)).columns)
        .map((name) => name.toLowerCase())
        .sort(),
    ).toEqual(['a', 'b', 'c']);
    const columns = await textRows(
      `SELECT a, b, c FROM read_parquet(${sqlText(join(home.tablePath(table), '*.parquet'))}, union_by_name = true)`,
    );
    expect(sorted(columns)).toEqual(
      sorted([
        ['1', 'x', null],
        ['2', 'y', null],
        ['3', 'z', 'new'],
      ]),
    );
  });
});

describe('trap 13, newlines that are guessed from inside quotes', () => {
  test.each([
    ['LF', 'b,a\n"a\rb",1\n"c\r\nd",2\n', ['["a\\rb","1"]', '["c\\r\\nd","2"]']],
    ['CR LF', 'b,a\r\n"a\nb",1\r\n"c\rd",2\r\n', ['["a\\nb","1"]', '["c\\rd","2"]']],
    ['one record', '"a\rb",1\n', ['["a\\rb","1"]']],
  ])('%s', async (_what, content, expected) => {
    expect(await load('a.csv', content)).toMatchObject({ error: null, rows: expected });
  });
});

describe('trap 14, lenient casts: a value is stored as it is, or its row is bad', () => {
  test('types are learned so that every value that is seen keeps its meaning', async () => {
    const content =
      'a,b,c,d,e,f,g,h\n1.5,0x10,1_000,1e400,2024-01-01T10:00:00+02:00,yes,2024-01-01 10:00:00,007\n2,1,1,1,2024-01-01T10:00:00Z,no,2024-01-01,1\n';
    const table = home.newTable();
    expect((await home.run({ input: [home.file('a.csv', content)], table })).error).toBeNull();
    expect(deltaLog(home.tablePath(table)).columns).toEqual({
      a: 'double',
      b: 'string',
      c: 'string',
      d: 'string',
      e: 'timestamp',
      f: 'string',
      g: 'timestamp',
      h: 'string',
    });
    expect(sorted(await tableRows(home.tablePath(table)))).toEqual(
      sorted([
        ['1.5', '0x10', '1_000', '1e400', '2024-01-01 08:00:00+00', 'yes', '2024-01-01 10:00:00+00', '007'],
        ['2.0', '1', '1', '1', '2024-01-01 10:00:00+00', 'no', '2024-01-01 00:00:00+00', '1'],
      ]),
    );
  });

  const head = (value: string): string => `v\n${`${value}\n`.repeat(Math.ceil(5_000_000 / (value.length + 1)))}`;

  test.each([
    ['a fraction behind integers', head('12345678'), '1.5'],
    ['a time with an offset behind times without', head('2024-01-01 00:00:00'), '2024-01-01T10:00:00+02:00'],
    ['a time of day behind days', head('2024-01-01'), '2024-01-01 10:00:00'],
  ])('CSV: %s, beyond what types are learned from, is a bad row', async (_what, before, value) => {
    expect(await load('a.csv', `${before}${value}\n`, { query: `SELECT v FROM input WHERE false` })).toMatchObject({
      exitCode: 1,
      error: { code: 'rows.bad' },
    });
  });

  test.each([
    ['CSV', 'a.csv', 'v\n1\n', 'v\n1.5\n'],
    ['CSV, a time of day for a day', 'a.csv', 'v\n2024-01-01\n', 'v\n2024-01-01 10:00:00\n'],
    ['JSON', 'a.jsonl', '{"v":1}\n', '{"v":1.5}\n'],
    ['JSON, true for a number', 'a.jsonl', '{"v":1}\n', '{"v":true}\n'],
  ])('%s: what the table’s type would round is a bad row', async (_what, name, first, second) => {
    const table = home.newTable();
    expect((await home.run({ input: [home.file(name, first)], table })).error).toBeNull();
    const before = await tableRows(home.tablePath(table));
    expect(await home.run({ input: [home.file(name, second)], table })).toMatchObject({ exitCode: 1, error: { code: 'rows.bad' } });
    expect(await tableRows(home.tablePath(table))).toEqual(before);
  });
});

describe('trap 15, U+FEFF that is stripped: only the one at the object’s start is no data', () => {
  test('in values and where splits begin', async () => {
    const content = '\ufeffa,b\n\ufeff1,x\n\ufeff"2",y\n"\ufeff3",\ufeff\n';
    for (const splitBytes of [undefined, 1, 4, 9]) {
      const { error, rows } = await load('a.csv', content, splitBytes === undefined ? {} : { splitBytes });
      expect({ splitBytes, error }).toEqual({ splitBytes, error: null });
      expect(rows).toEqual(
        sorted([
          ['\ufeff1', 'x'],
          ['\ufeff"2"', 'y'],
          ['\ufeff3', '\ufeff'],
        ]),
      );
    }
  });

  test('in names', async () => {
    expect(await load('a.jsonl', '{"a":1,"\ufeffb":"x"}\n')).toMatchObject({ error: null, rows: ['["1","x"]'] });
    expect(await load('a.csv', 'a,\ufeffb\n1,x\n')).toMatchObject({ error: null, rows: ['["1","x"]'] });
  });
});
