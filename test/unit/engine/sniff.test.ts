import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Column } from '../../../functions/core/layout.ts';
import { inferColumns, parquetFooter, sniffDialect, unifyColumns } from '../../../functions/engine/sniff.ts';
import { Bench, csvLayout, jsonLayout } from './fixture.ts';

let bench: Bench;
beforeAll(async () => {
  bench = await Bench.open();
});
afterAll(() => bench.close());

async function typeOf(values: readonly string[]): Promise<string | undefined> {
  const text = values.map((value) => `"x","${value}"\n`.replace(',""', ',')).join('');
  const [, column] = await inferColumns(bench.engine, bench.piece(text, csvLayout(['k', 'v']), { records: values.length }));
  return column?.type;
}

describe('a CSV field of', () => {
  test.each([
    ['whole numbers', ['1', '-20', '0', ''], 'BIGINT'],
    ['whole numbers with spaces', [' 1', '2 '], 'BIGINT'],
    ['codes with leading zeros', ['00501', '10001'], 'VARCHAR'],
    ['a single code with a leading zero among many', [...Array.from({ length: 2000 }, (_, i) => String(i + 1)), '00501'], 'VARCHAR'],
    ['decimal codes with leading zeros', ['007.5', '1.5'], 'VARCHAR'],
    ['telephone numbers', ['+49123', '+49124'], 'VARCHAR'],
    ['whole numbers beyond 64 bits', ['1', '18446744073709551616'], 'VARCHAR'],
    ['decimals', ['1', '2.5', '-.5', '1e3'], 'DOUBLE'],
    ['decimals and a whole number that a double can’t hold', ['1.5', '9007199254740993'], 'VARCHAR'],
    ['a number that a double can’t hold', ['1e400'], 'VARCHAR'],
    ['nan and 1', ['nan', '1'], 'VARCHAR'],
    ['hexadecimal and underscored numbers', ['0x10', '1_000'], 'VARCHAR'],
    ['true and false', ['true', 'FALSE'], 'BOOLEAN'],
    ['t and f', ['t', 'f'], 'VARCHAR'],
    ['days', ['2020-01-31', '2020-2-1'], 'DATE'],
    ['days that are none', ['2020-01-31', '2020-02-31'], 'VARCHAR'],
    ['days of other lands', ['31/01/2020', '01/02/2020'], 'VARCHAR'],
    ['times without a zone', ['2020-01-31 10:00:00', '2020-01-31T10:00:00.123456', '2020-01-31'], 'TIMESTAMP'],
    ['times with Z', ['2020-01-31T10:00:00Z', '2020-01-31T10:00:00.5Z'], 'TIMESTAMP WITH TIME ZONE'],
    ['times with an offset', ['2020-01-31 10:00:00+02', '2020-01-31T10:00:00-05:30'], 'TIMESTAMP WITH TIME ZONE'],
    ['times with and without a zone', ['2020-01-31T10:00:00Z', '2020-01-31T10:00:00'], 'VARCHAR'],
    ['times with nanoseconds', ['2020-01-31T10:00:00.123456789'], 'VARCHAR'],
    ['clock times', ['10:00:00', '23:59:59.5'], 'TIME'],
    ['nothing', ['', ''], 'VARCHAR'],
    ['nothing at first', [...Array.from({ length: 1000 }, () => ''), '5'], 'BIGINT'],
    ['numbers at first', [...Array.from({ length: 1000 }, () => '5'), 'x'], 'VARCHAR'],
    ['mixed values', ['1', 'x', '2020-01-01'], 'VARCHAR'],
  ])('%s', async (_what, values, type) => {
    expect(await typeOf(values)).toBe(type);
  });
});

test('a CSV head’s names are the layout’s, in order; a head without records is all text', async () => {
  expect(await inferColumns(bench.engine, bench.piece('', csvLayout(['b', 'a b'])))).toEqual([
    { name: 'b', type: 'VARCHAR' },
    { name: 'a b', type: 'VARCHAR' },
  ]);
});

test('whatever is inferred for a CSV head, its records fit', async () => {
  const text =
    'true,1,2.5,2020-01-01,2020-01-01 10:00,2020-01-01T10:00:00+02,10:00:00,x\n,,,,,,,\nFALSE, 2,1e3,2020-1-1,2020-01-01,2020-01-01 10:00:00Z,1:00:00,""\n';
  const piece = bench.piece(text, csvLayout([...'abcdefgh']), { records: 3 });
  const columns = await inferColumns(bench.engine, piece);
  expect(new Set(columns.map(({ type }) => type)).size).toBe(8);
  expect((await bench.map('SELECT * FROM input', [piece], columns)).written).toBe(3);
});

describe('JSON lines', () => {
  const infer = async (lines: readonly string[]): Promise<readonly Column[]> =>
    inferColumns(bench.engine, bench.piece(lines.join('\n'), jsonLayout, { records: lines.length }));

  test('give structs, lists and maps, JSON where kinds are mixed, text where all is null', async () => {
    expect(
      await infer([
        '{"a":1,"s":{"x":1},"l":[1,2],"n":null,"m":1,"z":"00501","b":true,"d":"2020-01-01"}',
        '{"a":2.5,"s":{"y":"k"},"l":[],"m":"x","z":"1","t":"2020-01-01T10:00:00"}',
        '{"m":[1]}',
      ]),
    ).toEqual([
      { name: 'a', type: 'DOUBLE' },
      { name: 's', type: 'STRUCT(x BIGINT, y VARCHAR)' },
      { name: 'l', type: 'BIGINT[]' },
      { name: 'n', type: 'VARCHAR' },
      { name: 'm', type: 'JSON' },
      { name: 'z', type: 'VARCHAR' },
      { name: 'b', type: 'BOOLEAN' },
      { name: 'd', type: 'DATE' },
      { name: 't', type: 'TIMESTAMP' },
    ]);
  });

  test('keep what a zone or a long number says', async () => {
    const types = async (...values: string[]): Promise<unknown> => (await infer(values.map((value) => `{"v":${value}}`)))[0]?.type;
    expect(await types('"2020-01-01T10:00:00Z"', 'null')).toBe('TIMESTAMP WITH TIME ZONE');
    expect(await types('"2020-01-01T10:00:00+02:00"', '"2020-01-01T10:00:00Z"')).toBe('TIMESTAMP WITH TIME ZONE');
    expect(await types('"2020-01-01T10:00:00Z"', '"2020-01-01T10:00:00"')).toBe('VARCHAR');
    expect(await types('{"t":"2020-01-01T10:00:00Z"}')).toBe('STRUCT(t TIMESTAMP WITH TIME ZONE)');
    expect(await types('12345678901234567890123')).toBe('VARCHAR');
    expect(await types('9007199254740993', '1.5')).toBe('VARCHAR');
    expect(await types('9007199254740993')).toBe('BIGINT');
    expect(await types('1e400')).toBe('VARCHAR');
  });

  test('pass over lines that are no objects; without any it is no JSON lines', async () => {
    expect(await infer(['5', '{"a":1}', '{bad', ''])).toEqual([{ name: 'a', type: 'BIGINT' }]);
    expect(await infer([])).toEqual([]);
    await expect(infer(['a,b', '1,2'])).rejects.toMatchObject({ code: 'input.format' });
  });

  test('with keys that differ only in case are refused by name', async () => {
    await expect(infer(['{"id":1,"ID":2}'])).rejects.toMatchObject({ code: 'input.format', message: expect.stringContaining('(ID, id)') });
  });
});

describe('a Parquet footer', () => {
  test('gives columns, rows and row groups', async () => {
    const path = `${bench.folder}/good.parquet`;
    await bench.ask(
      `COPY (SELECT i::INTEGER AS a, [i] AS l, NULL::TIMESTAMPTZ AS t FROM range(5000) r(i)) TO '${path}' (FORMAT parquet, ROW_GROUP_SIZE 2048)`,
    );
    expect(await parquetFooter(bench.engine, path)).toEqual({
      columns: [
        { name: 'a', type: 'INTEGER' },
        { name: 'l', type: 'BIGINT[]' },
        { name: 't', type: 'TIMESTAMP WITH TIME ZONE' },
      ],
      rows: 5000,
      rowGroups: 3,
    });
  });

  test.each([
    ['of a text', 'a,b\n1,2\n3,4\n', 'input.format'],
    ['of an empty file', '', 'input.format'],
    [
      'that is broken',
      Buffer.concat([Buffer.from('PAR1'), Buffer.alloc(50, 7), Buffer.from([30, 0, 0, 0]), Buffer.from('PAR1')]),
      'input.corrupt',
    ],
    [
      'that is longer than its file',
      Buffer.concat([Buffer.from('PAR1'), Buffer.alloc(50), Buffer.from([0, 9, 0, 0]), Buffer.from('PAR1')]),
      'input.corrupt',
    ],
  ])('%s is an error', async (_what, content, code) => {
    await expect(parquetFooter(bench.engine, bench.write(content))).rejects.toMatchObject({ code });
  });

  test('of a file that is not there is input.gone', async () => {
    await expect(parquetFooter(bench.engine, `${bench.folder}/nothing.parquet`)).rejects.toMatchObject({ code: 'input.gone' });
  });
});

test('a dialect’s hint names delimiter, quote, newline and header', async () => {
  const hint = await sniffDialect(bench.engine, bench.write('name;n\r\n"x;y";1\r\n"z";2\r\n'));
  expect(hint).toMatchObject({ delimiter: ';', quote: '"', newline: '\r\n', header: true, comment: '' });
});

test('columns of several heads become one list: by name, wide enough for all', () => {
  const head = (types: Record<string, string>): readonly Column[] => Object.entries(types).map(([name, type]) => ({ name, type }));
  expect(
    unifyColumns([
      head({ a: 'BIGINT', b: 'DATE', c: 'BOOLEAN', d: 'INTEGER[]', e: 'VARCHAR' }),
      head({ A: 'DOUBLE', b: 'TIMESTAMP', c: 'BIGINT', d: 'STRUCT(x INTEGER)', f: 'TIME' }),
      head({ b: 'TIMESTAMP WITH TIME ZONE', e: 'BIGINT', a: 'INTEGER' }),
    ]),
  ).toEqual(head({ a: 'DOUBLE', b: 'TIMESTAMP WITH TIME ZONE', c: 'VARCHAR', d: 'JSON', e: 'VARCHAR', f: 'TIME' }));
});
