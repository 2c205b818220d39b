import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { decompose, windowOnly } from '../../../functions/core/planner/aggregates.ts';
import { PartsBench, type Route, sqlOf, type WrittenCall } from './aggregate-parts.ts';

let bench: PartsBench;
beforeAll(async () => {
  bench = await PartsBench.open();
});
afterAll(() => bench.close());

/** Columns of random values: their types, and literals of their values. */
const dyadic = fc.integer({ min: -4000, max: 4000 }).map((n) => String(n / 8));
const whole = (min: bigint, max: bigint) => fc.oneof(fc.bigInt({ min, max }), fc.constantFrom(min, max, 0n, 1n)).map(String);
const micros = fc.integer({ min: -(10 ** 15), max: 2 * 10 ** 15 });
const finite = fc.oneof(
  fc.double({ min: -1e300, max: 1e300, noNaN: true }),
  fc.double({ min: -1e6, max: 1e6, noNaN: true }),
  fc.constantFrom(0, -0, 5e-324, 1e-12, -1e18, 0.1),
);
const values = {
  b: ['BOOLEAN', fc.boolean().map(String)],
  tiny: ['TINYINT', whole(-128n, 127n)],
  i: ['INTEGER', whole(-(2n ** 31n), 2n ** 31n - 1n)],
  n: ['BIGINT', whole(-(2n ** 63n), 2n ** 63n - 1n)],
  u: ['UBIGINT', whole(0n, 2n ** 64n - 1n)],
  // forty of them don't overflow
  h: ['HUGEINT', whole(-(2n ** 120n), 2n ** 120n)],
  uh: ['UHUGEINT', whole(0n, 2n ** 128n - 1n)],
  dec: ['DECIMAL(9,2)', fc.integer({ min: -999999999, max: 999999999 }).map((n) => String(n / 100))],
  wide: ['DECIMAL(38,4)', whole(-(10n ** 32n), 10n ** 32n)],
  big: ['BIGNUM', whole(-(10n ** 60n), 10n ** 60n)],
  x: ['DOUBLE', dyadic],
  y: ['DOUBLE', dyadic],
  near1: ['DOUBLE', fc.double({ min: 0.5, max: 2, noNaN: true }).map(String)],
  finite: ['DOUBLE', finite.map((v) => (Object.is(v, -0) ? '-0.0' : String(v)))],
  wild: ['DOUBLE', fc.oneof({ weight: 4, arbitrary: finite.map(String) }, fc.constantFrom('nan', 'inf', '-inf'))],
  fine: ['DOUBLE', fc.double({ min: -1e6, max: 1e6, noNaN: true }).map(String)],
  f32: ['FLOAT', fc.float({ min: -(2 ** 100), max: 2 ** 100, noNaN: true }).map(String)],
  t: ['VARCHAR', fc.oneof(fc.string({ maxLength: 5 }), fc.constantFrom('', 'a', 'ä', 'Z', "'"))],
  day: [
    'DATE',
    fc.oneof(
      micros.map((us) => new Date(us / 1000).toISOString().slice(0, 10)),
      fc.constantFrom('infinity', '-infinity'),
    ),
  ],
  time: [
    'TIMESTAMP',
    micros.map((us) => `${new Date(us / 1000).toISOString().slice(0, 23)}${String(Math.abs(us) % 1000).padStart(3, '0')}`),
  ],
  zoned: ['TIMESTAMP WITH TIME ZONE', micros.map((us) => new Date(us / 1000).toISOString())],
  far: ['TIMESTAMP', fc.constantFrom('infinity', '-infinity', '2020-01-01 00:00:00.000001')],
  span: ['INTERVAL', fc.tuple(fc.nat(30), fc.integer({ min: -40, max: 40 })).map(([m, d]) => `${m} months ${d} days 1 microsecond`)],
  e: ["ENUM('z', 'b', 'a')", fc.constantFrom('z', 'b', 'a')],
  l: ['INTEGER[]', fc.array(fc.nat(3), { maxLength: 2 }).map((list) => `[${list.join(', ')}]`)],
  bl: ['BLOB', fc.constantFrom('\\x00', 'a', '')],
  clock: ['TIME WITH TIME ZONE', fc.constantFrom('10:00:00+05:30', '04:30:00+00', '23:00:00-02')],
} satisfies Record<string, readonly [string, fc.Arbitrary<string>]>;

const names = Object.keys(values);
const cells = fc.record(Object.fromEntries(Object.entries(values).map(([name, [, value]]) => [name, fc.option(value, { freq: 8 })])));
const dataRow = fc.record({
  g: fc.constantFrom('a', 'b', 'nulls', null),
  slice: fc.nat(6),
  f: fc.option(fc.boolean(), { freq: 8 }),
  cells,
});
type DataRow = typeof dataRow extends fc.Arbitrary<infer R> ? R : never;

const quoted = (text: string | null | undefined): string => (text == null ? 'NULL' : `'${text.replaceAll("'", "''")}'`);

/** Makes the table `data`: every value of the group `nulls` is NULL, `id` is unique and `mixed` too but in no order. */
async function makeData(rows: readonly DataRow[]): Promise<void> {
  const columns = Object.entries(values).map(([name, [type]]) => `CAST(${name} AS ${type}) AS ${name}`);
  const list = rows.map(({ g, slice, f, cells: row }, id) => {
    const all = names.map((name) => (g === 'nulls' ? 'NULL' : quoted(row[name])));
    return `(${[id, quoted(g), slice, f ?? 'NULL', ...all].join(', ')})`;
  });
  const nothing = `(${[0, 'NULL', 0, 'NULL', ...names.map(() => 'NULL')].join(', ')})`;
  await bench.rows(
    `CREATE OR REPLACE TABLE data AS SELECT id, (id * 7919) % 10007 AS mixed, CAST(g AS VARCHAR) AS g, slice, CAST(f AS BOOLEAN) AS f, ${columns.join(', ')}
     FROM (VALUES ${[...list, nothing].join(', ')}) AS v(id, g, slice, f, ${names.join(', ')}) LIMIT ${rows.length}`,
  );
}

/** How an answer `b` in parts compares with `a` of one pass: SQL that is true where it is right. */
type Check = (a: string, b: string) => string;
const equal: Check = (a, b) => `${a} IS NOT DISTINCT FROM ${b}`;
/** In any order. */
const sameElements: Check = (a, b) => equal(`list_sort(${a})`, `list_sort(${b})`);
const sameTexts: Check = (a, b) => sameElements(`string_split(${a}, '|')`, `string_split(${b}, '|')`);
/** Doubles that may differ by so much. */
const within =
  (bound: (a: string) => string): Check =>
  (a, b) =>
    `(${equal(a, b)} OR coalesce(isfinite(${a}) AND abs(${a} - ${b}) <= ${bound(a)}, false))`;
const relative = within((a) => `1e-9 * greatest(1, abs(${a}))`);
const digits = within((a) => `1e-12 * abs(${a})`);

interface Case extends WrittenCall {
  readonly check: Check;
  /** SQL of an aggregate whose 1e-12 is the error allowed. */
  readonly magnitude?: string;
}

const each = (name: string, columns: readonly string[], check: Check, rest: readonly string[] = []): readonly Case[] =>
  columns.map((column) => ({ name, args: [column, ...rest], check }));
const summed = (name: string, columns: readonly string[]): readonly Case[] =>
  columns.map((column) => ({ name, args: [column], check: equal, magnitude: `sum(abs(CAST(${column} AS DOUBLE)))` }));

const by = [{ sql: 'x', direction: 'DESC', nulls: 'LAST' } as const, { sql: 'mixed', direction: 'ASC', nulls: 'FIRST' } as const];
const byText = [{ sql: 't', direction: 'ASC', nulls: 'FIRST' } as const, { sql: 'h', direction: 'DESC', nulls: 'FIRST' } as const, ...by];
const ordered = (name: string, columns: readonly string[], rest: readonly string[] = []): readonly Case[] =>
  columns.flatMap((column) => [by, byText].map((orderBy) => ({ name, args: [column, ...rest], orderBy, check: equal })));

const pairs = [
  'corr',
  'covar_pop',
  'covar_samp',
  'regr_intercept',
  'regr_r2',
  'regr_slope',
  'regr_sxx',
  'regr_sxy',
  'regr_syy',
  'regr_avgx',
  'regr_avgy',
];
const choices = ['arg_min', 'argmin', 'min_by', 'arg_max', 'argmax', 'max_by'];

const themes: Readonly<Record<string, readonly Case[]>> = {
  'counts': [
    { name: 'count_star', args: [], check: equal },
    ...each('count', ['t', 'l', 'b'], equal),
    { name: 'regr_count', args: ['y', 'x'], check: equal },
    ...['count_if', 'countif'].flatMap((name) => each(name, ['b', 'x > 1'], equal)),
    ...['bool_and', 'bool_or'].flatMap((name) => each(name, ['b'], equal)),
    ...['bit_and', 'bit_or', 'bit_xor'].flatMap((name) => each(name, ['tiny', 'n', 'u', 'h', 'uh'], equal)),
    { name: 'bitstring_agg', args: ['tiny', '-128', '127'], check: equal },
  ],
  'sums': [
    ...each('sum', ['b', 'tiny', 'i', 'n', 'u', 'h', 'dec', 'wide', 'big'], equal),
    ...summed('sum', ['fine', 'finite', 'wild', 'f32', 'uh']),
    ...['fsum', 'kahan_sum', 'sumkahan'].flatMap((name) => summed(name, ['fine', 'wild', 'i'])),
    ...each('product', ['near1'], digits),
  ],
  'averages': [
    ...each('avg', ['tiny', 'i', 'n', 'u', 'h', 'dec', 'wide'], digits),
    ...each('mean', ['day', 'time', 'zoned', 'far'], equal),
    ...['avg', 'favg'].flatMap((name) =>
      ['fine', 'finite', ...(name === 'avg' ? ['wild', 'f32'] : [])].map((x) => ({
        name,
        args: [x],
        check: equal,
        magnitude: `avg(abs(CAST(${x} AS DOUBLE)))`,
      })),
    ),
  ],
  'extremes': ['min', 'max'].flatMap((name) => [
    ...each(name, names, equal),
    ...each(name, ['i', 't', 'wild', 'h', 'day'], equal, ['3']),
    { name, args: ['t'], distinct: true, check: equal },
  ]),
  'values at extremes': [
    ...[...choices, 'arg_min_null', 'arg_max_null'].flatMap((name) => [
      ...each(name, ['t', 'span', 'l'], equal, ['mixed']),
      ...each(name, ['e'], equal, ["coalesce(t, '') || mixed"]),
      ...each(name, ['i'], equal, ['CASE WHEN b THEN mixed::HUGEINT END']),
    ]),
    ...choices.flatMap((name) => each(name, ['t', 'h'], equal, ['mixed', '3'])),
  ],
  'first and last values': ['first', 'last', 'any_value', 'arbitrary'].flatMap((name) => ordered(name, ['t', 'h', 'x', 'l', 'e', 'clock'])),
  'lists': ['list', 'array_agg'].flatMap((name) => [
    ...each(name, ['t', 'h', 'span', 'l', 'clock', 'e'], sameElements),
    ...ordered(name, ['t', 'h', 'span', 'l', 'e']),
  ]),
  'texts': ['string_agg', 'group_concat', 'listagg'].flatMap((name) => [
    ...each(name, ["replace(t, '|', '')", 'i'], sameTexts, ["'|'"]),
    ...ordered(name, ['t', 'h'], ["''''"]),
    ...ordered(name, ['t']),
  ]),
  'spreads and shapes': [
    ...['var_pop', 'var_samp', 'variance'].flatMap((name) =>
      ['x', 'i'].map((x) => ({ name, args: [x], check: equal, magnitude: `sum(CAST(${x} AS DOUBLE) ** 2)` })),
    ),
    ...['stddev', 'stddev_pop', 'stddev_samp', 'sem'].flatMap((name) => each(name, ['x', 'i'], relative)),
    ...['skewness', 'kurtosis', 'kurtosis_pop'].flatMap((name) => each(name, ['x'], relative)),
  ],
  'relations': pairs.flatMap((name) =>
    each(
      name,
      ['y'],
      within((a) => `1e-6 * greatest(1, abs(${a}))`),
      ['x'],
    ),
  ),
};
/** The same calls with FILTER. */
const filtered = Object.fromEntries(
  Object.entries(themes).map(([theme, cases]) => [theme, cases.map((call) => ({ ...call, filter: 'f OR id % 3 = 0' }))]),
);

/** Which answers in parts are wrong, each with what one pass gives. */
async function differences(cases: readonly Case[], route: Route): Promise<readonly string[]> {
  const bounds = cases.map((call) => call.magnitude ?? null);
  const g = route.grouped ? 'g' : "'all' AS g";
  const sums = bounds.flatMap((sql, i) =>
    sql === null ? [] : [`${sql}${cases[i]?.filter === undefined ? '' : ` FILTER (WHERE ${cases[i].filter})`} AS m${i}`],
  );
  await bench.rows(
    `CREATE OR REPLACE TABLE magnitudes AS SELECT ${[g, ...sums].join(', ')} FROM data ${route.grouped ? 'GROUP BY g' : ''}`,
  );
  const right = cases.map((call, i) => {
    const check = call.magnitude === undefined ? call.check : within(() => `1e-12 * m${i}`);
    return `CASE WHEN NOT (${check(`one.c${i}`, `several.c${i}`)}) THEN 'c${i}: ' || coalesce(one.c${i}::VARCHAR, 'NULL') || ' / ' || coalesce(several.c${i}::VARCHAR, 'NULL') END`;
  });
  const rows = await bench.rows(
    `SELECT one.g, several.g IS NULL AND one.g IS NOT NULL AS lost, [${right.join(', ')}] AS wrong FROM one FULL JOIN several ON one.g IS NOT DISTINCT FROM several.g
     LEFT JOIN magnitudes ON one.g IS NOT DISTINCT FROM magnitudes.g`,
  );
  return rows.flatMap((row) => {
    const wrong = Array.isArray(row['wrong']) ? row['wrong'] : [];
    return wrong.flatMap((text, i) => (text === null || cases[i] === undefined ? [] : [`${row['g']}: ${sqlOf(cases[i])}: ${text}`]));
  });
}

describe('aggregates in parts are those of one DuckDB', () => {
  const route = fc.record({ slices: fc.constantFrom(1, 2, 7), levels: fc.nat(2), grouped: fc.boolean() });
  test.each(Object.keys(themes))(
    '%s: in one, two and seven slices, combined never, once and twice',
    { timeout: 200_000 },
    async (theme) => {
      const over = async (rows: readonly DataRow[], way: Route, filter: boolean): Promise<void> => {
        const cases = (filter ? filtered : themes)[theme] ?? [];
        await makeData(rows);
        await bench.both(cases, way);
        expect(await differences(cases, way)).toEqual([]);
      };
      await over([], { slices: 2, levels: 1, grouped: false }, false);
      await fc.assert(
        fc.asyncProperty(fc.array(dataRow, { maxLength: 40, size: 'max' }), route, fc.boolean(), over),
        // to shrink would take minutes
        { numRuns: 4, endOnFailure: true },
      );
    },
  );

  test('over no part at all', { timeout: 100_000 }, async () => {
    await makeData([]);
    for (const cases of Object.values(themes)) {
      const way = { slices: 0, levels: 0, grouped: false };
      await bench.both(cases, way);
      expect(await differences(cases, way)).toEqual([]);
    }
  });

  test('one that ties is one of those that tie, and any value is one of the group', async () => {
    await bench.rows("CREATE OR REPLACE TABLE data AS SELECT i % 7 AS slice, 'v' || i AS x, i // 10 AS o FROM range(40) t(i)");
    const orderBy = [{ sql: 'o', direction: 'ASC', nulls: 'LAST' } as const];
    for (const call of [
      { name: 'arg_min', args: ['x', 'o'] },
      { name: 'first', args: ['x'], orderBy },
      { name: 'any_value', args: ['x'], filter: 'o = 0' },
      { name: 'arbitrary', args: ['x'], filter: "x = 'v3'" },
    ])
      expect(await bench.value(call, 7)).toMatch(/^v\d$/);
  });
});

const parsed = (sql: string): WrittenCall => {
  const [, name = '', args = ''] = /^(\w+)\((.*)\)$/.exec(sql) ?? [];
  return { name, args: args.split(', ') };
};

describe('what one DuckDB refuses to compute', () => {
  test.each([
    ['sum(h)', "'170141183460469231731687303715884105727'::HUGEINT", '1', 'Overflow'],
    ['avg(h)', "'170141183460469231731687303715884105727'::HUGEINT", '1', 'Overflow'],
    ['sum(h)', "'99999999999999999999999999999999999999'::DECIMAL(38,0)", "'99999999999999999999999999999999999999'", 'Overflow'],
    ['var_pop(h)', "'inf'::DOUBLE", '1', 'out of range'],
    ['var_samp(h)', "'nan'::DOUBLE", '1', 'out of range'],
    ['stddev(h)', "'inf'::DOUBLE", '1', 'out of range'],
    ['stddev_pop(h)', "'-inf'::DOUBLE", '1', 'out of range'],
    ['sem(h)', "'nan'::DOUBLE", '1', 'out of range'],
    ['skewness(h)', "'inf'::DOUBLE", '1', 'out of range'],
    ['kurtosis(h)', "'nan'::DOUBLE", '1', 'out of range'],
    ['kurtosis_pop(h)', "'nan'::DOUBLE", '1', 'out of range'],
    ['corr(h, id)', "'inf'::DOUBLE", '1', 'out of range'],
    ['regr_r2(h, id)', "'inf'::DOUBLE", '1', 'out of range'],
    ['regr_syy(h, id)', "'inf'::DOUBLE", '1', 'out of range'],
    ['regr_slope(id, h)', "'inf'::DOUBLE", '1', 'out of range'],
    ['regr_intercept(id, h)', "'inf'::DOUBLE", '1', 'out of range'],
    ['bitstring_agg(i, 0, 3)', '1', '1', 'outside of'],
  ])('%s is refused in parts too', async (sql, first, second, part) => {
    await bench.rows(
      `CREATE OR REPLACE TABLE data AS SELECT v AS h, id AS slice, id, id + 3 AS i FROM (VALUES (0, ${first}), (1, ${second}), (2, NULL), (3, 2), (4, 3)) t(id, v)`,
    );
    await expect(bench.rows(`SELECT ${sql} FROM data`)).rejects.toThrow(part);
    await expect(bench.value(parsed(sql), 7)).rejects.toThrow(part);
  });

  test('the standard error of one value that is no number is refused in parts too', async () => {
    await bench.rows("CREATE OR REPLACE TABLE data AS SELECT 'nan'::DOUBLE AS h, 5 AS slice");
    await expect(bench.rows('SELECT sem(h) FROM data')).rejects.toThrow('out of range');
    await expect(bench.value(parsed('sem(h)'), 7)).rejects.toThrow('out of range');
  });

  test.each([
    'var_pop(h)',
    'var_samp(h)',
    'stddev(h)',
    'skewness(h)',
    'covar_pop(h, id)',
    'corr(h, id)',
    'regr_intercept(id, h)',
    'regr_sxx(id, h)',
  ])('one value that is no number: %s is as in one pass', async (sql) => {
    await bench.rows("CREATE OR REPLACE TABLE data AS SELECT 'nan'::DOUBLE AS h, 5 AS slice, 2 AS id");
    const [one] = await bench.rows(`SELECT CAST(${sql} AS VARCHAR) AS v FROM data`);
    expect(await bench.value(parsed(sql), 7)).toBe(String(one?.['v']));
  });
});

describe('doubles', () => {
  test('the same parts give the same sum, mean, variance and product in whatever order they come', async () => {
    await bench.rows(
      `CREATE OR REPLACE TABLE data AS SELECT 0 AS slice, (hash(i) % 1000003) / 7 * pow(10, (hash(i + 1) % 40)::INTEGER - 20) AS x, 1 + (hash(i) % 1000) / 1e6 AS f
       FROM range(3000) t(i)`,
    );
    const calls = ['sum', 'avg', 'var_samp', 'skewness', 'product'].map((name) => ({ name, args: [name === 'product' ? 'f' : 'x'] }));
    const orders = ['hash(x)', 'hash(x) DESC', 'hash(x, 1)', 'x', 'x DESC'];
    const answers = async (value: string, from: string): Promise<number> => {
      const rows = await Promise.all(
        orders.map((order) => bench.rows(`SELECT CAST(${value} AS VARCHAR) AS v FROM (SELECT * FROM (${from}) ORDER BY ${order})`)),
      );
      return new Set(rows.map(([row]) => row?.['v'])).size;
    };
    for (const call of await bench.bound(calls)) {
      const parts = decompose(call);
      if (parts === null || 'refused' in parts) throw new Error(call.name);
      const partials = parts.partials.map((sql, i) => `${sql} AS p${i}`).join(', ');
      expect(await answers(parts.final(parts.partials.map((_, i) => `p${i}`)), `SELECT x, ${partials} FROM data GROUP BY x`)).toBe(1);
    }
    expect(await answers('sum(x)', 'FROM data')).toBeGreaterThan(1);
  });

  test('a million tenths are a hundred thousand to twelve digits', async () => {
    await bench.rows('CREATE OR REPLACE TABLE data AS SELECT 0.1::DOUBLE + i * 0 AS x, i % 7 AS slice FROM range(1000000) t(i)');
    for (const slices of [1, 7]) {
      expect(Math.abs(Number(await bench.value({ name: 'sum', args: ['x'] }, slices)) / 100000 - 1)).toBeLessThan(1e-12);
    }
  });

  test('equal values have no variance, however they are sliced', async () => {
    await bench.rows('CREATE OR REPLACE TABLE data AS SELECT 0.1::DOUBLE AS x, i::DOUBLE AS y, i % 7 AS slice FROM range(100) t(i)');
    expect(await bench.value({ name: 'stddev', args: ['x'] }, 7)).toBe('0.0');
    expect(await bench.value({ name: 'regr_slope', args: ['y', 'x'] }, 7)).toMatch(/^-?nan$/);
  });
});

/** Every name that DuckDB lists as an aggregate, and what becomes of it; those in parts are tested above. */
const elsewhere = {
  group: [
    ...['approx_count_distinct', 'approx_quantile', 'arg_max_nulls_last', 'arg_min_nulls_last', 'entropy', 'histogram', 'histogram_exact'],
    ...['mad', 'median', 'mode', 'quantile', 'quantile_cont', 'quantile_disc'],
  ],
  refused: ['approx_top_k', 'reservoir_quantile', 'sum_no_overflow'],
  window: [
    ...['cume_dist', 'dense_rank', 'fill', 'first_value', 'lag', 'last_value', 'lead', 'nth_value', 'ntile', 'percent_rank', 'rank'],
    ...['rank_dense', 'row_number'],
  ],
};
const inParts = new Set(Object.values(themes).flatMap((cases) => cases.map(({ name }) => name)));

describe('what becomes of a call', () => {
  const call = { name: 'sum', args: [{ sql: 'x', type: 'DOUBLE' }], distinct: false, filter: null, orderBy: [], type: 'DOUBLE' };

  test('every aggregate of this DuckDB is in parts, of the whole group, or refused', async () => {
    const rows = await bench.rows(
      "SELECT DISTINCT function_name AS name FROM duckdb_functions() WHERE function_type = 'aggregate' ORDER BY name",
    );
    const found = rows.map((row) => String(row['name']));
    expect(found.sort()).toEqual([...inParts, ...Object.values(elsewhere).flat()].sort());
    for (const name of elsewhere.group) expect(decompose({ ...call, name })).toBeNull();
    for (const name of [...elsewhere.refused, ...elsewhere.window]) expect(decompose({ ...call, name })).toHaveProperty('refused');
    expect([...windowOnly].sort()).toEqual(elsewhere.window);
  });

  test.each([
    [{ name: 'first' }, 'first(x ORDER BY ...), or any_value(x)'],
    [{ name: 'last', distinct: true }, 'last(x ORDER BY ...)'],
    [{ name: 'bitstring_agg' }, 'bitstring_agg(x, least, most)'],
    [{ name: 'rank' }, 'rank(...) OVER (...)'],
    [{ name: 'approx_top_k' }, 'GROUP BY x'],
    [{ name: 'new_in_the_next_release' }, 'new_in_the_next_release'],
  ])('%o is refused, and told how to be written', (other, part) => {
    expect(decompose({ ...call, ...other })).toEqual({ refused: expect.stringContaining(part) });
  });

  test.each([
    { distinct: true },
    { name: 'count', distinct: true },
    { name: 'list', distinct: true },
    { name: 'min', distinct: true, args: [...call.args, { sql: '2', type: 'INTEGER' }] },
    { name: 'min', args: [{ sql: 'x COLLATE NOCASE', type: 'VARCHAR' }] },
    { name: 'list', orderBy: [{ sql: 'x COLLATE NOCASE', type: 'VARCHAR', direction: 'ASC', nulls: 'LAST' } as const] },
    { name: 'avg', args: [{ sql: 'x', type: 'INTERVAL' }] },
    { name: 'max', args: [...call.args, { sql: 'n', type: 'BIGINT' }] },
    { name: 'arg_max', args: [...call.args, ...call.args, { sql: '1 + 1', type: 'INTEGER' }] },
    { name: 'string_agg', args: [...call.args, { sql: "'a' || 'b'", type: 'VARCHAR' }] },
  ])('%o needs the whole group', (other) => {
    expect(decompose({ ...call, ...other })).toBeNull();
  });
});
