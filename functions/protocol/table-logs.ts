import type { ObjectStore } from '../core/ports.ts';
import { TableLog } from './table-log.ts';

/** The logs of tables that this process has committed to. */
export class TableLogs {
  private readonly lake: ObjectStore;
  private readonly logs = new Map<string, TableLog>();

  constructor(lake: ObjectStore) {
    this.lake = lake;
  }

  of(table: string): TableLog {
    const known = this.logs.get(table);
    if (known !== undefined) return known;
    const log = new TableLog(this.lake, table);
    this.logs.set(table, log);
    return log;
  }
}
