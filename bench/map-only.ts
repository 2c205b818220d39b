import { appendFileSync, mkdirSync, rmSync } from 'node:fs';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fullRows, generateVisits, visitsQuery } from './generate-visits.ts';
import { type Measured, measure, median } from './measured-process.ts';

/**
 * `npm run bench:map [-- rows]`: a CSV of web visits (14 million rows, 2.4 GB) projected and filtered into a table, Fanlake against one DuckDB that does
 * the same COPY with the same threads, in turn, each as whole processes. Appends a dated table to bench/results/map-only.md.
 */
const rows = Number(process.argv[2] ?? fullRows);
const rounds = Number(process.argv[3] ?? 3);
const folder = join(process.env['FANLAKE_BENCH'] ?? join(tmpdir(), 'fanlake-bench'));
const input = join(folder, `visits-${rows}.csv`);
const inputBytes = await generateVisits(input, rows);
const threads = availableParallelism();

interface Case {
  readonly name: string;
  readonly partitionBy?: string;
  readonly splitSize?: string;
}

const cases: readonly Case[] = [
  { name: 'to a table' },
  { name: 'to a table, --split-size 256MiB', splitSize: '256MiB' },
  { name: 'to 20 lake partitions', partitionBy: 'country' },
  { name: 'to 20 lake partitions, --split-size 256MiB', partitionBy: 'country', splitSize: '256MiB' },
];

async function fanlake({ partitionBy, splitSize }: Case): Promise<Measured> {
  const home = join(folder, 'home');
  rmSync(home, { recursive: true, force: true });
  const args = [join(import.meta.dirname, '..', 'bin', 'fanlake.mjs'), 'run', '--home', home, '--json', '--input', input];
  args.push('--query', visitsQuery, '--table', 'visits');
  if (partitionBy !== undefined) args.push('--partition-by', partitionBy);
  if (splitSize !== undefined) args.push('--split-size', splitSize);
  return measure(process.execPath, args);
}

async function duckdb({ partitionBy }: Case): Promise<Measured> {
  const args = [join(import.meta.dirname, 'duckdb-copy.ts'), input, join(folder, 'duckdb'), visitsQuery];
  return measure(process.execPath, partitionBy === undefined ? args : [...args, partitionBy], { THREADS: String(threads) });
}

function rowsOf(stdout: string): number {
  const answer = JSON.parse(stdout) as { readonly rows: number | { readonly written: number } };
  return typeof answer.rows === 'number' ? answer.rows : answer.rows.written;
}

const lines: string[] = [];
for (const entry of cases) {
  const ours: Measured[] = [];
  const theirs: Measured[] = [];
  for (let round = 0; round < rounds; round++) {
    ours.push(await fanlake(entry));
    theirs.push(await duckdb(entry));
    const [a, b] = [rowsOf(ours.at(-1)?.stdout ?? ''), rowsOf(theirs.at(-1)?.stdout ?? '')];
    if (a !== b) throw new Error(`Fanlake wrote ${a} rows and DuckDB ${b}`);
  }
  const [a, b] = [median(ours.map(({ seconds }) => seconds)), median(theirs.map(({ seconds }) => seconds))];
  const ratio = median(ours.map(({ seconds }, index) => seconds / (theirs[index]?.seconds ?? Number.NaN)));
  const peak = (measured: readonly Measured[]) => `${Math.round(Math.max(...measured.map(({ peakBytes }) => peakBytes)) / 2 ** 20)} MiB`;
  lines.push(`| ${entry.name} | ${a.toFixed(1)} s | ${b.toFixed(1)} s | ${ratio.toFixed(2)} | ${peak(ours)} | ${peak(theirs)} |`);
  console.error(lines.at(-1));
}

const report = `
## ${new Date().toISOString().slice(0, 10)}, ${availableParallelism()} cores (${cpus()[0]?.model ?? 'unknown'}), Node ${process.version}

\`npm run bench:map -- ${rows} ${rounds}\`: ${rows.toLocaleString('en')} rows, ${(inputBytes / 1e9).toFixed(2)} GB, median of ${rounds} runs in turn, whole processes, peak memory of all processes together.

| | Fanlake | DuckDB, ${threads} threads | ratio | memory Fanlake | memory DuckDB |
|---|---|---|---|---|---|
${lines.join('\n')}
`;
mkdirSync(join(import.meta.dirname, 'results'), { recursive: true });
appendFileSync(join(import.meta.dirname, 'results', 'map-only.md'), report);
console.log(report);
