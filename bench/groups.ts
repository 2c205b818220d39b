import { join } from 'node:path';
import { benchFolder, type Case, compareWithDuckdb } from './against-duckdb.ts';
import { fullRows, generateVisits } from './generate-visits.ts';

/**
 * `npm run bench:groups [-- rows [rounds]]`: a CSV of web visits (14 million rows, 2.4 GB) summed by a key of 1.3 million values, and counted by 20 countries,
 * Fanlake against one DuckDB. Appends a dated table to bench/results/groups.md.
 */
const rows = Number(process.argv[2] ?? fullRows);
const rounds = Number(process.argv[3] ?? 3);
const input = join(benchFolder, `visits-${rows}.csv`);
const inputBytes = await generateVisits(input, rows);

const sums = 'SELECT (hash(ip) % 1300000)::BIGINT AS visitor, sum(bytes_sent)::BIGINT AS bytes FROM input GROUP BY ALL';
const counts = 'SELECT country, count(*) AS visits FROM input GROUP BY country';
const cases: readonly Case[] = [
  { name: 'sum by 1.3 million keys', input, query: sums },
  { name: 'sum by 1.3 million keys, --split-size 256MiB', input, query: sums, splitSize: '256MiB' },
  { name: 'count by 20 countries', input, query: counts },
  { name: 'count by 20 countries, --split-size 256MiB', input, query: counts, splitSize: '256MiB' },
];
const title = `\`npm run bench:groups -- ${rows} ${rounds}\`: ${rows.toLocaleString('en')} rows, ${(inputBytes / 1e9).toFixed(2)} GB`;
await compareWithDuckdb({ cases, rounds, title, results: 'groups.md' });
