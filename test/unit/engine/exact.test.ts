import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Layout } from '../../../functions/core/layout.ts';
import { FieldForms } from '../../../functions/core/records/field-forms.ts';
import { RowsDoNotFit } from '../../../functions/engine/errors.ts';
import { fittingForm } from '../../../functions/engine/exact.ts';
import { Bench, csvDialect, csvLayout, jsonLayout } from './fixture.ts';

let bench: Bench;
beforeAll(async () => {
  bench = await Bench.open();
});
afterAll(() => bench.close());

/** Texts by type: what a column that nobody declared takes, and what it refuses though the engine's cast takes it. */
const cases: Readonly<Record<string, { readonly held: readonly string[]; readonly lost: readonly string[] }>> = {
  'BIGINT': {
    held: ['0', '-0', '5', '-5', '42', '1.0', '7.', ' 12 ', '1e3', '9223372036854775807', '-9223372036854775808', '10000000000000000.0'],
    lost: [
      '1.5',
      '-1.5',
      '0.5',
      '.5',
      '99.5',
      '9.99',
      '1.0000000000000000000000000001',
      '007',
      '00501',
      '09999',
      '15e-1',
      '12345e-1',
      '1.55e1',
    ],
  },
  'INTEGER': { held: ['0', '2147483647', '-1', '99'], lost: ['2147483646.5', '01', '1.4999'] },
  'UBIGINT': { held: ['0', '18446744073709551615'], lost: ['1844674407370955161.5'] },
  'HUGEINT': { held: ['170141183460469231731687303715884105727', '-1'], lost: ['17014118346046923173168730371588410572.5'] },
  'DECIMAL(9,2)': { held: ['1', '1.5', '1.50', '-0.05', '1.500', '+3'], lost: ['1.005', '0.001', '1.509'] },
  'DATE': {
    held: ['2024-01-01', '2024-1-2', '2024-01-01 00:00:00'],
    lost: ['2024-01-01 10:00:00', '2024-01-01T00:00:01', '2024-01-01 foo', '2024-01-01T00:00:00Z'],
  },
  'TIMESTAMP': {
    held: [
      '2024-01-01',
      '2024-01-01 10:00',
      '2024-01-01T10:00:00',
      '2024-01-01 10:00:00.123456',
      '2024-01-01 10:00:00.1234560000',
      '2024-1-2 1:02:03',
    ],
    lost: [
      '2024-01-01T10:00:00Z',
      '2024-01-01T10:00:00+02:00',
      '2024-01-01 10:00:00-05',
      '2024-01-01 10:00:00.1234567',
      '2024-01-01 10:00:00.123-05:00',
    ],
  },
  'TIMESTAMP WITH TIME ZONE': {
    held: [
      '2024-01-01T10:00:00+02:00',
      '2024-01-01 10:00:00',
      '2024-01-01',
      '2024-01-01T10:00:00.123456Z',
      '2024-01-01T10:00:00.1234560000Z',
    ],
    lost: ['2024-01-01T10:00:00.1234567Z'],
  },
  'TIME': { held: ['10:00:00', '10:00:00.5'], lost: ['2024-01-01 10:00:00'] },
};

const quoted = (text: string): string => `"${text}",x\n`;

describe('a column whose type nobody declared takes only what it holds', () => {
  const forms: readonly [string, (text: string) => string, Layout][] = [
    ['CSV', quoted, csvLayout(['a', 'b'])],
    ['JSON', (text) => `${JSON.stringify({ a: text, b: 'x' })}\n`, { ...jsonLayout, keys: ['a', 'b'] }],
  ];
  describe.each(forms)('%s', (_format, row, layout) => {
    test.each(Object.entries(cases))('%s', async (type, { held, lost }) => {
      const columns = [
        { name: 'a', type, declared: false },
        { name: 'b', type: 'VARCHAR', declared: false },
      ];
      const sql = 'SELECT a::VARCHAR AS v FROM input';
      const fast = await bench.map(sql, [bench.piece(held.map(row).join(''), layout)], columns);
      const slow = await bench.lenient(sql, [bench.piece([...held, ...lost].map(row).join(''), layout)], columns, 99);
      expect(slow.bad.map(({ value }) => value)).toEqual(lost);
      expect(
        slow.bad.every(
          ({ value, reason }) =>
            reason.startsWith(`'${value}' is not`) || reason.startsWith(`'${value}' is a`) || reason.startsWith(`'${value}' is finer`),
        ),
      ).toBe(true);
      expect(slow.rows).toEqual(fast.rows);
      expect(fast.rows).toHaveLength(held.length);
      for (const text of lost) {
        await expect(bench.map(sql, [bench.piece(row(text), layout)], columns), text).rejects.toBeInstanceOf(RowsDoNotFit);
      }
    });
  });

  test('the same column takes what the engine takes when it is declared', async () => {
    const columns = [{ name: 'a', type: 'BIGINT', declared: true }];
    expect((await bench.map('SELECT a FROM input', [bench.piece('1.5\n007\n', csvLayout(['a']))], columns)).rows).toEqual([['2'], ['7']]);
  });

  test.each([
    'SELECT b FROM input',
    "SELECT a FROM input WHERE b = 'none'",
    "SELECT _file FROM input WHERE _file = 'none'",
    'SELECT d FROM input WHERE d > 100',
    'SELECT count(*) AS n FROM input',
    'SELECT a FROM input WHERE false',
  ])('whatever rows and columns the query passes over: %s', async (sql) => {
    const columns = [
      { name: 'a', type: 'BIGINT', declared: false },
      { name: 'b', type: 'VARCHAR', declared: false },
      { name: 'd', type: 'DOUBLE', declared: false },
    ];
    const text = `${'1,x,1\n'.repeat(5000)}1.5,y,2\n`;
    await expect(bench.map(sql, [bench.piece(text, csvLayout(['a', 'b', 'd']))], columns)).rejects.toBeInstanceOf(RowsDoNotFit);
  });

  test('JSON numbers and true: what BIGINT would round is bad', async () => {
    const lines = ['{"a":1}', '{"a":1.5}', '{"a":true}', '{"a":null}', '{}', '{"a":2.0}', '{"a":1e3}'];
    const { rows, bad } = await bench.lenient(
      'SELECT a FROM input',
      [bench.piece(`${lines.join('\n')}\n`, jsonLayout)],
      [{ name: 'a', type: 'BIGINT', declared: false }],
      9,
    );
    expect(bad.map(({ ordinal }) => lines[ordinal])).toEqual(['{"a":1.5}', '{"a":true}']);
    expect(rows).toEqual([['1'], ['2'], ['1000'], [null], [null]]);
  });

  test('Parquet values: cast back they are the same, or the row is bad', async () => {
    const path = bench.write('');
    await bench.ask(`COPY (SELECT unnest([1.0, 1.5, NULL, 1e30])::DOUBLE AS a) TO '${path}' (FORMAT parquet)`);
    const layout: Layout = { format: 'parquet', compression: 'none', columns: [{ name: 'A', type: 'DOUBLE' }] };
    const piece = { ...bench.piece('', layout), path, records: 4 };
    const columns = [{ name: 'a', type: 'BIGINT', declared: false }];
    await expect(bench.map('SELECT a FROM input', [piece], columns)).rejects.toBeInstanceOf(RowsDoNotFit);
    const { rows, bad } = await bench.lenient('SELECT a FROM input', [piece], columns, 9);
    expect(bad.map(({ ordinal }) => ordinal)).toEqual([1, 3]);
    expect(rows).toEqual([['1'], [null]]);
  });
});

test('any number with a point between its digits is taken exactly when no digit but 0 is behind it (property)', async () => {
  const columns = [{ name: 'a', type: 'BIGINT', declared: false }];
  const number = fc.tuple(fc.maxSafeInteger(), fc.option(fc.stringMatching(/^[0-9]{0,5}$/), { nil: null }));
  await fc.assert(
    fc.asyncProperty(fc.array(number, { minLength: 1, maxLength: 40 }), async (numbers) => {
      const texts = numbers.map(([whole, fraction]) => (fraction === null ? String(whole) : `${whole}.${fraction}`));
      const piece = bench.piece(`${texts.join('\n')}\n`, csvLayout(['a']));
      const { rows, bad } = await bench.lenient('SELECT a FROM input', [piece], columns, 99);
      const held = numbers.filter(([, fraction]) => fraction === null || /^0*$/.test(fraction));
      expect(bad).toHaveLength(numbers.length - held.length);
      expect(rows.map(([a]) => Number(a)).sort((a, b) => a - b)).toEqual(held.map(([whole]) => whole + 0).sort((a, b) => a - b));
    }),
    { numRuns: 40 },
  );
});

describe('a column that the query does not read and whose every field is of the form of its type', () => {
  const digits = (most: number) => fc.stringMatching(new RegExp(`^[0-9]{1,${most}}$`));
  const pair = fc.integer({ min: 0, max: 70 }).map((n) => String(n).padStart(2, '0'));
  const dayText = fc
    .tuple(fc.constantFrom('0000', '0001', '1582', '1900', '2000', '2024', '2026', '9999'), pair, pair)
    .map((p) => p.join('-'));
  const time = fc.tuple(pair, pair, pair, fc.option(digits(7), { nil: null }));
  const texts: Readonly<Record<string, fc.Arbitrary<string>>> = {
    BIGINT: fc.tuple(fc.constantFrom('', '-', '--'), digits(20)).map((p) => p.join('')),
    HUGEINT: fc.tuple(fc.constantFrom('', '-', '+'), digits(20)).map((p) => p.join('')),
    DOUBLE: fc
      .tuple(fc.constantFrom('', '-', '.'), digits(33), fc.constantFrom('', '.', '..', 'e'), fc.option(digits(9), { nil: '' }))
      .map((p) => p.join('')),
    DATE: dayText,
    TIMESTAMP: fc
      .tuple(dayText, fc.constantFrom(' ', 'T'), time)
      .map(([day, between, [h, m, s, fraction]]) => `${day}${between}${h}:${m}:${s}${fraction === null ? '' : `.${fraction}`}`),
  };

  test.each(Object.entries(texts))('fits it: %s (property)', async (type, text) => {
    const form = fittingForm({ name: 'a', type, declared: true });
    if (form === null) throw new Error('every one of these types has a form');
    const isOfForm = (value: string): boolean => {
      const forms = new FieldForms(csvDialect, [form]);
      forms.push(Buffer.from(`${value}\n`));
      return forms.finish().length > 0;
    };
    const ofForm = fc.sample(text, { numRuns: 20_000, seed: 7 }).filter(isOfForm);
    expect(ofForm.length).toBeGreaterThan(200);
    const values = ofForm.map((value) => `('${value}')`).join(', ');
    expect(await bench.ask(`SELECT v FROM (VALUES ${values}) AS t(v) WHERE TRY_CAST(v AS ${type}) IS NULL`)).toEqual([]);
  });

  const columns = [
    { name: 'a', type: 'BIGINT' },
    { name: 'b', type: 'VARCHAR' },
  ];
  const read = (text: string, exactFields: readonly number[], nullStrings = ['']) =>
    bench.map('SELECT b FROM input', [{ ...bench.piece(text, csvLayout(['a', 'b'], { nullStrings })), exactFields }], columns);

  test('is not cast, since the scan has looked at it', async () => {
    await expect(read('x,1\n', [])).rejects.toBeInstanceOf(RowsDoNotFit);
    expect((await read('x,1\n', [0])).rows).toEqual([['1']]);
  });

  test('is cast all the same where an empty field, which is of every form, is no NULL', async () => {
    expect((await read(',1\n', [0])).rows).toEqual([['1']]);
    await expect(read(',1\n', [0], ['NA'])).rejects.toBeInstanceOf(RowsDoNotFit);
  });
});

describe('names are the same but for case', () => {
  const columns = [
    { name: 'a', type: 'BIGINT' },
    { name: 'b', type: 'VARCHAR' },
  ];
  test.each([
    ['CSV', 'x,1\n', csvLayout(['B', 'A'])],
    ['JSON', '{"B":"x","A":1}\n', { ...jsonLayout, keys: ['B', 'A'] }],
  ])('%s', async (_format, text, layout) => {
    for (const declared of [true, false]) {
      const given = columns.map((column) => ({ ...column, declared }));
      expect((await bench.map('SELECT a, b FROM input', [bench.piece(text, layout)], given)).rows).toEqual([['1', 'x']]);
      expect((await bench.lenient('SELECT a, b FROM input', [bench.piece(text, layout)], given, 0)).rows).toEqual([['1', 'x']]);
    }
  });
});

test('U+FEFF at the start of a text is kept in answers, statistics and partition values', async () => {
  expect(await bench.engine.rows("SELECT chr(65279) || 'a' AS v, [chr(65279)] AS l")).toEqual([{ v: '\ufeffa', l: ['\ufeff'] }]);
  const columns = [
    { name: 'a', type: 'VARCHAR' },
    { name: 'p', type: 'VARCHAR' },
  ];
  const { files } = await bench.map(
    'SELECT a, p FROM input',
    [bench.piece('"x\ufeff",y\n"\ufeffx","\ufeffp"\n', csvLayout(['a', 'p']))],
    columns,
    {
      partitionBy: ['p'],
    },
  );
  expect(files.map(({ partition }) => partition[0]?.value).sort()).toEqual(['y', '\ufeffp']);
  expect(files.flatMap(({ statistics }) => Object.values(statistics).map(({ min }) => min)).sort()).toEqual(['x\ufeff', '\ufeffx']);
});

test('a partition value that is too long for a folder is table.partitions', async () => {
  const columns = [
    { name: 'a', type: 'VARCHAR' },
    { name: 'p', type: 'VARCHAR' },
  ];
  const piece = bench.piece(`x,${'p'.repeat(300)}\n`, csvLayout(['a', 'p']));
  await expect(bench.map('SELECT a, p FROM input', [piece], columns, { partitionBy: ['p'] })).rejects.toMatchObject({
    code: 'table.partitions',
  });
});
