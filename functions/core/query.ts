import type { Column } from './layout.ts';
import type { StagedQuery } from './staged-query.ts';

/** Columns that a query may select though no file has them. */
export const virtualColumns = ['_file', '_run'] as const;

/** A job's query, checked and bound to the pinned input columns: part of the plan. */
export interface BoundQuery {
  /** The text that the user gave. */
  readonly sql: string;
  /** Output columns in order, with the names and types that the engine binds. */
  readonly output: readonly Column[];
  /** Whether each row is treated by itself, so that any number of tasks may share the input. When false, `reason` says what isn't. */
  readonly rowwise: boolean;
  readonly reason: string | null;
  /** Input columns that the query reads (virtual ones too). */
  readonly reads: readonly string[];
  /** Output columns that are an input column unchanged: output name -> input name. */
  readonly passThrough: Readonly<Record<string, string>>;
  /** Whether a row may give more or fewer than one output row after the filter (UNNEST). */
  readonly changesRowCount: boolean;
  /** Of a query that treats rows one by one: whether it may leave a row out (WHERE). */
  readonly filters: boolean;
  /** How several tasks answer a query that looks at several rows at once; null where it treats rows one by one, or `reason` says why they can't. */
  readonly staged: StagedQuery | null;
}

/** Input columns whose every value a query writes as it is: each row's is cast for it, also of a row that is passed over. */
export const castAnyway = ({ rowwise, changesRowCount, passThrough }: BoundQuery): readonly string[] =>
  rowwise && !changesRowCount ? Object.values(passThrough) : [];

/** The bound query of an input of which nothing is known: nothing is read by it. */
export const queryOfNothing = ({ query }: { readonly query: string }): BoundQuery => ({
  sql: query,
  output: [],
  rowwise: true,
  reason: null,
  reads: [],
  passThrough: {},
  changesRowCount: false,
  filters: false,
  staged: null,
});
