import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { benchFolder, type Case, fanlake, peakOf, report, secondsOf } from './against-duckdb.ts';
import { fullRows, generateVisits } from './generate-visits.ts';
import { type Measured, measure } from './measured-process.ts';
import { expectJava, pythonWith } from './python-engine.ts';
import { expectSameContent } from './same-rows.ts';

/**
 * `npm run bench:others [-- rows [rounds]]`: a CSV of web visits (14 million rows, 2.4 GB) summed by a key of 1.3 million values, and counted by 20 countries,
 * with Fanlake, Spark (local[2]) and Dask (two threads), each as whole processes; the answers are compared. Installs Spark and Dask from PyPI into the
 * benchmarks' folder the first time; what can't be installed is named. Appends a dated table to bench/results/others.md.
 */
const rows = Number(process.argv[2] ?? fullRows);
const rounds = Number(process.argv[3] ?? 3);
const input = join(benchFolder, `visits-${rows}.csv`);
const inputBytes = await generateVisits(input, rows);
const output = join(benchFolder, 'others');
const scratch = join(benchFolder, 'scratch');

interface Engine {
  readonly name: string;
  /** @returns the command of a query, without its arguments @throws Error when it can't be installed */
  readonly install: () => readonly string[];
  readonly env?: NodeJS.ProcessEnv;
}

const script = (name: string): string => join(import.meta.dirname, 'others', name);
const engines: readonly Engine[] = [
  {
    name: 'Spark 4.3.0, local[2]',
    install: () => {
      expectJava(17);
      return [pythonWith('spark', ['pyspark==4.3.0']), script('spark_groups.py')];
    },
    env: { SPARK_LOCAL_IP: '127.0.0.1' },
  },
  {
    name: 'Dask 2026.8.0, two threads',
    install: () => [pythonWith('dask', ['dask[dataframe]==2026.8.0']), script('dask_groups.py')],
  },
];

/** The queries of bench:groups; the key is arithmetic, because each engine has another hash. The scripts in others/ have the same. */
const queries: readonly (Case & { readonly key: string })[] = [
  {
    key: 'sums',
    name: 'sum by 1.3 million keys',
    input,
    query:
      'SELECT (bytes_sent * 7919 + round(seconds * 1000)::BIGINT) % 1300000 AS visitor, sum(bytes_sent)::BIGINT AS bytes FROM input GROUP BY ALL',
  },
  { key: 'counts', name: 'count by 20 countries', input, query: 'SELECT country, count(*) AS visits FROM input GROUP BY country' },
];

/** The command of each engine that is there, and of the others why not. */
const installed = engines.map((engine) => {
  try {
    return { engine, command: engine.install(), missing: null };
  } catch (error) {
    return { engine, command: [], missing: error instanceof Error ? error.message : String(error) };
  }
});

const lines: string[] = [];
const say = (line: string): void => {
  lines.push(line);
  console.error(line);
};
for (const query of queries) {
  const ours: Measured[] = [];
  const theirs = new Map(engines.map(({ name }): [string, Measured[]] => [name, []]));
  for (let round = 0; round < rounds; round++) {
    ours.push(await fanlake(query));
    for (const { engine, command, missing } of installed) {
      if (missing !== null) continue;
      rmSync(output, { recursive: true, force: true });
      const [program = '', ...args] = [...command, query.key, input, output, scratch];
      theirs.get(engine.name)?.push(await measure(program, args, engine.env));
      await expectSameContent(`${query.name}, ${engine.name}`, join(benchFolder, 'home/lake/visits'), output);
    }
  }
  say(`| ${query.name} | Fanlake | ${secondsOf(ours).toFixed(1)} s | 1 | ${peakOf(ours)} |`);
  for (const { engine, missing } of installed) {
    const measured = theirs.get(engine.name) ?? [];
    const figures = `${secondsOf(measured).toFixed(1)} s | ${(secondsOf(measured) / secondsOf(ours)).toFixed(1)} | ${peakOf(measured)}`;
    say(`| ${query.name} | ${engine.name} | ${missing === null ? figures : 'not installed | | '} |`);
  }
}
const missing = installed.flatMap(({ engine, missing: reason }) => (reason === null ? [] : [`\n\nWithout ${engine.name}: ${reason}`]));
report(
  'others.md',
  `\`npm run bench:others -- ${rows} ${rounds}\`: ${rows.toLocaleString('en')} rows, ${(inputBytes / 1e9).toFixed(2)} GB, median of ${rounds} runs in turn, whole processes, into Parquet files, equal answers; peak memory of all processes together.

| | | | times Fanlake's | memory |
|---|---|---|---|---|
${lines.join('\n')}${missing.join('')}`,
);
