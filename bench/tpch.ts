import { globSync, statSync } from 'node:fs';
import { maxSideBytes, maxSidesBytes } from '../functions/core/side-table.ts';
import { type Case, compareWithDuckdb } from './against-duckdb.ts';
import { tpchData } from './tpch-data.ts';

/**
 * `npm run bench:tpch [-- scale factor [rounds]]`: those TPC-H queries that read their large table once, as they are written but for its name, which is
 * `input`; the other tables are side inputs. Over CSV in splits, and over Parquet. Fanlake against one DuckDB; the answers are compared row by row. Appends
 * a dated table to bench/results/tpch.md.
 */
const scaleFactor = Number(process.argv[2] ?? 1);
const rounds = Number(process.argv[3] ?? 3);
const data = await tpchData(scaleFactor);

const ofLineitem = [1, 3, 5, 6, 7, 8, 9, 10, 12, 14, 19].map((number) => ({ number, table: 'lineitem' }));
const ofOthers = [
  { number: 13, table: 'customer' },
  { number: 16, table: 'partsupp' },
];
const sideNames = ['orders', 'customer', 'part', 'partsupp', 'supplier', 'nation', 'region'];
const bytesOf = (paths: readonly string[]): number => paths.reduce((sum, path) => sum + statSync(path).size, 0);

/** Splits of an eighth of a table's CSV, of 64 MiB at most, and a task for each Parquet file. */
function splitBytes(table: string, format: 'csv' | 'parquet'): number {
  const files = globSync(data.filesOf(table, format));
  return format === 'csv' ? Math.min(64 * 2 ** 20, Math.ceil(bytesOf(files) / 8)) : Math.max(...files.map((file) => statSync(file).size));
}

function caseOf(number: number, table: string, format: 'csv' | 'parquet'): Case {
  const query = (data.queries.get(number) ?? '').replaceAll(new RegExp(`\\b${table}\\b`, 'g'), 'input');
  const sides = Object.fromEntries(
    sideNames.filter((name) => new RegExp(`\\b${name}\\b`).test(query)).map((name): [string, string] => [name, data.sideOf(name)]),
  );
  const name = `Q${number}: ${[`${table} (${format})`, ...Object.keys(sides)].join(', ')}`;
  return { name, input: data.filesOf(table, format), query, sides, prints: true, splitSize: String(splitBytes(table, format)) };
}

const fits = ({ sides = {} }: Case): boolean =>
  bytesOf(Object.values(sides)) <= maxSidesBytes && Object.values(sides).every((path) => bytesOf([path]) <= maxSideBytes);

const all = [...ofLineitem, ...ofOthers].flatMap(({ number, table }) => [caseOf(number, table, 'csv'), caseOf(number, table, 'parquet')]);
const cases = all.filter(fits);
const left = all.filter((entry) => !fits(entry)).map(({ name }) => name.split(':')[0]);
const csvBytes = bytesOf(globSync(data.filesOf('lineitem', 'csv')));
const title = `\`npm run bench:tpch -- ${scaleFactor} ${rounds}\`: TPC-H at scale factor ${scaleFactor}, lineitem of ${(csvBytes / 1e9).toFixed(2)} GB as CSV`;
const leftOut = left.length === 0 ? '' : `, without the queries ${[...new Set(left)].join(', ')}, whose small tables are too large`;
await compareWithDuckdb({ cases, rounds, title: `${title}${leftOut}`, results: 'tpch.md' });
