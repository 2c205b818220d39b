import { type AggregateCall, type Decomposed, ownPartial, partial } from './aggregate-call.ts';

/** Whole numbers whose sums fit 38 digits, whatever number of rows a part may have. */
const narrow = /^(U?(TINYINT|SMALLINT|INTEGER|BIGINT)|BOOLEAN)$/;
const exact = /^(HUGEINT|BIGNUM|DECIMAL\(\d+,\s*\d+\))$/;
/** Those whose sums may be too large, and how many decimals they have. */
const wide = /^(?:HUGEINT|DECIMAL\((?:19|[23]\d),\s*(\d+)\))$/;
const floating = /^(FLOAT|DOUBLE|UHUGEINT)$/;
const instant = /^(DATE|TIMESTAMP|TIMESTAMP WITH TIME ZONE)$/;

/** Values that are added up: the columns of a part, their total over parts, and that total in columns again. */
export interface Summed {
  readonly partials: readonly string[];
  readonly total: (columns: readonly string[]) => string;
  readonly combine: (columns: readonly string[]) => readonly string[];
  readonly promise: Decomposed['promise'];
}

function add(column = ''): string {
  return `sum(${column})`;
}

/** DuckDB looks for an overflow as it adds rows, and not as it adds the sums of its threads (1.5.5): those of parts would be wrong without a word. */
function addWide(decimals: number): (column: string) => string {
  const most = 1.7e38 / 10 ** decimals;
  return (column) =>
    `CASE WHEN abs(sum(CAST(${column} AS DOUBLE))) > ${most}::DOUBLE THEN error('Overflow in a sum: it has more than 38 digits') ELSE ${add(column)} END`;
}

/**
 * A sum of whole numbers in the two columns of a part: a BIGINT, or, where it doesn't fit one, 38 digits. Parquet has no HUGEINT; to add up BIGINTs takes half
 * the time of DECIMALs, and a column of NULLs costs next to nothing.
 */
const inTwo = (total: string): readonly string[] => [
  `TRY_CAST(${total} AS BIGINT)`,
  `CASE WHEN TRY_CAST(${total} AS BIGINT) IS NULL THEN CAST(${total} AS DECIMAL(38,0)) END`,
];

/** A HUGEINT. */
function addTwo([fits = '', wide = '']: readonly string[]): string {
  const wides = `CAST(sum(${wide}) AS HUGEINT)`;
  return `coalesce(sum(${fits}) + ${wides}, sum(${fits}), ${wides})`;
}

/** One column whose total is another of its kind. */
function inOne(sql: string, total: (column: string) => string, promise: Decomposed['promise']): Summed {
  return { partials: [sql], total: ([column = '']) => total(column), combine: ([column = '']) => [total(column)], promise };
}

function inTwoColumns(sum: string): Summed {
  return { partials: inTwo(sum), total: addTwo, combine: (columns) => inTwo(addTwo(columns)), promise: 'exact' };
}

/** A number of rows: it is never NULL in a part, and over no part there is none. */
export function addCounts(column = ''): string {
  return `CAST(sum(${column}) AS BIGINT)`;
}

/**
 * The sum of a column of DOUBLEs that doesn't depend on their order, because the rows of parts have none: whole 1/1024ths and, apart from them, 2^-62 of one are
 * added as integers; a step of 2^-72 is 12 digits of 1e-9. Only other numbers, NaN and the infinities are put in order first. With five rows in each of 200,000
 * groups that takes half as long again as `sum(p)`, and it spills as that does. All of them in order take five times as long in a list and fifteen times by
 * `sum(p ORDER BY p)`, and neither spills.
 */
export function addDoubles(column = ''): string {
  const held = `(abs(${column}) < 4e15 AND (abs(${column}) >= 1e-9 OR ${column} = 0))`;
  const whole = `CAST(sum(CASE WHEN ${held} THEN CAST(trunc(${column} * 1024) AS BIGINT) END) AS DOUBLE)`;
  const rest = `CAST(sum(CASE WHEN ${held} THEN CAST((${column} * 1024 - trunc(${column} * 1024)) * ${2 ** 62}::DOUBLE AS BIGINT) END) AS DOUBLE)`;
  const others = `list_sum(list_sort(list(${column}) FILTER (WHERE NOT ${held})))`;
  return `CASE WHEN count(${column}) > 0 THEN coalesce((${whole} + ${rest} / ${2 ** 62}::DOUBLE) / 1024, 0) + coalesce(${others}, 0) END`;
}

/** The sum of DOUBLEs over rows: `sum` may be wrong by 1e-10 of the sum over 10,000,000 rows, `fsum` isn't, but gives NaN for an infinity. */
export function sumDoubles(call: AggregateCall, sql: string): string {
  const plain = partial(call, `sum(${sql})`);
  return `CASE WHEN isfinite(${plain}) THEN ${partial(call, `fsum(${sql})`)} ELSE ${plain} END`;
}

/** How values of a type are added up; null when that isn't known. */
function summed(call: AggregateCall): Summed | null {
  const { sql, type } = call.args[0] ?? { sql: '', type: '' };
  const plain = partial(call, `sum(${sql})`);
  if (narrow.test(type)) return inTwoColumns(plain);
  const decimals = wide.exec(type);
  if (decimals !== null) return inOne(plain, addWide(Number(decimals[1] ?? 0)), 'exact');
  if (exact.test(type)) return inOne(plain, add, 'exact');
  if (floating.test(type)) return inOne(sumDoubles(call, sql), addDoubles, 'double');
  return null;
}

function cast({ partials, total, combine, promise }: Summed, type: string): Decomposed {
  return { partials, combine, final: (columns) => `CAST(${total(columns)} AS ${type})`, promise };
}

/** `count(*)`, `count(x)`, `regr_count(y, x)`: over no row 0. */
export function count(call: AggregateCall): Decomposed {
  const own = call.args.length === 0 ? partial(call, 'count(*)') : ownPartial(call);
  return {
    partials: [`CAST(${own} AS BIGINT)`],
    combine: ([n]) => [addCounts(n)],
    final: ([n]) => `CAST(coalesce(${addCounts(n)}, 0) AS ${call.type})`,
    promise: 'exact',
  };
}

/** Over no row it is NULL, other than `count`. */
export function countIf(call: AggregateCall): Decomposed {
  return cast(inOne(`CAST(${ownPartial(call)} AS BIGINT)`, addCounts, 'exact'), call.type);
}

/** `sum`; over a HUGEINT, whose sum may overflow, rows in another order may overflow where these didn't and the other way round. */
export function sum(call: AggregateCall): Decomposed | null {
  const parts = summed(call);
  return parts === null ? null : cast(parts, call.type);
}

export function fsum(call: AggregateCall): Decomposed {
  return cast(inOne(ownPartial(call), addDoubles, 'double'), call.type);
}

/** The factors of parts in the order of their size. */
export function product(call: AggregateCall): Decomposed {
  const total = (p: string): string => `list_product(list_sort(list(${p})))`;
  return cast(inOne(ownPartial(call), total, 'double'), call.type);
}

/** What is made of a total and of the number of its values. */
function withCount(call: AggregateCall, summed: Summed, made: (total: string, rows: string) => string): Decomposed {
  const columns = summed.partials.length;
  return {
    partials: [...summed.partials, partial(call, `count(${call.args[0]?.sql})`)],
    combine: (parts) => [...summed.combine(parts.slice(0, columns)), addCounts(parts[columns])],
    final: (parts) => `CAST(${made(summed.total(parts.slice(0, columns)), addCounts(parts[columns]))} AS ${call.type})`,
    promise: summed.promise,
  };
}

function quotient(call: AggregateCall, summed: Summed): Decomposed {
  return { ...withCount(call, summed, (total, rows) => `CAST(${total} AS DOUBLE) / ${rows}`), promise: 'double' };
}

/** `avg`. DuckDB divides by a long double, so that the last bit may differ even for whole numbers, from machine to machine too. */
export function avg(call: AggregateCall): Decomposed | null {
  const type = call.args[0]?.type ?? '';
  if (instant.test(type)) return averageInstant(call);
  const parts = type === 'BIGNUM' ? null : summed(call);
  return parts === null ? null : quotient(call, parts);
}

export function favg(call: AggregateCall): Decomposed {
  return quotient(call, inOne(partial(call, `fsum(${call.args[0]?.sql})`), addDoubles, 'double'));
}

/** The microseconds that an infinite time is to DuckDB when it averages. */
const infinite = '9223372036854775807';

/** An average before 1970 is cut and one after it is rounded, a half downwards: that is what DuckDB does. */
function averageInstant(call: AggregateCall): Decomposed {
  const { sql, type } = call.args[0] ?? { sql: '', type: '' };
  const zoned = type === 'TIMESTAMP WITH TIME ZONE';
  const time = zoned ? `(${sql})` : `CAST(${sql} AS TIMESTAMP)`;
  const raw = `CASE WHEN isinf(${time}) THEN CASE WHEN ${time} > 'epoch' THEN ${infinite} ELSE -${infinite} END ELSE epoch_us(${time}) END`;
  const make = zoned ? 'make_timestamptz' : 'make_timestamp';
  return withCount(call, inTwoColumns(partial(call, `sum(${raw})`)), (total, rows) => {
    const us = `CAST(${total} // ${rows} + CASE WHEN ${total} % ${rows} > ${rows} // 2 THEN 1 ELSE 0 END AS BIGINT)`;
    return `CASE ${us} WHEN ${infinite} THEN 'infinity' WHEN -${infinite} THEN '-infinity' ELSE ${make}(${us}) END`;
  });
}
