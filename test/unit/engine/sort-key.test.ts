import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { SortBounds } from '../../../functions/core/merge-task.ts';
import { spanOf } from '../../../functions/core/part-share.ts';
import { storedType } from '../../../functions/core/planner/stored-type.ts';
import { sortRanges } from '../../../functions/core/sort-samples.ts';
import type { OrderColumn, PartColumn, RowOrder } from '../../../functions/core/staged-query.ts';
import { type PartRows, partsRelation, writePartRows } from '../../../functions/engine/part-rows.ts';
import { Bench } from './fixture.ts';

let bench: Bench;
let made = 0;
beforeAll(async () => {
  bench = await Bench.open(2);
});
afterAll(() => bench.close());

const column = (name: string, type: string): PartColumn => ({ name, type, stored: storedType(type) });
const wholeOrder = (by: readonly OrderColumn[]): RowOrder => ({ by, isShared: true });

async function write(query: string, columns: readonly PartColumn[], order: RowOrder): Promise<PartRows & { readonly path: string }> {
  const target = { path: join(bench.engine.scratch, `sorted${made++}.parquet`), columns, keys: [], order };
  const { rows } = await writePartRows(bench.engine, '', query, target, { profile: false });
  return { ...rows, path: rows.path ?? '' };
}

/** A file as a task with these bounds finds it. */
function fileFor(part: PartRows & { readonly path: string }, bounds: SortBounds) {
  const span = spanOf(part, { buckets: [0, 64], bounds });
  return span === null ? [] : [{ path: part.path, rows: span.rows }];
}

/** Between each two of all samples. */
function finestBounds(parts: readonly PartRows[]): readonly SortBounds[] {
  const keys = [...new Set(parts.flatMap(({ samples = [] }) => samples))].sort();
  return [null, ...keys].map((from, index) => [from, keys[index] ?? null]);
}

const directions = [
  ['ASC NULLS LAST', { descending: false, nullsFirst: false }],
  ['ASC NULLS FIRST', { descending: false, nullsFirst: true }],
  ['DESC NULLS LAST', { descending: true, nullsFirst: false }],
  ['DESC NULLS FIRST', { descending: true, nullsFirst: true }],
] as const;

/** Of each type values that are near each other, equal without being alike, and at the ends. */
const values: readonly (readonly [string, readonly string[]])[] = [
  ['BOOLEAN', ['true', 'false']],
  ['TINYINT', ['-128', '127', '0', '-1']],
  ['SMALLINT', ['-32768', '32767', '256', '255']],
  ['INTEGER', ['-2147483648', '2147483647', '0', '-1', '1']],
  ['BIGINT', ['-9223372036854775808', '9223372036854775807', '0', '-1', '4294967296']],
  ['UTINYINT', ['0', '255', '128', '127']],
  ['UBIGINT', ['0', '18446744073709551615', '9223372036854775808', '9223372036854775807']],
  ['HUGEINT', ['-170141183460469231731687303715884105728', '170141183460469231731687303715884105727', '0', '-1', '9', '10']],
  ['UHUGEINT', ['0', '340282366920938463463374607431768211455', '9', '10']],
  ['FLOAT', ['-infinity', 'infinity', 'nan', '-nan', '0', '-0.0', '1.5', '-1.5']],
  ['DOUBLE', ['-infinity', 'infinity', 'nan', '-nan', '0', '-0.0', '1e300', '-1e300', '5e-324', '-5e-324', '9', '10']],
  ['DECIMAL(4,1)', ['-1.5', '1.5', '0', '-999.9']],
  ['DECIMAL(18,2)', ['-1.5', '1.5', '100']],
  ['DECIMAL(38,2)', ['-1.5', '1.5', '99999999999999999999.5', '-99999999999999999999.5']],
  [
    'VARCHAR',
    ['', 'a', 'A', 'ab', 'b', 'é', 'z', 'zz', '10', '9', 'longer than twelve bytes', 'longer than twelve bytez', '\u{10ffff}', '\u{ffff}'],
  ],
  ['BLOB', ['', '\\x00', '\\x00\\x00', '\\x01', '\\x01\\x00', '\\xFE', '\\xFF', '\\xFF\\x00', 'a']],
  ['DATE', ['2020-01-01', '-infinity', 'infinity', '0044-03-15 (BC)', '1969-12-31', '1970-01-01']],
  ['TIME', ['00:00:00', '24:00:00', '23:59:59.999999']],
  ['TIME_NS', ['00:00:00', '23:59:59.999999999', '23:59:59.999999998']],
  ['TIME WITH TIME ZONE', ['10:00:00+05:30', '04:30:00+00', '04:30:00-01', '10:00:00+00', '04:31:00+00', '24:00:00-15:59:59']],
  ['TIMESTAMP', ['2020-01-01', '-infinity', 'infinity', '1969-12-31 23:59:59.999999']],
  ['TIMESTAMP_S', ['2020-01-01', '1969-12-31 23:59:59']],
  ['TIMESTAMP_MS', ['2020-01-01', '1969-12-31 23:59:59.999']],
  ['TIMESTAMP_NS', ['2020-01-01', '1969-12-31 23:59:59.999999999']],
  ['TIMESTAMP WITH TIME ZONE', ['2020-01-01 00:00:00+00', '2020-01-01 00:00:00+01', '-infinity', 'infinity']],
  [
    'INTERVAL',
    ['1 month', '30 days', '720 hours', '31 days', '29 days', '-1 day', '-1 month', '1 us', '-1 us', '1 day', '1 year', '360 days'],
  ],
  ['UUID', ['00000000-0000-0000-0000-000000000000', 'ffffffff-ffff-ffff-ffff-ffffffffffff', '80000000-0000-0000-0000-000000000000']],
  ['BIT', ['0', '1', '01', '10', '0000000001', '11']],
  ['BIGNUM', ['0', '1', '-1', '9', '10', '-9', '-10', '123456789012345678901234567890', '-123456789012345678901234567890']],
  ["ENUM('b', 'a', 'c')", ['a', 'b', 'c']],
  ['JSON', ['1', '"a"', '{}', '{"a": 1}']],
  ['INTEGER[]', ['[]', '[1]', '[1, 2]', '[NULL]', '[NULL, 1]', '[1, NULL]', '[0]', '[-1]']],
  ['VARCHAR[]', ['[]', "['']", '[a]', "[a, '']", '[NULL]', '[aa]']],
  ['INTEGER[2]', ['[1, 2]', '[1, NULL]', '[NULL, 1]', '[1, 1]', '[-1, 1]']],
  ['DOUBLE[]', ['[nan]', '[-nan]', '[infinity]', '[-0.0]', '[0]', '[NULL]', '[]']],
  ['STRUCT(a INTEGER, b VARCHAR)', ['{a: 1, b: x}', '{a: NULL, b: x}', '{a: 1, b: NULL}', '{a: 0, b: z}', '{a: -1, b: z}']],
  ['MAP(VARCHAR, INTEGER)', ['{a=1}', '{a=NULL}', '{}', '{b=1}', '{a=1, b=2}']],
];

/** What ORDER BY itself does to the values that it sorts by: COPY of them gives 0 for -0. */
const withoutSigns = (row: readonly unknown[]) =>
  row.map((value) => (typeof value === 'string' ? value.replaceAll(/-(?=0\.0|nan)/g, '') : value));

describe.each(directions)('ranges of an order %s have between them the order that ORDER BY gives', (direction, how) => {
  test.each(values)('%s', async (type, texts) => {
    const columns = [column('v', type), column('i', 'INTEGER')];
    const order = wholeOrder([{ name: 'v', ...how }]);
    const all = [...texts, ...texts, null, null].map((text, i) => `(${text === null ? 'NULL' : `'${text.replaceAll("'", "''")}'`}, ${i})`);
    const input = `SELECT CAST(v AS ${type}) AS v, CAST(i AS INTEGER) AS i FROM (VALUES ${all.join(', ')}) AS t(v, i)`;
    const parts = await Promise.all([0, 1].map((part) => write(`SELECT * FROM (${input}) WHERE i % 2 = ${part}`, columns, order)));
    const bounds = finestBounds(parts);
    expect(bounds.length).toBeGreaterThan(2);
    const found: (readonly unknown[])[] = [];
    for (const range of bounds) {
      const files = parts.flatMap((part) => fileFor(part, range));
      const rows = partsRelation(files, columns, { buckets: [0, 64], bounds: range }, order);
      // rows that ORDER BY takes for equal are in one range: else their numbers would not come in order
      found.push(...(await bench.ask(`SELECT i, v::VARCHAR FROM (${rows}) ORDER BY v ${direction}, i`)));
    }
    const expected = await bench.ask(`SELECT i, v::VARCHAR FROM (${input}) ORDER BY v ${direction}, i`);
    expect(found.map(withoutSigns)).toEqual(expected.map(withoutSigns));
  });
});

describe('a part of many rows in an order', () => {
  const columns = [column('k', 'VARCHAR'), column('n', 'HUGEINT'), column('i', 'INTEGER')];
  const order = wholeOrder([
    { name: 'k', descending: true, nullsFirst: false },
    { name: 'n', descending: false, nullsFirst: true },
  ]);
  const orderText = 'k DESC NULLS LAST, n ASC NULLS FIRST, i';
  // half of the rows have one key, which begins with more bytes than a sample has
  const query = `SELECT CASE WHEN hash(range) % 2 = 0 THEN repeat('long', 20) WHEN range % 97 = 0 THEN NULL ELSE 'k' || hash(range) % 1000 END AS k,
    CASE WHEN range % 5 = 0 THEN NULL ELSE (hash(range, 1) % 100)::HUGEINT - 50 END AS n, range::INTEGER AS i FROM range(200000)`;
  let part: PartRows & { readonly path: string };
  beforeAll(async () => {
    part = await write(query, columns, order);
  });

  test('is in that order, also where a column is stored as another type', async () => {
    const misplaced = await bench.ask(
      `SELECT count(*) FROM (SELECT row_number() OVER (ORDER BY k DESC NULLS LAST, n::HUGEINT NULLS FIRST, file_row_number) AS r, file_row_number AS f
       FROM read_parquet('${part.path}', file_row_number = true)) WHERE r <> f + 1`,
    );
    expect(misplaced).toEqual([['0']]);
    expect(part.samples?.length).toBeGreaterThan(8);
    expect(part.samples?.every((sample) => sample.length <= 64)).toBe(true);
  });

  test('is shared by ranges, each of which looks at the row groups that may have rows of it', async () => {
    const ranges = sortRanges([part], 8);
    expect(ranges.length).toBeGreaterThan(3);
    let [found, groups]: [readonly unknown[], number] = [[], 0];
    for (const { bounds } of ranges) {
      const files = fileFor(part, bounds);
      const [from, to] = files[0]?.rows ?? [0, 0];
      groups += Math.ceil((to - from) / 16_384);
      const rows = partsRelation(files, columns, { buckets: [0, 64], bounds }, order);
      found = found.concat(await bench.ask(`SELECT i FROM (${rows}) ORDER BY ${orderText}`));
    }
    expect(groups).toBeLessThan(part.groups.length + 3 * ranges.length);
    expect(found).toEqual(await bench.ask(`SELECT i FROM (${query}) ORDER BY ${orderText}`));
  });
});
