import { appendFileSync, mkdirSync, rmSync } from 'node:fs';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { type Measured, measure, median } from './measured-process.ts';

/** One query over one CSV file, into a table. */
export interface Case {
  readonly name: string;
  readonly query: string;
  readonly partitionBy?: string;
  readonly splitSize?: string;
}

export interface Comparison {
  readonly input: string;
  readonly cases: readonly Case[];
  /** Runs of each, of which the median counts. */
  readonly rounds: number;
  /** Says what was compared, with the command that does it again. */
  readonly title: string;
  /** File in bench/results. */
  readonly results: string;
}

/** The folder for inputs and outputs of benchmarks. */
export const benchFolder = join(process.env['FANLAKE_BENCH'] ?? join(tmpdir(), 'fanlake-bench'));

const threads = availableParallelism();

async function fanlake(input: string, { query, partitionBy, splitSize }: Case): Promise<Measured> {
  const home = join(benchFolder, 'home');
  rmSync(home, { recursive: true, force: true });
  const args = [join(import.meta.dirname, '..', 'bin', 'fanlake.mjs'), 'run', '--home', home, '--json', '--input', input];
  args.push('--query', query, '--table', 'visits');
  if (partitionBy !== undefined) args.push('--partition-by', partitionBy);
  if (splitSize !== undefined) args.push('--split-size', splitSize);
  return measure(process.execPath, args);
}

async function duckdb(input: string, { query, partitionBy }: Case): Promise<Measured> {
  const args = [join(import.meta.dirname, 'duckdb-copy.ts'), input, join(benchFolder, 'duckdb'), query];
  return measure(process.execPath, partitionBy === undefined ? args : [...args, partitionBy], { THREADS: String(threads) });
}

function rowsOf(stdout: string): number {
  const answer = JSON.parse(stdout) as { readonly rows: number | { readonly written: number } };
  return typeof answer.rows === 'number' ? answer.rows : answer.rows.written;
}

/** Sums over a column that tell its content: of hashes, and of doubles themselves. Times are compared as instants, and numbers without their types. */
function sumOf(name: string, type: string): string {
  const column = `"${name.replaceAll('"', '""')}"`;
  if (type === 'DOUBLE' || type === 'FLOAT') return `coalesce(sum(${column}), 0)::DOUBLE`;
  const text = type.startsWith('TIMESTAMP') ? `epoch_us(${column})` : column;
  return `coalesce(sum(hash(CAST(${text} AS VARCHAR)) % 1000003), 0)::DOUBLE`;
}

/** @throws Error when the tables that both wrote differ in a column */
async function expectSameContent({ name }: Case): Promise<void> {
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  const contentOf = async (files: string): Promise<readonly number[]> => {
    const from = `read_parquet('${files}', hive_partitioning = true)`;
    const columns = (await connection.runAndReadAll(`DESCRIBE SELECT * FROM ${from}`)).getRowObjectsJson();
    const sums = columns
      .map((column) => ({ name: String(column['column_name']), type: String(column['column_type']) }))
      .sort((a, b) => (a.name < b.name ? -1 : 1))
      .map((column) => sumOf(column.name, column.type));
    const reader = await connection.runAndReadAll(`SELECT ${sums.join(', ')} FROM ${from}`);
    return (reader.getRowsJson()[0] ?? []).map(Number);
  };
  const ours = await contentOf(join(benchFolder, 'home/lake/visits/**/*.parquet'));
  const theirs = await contentOf(join(benchFolder, 'duckdb/**/*.parquet'));
  connection.closeSync();
  instance.closeSync();
  const isSame =
    ours.length === theirs.length && ours.every((sum, index) => Math.abs(sum - (theirs[index] ?? 0)) <= 1e-9 * Math.max(1, Math.abs(sum)));
  if (!isSame) throw new Error(`${name}: the tables differ: ${ours.join(', ')} and ${theirs.join(', ')}`);
}

/**
 * Runs each case with Fanlake and with one DuckDB that does the same COPY with the same threads, in turn, each as whole processes; appends a dated table to the
 * results.
 * @throws Error when they write different rows
 */
export async function compareWithDuckdb({ input, cases, rounds, title, results }: Comparison): Promise<void> {
  const lines: string[] = [];
  for (const entry of cases) {
    const ours: Measured[] = [];
    const theirs: Measured[] = [];
    for (let round = 0; round < rounds; round++) {
      ours.push(await fanlake(input, entry));
      theirs.push(await duckdb(input, entry));
      const [a, b] = [rowsOf(ours.at(-1)?.stdout ?? ''), rowsOf(theirs.at(-1)?.stdout ?? '')];
      if (a !== b) throw new Error(`Fanlake wrote ${a} rows and DuckDB ${b}`);
    }
    await expectSameContent(entry);
    const [a, b] = [median(ours.map(({ seconds }) => seconds)), median(theirs.map(({ seconds }) => seconds))];
    const ratio = median(ours.map(({ seconds }, index) => seconds / (theirs[index]?.seconds ?? Number.NaN)));
    const peak = (measured: readonly Measured[]) => `${Math.round(Math.max(...measured.map(({ peakBytes }) => peakBytes)) / 2 ** 20)} MiB`;
    lines.push(`| ${entry.name} | ${a.toFixed(1)} s | ${b.toFixed(1)} s | ${ratio.toFixed(2)} | ${peak(ours)} | ${peak(theirs)} |`);
    console.error(lines.at(-1));
  }
  const report = `
## ${new Date().toISOString().slice(0, 10)}, ${threads} cores (${cpus()[0]?.model ?? 'unknown'}), Node ${process.version}

${title}, median of ${rounds} runs in turn, whole processes, peak memory of all processes together.

| | Fanlake | DuckDB, ${threads} threads | ratio | memory Fanlake | memory DuckDB |
|---|---|---|---|---|---|
${lines.join('\n')}
`;
  mkdirSync(join(import.meta.dirname, 'results'), { recursive: true });
  appendFileSync(join(import.meta.dirname, 'results', results), report);
  console.log(report);
}
