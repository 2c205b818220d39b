import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { RowsDoNotFit } from '../../../functions/engine/errors.ts';
import { Bench, jsonLayout } from './fixture.ts';

let bench: Bench;
beforeAll(async () => {
  bench = await Bench.open();
});
afterAll(() => bench.close());

/** JSON values by type: what a value that nobody declared takes, and what it refuses though the engine's cast takes it. */
const cases: Readonly<Record<string, { readonly held: readonly string[]; readonly lost: readonly string[] }>> = {
  'BIGINT': { held: ['0', '-5', '1.0', '"12"', '9223372036854775807', 'null'], lost: ['1.5', '-0.5', '1e-1'] },
  'INTEGER': { held: ['2147483647'], lost: ['1.4999'] },
  'DECIMAL(9,2)': { held: ['1.5', '"1.50"', '-3'], lost: ['1.005', '"0.001"'] },
  'DATE': { held: ['"2024-01-02"', '"2024-01-02 00:00:00"'], lost: ['"2024-01-02 10:00:00"', '"2024-01-02T00:00:00Z"'] },
  'TIMESTAMP': {
    held: ['"2024-01-02T03:04:05"', '"2024-01-02 03:04:05.123456"'],
    lost: ['"2024-01-02T03:04:05Z"', '"2024-01-02 03:04:05.1234567"'],
  },
  'TIMESTAMP WITH TIME ZONE': { held: ['"2024-01-02T03:04:05Z"', '"2024-01-02 03:04:05+02:00"'], lost: ['"2024-01-02T03:04:05.1234567Z"'] },
  'TIME': { held: ['"10:00:00.5"'], lost: ['"2024-01-02 10:00:00"'] },
};

/** A nested type around another, a value of it, and where the inner value is told to be. */
interface Nest {
  readonly type: (inner: string) => string;
  readonly value: (inner: string) => string;
  readonly path: string;
}

const nests: readonly Nest[] = [
  { type: (t) => `STRUCT(v ${t}, "an other" DOUBLE)`, value: (v) => `{"v":${v},"an other":1.5}`, path: 'a.v' },
  { type: (t) => `${t}[]`, value: (v) => `[${v},null,${v}]`, path: 'a[]' },
  { type: (t) => `${t}[][]`, value: (v) => `[[],null,[${v}]]`, path: 'a[][]' },
  { type: (t) => `STRUCT(v ${t})[]`, value: (v) => `[null,{},{"v":null},{"v":${v}}]`, path: 'a[].v' },
  { type: (t) => `STRUCT(s STRUCT(v ${t}[]))`, value: (v) => `{"s":{"v":[${v}]}}`, path: 'a.s.v[]' },
  { type: (t) => `MAP(VARCHAR, ${t})`, value: (v) => `{"x":null,"y":${v}}`, path: 'a{}' },
  { type: (t) => `MAP(VARCHAR, STRUCT(v ${t})[])`, value: (v) => `{"x":[],"y":[{"v":${v}}]}`, path: 'a{}[].v' },
];

const layout = { ...jsonLayout, keys: ['a', 'b'] };
const lines = (values: readonly string[]): string => values.map((value, i) => `{"b":${i},"a":${value}}\n`).join('');

describe.each(nests)('a value at $path of JSON', ({ type: around, value, path }) => {
  test.each(Object.entries(cases))('of %s, which nobody declared, is taken only if it is held exactly', async (inner, { held, lost }) => {
    const type = around(inner);
    const columns = [
      { name: 'a', type, declared: false },
      { name: 'b', type: 'BIGINT', declared: false },
    ];
    const good = lines(['null', ...held.map(value)]);
    const cast = `SELECT CAST(a AS VARCHAR) AS v FROM read_json('${bench.write(good)}', format = 'newline_delimited', columns = {a: '${type}', b: 'BIGINT'}) ORDER BY ALL`;
    const sql = 'SELECT a::VARCHAR AS v FROM input';
    expect((await bench.map(sql, [bench.piece(good, layout)], columns)).rows).toEqual(await bench.ask(cast));
    for (const one of lost) {
      // the engine takes it, and gives another value
      const declared = columns.map((column) => ({ ...column, declared: true }));
      expect((await bench.map(sql, [bench.piece(lines([value(one)]), layout)], declared)).written).toBe(1);
      for (const query of [sql, 'SELECT b FROM input', 'SELECT b FROM input WHERE b < 0'])
        await expect(bench.map(query, [bench.piece(lines([value(one)]), layout)], columns), one).rejects.toThrow(RowsDoNotFit);
    }
    const mixed = [...held, ...lost].map(value);
    const slow = await bench.lenient(sql, [bench.piece(lines(mixed), layout)], columns, mixed.length);
    expect(slow.bad.map(({ ordinal, column }) => [ordinal, column])).toEqual(lost.map((_, i) => [held.length + i, 'a']));
    for (const { reason } of slow.bad) expect(reason).toContain(` in ${path} is `);
    expect(slow.rows).toEqual(await bench.ask(cast.replace(' ORDER BY', ' WHERE a IS NOT NULL ORDER BY')));
  });
});

test('true and false are no whole numbers, inside of a list neither', async () => {
  const columns = [{ name: 'a', type: 'BIGINT[]', declared: false }];
  await expect(bench.map('SELECT a FROM input', [bench.piece('{"a":[true]}\n', layout)], columns)).rejects.toThrow(RowsDoNotFit);
  const { bad } = await bench.lenient('SELECT a FROM input', [bench.piece('{"a":[1]}\n{"a":[true]}\n', layout)], columns, 9);
  expect(bad).toMatchObject([{ ordinal: 1, column: 'a' }]);
});

describe.each([{ type: (t: string) => t, value: (v: string) => v, path: 'a' }, ...nests])(
  'whole numbers at $path',
  ({ type: around, value }) => {
    const digits = ['0', '-0', '7', '-7', '120', '123456789012345678', '9223372036854775807', '-9223372036854775808', 'null'];
    const tooLarge = [
      '9223372036854775808',
      '18446744073709551615',
      '18446744073709551616',
      '-9223372036854775809',
      '123456789012345678901234567890',
    ];

    test('that are written with digits alone are the same compared and not', async () => {
      const columns = [{ name: 'a', type: around('BIGINT'), declared: false }];
      const sql = 'SELECT a::VARCHAR AS v FROM input';
      const good = lines(digits.map(value));
      const compared = await bench.map(sql, [bench.piece(good, layout)], columns);
      expect((await bench.map(sql, [bench.piece(good, layout, { exactKeys: ['a'] })], columns)).rows).toEqual(compared.rows);
      for (const number of tooLarge) {
        for (const exactKeys of [[], ['a']])
          await expect(bench.map(sql, [bench.piece(lines([value(number)]), layout, { exactKeys })], columns), number).rejects.toThrow(
            RowsDoNotFit,
          );
      }
    });
  },
);
