import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { LocalStore } from '../../functions/adapters/local-store.ts';
import { TableLog } from '../../functions/protocol/table-log.ts';

/** The data files that a table's log names, one for each `add` in it, so that a file added twice shows twice. */
export async function addedFiles(lake: string, table: string): Promise<readonly string[]> {
  const log = new TableLog(new LocalStore(lake), table);
  const entries = await log.entriesSince(-1, (await log.refresh()).version);
  return entries
    .flatMap(({ actions }) => actions)
    .flatMap((action) => ('add' in action ? [join(lake, table, decodeURIComponent(action.add.path))] : []));
}

/**
 * How many rows differ, as multisets, between data files and a query of the oracle: 0 means that they are the same rows.
 * @param columns what to compare, as SQL that both sides understand
 */
export async function differingRows(files: readonly string[], columns: string, oracle: string): Promise<number> {
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  const list = files.map((file) => `'${file.replaceAll("'", "''")}'`).join(', ');
  const table =
    files.length === 0
      ? `SELECT ${columns} FROM (${oracle}) WHERE false`
      : `SELECT ${columns} FROM read_parquet([${list}], union_by_name = true)`;
  const result = await connection.runAndReadAll(`
    WITH ours AS (${table}), theirs AS (${oracle})
    SELECT (SELECT count(*) FROM (FROM ours EXCEPT ALL FROM theirs)) + (SELECT count(*) FROM (FROM theirs EXCEPT ALL FROM ours))`);
  connection.closeSync();
  instance.closeSync();
  return Number(result.getRowsJson()[0]?.[0]);
}
