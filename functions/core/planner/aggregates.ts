import { avg, count, countIf, same, sum } from './aggregate-sums.ts';

/** An argument of an aggregate: its SQL text over the columns of `input`, and its bound DuckDB type as DESCRIBE prints it. */
export interface TypedSql {
  readonly sql: string;
  readonly type: string;
}

/** What an aggregate's rows are put in order by. */
export interface AggregateOrder extends TypedSql {
  readonly direction: 'ASC' | 'DESC';
  readonly nulls: 'FIRST' | 'LAST';
}

/** One call of an aggregate as the query has it. */
export interface AggregateCall {
  /** Lower case, as DuckDB's parser names it (`count_star` for `count(*)`). */
  readonly name: string;
  readonly args: readonly TypedSql[];
  readonly distinct: boolean;
  /** SQL text of FILTER (WHERE ...). */
  readonly filter: string | null;
  readonly orderBy: readonly AggregateOrder[];
  /** Bound type of the result. */
  readonly type: string;
}

/** How several tasks compute it. Part columns are named by the planner. */
export interface Decomposed {
  /** Aggregates over the rows of one task, with FILTER inside; the planner asks DuckDB for their types and how they are stored. */
  readonly partials: readonly string[];
  /** The same columns of several parts' rows of one group, made one: aggregates over part columns, of the types that the partials have. */
  readonly combine: (columns: readonly string[]) => readonly string[];
  /** The aggregate's value over part columns, cast to the bound type. */
  readonly final: (columns: readonly string[]) => string;
  /** What the answer promises: 'exact', or 'double' (within 1e-12 of the sum of magnitudes; always the same from the same parts). */
  readonly promise: 'exact' | 'double';
}

/** Makes the decomposition of a call; null when the call needs the whole group in one place. */
export type Form = (call: AggregateCall) => Decomposed | { readonly refused: string } | null;

const forms: ReadonlyMap<string, Form> = new Map(
  Object.entries({
    count_star: count,
    count,
    count_if: countIf,
    countif: countIf,
    sum,
    avg,
    mean: avg,
    min: same,
    max: same,
    bool_and: same,
    bool_or: same,
    bit_and: same,
    bit_or: same,
    bit_xor: same,
  }),
);

/** Aggregates whose value is the same whether or not equal arguments count once. */
const blindToRepeats: ReadonlySet<string> = new Set(['min', 'max', 'bool_and', 'bool_or', 'bit_and', 'bit_or']);

/**
 * How an aggregate is computed in parts.
 * @returns null when it needs the whole group in one place (the planner then shuffles rows), `refused` with a sentence when not even then the answer is that of one
 * DuckDB
 */
export function decompose(call: AggregateCall): Decomposed | { readonly refused: string } | null {
  const form = forms.get(call.name);
  if (form === undefined) return null;
  if (call.distinct && !blindToRepeats.has(call.name)) return null;
  return form(call);
}
