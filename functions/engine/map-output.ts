/** A column of the table: its name there, and the type that it is cast to where the query's own can't be stored. */
export interface OutputColumn {
  readonly name: string;
  readonly castTo: string | null;
}

export interface MapOutput {
  /** A folder of this output's own, below the scratch folder, or the name of its only file without its ending. What is there is deleted first. */
  readonly dir: string;
  /** In the order of the query's output. */
  readonly columns: readonly OutputColumn[];
  /** Names of the table's columns that make its lake partitions. */
  readonly partitionBy: readonly string[];
  /** Where a file ends when the table isn't partitioned; null when all rows fit one. */
  readonly targetFileBytes: number | null;
  /** Most lake partitions; more is `table.partitions`. */
  readonly maxPartitions: number;
}
