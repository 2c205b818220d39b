import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type DuckDBConnection, DuckDBInstance, version } from '@duckdb/node-api';
import { benchFolder } from './against-duckdb.ts';

/** The tables that queries join with the large one. */
const tables = ['orders', 'customer', 'part', 'partsupp', 'supplier', 'nation', 'region'];

/** Those that a query can have as its input, cut into several files. */
const inputs = ['lineitem', 'customer', 'partsupp'];
const pieces = 4;

/** TPC-H data on disk, made by DuckDB's own extension. */
export interface TpchData {
  /** The queries as the extension has them, by number. */
  readonly queries: ReadonlyMap<number, string>;
  /** A glob of the several files of a large table. */
  readonly filesOf: (table: string, format: 'csv' | 'parquet') => string;
  /** The one Parquet file of a small table. */
  readonly sideOf: (table: string) => string;
}

/** Loads DuckDB's extension `tpch`: from where DuckDB installs it, else from the wheel of the same version on PyPI. */
async function loadExtension(connection: DuckDBConnection): Promise<void> {
  try {
    await connection.run('INSTALL tpch');
    await connection.run('LOAD tpch');
  } catch {
    const release = version().replace(/^v/, '');
    const folder = join(benchFolder, `duckdb-extension-tpch-${release}`);
    if (!existsSync(folder)) {
      const fresh = `${folder}.tmp`;
      rmSync(fresh, { recursive: true, force: true });
      const python = (...args: readonly string[]) => execFileSync('python3', args, { stdio: ['ignore', 'ignore', 'inherit'] });
      python('-m', 'pip', 'download', '--no-deps', '--dest', fresh, `duckdb-extension-tpch==${release}`);
      const wheel = readdirSync(fresh).find((name) => name.endsWith('.whl'));
      if (wheel === undefined) throw new Error(`pip brought no wheel of duckdb-extension-tpch ${release}`);
      python('-m', 'zipfile', '-e', join(fresh, wheel), fresh);
      renameSync(fresh, folder);
    }
    await connection.run(`LOAD '${join(folder, 'duckdb_extension_tpch', 'extensions', `v${release}`, 'tpch.duckdb_extension')}'`);
  }
}

async function generate(folder: string, scaleFactor: number): Promise<void> {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const database = join(folder, 'tpch.duckdb');
  const instance = await DuckDBInstance.create(database);
  const connection = await instance.connect();
  await loadExtension(connection);
  await connection.run(`CALL dbgen(sf = ${scaleFactor})`);
  for (const table of tables)
    await connection.run(`COPY ${table} TO '${join(folder, `${table}.parquet`)}' (FORMAT parquet, COMPRESSION zstd)`);
  for (const table of inputs) {
    mkdirSync(join(folder, table));
    const key = { lineitem: 'l_orderkey', customer: 'c_custkey', partsupp: 'ps_partkey' }[table] ?? '';
    for (let piece = 0; piece < pieces; piece++) {
      const rows = `(FROM ${table} WHERE ${key} % ${pieces} = ${piece})`;
      await connection.run(`COPY ${rows} TO '${join(folder, table, `${piece}.csv`)}' (FORMAT csv, HEADER true)`);
      await connection.run(`COPY ${rows} TO '${join(folder, table, `${piece}.parquet`)}' (FORMAT parquet, COMPRESSION zstd)`);
    }
  }
  const queries = await connection.runAndReadAll('SELECT query_nr, query FROM tpch_queries()');
  writeFileSync(join(folder, 'queries.json'), JSON.stringify(queries.getRowsJson()));
  connection.closeSync();
  instance.closeSync();
  rmSync(database);
}

/**
 * TPC-H tables of a scale factor (1 is 6 million rows of lineitem, 0.75 GB of CSV), made once and kept in the benchmarks' folder.
 * @throws Error where the extension can neither be installed by DuckDB nor downloaded by pip
 */
export async function tpchData(scaleFactor: number): Promise<TpchData> {
  const folder = join(benchFolder, `tpch-${scaleFactor}`);
  if (!existsSync(folder)) {
    await generate(`${folder}.tmp`, scaleFactor);
    renameSync(`${folder}.tmp`, folder);
  }
  const queries = JSON.parse(readFileSync(join(folder, 'queries.json'), 'utf8')) as readonly (readonly [number, string])[];
  return {
    queries: new Map(queries.map(([number, query]) => [number, query.trim().replace(/;$/, '')])),
    filesOf: (table, format) => join(folder, table, `*.${format}`),
    sideOf: (table) => join(folder, `${table}.parquet`),
  };
}
