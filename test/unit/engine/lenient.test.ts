import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Column } from '../../../functions/core/layout.ts';
import { RowsDoNotFit } from '../../../functions/engine/errors.ts';
import { findBadValues } from '../../../functions/engine/lenient.ts';
import { Bench, csvLayout, jsonLayout } from './fixture.ts';

let bench: Bench;
beforeAll(async () => {
  bench = await Bench.open();
});
afterAll(() => bench.close());

const types = [
  'BOOLEAN',
  'TINYINT',
  'INTEGER',
  'BIGINT',
  'UBIGINT',
  'HUGEINT',
  'FLOAT',
  'DOUBLE',
  'DECIMAL(9,2)',
  'DECIMAL(38,10)',
  'DATE',
  'TIMESTAMP',
  'TIMESTAMP WITH TIME ZONE',
  'TIME',
  'UUID',
  'BLOB',
  'INTERVAL',
  'INTEGER[]',
  'TIMESTAMP WITH TIME ZONE[]',
  'TIME WITH TIME ZONE',
  'TIMESTAMP_S',
  'TIMESTAMP_MS',
  'TIMESTAMP_NS',
  'SMALLINT',
  'UTINYINT',
  'UINTEGER',
  'UHUGEINT',
  'BIT',
  'MAP(VARCHAR, INTEGER)',
  "ENUM('a', 'true')",
  'STRUCT(x INTEGER)',
  'JSON',
  'VARCHAR',
];

const odd = [
  ...[
    '1',
    '-1',
    '+1',
    ' 1 ',
    '1.5',
    '1.4999',
    '0x10',
    '1_000',
    '1e3',
    '1e400',
    '-0',
    '007',
    '999',
    '128',
    '99999999999',
    '18446744073709551615',
  ],
  ...[
    '170141183460469231731687303715884105728',
    '0.1',
    '1.005',
    '.5',
    '5.',
    '1,5',
    'nan',
    'NaN',
    'inf',
    '-Infinity',
    '١',
    '1\u00a0',
    '1 2',
    '--1',
    '1e',
    'e1',
  ],
  ...['true', 'TRUE', 't', 'f', 'yes', 'no', 'on', 'off', 'y', 'n', '0', 'wahr'],
  ...[
    '2020-01-02',
    '2020-1-2',
    '2020-02-30',
    '20200102',
    '02/01/2020',
    '2020-01-02 10:00:00',
    '2020-01-02T10:00:00Z',
    '2020-01-02T10:00:00+02:00',
  ],
  ...[
    '2020-01-02 10:00:00.123456789',
    '2020-01-02 25:00:00',
    '0001-01-01',
    '10000-01-01',
    '-5000-01-01',
    'infinity',
    'epoch',
    '10:00:00',
    '10:00',
    '24:00:00',
  ],
  ...[
    '6ba7b810-9dad-11d1-80b4-00c04fd430c8',
    '\\xAA',
    '3 days',
    '1 month 2 days',
    '[1, 2]',
    '[1, x]',
    '[]',
    "{'x': 1}",
    '{"x": 1}',
    '{',
    'null',
    'NULL',
    'a',
    'é',
    '\u{1f600}',
    '',
  ],
];

/** Which values the strict reader takes, and as what, one file a value: the oracle of both paths is a plain read of DuckDB's. */
async function strictly(text: string, type: string): Promise<unknown> {
  const path = bench.write(text);
  // A text that isn't a time with a zone becomes NULL without a word in the reader (traps.test.ts): cast it.
  const read = type.includes('TIME ZONE') ? 'VARCHAR' : type.replaceAll("'", "''");
  const sql = `SELECT a::${type}::VARCHAR FROM read_csv('${path}', auto_detect = false, header = false, delim = ',', quote = '"', escape = '"', new_line = '\\n', allow_quoted_nulls = false, columns = {a: '${read}', b: 'VARCHAR'})`;
  return bench.ask(sql).then(
    (rows) => rows,
    () => 'refused',
  );
}

describe('CSV: the lenient path takes the values that the strict one takes, as the same, and no others', () => {
  test.each(types)('%s', async (type) => {
    const columns = [
      { name: 'a', type },
      { name: 'b', type: 'VARCHAR' },
    ];
    const refused: string[] = [];
    const taken: unknown[] = [];
    for (const value of odd) {
      const rows = await strictly(`"${value.replaceAll('"', '""')}",x\n`, type);
      if (rows === 'refused') refused.push(value);
      else taken.push(rows);
    }
    const text = (values: readonly string[]): string => values.map((value) => `"${value.replaceAll('"', '""')}",x\n`).join('');
    const good = odd.filter((value) => !refused.includes(value));
    const sql = 'SELECT a::VARCHAR AS v FROM input';
    const fast = await bench.map(sql, [bench.piece(text(good), csvLayout(['a', 'b']))], columns);
    const slow = await bench.lenient(sql, [bench.piece(text(odd), csvLayout(['a', 'b']))], columns, odd.length);
    expect(slow.rows).toEqual(fast.rows);
    expect(fast.rows.map((row) => JSON.stringify([row])).sort()).toEqual(taken.map((row) => JSON.stringify(row)).sort());
    expect(slow.bad.map(({ value }) => value)).toEqual(refused);
    expect(slow).toMatchObject({ badRecords: refused.length, scanned: good.length, passed: good.length, written: good.length });
  });
});

const jsonTypes = [
  'BOOLEAN',
  'INTEGER',
  'BIGINT',
  'DOUBLE',
  'DECIMAL(18,3)',
  'VARCHAR',
  'DATE',
  'TIMESTAMP',
  'TIMESTAMP WITH TIME ZONE',
  'TIME',
  'UUID',
  'JSON',
  'BIGINT[]',
];
const deepTypes = [
  'STRUCT(x BIGINT, "y z" VARCHAR)',
  'STRUCT(x BIGINT[], y STRUCT(z DATE))',
  'MAP(VARCHAR, BIGINT)',
  'STRUCT(x DATE)[]',
  'VARCHAR[]',
  'BIGINT[2]',
];
const oddJson = [
  ...[
    '1',
    '-1',
    '1.5',
    '1e3',
    '1e400',
    '12345678901234567890',
    '0.10000000000000000001',
    'true',
    'null',
    '""',
    '"1"',
    '"1.5"',
    '"x"',
    '"true"',
    '"2020-01-02"',
  ],
  ...[
    '"2020-01-02T10:00:00Z"',
    '"2020-01-02 10:00:00+02:00"',
    '"10:00:00"',
    '"6ba7b810-9dad-11d1-80b4-00c04fd430c8"',
    '"\\u0000"',
    '"\\ud83d\\ude00"',
    '[]',
    '[1]',
    '[1,2]',
  ],
  ...[
    '[1,"x"]',
    '[1,null]',
    '["a",1]',
    '[[1]]',
    '{}',
    '{"x":1}',
    '{"x":"q"}',
    '{"x":1,"x":2}',
    '{"u":1,"u":2}',
    '{"x":null,"y z":5}',
    '{"x":[1,2],"y":{"z":"2020-01-02"}}',
  ],
  ...[
    '{"x":[1,"q"]}',
    '{"y":{"z":"no"}}',
    '{"y":5}',
    '[{"x":"2020-01-02"},{"x":"no"}]',
    '[{"x":"2020-01-02"},null,{}]',
    '[{"x":"2020-01-02","x":"2020-01-02"}]',
    '5.0',
    '" 5"',
  ],
];

describe('JSON lines: the lenient path takes the values that the strict one takes, as the same, and no others', () => {
  test.each([...jsonTypes, ...deepTypes])('%s', async (type) => {
    const columns = [{ name: 'a', type }];
    const refused: string[] = [];
    for (const value of oddJson) {
      const path = bench.write(`{"a":${value}}\n`);
      const read = bench.ask(`FROM read_json('${path}', format = 'newline_delimited', columns = {a: '${type.replaceAll("'", "''")}'})`);
      await read.catch(() => refused.push(value));
    }
    const text = (values: readonly string[]): string => values.map((value) => `{"a":${value}}\n`).join('');
    const good = oddJson.filter((value) => !refused.includes(value));
    const sql = 'SELECT a::VARCHAR AS v FROM input';
    const slow = await bench.lenient(sql, [bench.piece(text(oddJson), jsonLayout)], columns, oddJson.length);
    expect(slow.bad.map(({ ordinal }) => oddJson[ordinal])).toEqual(refused);
    const fast = await bench.map(sql, [bench.piece(text(good), jsonLayout)], columns);
    expect(slow.rows).toEqual(fast.rows);
    expect(slow.scanned).toBe(good.length);
  });

  test('lines that are no objects, not JSON, or have a key twice are bad as a whole; blank ones are none', async () => {
    const lines = [
      '{"a":1}',
      '',
      '{bad}',
      '5',
      '[1]',
      'null',
      '{"a":1,"a":2}',
      '{"z":1,"z":2}',
      '  ',
      '{"a":1}{"a":2}',
      '{"a":2}\r',
      '{"a":"\\ud800"}',
      '{"a":3',
    ];
    const columns = [{ name: 'a', type: 'BIGINT' }];
    const { rows, bad } = await bench.lenient('SELECT a FROM input', [bench.piece(lines.join('\n'), jsonLayout)], columns, 100);
    expect(rows).toEqual([['1'], ['2'], [null]]);
    expect(bad.map(({ ordinal, column, reason }) => [ordinal, column, reason])).toEqual([
      [1, null, 'the line is not valid JSON'],
      [2, null, 'the line is not a JSON object'],
      [3, null, 'the line is not a JSON object'],
      [4, null, 'the line is not a JSON object'],
      [5, null, 'a key is there twice'],
      [7, null, 'the line is not valid JSON'],
      [9, null, 'the line is not valid JSON'],
      [10, null, 'the line is not valid JSON'],
    ]);
  });

  test('a key with quotes, dots and slashes is found', async () => {
    const name = `k.1/"q'~`;
    const { bad } = await bench.lenient(
      'SELECT * FROM input',
      [bench.piece(`${JSON.stringify({ [name]: 'x' })}\n${JSON.stringify({ [name]: 5 })}\n`, jsonLayout)],
      [{ name, type: 'BIGINT' }],
      9,
    );
    expect(bad).toMatchObject([{ ordinal: 0, column: name, value: '"x"' }]);
  });
});

test('over any data without bad rows both paths give the same rows', async () => {
  const columns: readonly Column[] = [
    { name: 'a', type: 'BIGINT' },
    { name: 'b', type: 'VARCHAR' },
    { name: 'c', type: 'DOUBLE' },
    { name: 'd', type: 'TIMESTAMP' },
  ];
  const field = (text: string): string => (text === '' ? '' : `"${text.replaceAll('"', '""')}"`);
  const row = fc.record({
    a: fc.option(fc.maxSafeInteger().map(String), { nil: '' }),
    b: fc.option(fc.string({ unit: 'grapheme', maxLength: 8 }), { nil: '' }),
    c: fc.option(fc.double({ noDefaultInfinity: true, noNaN: true }).map(String), { nil: '' }),
    d: fc.option(
      fc
        .date({ min: new Date('0001-01-01T00:00:00Z'), max: new Date('9999-12-31T23:59:59Z'), noInvalidDate: true })
        .map((date) => date.toISOString().slice(0, 23)),
      { nil: '' },
    ),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(row, { minLength: 1, maxLength: 20 }), async (rows) => {
      const text = rows.map(({ a, b, c, d }) => `${[a, b, c, d].map(field).join(',')}\n`).join('');
      const sql = 'SELECT a, b, c::VARCHAR AS c, d::VARCHAR AS d FROM input';
      const piece = bench.piece(text, csvLayout(['a', 'b', 'c', 'd']));
      const fast = await bench.map(sql, [piece], columns);
      const slow = await bench.lenient(sql, [piece], columns, 0);
      expect(slow.rows).toEqual(fast.rows);
      expect(slow.badRecords).toBe(0);
      // the values by another reader than DuckDB
      expect(fast.rows.map(([, b]) => b).sort()).toEqual(rows.map(({ b }) => (b === '' ? null : b)).sort());
    }),
    { numRuns: 40 },
  );
});

describe('bad records', () => {
  const columns: readonly Column[] = [
    { name: 'a', type: 'BIGINT' },
    { name: 'd', type: 'DATE' },
  ];

  test('are found in the order of pieces and records, counted beyond the limit, once each', async () => {
    const text = (from: number): string =>
      Array.from({ length: 20_000 }, (_, i) => (i % 100 === 99 ? `x${from + i},no\n` : `${from + i},2020-01-01\n`)).join('');
    const pieces = [
      bench.piece(text(0), csvLayout(['a', 'd'])),
      bench.piece('1,\n', csvLayout(['a', 'd'])),
      bench.piece(text(50_000), csvLayout(['a', 'd'])),
    ];
    const { total, values } = await findBadValues(
      bench.engine,
      pieces,
      columns.map((column) => ({ ...column, declared: true })),
      250,
    );
    expect(total).toBe(400);
    expect(values.map(({ piece, ordinal, column, value }) => [piece, ordinal, column, value])).toEqual(
      Array.from({ length: 250 }, (_, i) => [
        i < 200 ? 0 : 2,
        99 + 100 * (i % 200),
        'a',
        i < 200 ? `x${99 + 100 * i}` : `x${50_099 + 100 * (i - 200)}`,
      ]),
    );
  });

  test('beyond the limit: nothing is written', async () => {
    const result = await bench.lenient('SELECT * FROM input', [bench.piece('x,\ny,\n1,\n', csvLayout(['a', 'd']))], columns, 1);
    expect(result).toMatchObject({ scanned: 0, passed: 0, written: 0, files: [], badRecords: 2 });
  });

  test('up to the limit: the query runs over the others, and counts them', async () => {
    const pieces = [
      bench.piece('1,\nx,\n3,2020-01-01\n', csvLayout(['a', 'd'])),
      bench.piece('4,2020-13-01\n5,\n', csvLayout(['d', 'a']), { objectKey: 'landing/b' }),
    ];
    const sql = 'SELECT a, _file FROM input WHERE a > 1';
    await expect(bench.map(sql, pieces, columns)).rejects.toBeInstanceOf(RowsDoNotFit);
    const result = await bench.lenient(sql, pieces.slice(0, 1), columns, 1);
    expect(result).toMatchObject({ scanned: 2, passed: 1, written: 1, badRecords: 1, rows: [['3', 'landing/a']] });
  });

  test('an error in the query itself is query.failed on this path too', async () => {
    await expect(
      bench.lenient('SELECT sqrt(-a) AS x FROM input', [bench.piece('1,\nx,\n', csvLayout(['a', 'd']))], columns, 9),
    ).rejects.toMatchObject({ code: 'query.failed' });
  });
});

test('one bad value among hundreds of columns is named, and the rest is taken', async () => {
  const names = Array.from({ length: 400 }, (_, i) => `c${i}`);
  const row = (id: number): string => names.map((_, i) => (id === 999 && i === 3 ? '1.5' : id + i)).join(',');
  const piece = bench.piece(`${Array.from({ length: 1000 }, (_, id) => row(id)).join('\n')}\n`, csvLayout(names));
  const given = names.map((name) => ({ name, type: 'BIGINT', declared: false }));
  const { bad, written } = await bench.lenient('SELECT c0 FROM input', [piece], given, 5);
  expect(bad).toEqual([expect.objectContaining({ column: 'c3', ordinal: 999, value: '1.5' })]);
  expect(written).toBe(999);
});
