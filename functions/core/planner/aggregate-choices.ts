import { type AggregateCall, type AggregateOrder, type Decomposed, ownPartial, partial } from './aggregate-call.ts';
import { comparedValue } from './has-sort-key.ts';

/** A number of values as the query writes it: the text must mean the same over parts. */
const howMany = /^[1-9]\d{0,5}$/;

/** The bytes of this value compare as ORDER BY would (but know no collation). */
export function sortKey(orderBy: readonly AggregateOrder[]): string {
  const keys = orderBy.map(({ sql, type, direction, nulls }) => `${comparedValue(sql, type)}, '${direction} NULLS ${nulls}'`);
  return `create_sort_key(${keys.join(', ')})`;
}

/** The lists of several parts as one list; NULL when none has any. */
export function allElements(column = ''): string {
  return `flatten(list(${column}) FILTER (WHERE ${column} IS NOT NULL))`;
}

/** The aggregate of parts' aggregates is that of all rows: `min`, `bool_or`, `bit_xor`, ... */
export function same(call: AggregateCall): Decomposed | null {
  if (call.args.length !== 1) return null;
  return again(call, call.name);
}

/** Over the parts another aggregate is taken than over the rows. */
export function again(call: AggregateCall, over: string): Decomposed {
  const total = ([p]: readonly string[]): string => `${over}(${p})`;
  return {
    partials: [ownPartial(call)],
    combine: (columns) => [total(columns)],
    final: (columns) => `CAST(${total(columns)} AS ${call.type})`,
    promise: 'exact',
  };
}

/** `min(x)`, `min(x, n)` and the same with `max`. */
export function extreme(call: AggregateCall): Decomposed | null {
  const n = call.args[1]?.sql;
  if (n === undefined) return same(call);
  if (call.distinct || !howMany.test(n)) return null;
  const total = ([p]: readonly string[]): string => firstOf(call, n, p);
  return {
    partials: [ownPartial(call)],
    combine: (columns) => [total(columns)],
    final: (columns) => `CAST(${total(columns)} AS ${call.type})`,
    promise: 'exact',
  };
}

function firstOf({ name }: AggregateCall, n: string, column = ''): string {
  const sort = name.includes('max') ? 'list_reverse_sort' : 'list_sort';
  return `list_slice(${sort}(${allElements(column)}), 1, ${n})`;
}

/** `arg_min(x, by)`, `arg_max(x, by, n)` and the like: of rows that tie one is taken, and DuckDB takes the one that it sees first. */
export function extremeBy(call: AggregateCall): Decomposed | null {
  const [x, by, n] = call.args;
  if (x === undefined || by === undefined) return null;
  if (n !== undefined) return severalBy(call, x.sql, by.sql, n.sql);
  return chosen(call, { name: call.name, x: x.sql, by: by.sql, skipsNull: !call.name.endsWith('_null') });
}

function severalBy(call: AggregateCall, x: string, by: string, n: string): Decomposed | null {
  if (!howMany.test(n) || call.name.endsWith('_null')) return null;
  const chosen = (value: string): string => partial(call, `${call.name}(${value}, ${by}, ${n})`, `${x} IS NOT NULL`);
  // chosen as STRUCTs, a -0 in them would be a 0 to the engine
  const pairs = `list_transform(list_zip(${chosen(by)}, ${chosen(x)}), _e -> {'by': _e[1], 'x': _e[2]})`;
  return {
    partials: [`CASE WHEN ${chosen(by)} IS NOT NULL THEN ${pairs} END`],
    combine: ([p]) => [firstOf(call, n, p)],
    final: ([p]) => `CAST(list_transform(${firstOf(call, n, p)}, _e -> _e.x) AS ${call.type})`,
    promise: 'exact',
  };
}

interface Choice {
  /** arg_min or the like. */
  readonly name: string;
  readonly x: string;
  readonly by: string;
  /** Whether rows whose `x` is NULL don't count. */
  readonly skipsNull: boolean;
}

function chosen(call: AggregateCall, { name, x, by, skipsNull }: Choice): Decomposed {
  const best = name.includes('max') ? 'max' : 'min';
  return {
    partials: [partial(call, `${name}(${x}, ${by})`), partial(call, `${best}(${by})`, skipsNull ? `${x} IS NOT NULL` : null)],
    combine: ([p, o]) => [`${name}(${p}, ${o})`, `${best}(${o})`],
    final: ([p, o]) => `CAST(${name}(${p}, ${o}) AS ${call.type})`,
    promise: 'exact',
  };
}

/** `first`, `last`, `any_value` and `arbitrary` with ORDER BY: of rows that tie one is taken. */
function inOrder(call: AggregateCall): Decomposed {
  const [x, by] = [call.args[0]?.sql ?? '', sortKey(call.orderBy)];
  if (call.name === 'any_value') return chosen(call, { name: 'arg_min', x, by, skipsNull: true });
  return chosen(call, { name: call.name === 'last' ? 'arg_max_null' : 'arg_min_null', x, by, skipsNull: false });
}

/** `first(x ORDER BY ...)`, `last(x ORDER BY ...)`. */
export function outermost(call: AggregateCall): Decomposed | { readonly refused: string } | null {
  if (call.orderBy.length === 0)
    return {
      refused: `${call.name}(x) without ORDER BY takes whichever row comes first, and rows of several tasks come in no order. Write ${call.name}(x ORDER BY ...), or any_value(x).`,
    };
  return call.distinct ? null : inOrder(call);
}

/** `any_value`: any will do, but not NULL when there is another. */
export function anyValue(call: AggregateCall): Decomposed | null {
  return call.orderBy.length > 0 ? inOrder(call) : same(call);
}

/** `arbitrary`: any will do, NULL too, but not that of a part without a row. */
export function arbitrary(call: AggregateCall): Decomposed | null {
  if (call.orderBy.length > 0) return inOrder(call);
  const any = ([p, n]: readonly string[]): string => `first(${p}) FILTER (WHERE ${n} > 0)`;
  return {
    partials: [ownPartial(call), partial(call, 'count(*)')],
    combine: (columns) => [any(columns), `CAST(sum(${columns[1]}) AS BIGINT)`],
    final: (columns) => `CAST(${any(columns)} AS ${call.type})`,
    promise: 'exact',
  };
}
