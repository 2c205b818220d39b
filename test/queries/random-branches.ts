import * as fc from 'fast-check';
import { one, queryOfInput, type RandomQuery, where } from './random-query.ts';

/** The side table that some queries read: keys that come twice, that no row has, and that are NULL. */
export const sideSql =
  "SELECT * FROM (VALUES (0, 'zero', 1.5), (1, 'one', 2.5), (2, NULL, NULL), (2, 'two', 4.5), (7, 'seven', 0.5), (99, 'none', 9.5), (NULL, 'null', 3.5)) AS t(k, name, rate)";

const unordered = (sql: string): RandomQuery => ({ sql, isOrdered: false });
const ordered = (sql: string): RandomQuery => ({ sql, isOrdered: true });

/** Joins of `input` as `i` and the side table as `s`. */
const join = one(
  'input AS i JOIN side AS s ON i.k = s.k',
  'input AS i LEFT JOIN side AS s ON i.k = s.k AND s.rate > 1',
  'input AS i JOIN side AS s ON i.k > s.k',
  'input AS i CROSS JOIN (SELECT * FROM side WHERE k < 2) AS s',
  '(SELECT * FROM input WHERE b) AS i LEFT JOIN (SELECT k, min(name) AS name, max(rate) AS rate FROM side GROUP BY k) AS s ON s.k = i.k % 3',
);

const joinFilter = one(
  '',
  '',
  ' WHERE i.k IN (SELECT k FROM side WHERE k IS NOT NULL)',
  ' WHERE i.k NOT IN (SELECT k FROM side WHERE k IS NOT NULL)',
  ' WHERE EXISTS (SELECT 1 FROM side AS x WHERE x.k = i.k AND x.rate > 2)',
  ' WHERE NOT EXISTS (SELECT 1 FROM side AS x WHERE x.k = i.k)',
  ' WHERE i.m > (SELECT min(rate) FROM side)',
);

interface Joined {
  /** FROM and WHERE. */
  readonly rows: string;
  readonly filter: string;
  readonly by: string;
}

const joined = fc
  .tuple(
    fc
      .record({ from: join, filter: joinFilter, by: one('s.name', 'i.k', 's.k', 'i.g', 's.rate > 2') })
      .map(({ from, filter, by }): Joined => ({ rows: `FROM ${from}${filter}`, filter, by })),
    one<(from: Joined) => RandomQuery>(
      ({ rows }) => ordered(`SELECT i.id, s.name, s.rate ${rows} ORDER BY i.id, s.name, s.rate, s.k`),
      ({ rows, by }) => unordered(`SELECT ${by} AS x, count(*) AS n, sum(i.m) AS sm, max(s.name) AS mn ${rows} GROUP BY ${by}`),
      ({ rows, by }) => unordered(`SELECT ${by} AS x, count(DISTINCT i.g) AS n, median(i.d) AS md ${rows} GROUP BY ALL`),
      ({ rows, by }) =>
        unordered(
          `SELECT i.id, s.name, count(*) OVER (PARTITION BY ${by}) AS n, min(i.id) OVER (PARTITION BY ${by} ORDER BY i.id) AS r ${rows}`,
        ),
      ({ rows, by }) => unordered(`SELECT DISTINCT ${by} AS x, s.rate ${rows}`),
      ({ filter }) =>
        unordered(
          `SELECT t.x, t.n, side.name FROM (SELECT i.k AS x, count(*) AS n FROM input AS i${filter} GROUP BY i.k) AS t LEFT JOIN side ON side.k = t.x`,
        ),
      ({ filter }) => unordered(`SELECT i.k, sum(i.m) AS sm, (SELECT max(rate) FROM side) AS mr FROM input AS i${filter} GROUP BY i.k`),
      ({ filter }) =>
        unordered(
          `SELECT t.k, t.n, (SELECT count(*) FROM side AS x WHERE x.k = t.k) AS c FROM (SELECT i.k, count(*) AS n FROM input AS i${filter} GROUP BY i.k) AS t`,
        ),
    ),
  )
  .map(([from, form]) => form(from));

/** SELECTs of two columns, a number and a text. */
const branch = fc
  .tuple(
    one<(by: string, filter: string) => string>(
      (by, filter) => `SELECT k::BIGINT AS n, ${by} AS s FROM input${filter}`,
      (by, filter) => `SELECT count(*) AS n, ${by} AS s FROM input${filter} GROUP BY ${by}`,
      (by, filter) => `SELECT DISTINCT k::BIGINT AS n, ${by} AS s FROM input${filter}`,
      (_by, filter) => `SELECT count(a) AS n, max(g) AS s FROM input${filter}`,
    ),
    one('g', 'upper(g)'),
    where,
  )
  .map(([form, by, filter]) => form(by, filter));

const united = fc
  .tuple(
    fc.array(branch, { minLength: 2, maxLength: 3 }),
    one('UNION ALL', 'UNION ALL', 'UNION'),
    one<(all: string) => RandomQuery>(
      (all) => unordered(all),
      (all) => ordered(`${all} ORDER BY 1, 2`),
      (all) => ordered(`${all} ORDER BY s DESC, n LIMIT 5`),
      (all) => unordered(`SELECT s, sum(n) AS n, count(*) AS c FROM (${all}) AS u GROUP BY s`),
    ),
  )
  .map(([branches, operator, outer]) => outer(branches.join(` ${operator} `)));

/** Lambdas, whose parameters may go by the names of columns. */
const lambda = one(
  'list_transform(l, x -> x + 1)',
  'list_filter(l, k -> k > 0)',
  'list_transform(l, lambda g: coalesce(g, 0) * 2)',
  'list_sum(list_transform(l, x -> x * k))',
  'list_reduce(list_transform([1, 2, 3], x -> x + len(l)), lambda x, y: x + y)',
);

const lambdas = fc
  .tuple(
    lambda,
    where,
    one<(call: string, filter: string) => RandomQuery>(
      (call, filter) => ordered(`SELECT id, ${call} AS x FROM input${filter} ORDER BY id DESC`),
      (call, filter) => unordered(`SELECT ${call} AS x, count(*) AS n, max(k) AS k FROM input${filter} GROUP BY ALL`),
      (_call, filter) => unordered(`SELECT k, list_transform(list(id ORDER BY id), id -> id % 3) AS x FROM input${filter} GROUP BY k`),
      (call, filter) =>
        unordered(`SELECT id, ${call} AS x, first_value(id) OVER (PARTITION BY ${call} ORDER BY id) AS f FROM input${filter}`),
    ),
  )
  .map(([call, filter, form]) => form(call, filter));

/** A random query over `input`, and the table `side`, that looks at several rows at once, of a kind that several tasks can share. */
export const randomQuery: fc.Arbitrary<RandomQuery> = fc.oneof(
  { weight: 17, arbitrary: queryOfInput },
  { weight: 3, arbitrary: joined },
  { weight: 2, arbitrary: united },
  { weight: 1, arbitrary: lambdas },
);
