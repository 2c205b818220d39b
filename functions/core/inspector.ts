import type { Column, Layout, ParquetLayout } from './layout.ts';
import type { Piece } from './piece.ts';
import type { BoundQuery } from './query.ts';
import type { SideTable } from './side-table.ts';

/** What planning asks of the engine; loaded only when it is asked. */
export interface Inspector {
  /** The types of the fields of a sample of whole records. */
  inferColumns(piece: Piece): Promise<readonly Column[]>;
  /** One list of columns for several objects: by name, each type wide enough for all. */
  unify(columns: readonly (readonly Column[])[]): Promise<readonly Column[]>;
  /** The columns of a local Parquet file. */
  parquetColumns(path: string): Promise<ParquetLayout['columns']>;
  /** Checks and binds a query to the columns of the input and of side tables. */
  bindQuery(sql: string, columns: readonly Column[], sides?: readonly SideTable[]): Promise<BoundQuery>;
}

/** One object of the input and how it is read. */
export interface InspectedObject {
  readonly layout: Layout;
  /** The types that its head shows; null where the job declares them all. */
  readonly columns: readonly Column[] | null;
  /** Whether it is surely without a row: nothing, a header alone, blank lines, `[]`. */
  readonly empty: boolean;
}
