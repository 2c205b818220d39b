import { appendFileSync, mkdirSync, rmSync } from 'node:fs';
import { availableParallelism, cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Measured, measure, median } from './measured-process.ts';
import { expectSameAnswer, expectSameContent } from './same-rows.ts';

/** One query over files, into a table, or with its answer printed. */
export interface Case {
  readonly name: string;
  /** A path, or a glob. */
  readonly input: string;
  readonly query: string;
  /** Small tables that it reads beside `input`: the path of each by its name. */
  readonly sides?: Readonly<Record<string, string>>;
  /** Whether the answer is printed, not written; both must then print the same rows in the same order. */
  readonly prints?: boolean;
  readonly partitionBy?: string;
  readonly splitSize?: string;
}

export interface Comparison {
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
const home = join(benchFolder, 'home');

/** What the machine did before the first run. */
const loadBefore = loadavg()[0] ?? 0;
const duckdbFolder = join(benchFolder, 'duckdb');

/** What a `fanlake run --json` tells that benchmarks look at. */
interface Receipt {
  readonly rows: { readonly written: number };
  readonly tasks: { readonly done: number };
}

/**
 * Runs a case as the command would, into the table `visits` of a home of its own.
 * @throws Error when the command fails
 */
export async function fanlake({ input, query, sides, prints, partitionBy, splitSize }: Case): Promise<Measured> {
  rmSync(home, { recursive: true, force: true });
  const args = [join(import.meta.dirname, '..', 'bin', 'fanlake.mjs'), 'run', '--home', home, '--json', '--input', input, '--query', query];
  if (prints !== true) args.push('--table', 'visits');
  for (const [name, path] of Object.entries(sides ?? {})) args.push('--side', `${name}=${path}`);
  if (partitionBy !== undefined) args.push('--partition-by', partitionBy);
  if (splitSize !== undefined) args.push('--split-size', splitSize);
  return measure(process.execPath, args);
}

async function duckdb({ input, query, sides, prints, partitionBy }: Case): Promise<Measured> {
  const work = { input, query, sides, partitionBy, output: prints === true ? undefined : duckdbFolder };
  return measure(process.execPath, [join(import.meta.dirname, 'duckdb-alone.ts'), JSON.stringify(work)], { THREADS: String(threads) });
}

const lastOf = (measured: readonly Measured[]): string => measured.at(-1)?.stdout ?? '';
const receiptOf = (measured: readonly Measured[]): Receipt => JSON.parse(lastOf(measured)) as Receipt;

/** The largest memory of some runs, as people read it. */
export const peakOf = (measured: readonly Measured[]): string =>
  `${Math.round(Math.max(...measured.map(({ peakBytes }) => peakBytes)) / 2 ** 20)} MiB`;

/** The median seconds of some runs. */
export const secondsOf = (measured: readonly Measured[]): number => median(measured.map(({ seconds }) => seconds));

/** Runs a case in turn with both. @returns its line of the table */
async function compare(entry: Case, rounds: number): Promise<string> {
  const ours: Measured[] = [];
  const theirs: Measured[] = [];
  for (let round = 0; round < rounds; round++) {
    ours.push(await fanlake(entry));
    theirs.push(await duckdb(entry));
    const [written, copied] = [receiptOf(ours).rows.written, (JSON.parse(lastOf(theirs)) as { readonly written: number }).written];
    if (written !== copied) throw new Error(`${entry.name}: Fanlake wrote ${written} rows and DuckDB ${copied}`);
  }
  if (entry.prints === true) expectSameAnswer(entry.name, lastOf(ours), lastOf(theirs));
  else await expectSameContent(entry.name, join(home, 'lake/visits'), duckdbFolder);
  const ratio = median(ours.map(({ seconds }, index) => seconds / (theirs[index]?.seconds ?? Number.NaN)));
  const seconds = [ours, theirs].map((measured) => `${secondsOf(measured).toFixed(1)} s`).join(' | ');
  return `| ${entry.name} | ${receiptOf(ours).tasks.done} | ${seconds} | ${ratio.toFixed(2)} | ${peakOf(ours)} | ${peakOf(theirs)} |`;
}

/** Appends a dated report to a file of bench/results and prints it; says so when others were at work on the machine. */
export function report(results: string, text: string): void {
  const disturbed =
    loadBefore > threads / 2
      ? `\n\nDisturbed: others were at work on the machine (load ${loadBefore.toFixed(1)} before the first run).`
      : '';
  const dated = `
## ${new Date().toISOString().slice(0, 10)}, ${threads} cores (${cpus()[0]?.model ?? 'unknown'}), Node ${process.version}

${text}${disturbed}
`;
  mkdirSync(join(import.meta.dirname, 'results'), { recursive: true });
  appendFileSync(join(import.meta.dirname, 'results', results), dated);
  console.log(dated);
}

/**
 * Runs each case with Fanlake and with one DuckDB that does the same with the same threads, in turn, each as whole processes; appends a dated table to the
 * results.
 * @throws Error when they give different rows
 */
export async function compareWithDuckdb({ cases, rounds, title, results }: Comparison): Promise<void> {
  const lines: string[] = [];
  for (const entry of cases) {
    lines.push(await compare(entry, rounds));
    console.error(lines.at(-1));
  }
  report(
    results,
    `${title}, median of ${rounds} runs in turn, whole processes, peak memory of all processes together.

| | tasks | Fanlake | DuckDB, ${threads} threads | ratio | memory Fanlake | memory DuckDB |
|---|---|---|---|---|---|---|
${lines.join('\n')}`,
  );
}
