import { join } from 'node:path';
import { benchFolder, type Case, compareWithDuckdb } from './against-duckdb.ts';
import { fullRows, generateVisits, visitsQuery } from './generate-visits.ts';

/**
 * `npm run bench:map [-- rows]`: a CSV of web visits (14 million rows, 2.4 GB) projected and filtered into a table, Fanlake against one DuckDB. Appends a dated
 * table to bench/results/map-only.md.
 */
const rows = Number(process.argv[2] ?? fullRows);
const rounds = Number(process.argv[3] ?? 3);
const input = join(benchFolder, `visits-${rows}.csv`);
const inputBytes = await generateVisits(input, rows);

const cases: readonly Case[] = [
  { name: 'to a table', input, query: visitsQuery },
  { name: 'to a table, --split-size 256MiB', input, query: visitsQuery, splitSize: '256MiB' },
  { name: 'to 20 lake partitions', input, query: visitsQuery, partitionBy: 'country' },
  { name: 'to 20 lake partitions, --split-size 256MiB', input, query: visitsQuery, partitionBy: 'country', splitSize: '256MiB' },
];
const title = `\`npm run bench:map -- ${rows} ${rounds}\`: ${rows.toLocaleString('en')} rows, ${(inputBytes / 1e9).toFixed(2)} GB`;
await compareWithDuckdb({ cases, rounds, title, results: 'map-only.md' });
