import { existsSync, mkdirSync, renameSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { benchFolder, type Case, compareWithDuckdb } from './against-duckdb.ts';

/**
 * `npm run bench:h2o [-- rows [rounds]]`: the ten group-by questions of the H2O.ai database-like ops benchmark over 10 million rows of CSV (100 groups of the first two
 * keys), in splits of a quarter or of 128 MiB at most, so that at least four tasks share each, Fanlake against one DuckDB; the answers are compared. Appends a
 * dated table to bench/results/h2o.md.
 */
const rows = Number(process.argv[2] ?? 10_000_000);
const rounds = Number(process.argv[3] ?? 3);
const groups = 100;
const input = join(benchFolder, `h2o-${rows}.csv`);

if (!existsSync(input)) {
  mkdirSync(benchFolder, { recursive: true });
  const connection = await (await DuckDBInstance.create(':memory:')).connect();
  const many = Math.max(1, Math.floor(rows / groups));
  const key = (n: number, of: number, digits: number): string => `printf('id%0${digits}d', 1 + (hash(i, ${n}) % ${of})::BIGINT)`;
  await connection.run(`
    COPY (
      SELECT ${key(1, groups, 3)} AS id1, ${key(2, groups, 3)} AS id2, ${key(3, many, 10)} AS id3,
        1 + (hash(i, 4) % ${groups})::INTEGER AS id4, 1 + (hash(i, 5) % ${groups})::INTEGER AS id5, 1 + (hash(i, 6) % ${many})::INTEGER AS id6,
        1 + (hash(i, 7) % 5)::INTEGER AS v1, 1 + (hash(i, 8) % 15)::INTEGER AS v2, round((hash(i, 9) % 100000000) / 1000000.0, 6) AS v3
      FROM range(${rows}) AS t(i)
    ) TO '${input}.tmp' (FORMAT csv, HEADER true)`);
  connection.closeSync();
  renameSync(`${input}.tmp`, input);
}

const bytes = statSync(input).size;
const splitBytes = Math.min(128 * 2 ** 20, Math.ceil(bytes / 4));

const questions: readonly (readonly [string, string])[] = [
  ['sum v1 by id1', 'SELECT id1, sum(v1)::BIGINT AS v1 FROM input GROUP BY id1'],
  ['sum v1 by id1:id2', 'SELECT id1, id2, sum(v1)::BIGINT AS v1 FROM input GROUP BY id1, id2'],
  ['sum v1 mean v3 by id3', 'SELECT id3, sum(v1)::BIGINT AS v1, avg(v3) AS v3 FROM input GROUP BY id3'],
  ['mean v1:v3 by id4', 'SELECT id4, avg(v1) AS v1, avg(v2) AS v2, avg(v3) AS v3 FROM input GROUP BY id4'],
  ['sum v1:v3 by id6', 'SELECT id6, sum(v1)::BIGINT AS v1, sum(v2)::BIGINT AS v2, sum(v3) AS v3 FROM input GROUP BY id6'],
  ['median v3 sd v3 by id4 id5', 'SELECT id4, id5, median(v3) AS median_v3, stddev(v3) AS sd_v3 FROM input GROUP BY id4, id5'],
  ['max v1 - min v2 by id3', 'SELECT id3, max(v1) - min(v2) AS range_v1_v2 FROM input GROUP BY id3'],
  [
    'largest two v3 by id6',
    'SELECT id6, v3 AS largest2_v3 FROM (SELECT id6, v3, row_number() OVER (PARTITION BY id6 ORDER BY v3 DESC) AS nth FROM input WHERE v3 IS NOT NULL) WHERE nth <= 2',
  ],
  ['regression v1 v2 by id2 id4', 'SELECT id2, id4, pow(corr(v1, v2), 2) AS r2 FROM input GROUP BY id2, id4'],
  [
    'sum v3 count by id1:id6',
    'SELECT id1, id2, id3, id4, id5, id6, sum(v3) AS v3, count(*) AS count FROM input GROUP BY id1, id2, id3, id4, id5, id6',
  ],
];
const cases: readonly Case[] = questions.map(([name, query]) => ({ name, input, query, splitSize: String(splitBytes) }));
const size = `${(bytes / 1e9).toFixed(2)} GB, in splits of ${(splitBytes / 2 ** 20).toFixed(0)} MiB`;
const title = `\`npm run bench:h2o -- ${rows} ${rounds}\`: ${rows.toLocaleString('en')} rows, ${size}`;
await compareWithDuckdb({ cases, rounds, title, results: 'h2o.md' });
