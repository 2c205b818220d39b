import { asFanlakeError, type ErrorReport } from '../core/errors.ts';
import { lakeTables } from '../protocol/lake-tables.ts';
import type { RunStores } from './run-left.ts';
import { type SweepOptions, type Swept, sweepTable } from './sweep-table.ts';

/** What a sweep did with one table. */
export interface TableSweep extends Swept {
  readonly table: string;
  /** Why it couldn't be swept, or not to its end. */
  readonly error: ErrorReport | null;
}

/**
 * Sweeps every table of a lake root, one after the other. One that can't be swept hinders no other.
 * @param onTable hears of each when it is done
 * @param first number of the table to begin with: where time is short, each is to have its turn
 */
export async function sweepLake(
  stores: RunStores,
  options: SweepOptions,
  onTable: (sweep: TableSweep) => void = () => {},
  first = 0,
): Promise<readonly TableSweep[]> {
  const tables = await lakeTables(stores.lake);
  const start = tables.length === 0 ? 0 : first % tables.length;
  const sweeps: TableSweep[] = [];
  for (const table of [...tables.slice(start), ...tables.slice(0, start)]) {
    const sweep = await sweepOne(stores, table, options);
    sweeps.push(sweep);
    onTable(sweep);
  }
  return sweeps.sort((a, b) => (a.table < b.table ? -1 : 1));
}

async function sweepOne(stores: RunStores, table: string, options: SweepOptions): Promise<TableSweep> {
  try {
    return { table, ...(await sweepTable(stores, table, options)), error: null };
  } catch (thrown) {
    return { table, files: 0, bytes: 0, unfinished: true, error: asFanlakeError(thrown).toReport() };
  }
}
