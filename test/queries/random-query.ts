import * as fc from 'fast-check';

/** Columns of the random tables: few keys with NULLs among them, values at the ends of their types, and `id`, which is unlike in each row. */
export const tableColumns = [
  ['id', 'BIGINT'],
  ['k', 'INTEGER'],
  ['g', 'VARCHAR'],
  ['b', 'BOOLEAN'],
  ['a', 'BIGINT'],
  ['d', 'DOUBLE'],
  ['m', 'DECIMAL(12,2)'],
  ['t', 'TIMESTAMP'],
  ['y', 'DATE'],
  ['l', 'INTEGER[]'],
] as const;

/** Makes the rows of a random table: an SQL SELECT over `range`. Doubles are quarters, so that their sums are exact in any order. */
export function tableSql(rows: number, salt: number): string {
  const h = (n: number): string => `(hash(i, ${salt}, ${n}) % 1000003)::BIGINT`;
  const orNull = (n: number, one: number, value: string): string => `CASE WHEN ${h(n)} % ${one} = 0 THEN NULL ELSE ${value} END`;
  const items = [
    'i::BIGINT AS id',
    // skewed: half of the rows have one key
    `${orNull(1, 9, `CASE WHEN ${h(2)} % 2 = 0 THEN 7 ELSE ${h(3)} % 23 - 5 END`)}::INTEGER AS k`,
    `${orNull(4, 11, `['a', '', 'b''c', 'é', 'a', 'longer than twelve bytes'][1 + ${h(5)} % 6]`)}::VARCHAR AS g`,
    `${orNull(6, 5, `${h(7)} % 2 = 0`)} AS b`,
    `${orNull(8, 13, `CASE ${h(9)} % 40 WHEN 0 THEN 9223372036854775807 WHEN 1 THEN -9223372036854775808 ELSE ${h(10)} % 2001 - 1000 END`)}::BIGINT AS a`,
    `${orNull(11, 7, `CASE ${h(12)} % 30 WHEN 0 THEN -0.0::DOUBLE ELSE (${h(13)} % 4001 - 2000) / 4 END`)}::DOUBLE AS d`,
    `${orNull(14, 17, `(${h(15)} % 100001 - 50000)::DECIMAL(12,2) / 100`)}::DECIMAL(12,2) AS m`,
    `${orNull(16, 19, `TIMESTAMP '1969-12-20 00:00:00' + to_microseconds(${h(17)} * 2000003)`)}::TIMESTAMP AS t`,
    `(DATE '2024-02-25' + (${h(18)} % 9)::INTEGER)::DATE AS y`,
    `${orNull(19, 6, `CASE ${h(20)} % 4 WHEN 0 THEN []::INTEGER[] WHEN 1 THEN [NULL]::INTEGER[] ELSE [${h(21)} % 3, ${h(22)} % 2] END`)}::INTEGER[] AS l`,
  ];
  return `SELECT ${items.join(', ')} FROM range(${rows}) AS r(i)`;
}

/** A query and what may be asked of its answer. */
export interface RandomQuery {
  readonly sql: string;
  /** Whether the order of its rows is all said by the query. */
  readonly isOrdered: boolean;
}

export const one = <Value>(...values: readonly Value[]): fc.Arbitrary<Value> => fc.constantFrom(...values);

const condition = one(
  'a > 0',
  'k IS NOT NULL',
  "g <> 'a'",
  'b',
  'NOT b',
  'd BETWEEN -100 AND 100',
  'k IN (1, 2, 7, NULL)',
  'len(l) > 0',
  'm > 0 OR t IS NULL',
  'false',
  "y >= DATE '2024-02-28'",
  'k NOT IN (SELECT x FROM (VALUES (3), (4)) AS v(x))',
);

/** A filter, mostly none. */
export const where = fc.option(condition, { nil: null, freq: 3 }).map((text) => (text === null ? '' : ` WHERE ${text}`));

const key = one(
  'k',
  'g',
  'b',
  'y',
  'k % 3',
  'k + 1',
  "date_trunc('day', t)",
  'm > 0',
  'l',
  'upper(g)',
  'd < 0',
  "CASE WHEN k > 5 THEN 'hi' ELSE 'lo' END",
);

/** Sums of values near the ends of BIGINT are HUGEINT; products and squares of them are left out, which overflow. */
const simpleAggregate = one(
  'count(*)',
  'count(a)',
  'sum(a)',
  'sum(d)',
  'sum(m)',
  'sum(k)',
  'avg(m)',
  'avg(k)',
  'avg(d)',
  'min(a)',
  'max(a)',
  'min(g)',
  'max(t)',
  'min(d)',
  'max(l)',
  'bool_and(b)',
  'bool_or(b)',
  'bit_xor(k)',
  'count_if(b)',
  'stddev(k)',
  'var_pop(m)',
  'corr(k, id)',
  'covar_samp(k, id)',
  'arg_min(g, id)',
  'arg_max(a, id)',
  'histogram(k)',
  'first(g ORDER BY id)',
  'last(a ORDER BY id DESC)',
  "string_agg(g, '|' ORDER BY id)",
  'list(k ORDER BY id)',
  'avg(t)',
  'approx_count_distinct(g)',
);

const wholeAggregate = one(
  'median(d)',
  'quantile_disc(m, 0.25)',
  'quantile_cont(k, [0.1, 0.9])',
  'mad(k)',
  'count(DISTINCT g)',
  'count(DISTINCT k)',
  'sum(DISTINCT k)',
  'avg(DISTINCT k)',
  'list_sort(list(DISTINCT g))',
  'count(DISTINCT a) FILTER (WHERE b)',
);

const aggregate = fc
  .tuple(
    fc.oneof({ weight: 5, arbitrary: simpleAggregate }, { weight: 2, arbitrary: wholeAggregate }),
    one('', '', '', ' FILTER (WHERE b)', ' FILTER (WHERE k > 3)'),
  )
  .map(([call, filter]) => (call.includes('FILTER') || call.startsWith('list_sort') ? call : `${call}${filter}`));

const overAggregates = fc
  .tuple(aggregate, one('x', 'x', 'x', 'coalesce'))
  .map(([call, form]) => (form === 'x' ? call : `coalesce(${call}, NULL)`));

type Grouping = 'names' | 'ordinals' | 'all' | 'rollup' | 'cube' | 'sets';

const grouped = fc
  .record({
    keys: fc.uniqueArray(key, { minLength: 0, maxLength: 3 }),
    aggregates: fc.array(overAggregates, { minLength: 1, maxLength: 4 }),
    grouping: one<Grouping>('names', 'names', 'ordinals', 'all', 'rollup', 'cube', 'sets'),
    having: one('', '', '', ' HAVING count(*) > 2', ' HAVING sum(k) > 10 OR max(a) IS NULL'),
    ratio: fc.boolean(),
    from: one('input', 'input', 'input AS t', '(SELECT * FROM input WHERE id % 7 <> 3) AS q'),
    where,
    end: one('', '', 'order', 'limit'),
  })
  .map(({ keys, aggregates, grouping, having, ratio, from, where: filter, end }): RandomQuery => {
    const items = [
      ...keys.map((text, index) => `${text} AS g${index}`),
      ...aggregates.map((text, index) => `${text} AS a${index}`),
      ...(ratio ? ['sum(m) / nullif(count(*), 0) AS r'] : []),
    ];
    const groupBy = keys.length === 0 ? '' : ` GROUP BY ${groupingOf(grouping, keys)}`;
    const isUnique = grouping === 'names' || grouping === 'ordinals' || grouping === 'all';
    const order =
      end !== '' && isUnique
        ? ` ORDER BY ${[...keys.map((_, index) => `g${index}${index % 2 === 0 ? ' DESC' : ' NULLS FIRST'}`), '1'].join(', ')}`
        : '';
    const limit = order !== '' && end === 'limit' ? ' LIMIT 4 OFFSET 1' : '';
    return { sql: `SELECT ${items.join(', ')} FROM ${from}${filter}${groupBy}${having}${order}${limit}`, isOrdered: order !== '' };
  });

function groupingOf(grouping: Grouping, keys: readonly string[]): string {
  const list = keys.join(', ');
  switch (grouping) {
    case 'names':
      return list;
    case 'ordinals':
      return keys.map((_, index) => index + 1).join(', ');
    case 'all':
      return 'ALL';
    case 'rollup':
      return `ROLLUP (${list})`;
    case 'cube':
      return `CUBE (${list})`;
    case 'sets':
      return `GROUPING SETS (${keys.map((text) => `(${text})`).join(', ')}, (${list}), ())`;
  }
}

const distinct = fc
  .record({ keys: fc.uniqueArray(key, { minLength: 1, maxLength: 3 }), where, isOrdered: fc.boolean() })
  .map(({ keys, where: filter, isOrdered }): RandomQuery => {
    const order = isOrdered ? ` ORDER BY ${keys.map((_, index) => index + 1).join(' DESC, ')}` : '';
    return {
      sql: `SELECT DISTINCT ${keys.map((text, index) => `${text} AS g${index}`).join(', ')} FROM input${filter}${order}`,
      isOrdered,
    };
  });

const first = fc
  .record({
    key,
    direction: one('', ' DESC', ' NULLS FIRST', ' DESC NULLS LAST'),
    where,
    limit: one('', ' LIMIT 5', ' LIMIT 3 OFFSET 4', ' LIMIT 0'),
  })
  .map(({ key: by, direction, where: filter, limit }): RandomQuery => {
    return { sql: `SELECT * FROM input${filter} ORDER BY ${by}${direction}, id${limit}`, isOrdered: true };
  });

const sortKey = fc
  .tuple(
    one(
      'k',
      'g',
      'b',
      'y',
      't',
      'd',
      'm',
      'a',
      'l',
      'k % 3',
      "{'g': g, 'k': k}",
      'a::HUGEINT',
      't::TIME',
      'to_days(k)',
      "g || 'a key that is long enough to be cut'",
    ),
    one('', ' DESC', ' NULLS FIRST', ' DESC NULLS LAST', ' DESC NULLS FIRST'),
  )
  .map(([by, direction]) => `${by}${direction}`);

const sorted = fc
  .record({
    keys: fc.uniqueArray(sortKey, { minLength: 1, maxLength: 3 }),
    items: one('*', 'id, g, m', '-id AS id, d'),
    where,
    tie: one('id', 'id DESC'),
  })
  .map(({ keys, items, where: filter, tie }): RandomQuery => {
    return { sql: `SELECT ${items} FROM input${filter} ORDER BY ${keys.join(', ')}, input.${tie}`, isOrdered: true };
  });

const window = one(
  'row_number() OVER (PARTITION BY K ORDER BY id)',
  'rank() OVER (PARTITION BY K ORDER BY a DESC)',
  'dense_rank() OVER (PARTITION BY K, b ORDER BY m)',
  'sum(m) OVER (PARTITION BY K)',
  'sum(m) OVER (PARTITION BY K ORDER BY id ROWS BETWEEN 2 PRECEDING AND CURRENT ROW)',
  'lag(g, 2) OVER (PARTITION BY K ORDER BY id)',
  'first_value(a) OVER (PARTITION BY b, K ORDER BY id DESC)',
  'count(*) FILTER (WHERE b) OVER (PARTITION BY K)',
  'ntile(3) OVER (PARTITION BY K ORDER BY id)',
);

const windowed = fc
  .record({
    key: one('k', 'g', 'y', 'k % 3'),
    windows: fc.array(window, { minLength: 1, maxLength: 3 }),
    where,
    qualify: one('', '', ' QUALIFY row_number() OVER (PARTITION BY K ORDER BY id) <= 2'),
  })
  .map(({ key: by, windows, where: filter, qualify }): RandomQuery => {
    const items = windows.map((text, index) => `${text.replaceAll('K', by)} AS w${index}`);
    return { sql: `SELECT id, ${by} AS p, ${items.join(', ')} FROM input${filter}${qualify.replaceAll('K', by)}`, isOrdered: false };
  });

const nested = fc
  .record({ inner: grouped, outer: one('count', 'filter', 'cte', 'rank'), where })
  .filter(({ inner }) => !inner.isOrdered)
  .map(({ inner, outer }): RandomQuery => {
    switch (outer) {
      case 'count':
        return { sql: `SELECT count(*) AS n, count(a0) AS c FROM (${inner.sql})`, isOrdered: false };
      case 'filter':
        return { sql: `SELECT a0 FROM (${inner.sql}) AS s WHERE s.a0 IS NOT NULL`, isOrdered: false };
      case 'cte':
        return { sql: `WITH s AS (${inner.sql}) SELECT a0, count(*) AS n FROM s GROUP BY ALL`, isOrdered: false };
      default:
        return { sql: `SELECT DISTINCT a0 FROM (${inner.sql})`, isOrdered: false };
    }
  });

const others = one(
  'SELECT k, count(*) AS n FROM (SELECT k FROM input UNION ALL SELECT k + 1 FROM input WHERE b) GROUP BY k',
  'SELECT u, count(*) AS n, sum(a) AS s FROM (SELECT unnest(l) AS u, a FROM input) GROUP BY u',
  "SELECT v.name, sum(m) AS s FROM input JOIN (VALUES (1, 'one'), (7, 'seven')) AS v(id, name) ON input.k = v.id GROUP BY v.name",
  "SELECT v.name, count(*) AS n FROM input LEFT JOIN (VALUES (1, 'one'), (7, 'seven')) AS v(id, name) ON input.k = v.id GROUP BY ALL",
  'SELECT DISTINCT ON (k) k, id, g FROM input ORDER BY k, id',
  'SELECT k, sum(sum(m)) OVER (PARTITION BY k) AS s, b FROM input GROUP BY k, b',
  'SELECT k, sum(m) AS s, rank() OVER (ORDER BY sum(m) DESC, k) AS r FROM input GROUP BY k',
  'SELECT g, grouping(g, k) AS x, count(*) AS n FROM input GROUP BY CUBE (g, k)',
  'SELECT -k AS k, count(*) AS n FROM input GROUP BY ALL ORDER BY k',
  'SELECT a AS k, k AS a FROM input ORDER BY k, id LIMIT 6',
  'SELECT k + 1 AS z, z * 2 AS zz, count(*) AS n FROM input GROUP BY ALL',
  'SELECT max(n) FROM (SELECT k, count(*) AS n FROM (SELECT DISTINCT k, g FROM input) GROUP BY k)',
  'SELECT count(*) FROM (SELECT * FROM input ORDER BY id LIMIT 10)',
  'SELECT count(*) AS n FROM input GROUP BY ()',
).map((sql): RandomQuery => ({ sql, isOrdered: false }));

/** A random query over `input` alone. */
export const queryOfInput: fc.Arbitrary<RandomQuery> = fc.oneof(
  { weight: 6, arbitrary: grouped },
  { weight: 1, arbitrary: distinct },
  { weight: 2, arbitrary: first },
  { weight: 3, arbitrary: sorted },
  { weight: 2, arbitrary: windowed },
  { weight: 2, arbitrary: nested },
  { weight: 1, arbitrary: others },
);
