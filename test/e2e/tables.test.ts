import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type DeltaRow, deltaRsMissing, readDelta } from '../delta-rs.ts';
import { deltaLog, sorted, sqlText, type TextRow, tableRows, textRows } from './duckdb.ts';
import { type Ended, fanlake } from './fanlake-command.ts';
import { WarmHome } from './warm-home.ts';

let home: WarmHome;
beforeAll(async () => {
  home = await WarmHome.open();
});
afterAll(() => home.close());

const documentOf = ({ stdout }: Ended): Readonly<Record<string, unknown>> => JSON.parse(stdout) as Record<string, unknown>;

const quoted = (value: string | null): string => (value === null ? '' : `"${value.replaceAll('"', '""')}"`);

/** As they stand in a file: NULL is a field with nothing in it, the empty text one with quotes. */
const awkward = [
  'plain',
  'two words',
  'a/b',
  'a\\b',
  'a=b&c',
  '100%',
  'a%20b',
  'q"uote\'s',
  'ünï',
  '日本🦆',
  'two\nlines',
  ' ',
  '.',
  '..',
  '__HIVE_DEFAULT_PARTITION__ ',
  'NULL',
  '\ufeffmark',
  'x:*?<>|#',
  'A',
  'a',
  '',
  null,
];

function rowsOf(rows: readonly DeltaRow[], columns: readonly string[]): TextRow[] {
  return rows.map((row) => columns.map((column) => (row[column] == null ? null : String(row[column]))));
}

const missing = await deltaRsMissing('that delta-rs finds in a table what a run has loaded');

describe('delta-rs reads a table as it was loaded', () => {
  beforeEach((context) => {
    if (missing !== null) context.skip(missing);
  });

  test('with lake partitions of every awkward value, and prunes by them', async () => {
    const table = home.newTable();
    const rows = awkward.flatMap((value, i) => [
      [String(2 * i), value],
      [String(2 * i + 1), value],
    ]);
    const path = home.file('a.csv', `id,place\n${rows.map(([id, place]) => `${id},${quoted(place ?? null)}\n`).join('')}`);
    expect(
      await home.run({ input: [path], table, partitionBy: ['place'], splitBytes: 200, columns: { id: 'BIGINT', place: 'VARCHAR' } }),
    ).toMatchObject({
      exitCode: 0,
      error: null,
    });
    const read = await readDelta(home.tablePath(table));
    // Delta has no empty text as a partition value: it is NULL for every reader (protocol, "Partition Value Serialization").
    const expected = rows.map(([id = null, place = null]) => [id, place === '' ? null : place]);
    expect(sorted(rowsOf(read.rows, ['id', 'place']))).toEqual(sorted(expected));
    expect(read.partitionColumns).toEqual(['place']);
    for (const value of ['a/b', '\ufeffmark', 'a%20b', 'A']) {
      const found = await readDelta(home.tablePath(table), { filter: [['place', '=', value]] });
      expect(sorted(rowsOf(found.rows, ['place']))).toEqual(sorted([[value], [value]]));
    }
  });

  test('finds every row by a filter, whatever its statistics say', async () => {
    const table = home.newTable();
    const values = ['\ufeffa', 'a', 'ü', '', `${'z'.repeat(40)}\ufeff`, '\u{10ffff}'.repeat(20), '\0', '\ufeff'];
    for (const value of values) {
      const path = home.file('a.csv', `v,n\n${quoted(value)},1\n`);
      expect(await home.run({ input: [path], table, columns: { v: 'VARCHAR', n: 'BIGINT' } })).toMatchObject({ exitCode: 0, error: null });
    }
    const found: unknown[] = [];
    for (const value of values)
      found.push((await readDelta(home.tablePath(table), { filter: [['v', '=', value]] })).rows.map(({ v }) => v));
    expect(found).toEqual(values.map((value) => [value]));
  });

  test('appended to by runs of other commands at the same time: each row once, a version each', async () => {
    const folder = join(home.folder, 'together');
    mkdirSync(folder);
    const count = 4;
    const rows = Array.from({ length: count * 500 }, (_, i) => [String(i), `v${i}`]);
    for (let i = 0; i < count; i++) {
      writeFileSync(
        join(folder, `${i}.csv`),
        `id,v\n${rows
          .slice(i * 500, (i + 1) * 500)
          .map((row) => row.join(','))
          .join('\n')}\n`,
      );
    }
    const args = [
      'run',
      '--query',
      'SELECT id, v, _run AS run FROM input',
      '--table',
      'together',
      '--home',
      'home',
      '--json',
      '--split-size',
      '2000',
    ];
    const ended = await Promise.all(Array.from({ length: count }, (_, i) => fanlake(folder, ...args, '--input', `${i}.csv`)));
    const receipts = ended.map((one) => documentOf(one));
    expect(ended.map(({ code }) => code)).toEqual([0, 0, 0, 0]);
    const table = join(folder, 'home', 'lake', 'together');
    expect(deltaLog(table).versions).toEqual([0, 1, 2, 3]);
    const read = await readDelta(table);
    expect(sorted(rowsOf(read.rows, ['id', 'v']))).toEqual(sorted(rows));
    expect(new Set(read.rows.map(({ run }) => run))).toEqual(new Set(receipts.map(({ run }) => run)));
    // no data file mixes runs, and each says which run it is of
    const tags = deltaLog(table).adds.map(({ path, tags: { 'fanlake.run': run = '' } = {} }) => path.startsWith(run) && run !== '');
    expect(tags).not.toContain(false);

    // the same run by two commands at once is one run
    const twice = await Promise.all([1, 2].map(() => fanlake(folder, ...args, '--table', 'twice', '--input', '1.csv')));
    expect(twice.map(({ code }) => code)).toEqual([0, 0]);
    const rowsOfTwice = (await readDelta(join(folder, 'home', 'lake', 'twice'))).rows;
    expect(sorted(rowsOf(rowsOfTwice, ['id', 'v']))).toEqual(sorted(rows.slice(500, 1000)));

    // the same again changes nothing
    const again = await fanlake(folder, ...args, '--input', '0.csv');
    expect(again.code).toBe(0);
    expect(documentOf(again)).toMatchObject({ outcome: 'ALREADY_COMMITTED', run: receipts[0]?.['run'] });
    expect(deltaLog(table).versions).toEqual([0, 1, 2, 3]);
  });
});

test('a Hive table is read by its folders, awkward partition values too', async () => {
  const table = home.newTable();
  // DuckDB reads the folder of the text 'NULL' as NULL, which is its own affair
  const values = awkward.filter((value) => value !== '' && value !== 'NULL');
  const path = home.file('a.csv', `id,place\n${values.map((value, i) => `${i},${quoted(value)}\n`).join('')}`);
  const columns = { id: 'BIGINT', place: 'VARCHAR' };
  expect(await home.run({ input: [path], table, partitionBy: ['place'], tableFormat: 'parquet', columns })).toMatchObject({
    exitCode: 0,
    error: null,
  });
  const glob = sqlText(join(home.tablePath(table), 'place=*', '*.parquet'));
  const found = await textRows(`SELECT id, place FROM read_parquet(${glob}, hive_partitioning = true, hive_types_autocast = false)`);
  expect(sorted(found)).toEqual(sorted(values.map((value, i) => [String(i), value])));
});

describe('types', () => {
  test('a new table has the types of the docs', async () => {
    const table = home.newTable();
    const query = `SELECT true AS boolean, 1::TINYINT AS tiny, 1::SMALLINT AS small, 1::INTEGER AS int, 1::BIGINT AS big, 255::UTINYINT AS utiny, 65535::USMALLINT AS usmall,
      4294967295::UINTEGER AS uint, 18446744073709551615::UBIGINT AS ubig, 170141183460469231731687303715884105::HUGEINT AS huge, 1.5::FLOAT AS f, 1.5::DOUBLE AS d,
      1.25::DECIMAL(9,2) AS dec, 'x' AS s, 'x'::BLOB AS blob, DATE '2024-02-29' AS date, TIMESTAMP '2024-02-29 01:02:03.456789' AS ts,
      TIMESTAMPTZ '2024-02-29 01:02:03+02' AS tstz, TIME '01:02:03.5' AS time, uuid_str::UUID AS uuid, '{"a": 1.10}'::JSON AS json, 'on'::ENUM('on', 'off') AS enum,
      [1, NULL] AS list, [1, 2]::INTEGER[2] AS arr, {'a': [{'b': 1::UTINYINT}]} AS struct, MAP {'k': TIME '01:02:03'} AS map
      FROM (SELECT '01234567-89ab-cdef-0123-456789abcdef' AS uuid_str FROM input)`;
    expect(await home.run({ input: [home.file('a.csv', 'x\n1\n')], table, query })).toMatchObject({ exitCode: 0, error: null });
    const array = (elementType: unknown) => ({ type: 'array', elementType, containsNull: true });
    const field = (name: string, type: unknown) => ({ name, type, nullable: true, metadata: {} });
    expect(deltaLog(home.tablePath(table)).columns).toEqual({
      boolean: 'boolean',
      tiny: 'byte',
      small: 'short',
      int: 'integer',
      big: 'long',
      utiny: 'short',
      usmall: 'integer',
      uint: 'long',
      ubig: 'decimal(20,0)',
      huge: 'decimal(38,0)',
      f: 'float',
      d: 'double',
      dec: 'decimal(9,2)',
      s: 'string',
      blob: 'binary',
      date: 'date',
      ts: 'timestamp',
      tstz: 'timestamp',
      time: 'string',
      uuid: 'string',
      json: 'string',
      enum: 'string',
      list: array('integer'),
      arr: array('integer'),
      struct: { type: 'struct', fields: [field('a', array({ type: 'struct', fields: [field('b', 'short')] }))] },
      map: { type: 'map', keyType: 'string', valueType: 'string', valueContainsNull: true },
    });
    expect(await tableRows(home.tablePath(table))).toEqual([
      [
        'true',
        '1',
        '1',
        '1',
        '1',
        '255',
        '65535',
        '4294967295',
        '18446744073709551615',
        '170141183460469231731687303715884105',
        '1.5',
        '1.5',
        '1.25',
        'x',
        'x',
        '2024-02-29',
        '2024-02-29 01:02:03.456789+00',
        '2024-02-28 23:02:03+00',
        '01:02:03.5',
        '01234567-89ab-cdef-0123-456789abcdef',
        '{"a": 1.10}',
        'on',
        '[1, NULL]',
        '[1, 2]',
        "{'a': [{'b': 1}]}",
        "{k='01:02:03'}",
      ],
    ]);
  });

  test('an existing table’s win for what the job doesn’t declare', async () => {
    const table = home.newTable();
    const first = await home.run({ input: [home.file('a.csv', 'code,n\nx1,1.5\n')], table });
    expect(first.error).toBeNull();
    // alone this file would show integers
    const second = await home.run({ input: [home.file('b.csv', 'code,n\n007,2\n')], table });
    expect(second.error).toBeNull();
    expect(sorted(await tableRows(home.tablePath(table)))).toEqual(
      sorted([
        ['x1', '1.5'],
        ['007', '2.0'],
      ]),
    );
  });

  test('a column that the file lacks is NULL, one that the table lacks fails by name', async () => {
    const table = home.newTable();
    expect((await home.run({ input: [home.file('a.csv', 'a,b\n1,x\n')], table })).error).toBeNull();
    expect((await home.run({ input: [home.file('b.csv', 'a\n2\n')], table })).error).toBeNull();
    expect(sorted(await tableRows(home.tablePath(table)))).toEqual(
      sorted([
        ['1', 'x'],
        ['2', null],
      ]),
    );
    const more = await home.run({ input: [home.file('c.csv', 'a,b,extra\n3,y,z\n')], table });
    expect(more).toMatchObject({ exitCode: 2, error: { code: 'table.schema', message: expect.stringMatching(/extra/) } });
    expect(deltaLog(home.tablePath(table)).versions).toEqual([0, 1]);
  });
});
