import type { AggregateCall, Decomposed, TypedSql } from './aggregate-call.ts';

/** A call of an aggregate over a task's rows, with the FILTER of the query's own call. */
export function partial({ filter }: AggregateCall, name: string, ...args: readonly string[]): string {
  return `${name}(${args.join(', ')})${filter === null ? '' : ` FILTER (WHERE ${filter})`}`;
}

/** SQL of the arguments as they stand in the query. */
export function texts(args: readonly TypedSql[]): readonly string[] {
  return args.map(({ sql }) => sql);
}

/** Whole numbers whose sums fit 38 digits: of BIGINTs, a part of 5e18 rows doesn't reach them. */
const smallWhole = /^U?(TINYINT|SMALLINT|INTEGER|BIGINT)$|^BOOLEAN$/;
const wide = /^HUGEINT$/;
const decimal = /^DECIMAL\(\d+,\s*(\d+)\)$/;
const floating = /^(FLOAT|DOUBLE|UHUGEINT)$/;

/** Sums of doubles depend on their order, and a part's rows have none: this gives them one. */
export function sumOfDoubles(column: string): string {
  return `sum(${column} ORDER BY ${column})`;
}

export function count(call: AggregateCall): Decomposed {
  return {
    partials: [partial(call, 'count', ...(call.args.length === 0 ? ['*'] : texts(call.args)))],
    combine: ([n]) => [`CAST(sum(${n}) AS BIGINT)`],
    final: ([n]) => `CAST(coalesce(sum(${n}), 0) AS ${call.type})`,
    promise: 'exact',
  };
}

/** Over no row it is NULL, other than `count`. */
export function countIf(call: AggregateCall): Decomposed {
  return {
    partials: [`CAST(${partial(call, 'count_if', ...texts(call.args))} AS BIGINT)`],
    combine: ([n]) => [`CAST(sum(${n}) AS BIGINT)`],
    final: ([n]) => `CAST(sum(${n}) AS ${call.type})`,
    promise: 'exact',
  };
}

/** The parts of a sum, which the average has too; null for a type whose sum isn't known to be made of parts. */
function sumParts(
  call: AggregateCall,
): (Pick<Decomposed, 'promise'> & { readonly partial: string; readonly total: (column: string) => string }) | null {
  const type = call.args[0]?.type ?? '';
  const own = partial(call, 'sum', ...texts(call.args));
  const total = (column: string): string => `sum(${column})`;
  // Parquet has no HUGEINT, and adding up DECIMALs is 30 times as fast
  if (smallWhole.test(type)) return { partial: `CAST(${own} AS DECIMAL(38,0))`, total, promise: 'exact' };
  if (wide.test(type) || decimal.test(type)) return { partial: own, total, promise: 'exact' };
  if (floating.test(type)) return { partial: own, total: sumOfDoubles, promise: 'double' };
  return null;
}

export function sum(call: AggregateCall): Decomposed | null {
  const parts = sumParts(call);
  if (parts === null) return null;
  return {
    partials: [parts.partial],
    combine: ([p = '']) => [parts.total(p)],
    final: ([p = '']) => `CAST(${parts.total(p)} AS ${call.type})`,
    promise: parts.promise,
  };
}

export function avg(call: AggregateCall): Decomposed | null {
  const parts = sumParts(call);
  if (parts === null) return null;
  const scale = Number(decimal.exec(call.args[0]?.type ?? '')?.[1] ?? 0);
  return {
    partials: [parts.partial, partial(call, 'count', ...texts(call.args))],
    combine: ([p = '', n]) => [parts.total(p), `CAST(sum(${n}) AS BIGINT)`],
    final: ([p = '', n]) => {
      const total = parts.total(p);
      return `CAST(${scale === 0 ? `CAST(${total} AS DOUBLE)` : `CAST(${total} AS DOUBLE)`} / sum(${n}) AS ${call.type})`;
    },
    promise: 'double',
  };
}

/** The aggregate of the parts' aggregates is that of all rows. */
export function same(call: AggregateCall): Decomposed | null {
  if (call.args.length !== 1) return null;
  const again = ([p]: readonly string[]): string => `${call.name}(${p})`;
  return {
    partials: [partial(call, call.name, ...texts(call.args))],
    combine: (columns) => [again(columns)],
    final: (columns) => `CAST(${again(columns)} AS ${call.type})`,
    promise: 'exact',
  };
}
