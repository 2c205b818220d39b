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
