import type { Column } from './layout.ts';

/** A column of the rows that one stage hands to the next. */
export interface PartColumn extends Column {
  /**
   * The type that it has in a part's Parquet file, where that can't hold `type`: it is cast to this when it is written, and back to `type` when it is
   * read (Parquet turns a HUGEINT into a DOUBLE without a word).
   */
  readonly stored: string;
}

/** A column by which rows are in an order. */
export interface OrderColumn {
  readonly name: string;
  readonly descending: boolean;
  readonly nullsFirst: boolean;
}

/** The order in which a step's answer is. */
export interface RowOrder {
  readonly by: readonly OrderColumn[];
  /** Whether tasks share the rows by ranges of it, each range its own task; else all rows meet in one. */
  readonly isShared: boolean;
}

/** What the merge tasks behind a stage do with the rows that it handed on. */
export interface MergeStep {
  /** Columns of the relation `parts`: those of the stage before. */
  readonly columns: readonly PartColumn[];
  /** Names of the columns whose hash tells a row's bucket; none: all rows meet in one task, unless an order is shared. */
  readonly keys: readonly string[];
  /** Left away where the answer has none. */
  readonly order?: RowOrder;
  /** One SELECT over `parts` that gives the same columns in fewer rows, by which many small parts become one; null where rows must stay as they are. */
  readonly combine: string | null;
  /** One SELECT over `parts`: gives the columns of the next step, or of the last one the query's output. */
  readonly sql: string;
  /** Whether `sql` reads side tables besides: then the step's tasks bring them to their disk as map tasks do. */
  readonly readsSides?: boolean;
}

/** A query in stages: what each map task runs over its splits, and how merge tasks make the answer of what those hand on. */
export interface StagedQuery {
  /** One SELECT over `input` that gives the columns of the first step. */
  readonly map: {
    readonly sql: string;
    /** Whether each row of `input` gives at most one row. Else `counted` names the column of the first step whose sum is the rows that passed the filter. */
    readonly rowwise: boolean;
    readonly counted: string | null;
  };
  /** At least one. */
  readonly steps: readonly MergeStep[];
}

/**
 * Into so many buckets the rows of a part are dealt by the hash of their keys. A merge task takes a range of them. Rows of buckets that are too large are dealt once
 * more, by other bits of the same hash.
 */
export const buckets = 64;

/** The column of a part's file that tells a row's bucket, beside those of the step. */
export const bucketColumn = '_bucket';
