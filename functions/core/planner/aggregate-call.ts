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

/** How several tasks compute it. Part columns are named by the planner, not `_a`, `_b`, `_e` or `_s`: so lambdas name theirs. */
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

/** SQL of an aggregate over the rows of a task, with the FILTER of the query's own call, and one more where that is asked for. */
export function partial({ filter }: AggregateCall, aggregate: string, only: string | null = null): string {
  const conditions = [filter, only].filter((condition) => condition !== null);
  return conditions.length === 0 ? aggregate : `${aggregate} FILTER (WHERE ${conditions.map((sql) => `(${sql})`).join(' AND ')})`;
}

/** The call itself over the rows of a task, without DISTINCT and ORDER BY. */
export function ownPartial(call: AggregateCall): string {
  return partial(call, `${call.name}(${call.args.map(({ sql }) => sql).join(', ')})`);
}

/** A value that SQL's text uses several times, worked out once. */
export function letIn(name: string, value: string, body: string): string {
  return `list_transform([${value}], ${name} -> ${body})[1]`;
}
