import { join } from 'node:path';
import { deltaLog, sqlText, textRows } from '../e2e/duckdb.ts';
import { columns, type SoakFile } from './soak-files.ts';

/** What a table lacks and what it has besides, against the files that should be in it. */
export interface Comparison {
  /** Rows of the files. */
  readonly expected: number;
  readonly lost: number;
  /** Rows too many: there twice, or of what should not be there. */
  readonly doubled: number;
  /** Numbers of up to ten files with such rows. */
  readonly files: readonly string[];
}

const names = Object.keys(columns).join(', ');
const emptyRows = `SELECT ${Object.entries(columns)
  .map(([name, type]) => `NULL::${type} AS ${name}`)
  .join(', ')} WHERE false`;

const list = (paths: readonly string[]): string => `[${paths.map(sqlText).join(', ')}]`;

function rowsOfFiles(files: readonly SoakFile[]): string {
  const types = Object.entries(columns).map(([name, type]) => `${name}: '${type}'`);
  return files.length === 0
    ? emptyRows
    : `SELECT ${names} FROM read_csv(${list(files.map(({ kept }) => kept))}, auto_detect = false, parallel = false, header = true,
       delim = ',', quote = '"', escape = '"', new_line = '\\n', columns = {${types.join(', ')}})`;
}

/** The rows that are visible: those of the data files that the log names, read as often as it names them. */
function visibleRows(tablePath: string): string {
  const paths = deltaLog(tablePath).adds.map(({ path }) => join(tablePath, decodeURIComponent(path)));
  return paths.length === 0
    ? emptyRows
    : `SELECT ${names} FROM read_parquet(${list(paths)}, union_by_name = true, hive_partitioning = false)`;
}

/** Rows of one side that the other lacks, as multisets, by file. */
async function missing(side: string, other: string): Promise<ReadonlyMap<string, number>> {
  const rows = await textRows(`SELECT upload, count(*) FROM ((${side}) EXCEPT ALL (${other})) GROUP BY upload ORDER BY upload`);
  return new Map(rows.map(([upload, count]) => [upload ?? 'NULL', Number(count)]));
}

const total = (counts: ReadonlyMap<string, number>): number => [...counts.values()].reduce((sum, count) => sum + count, 0);

/** Compares a Delta table with DuckDB's reading of files. @param tablePath on this disk */
export async function compare(tablePath: string, files: readonly SoakFile[]): Promise<Comparison> {
  const [theirs, ours] = [rowsOfFiles(files), visibleRows(tablePath)];
  const [lost, doubled] = [await missing(theirs, ours), await missing(ours, theirs)];
  return {
    expected: files.reduce((sum, { rows }) => sum + rows, 0),
    lost: total(lost),
    doubled: total(doubled),
    files: [...new Set([...lost.keys(), ...doubled.keys()])].slice(0, 10),
  };
}
