import { appendFileSync, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { measure, median } from './measured-process.ts';

/**
 * `npm run bench:tasks`: what a task costs beyond the engine's own work (1,000 tasks of 1 KB), 10,000 small files in one run, and the plan of a
 * million tasks. Appends a dated table to bench/results/tasks.md.
 */
const folder = process.env['FANLAKE_BENCH'] ?? join(tmpdir(), 'fanlake-bench');
const starter = join(import.meta.dirname, '..', 'bin', 'fanlake.mjs');
const rounds = Number(process.argv[2] ?? 3);
mkdirSync(folder, { recursive: true });

const line = (i: number): string =>
  `${i},${(i * 7919) % 1000},visitor ${i % 97} of shop ${i % 13},2026-01-${String(1 + (i % 28)).padStart(2, '0')},${i / 8}\n`;

async function fanlake(home: string, ...args: readonly string[]) {
  const path = join(folder, home);
  rmSync(path, { recursive: true, force: true });
  const measured = await measure(process.execPath, [
    starter,
    'run',
    '--home',
    path,
    '--json',
    '--query',
    'SELECT * FROM input',
    '--table',
    't',
    ...args,
  ]);
  const receipt = JSON.parse(measured.stdout) as { readonly rows: { readonly written: number }; readonly tasks: { readonly done: number } };
  return { ...measured, written: receipt.rows.written, tasks: receipt.tasks.done };
}

/** CPU that DuckDB itself takes to read 1 KB of CSV and write it as Parquet with statistics, once it is warm, in milliseconds. */
async function engineAlone(text: readonly string[]): Promise<number> {
  const instance = await DuckDBInstance.create(':memory:', { threads: '1' });
  const connection = await instance.connect();
  const files = join(folder, 'pieces');
  rmSync(files, { recursive: true, force: true });
  mkdirSync(files);
  text.forEach((piece, index) => {
    writeFileSync(join(files, `${index}.csv`), piece);
  });
  const copy = (
    index: number,
  ): string => `COPY (SELECT * FROM read_csv('${files}/${index}.csv', auto_detect = false, header = false, delim = ',', quote = '"', escape = '"',
    new_line = '\\n', parallel = false, columns = {id: 'BIGINT', n: 'BIGINT', who: 'VARCHAR', day: 'DATE', x: 'DOUBLE'})) TO '${files}/${index}.parquet' (FORMAT parquet, COMPRESSION zstd, RETURN_STATS true)`;
  for (let index = 0; index < 20; index++) await connection.runAndReadAll(copy(index));
  const before = process.cpuUsage();
  for (let index = 0; index < text.length; index++) await connection.runAndReadAll(copy(index));
  const { user, system } = process.cpuUsage(before);
  connection.closeSync();
  instance.closeSync();
  return (user + system) / 1000 / text.length;
}

const pieces = Array.from({ length: 1_000 }, (_, task) => Array.from({ length: 20 }, (_, row) => line(task * 20 + row)).join(''));
const header = 'id,n,who,day,x\n';
const thousand = join(folder, 'thousand.csv');
writeFileSync(thousand, header + pieces.join(''));
const splitBytes = Math.ceil((header.length + pieces.join('').length) / 1_000);

const small = join(folder, 'small-files');
if (!existsSync(join(small, '9999.csv'))) {
  mkdirSync(small, { recursive: true });
  for (let file = 0; file < 10_000; file++) writeFileSync(join(small, `${file}.csv`), header + line(file) + line(file + 1));
}
const million = join(folder, 'million.csv');
writeFileSync(million, `a,b\n${'1,2\n'.repeat(249_998)}`);

const lines: string[] = [];
const costs: number[] = [];
let walls: number[] = [];
for (let round = 0; round < rounds; round++) {
  const many = await fanlake('home', '--input', thousand, '--split-size', String(splitBytes));
  const few = await fanlake('home', '--input', thousand, '--split-size', String(splitBytes * 500));
  costs.push(((many.cpuSeconds - few.cpuSeconds) * 1000) / (many.tasks - few.tasks));
  walls.push(many.seconds);
}
const alone = await engineAlone(pieces);
lines.push(
  `| 1,000 tasks of ${(splitBytes / 1024).toFixed(1)} KiB: CPU a task, start-up taken off | ${median(costs).toFixed(1)} ms, of which DuckDB's own ${alone.toFixed(1)} ms |`,
);
lines.push(`| the same, whole command | ${median(walls).toFixed(1)} s |`);
walls = [];
let peak = 0;
for (let round = 0; round < rounds; round++) {
  const run = await fanlake('home', '--input', small);
  if (run.written !== 20_000) throw new Error(`${run.written} rows of 20,000`);
  walls.push(run.seconds);
  peak = Math.max(peak, run.peakBytes);
}
lines.push(`| 10,000 files of two rows in one run, whole command | ${median(walls).toFixed(1)} s, ${Math.round(peak / 2 ** 20)} MiB |`);
const planned = await measure(process.execPath, [join(import.meta.dirname, 'plan-million.ts'), million, join(folder, 'home')]);
lines.push(
  `| plan of ${planned.stdout.trim()} tasks, whole process | ${planned.seconds.toFixed(1)} s, ${Math.round(planned.peakBytes / 2 ** 20)} MiB |`,
);

const report = `
## ${new Date().toISOString().slice(0, 10)}, ${availableParallelism()} cores (${cpus()[0]?.model ?? 'unknown'}), Node ${process.version}

\`npm run bench:tasks -- ${rounds}\`, medians of ${rounds} runs.

| | |
|---|---|
${lines.join('\n')}
`;
mkdirSync(join(import.meta.dirname, 'results'), { recursive: true });
appendFileSync(join(import.meta.dirname, 'results', 'tasks.md'), report);
console.log(report);
