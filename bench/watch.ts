import { type ChildProcess, spawn } from 'node:child_process';
import { appendFileSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { median } from './measured-process.ts';

/**
 * `npm run bench:watch`: from a file's landing to its rows in the table, with a warm `fanlake watch`, and 1,000 files dropped at once. Appends a dated
 * table to bench/results/watch.md.
 */
const folder = join(process.env['FANLAKE_BENCH'] ?? join(tmpdir(), 'fanlake-bench'), 'watch');
const home = join(folder, 'home');
const landing = join(home, 'landing', 'visits');
const log = join(home, 'lake', 'visits', '_delta_log');
const files = 20;
const flood = 1_000;

rmSync(folder, { recursive: true, force: true });
mkdirSync(landing, { recursive: true });
const jobs = join(folder, 'jobs.ts');
writeFileSync(
  jobs,
  `import { defineJob } from 'fanlake';
export const jobs = [defineJob({ name: 'visits', input: { prefix: 'landing/visits/', format: 'csv' }, table: { name: 'visits' } })];\n`,
);

const text = (file: number): string =>
  `id,shop,seconds\n${Array.from({ length: 10 }, (_, row) => `${file * 10 + row},shop ${row},${row / 2}`).join('\n')}\n`;

/** Sources that the log's entries name, and how many entries there are. */
function committed(): { readonly sources: ReadonlySet<string>; readonly entries: number } {
  let names: readonly string[] = [];
  try {
    names = readdirSync(log).filter((name) => name.endsWith('.json'));
  } catch {
    // no table yet
  }
  const sources = new Set(names.flatMap((name) => readFileSync(join(log, name), 'utf8').match(/landing\/visits\/[\w.-]+/g) ?? []));
  return { sources, entries: names.length };
}

async function until(condition: () => boolean, everyMs: number): Promise<void> {
  for (let waited = 0; !condition(); waited += everyMs) {
    if (waited > 300_000) throw new Error('nothing came within five minutes');
    await sleep(everyMs);
  }
}

/** Milliseconds from the file's landing to the log entry that names it. */
async function latency(name: string, file: number, how: 'renamed' | 'written'): Promise<number> {
  const target = join(landing, name);
  if (how === 'renamed') writeFileSync(join(folder, name), text(file));
  const started = performance.now();
  if (how === 'renamed') renameSync(join(folder, name), target);
  else writeFileSync(target, text(file));
  await until(() => committed().sources.has(`landing/visits/${name}`), 5);
  return performance.now() - started;
}

async function startWatch(): Promise<ChildProcess> {
  const watch = spawn(process.execPath, [join(import.meta.dirname, '..', 'bin', 'fanlake.mjs'), 'watch', '--home', home, '--jobs', jobs], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  for await (const line of createInterface({ input: watch.stdout })) if (line.startsWith('watching')) break;
  watch.stdout?.resume();
  return watch;
}

const watch = await startWatch();
for (let file = 0; file < 3; file++) await latency(`first-${file}.csv`, file, 'renamed');
const renamed: number[] = [];
const written: number[] = [];
for (let file = 0; file < files; file++) {
  renamed.push(await latency(`renamed-${file}.csv`, file, 'renamed'));
  written.push(await latency(`written-${file}.csv`, file, 'written'));
}
const before = committed();
for (let file = 0; file < flood; file++) writeFileSync(join(folder, `flood-${file}.csv`), text(file));
const started = performance.now();
for (let file = 0; file < flood; file++) renameSync(join(folder, `flood-${file}.csv`), join(landing, `flood-${file}.csv`));
await until(() => committed().sources.size === before.sources.size + flood, 100);
const floodSeconds = (performance.now() - started) / 1000;
const entries = committed().entries - before.entries;
watch.kill('SIGINT');

const ms = (values: readonly number[]): string => `${median(values).toFixed(0)} ms (largest ${Math.max(...values).toFixed(0)})`;
const report = `
## ${new Date().toISOString().slice(0, 10)}, ${availableParallelism()} cores (${cpus()[0]?.model ?? 'unknown'}), Node ${process.version}

\`npm run bench:watch\`, a warm watch, files of ten rows; medians of ${files}.

| | |
|---|---|
| a file renamed into place is in the table after | ${ms(renamed)} |
| a file written in place (it must stand still for 300 ms) | ${ms(written)} |
| ${flood.toLocaleString('en')} files at once | ${floodSeconds.toFixed(1)} s, ${flood.toLocaleString('en')} runs in ${entries} log entries, none lost |
`;
mkdirSync(join(import.meta.dirname, 'results'), { recursive: true });
appendFileSync(join(import.meta.dirname, 'results', 'watch.md'), report);
console.log(report);
