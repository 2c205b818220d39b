import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { storedType } from '../../../functions/core/planner/stored-type.ts';
import type { PartColumn } from '../../../functions/core/staged-query.ts';
import { type PartRows, partsRelation, writePartRows } from '../../../functions/engine/part-rows.ts';
import { Bench } from './fixture.ts';

let bench: Bench;
let files = 0;
beforeAll(async () => {
  bench = await Bench.open(2);
});
afterAll(() => bench.close());

const column = (name: string, type: string): PartColumn => ({ name, type, stored: storedType(type) });

async function write(query: string, columns: readonly PartColumn[], keys: readonly string[]): Promise<PartRows> {
  const path = join(bench.engine.scratch, `rows${files++}.parquet`);
  return (await writePartRows(bench.engine, '', query, { path, columns, keys }, { profile: false })).rows;
}

const pathOf = ({ path }: PartRows): string => path ?? '';
const fileOf = (written: PartRows) => [{ path: pathOf(written), rows: null }];
const whole = { buckets: [0, 64] } as const;

describe('a value that is handed on', () => {
  test.each<[string, readonly string[]]>([
    ['HUGEINT', ['170141183460469231731687303715884105727', '(-170141183460469231731687303715884105727)::HUGEINT - 1', '9007199254740993']],
    ['UHUGEINT', ['340282366920938463463374607431768211455', '0']],
    ['BIGINT', ['9223372036854775807', '-9223372036854775807 - 1']],
    ['UBIGINT', ['18446744073709551615']],
    ['TINYINT', ['-128']],
    ['DECIMAL(38,3)', ["'-99999999999999999999999999999999999.999'"]],
    ['DOUBLE', ["'nan'", "'-nan'", "'-0.0'", '0.0', "'infinity'", "'5e-324'", '0.1']],
    ['FLOAT', ["'nan'", "'-0.0'", "'-infinity'", "'1e-45'"]],
    ['BOOLEAN', ['true', 'false']],
    ['VARCHAR', ["''", "'NULL'", "chr(0) || 'ä'", "'it''s'"]],
    ['JSON', ['\'{"a":  1}\'']],
    ['BLOB', ["'\\xAA\\x00'"]],
    ['BIT', ["'0101'", "'1'"]],
    ['UUID', ["'00000000-0000-0000-0000-000000000000'", "'ffffffff-ffff-ffff-ffff-ffffffffffff'"]],
    ['BIGNUM', ["'-12345678901234567890123456789012345678901234567890'", "'0'"]],
    ['INTERVAL', ["'1 month'", "'30 days'", "'720 hours'", "'-1 month 3 days -1 us'", "'1 us'"]],
    ['DATE', ["'infinity'", "'5877642-06-25 (BC)'", "'1969-12-31'"]],
    ['TIME', ["'24:00:00'", "'23:59:59.999999'"]],
    ['TIME WITH TIME ZONE', ["'10:00:00+05:30'", "'04:30:00+00'", "'24:00:00-15:59:59'"]],
    ['TIME_NS', ["'10:00:00.123456789'"]],
    ['TIMESTAMP', ["'-infinity'", "'290309-12-22 (BC) 00:00:00'", "'1969-12-31 23:59:59.999999'"]],
    ['TIMESTAMP_S', ["'infinity'", "'1969-12-31 23:59:59'"]],
    ['TIMESTAMP_MS', ["'1969-12-31 23:59:59.999'"]],
    ['TIMESTAMP_NS', ["'1969-12-31 23:59:59.999999999'", "'infinity'"]],
    ['TIMESTAMP WITH TIME ZONE', ["'infinity'", "'2026-01-01 00:00:00.000001+05:30'"]],
    ["ENUM('b', 'a', '', 'it''s')", ["'b'", "'a'", "''", "'it''s'"]],
    ['INTEGER[2]', ['[1, NULL]']],
    ['HUGEINT[]', ['[9007199254740993, NULL]', '[]']],
    ['INTERVAL[2]', ["['1 us', NULL]"]],
    ["ENUM('b', 'NULL')[]", ["['NULL', NULL, 'b']"]],
    [
      'STRUCT(a HUGEINT, "b c" STRUCT(d INTERVAL[]))',
      ["{a: 9007199254740993, 'b c': {d: [to_microseconds(1), NULL]}}", "{a: NULL, 'b c': NULL}"],
    ],
    ['MAP(HUGEINT, TIME WITH TIME ZONE)', ["MAP {9007199254740993: '10:00:00+05:30'}", 'MAP {}']],
    ['MAP(VARCHAR[], INTEGER)', ["MAP {['a', NULL]: 1}"]],
    ['UNION(k HUGEINT, s VARCHAR)', ['9007199254740993::HUGEINT', "'9007199254740993'"]],
  ])('of type %s comes back as it was', async (type, values) => {
    const rows = [...values, 'NULL'].map((value, index) => `SELECT ${index} AS i, CAST(${value} AS ${type}) AS v`).join(' UNION ALL ');
    const written = await write(rows, [column('i', 'INTEGER'), column('v', type)], ['v']);
    const look = (from: string) => bench.ask(`SELECT i, v IS NULL, v::VARCHAR, typeof(v), hash(v)::VARCHAR FROM (${from}) ORDER BY i`);
    const found = await look(partsRelation(fileOf(written), [column('i', 'INTEGER'), column('v', type)], whole));
    expect(found).toEqual(await look(rows));
    // the reading engine is a worker's too
    const counted = await bench.engine.rows(`SELECT count(v) AS n FROM (${partsRelation(fileOf(written), [column('v', type)], whole)})`);
    expect(counted).toEqual([{ n: values.length }]);
  });

  test('of a column without a type is NULL', async () => {
    const written = await write('SELECT NULL AS v', [column('v', '"NULL"')], []);
    expect(await bench.ask(`SELECT * FROM (${partsRelation(fileOf(written), [column('v', '"NULL"')], whole)})`)).toEqual([[null]]);
  });
});

describe('rows of many keys', () => {
  const columns = [column('k', 'BIGINT'), column('n', 'INTEGER'), column('s', 'VARCHAR')];
  const query = "SELECT range // 3 AS k, CAST(range % 3 AS INTEGER) AS n, 'text ' || range AS s FROM range(300000)";
  let written: PartRows;
  beforeAll(async () => {
    written = await write(query, columns, ['k', 'n']);
  });

  test('lie in the order of their buckets, in row groups of at most 16,384 rows', async () => {
    expect(written.rows).toBe(300_000);
    expect(written.groups.length).toBeGreaterThan(10);
    let [at, bucket] = [4, 0];
    for (const [first, last, rows, start, end] of written.groups) {
      expect([first >= bucket, last >= first, rows <= 16_384, start >= at, end > start]).toEqual([true, true, true, true, true]);
      [at, bucket] = [end, last];
    }
    expect(at).toBeLessThan(written.bytes);
    expect(written.groups.reduce((sum, [, , rows]) => sum + rows, 0)).toBe(300_000);
    const misplaced = await bench.ask(
      `SELECT count(*) FROM (SELECT _bucket, lag(_bucket) OVER (ORDER BY file_row_number) AS b, hash(k, n) % 64 AS own
       FROM read_parquet('${pathOf(written)}', file_row_number = true)) WHERE b > _bucket OR own <> _bucket`,
    );
    expect(misplaced).toEqual([['0']]);
  });

  test('are read once by ranges of buckets that don’t overlap, each by the range of its bucket', async () => {
    const found: unknown[] = [];
    for (const range of [
      [0, 5],
      [5, 6],
      [6, 63],
      [63, 64],
    ] as const) {
      const parts = partsRelation(fileOf(written), columns, { buckets: range });
      const [row = []] = await bench.ask(
        `SELECT count(*), count(*) FILTER (hash(k, n) % 64 >= ${range[0]} AND hash(k, n) % 64 < ${range[1]}), bit_xor(hash(k, n, s)) FROM (${parts})`,
      );
      expect(row[0]).toBe(row[1]);
      found.push([Number(row[0]), BigInt(String(row[2]))]);
    }
    const [all = []] = await bench.ask(`SELECT bit_xor(hash(k, n, s)) FROM (${query})`);
    const pairs = found as readonly (readonly [number, bigint])[];
    expect(pairs.reduce((sum, [rows]) => sum + rows, 0)).toBe(300_000);
    expect(pairs.reduce((sum, [, xor]) => sum ^ xor, 0n)).toBe(BigInt(String(all[0])));
  });

  test('of one bucket are dealt over all buckets by other bits of the hash, so that rows of a key stay together', async () => {
    const path = join(bench.engine.scratch, `rows${files++}.parquet`);
    const one = partsRelation(fileOf(written), columns, { buckets: [5, 6] });
    const target = { path, columns, keys: ['k', 'n'], dealtAgain: true };
    const { rows: dealt } = await writePartRows(
      bench.engine,
      '',
      `SELECT * FROM (${one}), range(2)`.replace('SELECT *', 'SELECT k, n, s'),
      target,
      {
        profile: false,
      },
    );
    const found = await bench.ask(
      `SELECT count(*)::INTEGER, count(DISTINCT _bucket)::INTEGER, count(DISTINCT (k, n, _bucket)) = count(DISTINCT (k, n)) FROM read_parquet('${path}')`,
    );
    expect(found).toEqual([[dealt.rows, 64, true]]);
  });

  test('without keys all have bucket 0', async () => {
    const one = await write(query, columns, []);
    expect(one.rows).toBe(300_000);
    expect(new Set(one.groups.map(([first, last]) => `${first} ${last}`))).toEqual(new Set(['0 0']));
  });
});

test('a query without a row leaves no file', async () => {
  const path = join(bench.engine.scratch, 'none.parquet');
  const { rows } = await writePartRows(
    bench.engine,
    '',
    'SELECT 1 AS a WHERE false',
    { path, columns: [column('a', 'INTEGER')], keys: ['a'] },
    { profile: false },
  );
  expect(rows).toEqual({ path: null, rows: 0, bytes: 0, groups: [] });
  expect(existsSync(path)).toBe(false);
});

test('without a file there are no rows, of the types that they would have', async () => {
  const types = ['HUGEINT', "ENUM('b', 'a')", 'STRUCT(a INTERVAL)'];
  const parts = partsRelation(
    [],
    types.map((type, index) => column(`c${index}`, type)),
    { buckets: [3, 4] },
  );
  const rows = await bench.ask(`SELECT column_type FROM (DESCRIBE ${parts})`);
  expect(rows.flat()).toEqual(types);
  expect(await bench.ask(parts)).toEqual([]);
});
