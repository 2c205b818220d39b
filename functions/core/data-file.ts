/** What the engine says of a column of one Parquet file, in DuckDB's text renderings (COPY ... RETURN_STATS). */
export type RawColumnStatistics = Readonly<Record<string, string>>;

/** A Parquet file that the engine wrote to the scratch folder. */
export interface WrittenFile {
  readonly path: string;
  readonly rows: number;
  readonly sizeBytes: number;
  /** By quoted column path, such as `"a"` or `"st"."x"`. */
  readonly statistics: Readonly<Record<string, RawColumnStatistics>>;
  /** Lake partition values as text, in the order of `partitionBy`; null for NULL. Empty when the table isn't partitioned. */
  readonly partition: readonly { readonly column: string; readonly value: string | null }[];
}

/** A data file of a table: stored, invisible until a log entry names it. */
export interface DataFile {
  /** Relative to the table's root, not percent-encoded: the path as the store has it. */
  readonly path: string;
  readonly rows: number;
  readonly sizeBytes: number;
  readonly modifiedMs: number;
  readonly partition: readonly { readonly column: string; readonly value: string | null }[];
  /** The Delta statistics document, as JSON text. */
  readonly stats: string;
}
