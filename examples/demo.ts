import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, existsSync, mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { gzipSync } from 'node:zlib';

/**
 * `npm start`: real files land, become runs over worker processes, and are tables that are then read. What it types is what you could type
 * yourself. Offline, and safe to run again: what was loaded once is not loaded twice.
 */
const repository = join(import.meta.dirname, '..');
const starter = join(repository, 'bin', 'fanlake.mjs');
const home = '.fanlake';
const data = join(dirname(createRequire(import.meta.url).resolve('vega-datasets')), '..', 'data');

const bold = (text: string): string =>
  process.stdout.isTTY === true && process.env['NO_COLOR'] === undefined ? `\x1b[1m${text}\x1b[22m` : text;

function say(text: string): void {
  console.log(`\n${bold(text)}`);
}

/** Runs a command of Fanlake as a user would and shows it. */
async function fanlake(...args: readonly string[]): Promise<void> {
  console.log(`\n$ npx fanlake ${args.map((arg) => (/^[\w./=-]+$/.test(arg) ? arg : `"${arg.replaceAll('"', '\\"')}"`)).join(' ')}`);
  const child = spawn(process.execPath, [starter, ...args], { cwd: repository, stdio: 'inherit' });
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== 0) process.exit(code ?? 1);
}

/** Files to land: name below the landing folder, and what is in it. */
const uploads: readonly (readonly [string, () => Buffer | { readonly copy: string }])[] = [
  ['zip-codes/zipcodes.csv', () => ({ copy: 'zipcodes.csv' })],
  ['bird-strikes/bird-strikes-1990-1996.csv', () => birdStrikes((year) => year <= 1996)],
  ['bird-strikes/bird-strikes-1997-2002.csv.gz', () => gzipSync(birdStrikes((year) => year > 1996))],
  ['flights/flights-3m.parquet', () => ({ copy: 'flights-3m.parquet' })],
];

/** The rows of some years, with the header; no field of this file has a newline in it. */
function birdStrikes(wanted: (year: number) => boolean): Buffer {
  const [header = '', ...lines] = readFileSync(join(data, 'birdstrikes.csv'), 'utf8').split('\r\n');
  const years = lines.filter((line) => wanted(Number(/,((?:19|20)\d\d)-\d\d-\d\d/.exec(line)?.[1])));
  return Buffer.from([header, ...years, ''].join('\r\n'));
}

/** Puts a file in its place the way that uploads should: complete, by a rename. */
function land(name: string, content: Buffer | { readonly copy: string }): void {
  const target = join(repository, home, 'landing', name);
  mkdirSync(dirname(target), { recursive: true });
  const incomplete = `${target}.tmp`;
  if (Buffer.isBuffer(content)) writeFileSync(incomplete, content);
  else copyFileSync(join(data, content.copy), incomplete);
  renameSync(incomplete, target);
}

/** Shows `fanlake watch` while the files land, until each of them has ended as a run. */
async function watchUploads(missing: typeof uploads): Promise<void> {
  console.log('\n$ npx fanlake watch');
  const watch = spawn(process.execPath, [starter, 'watch', '--home', home], { cwd: repository, stdio: ['ignore', 'pipe', 'inherit'] });
  let [ready, ended] = [false, 0];
  for await (const line of createInterface({ input: watch.stdout })) {
    console.log(`  ${line}`);
    if (line.startsWith('watching') && !ready) {
      ready = true;
      for (const [name, content] of missing) land(name, content());
    }
    if (/^(committed|failed|FAILED)/.test(line)) ended += 1;
    if (ended === missing.length) stop(watch);
  }
}

function stop(watch: ChildProcess): void {
  if (watch.exitCode === null) watch.kill('SIGINT');
}

const startedMs = Date.now();
say('1. Files land in the landing folder; each becomes a run of its job.');
const missing = uploads.filter(([name]) => !existsSync(join(repository, home, 'landing', name)));
if (missing.length > 0) await watchUploads(missing);
else console.log('They landed when you ran this before: nothing is loaded twice.');

say('2. One file of 1.2 MB, cut into splits of 128 KiB on purpose: ten tasks over two worker processes, one commit.');
await fanlake(
  'run',
  '--query',
  `SELECT * FROM input WHERE "Effect Amount of damage" <> 'None'`,
  '--table',
  'damages',
  '--split-size',
  '128KiB',
  '--workers',
  '2',
  '--input',
  join(data, 'birdstrikes.csv').slice(repository.length + 1),
);

say('3. The tables are there, for any reader of Delta Lake.');
await fanlake(
  'query',
  'SELECT month, count(*) AS flights, round(avg(delay), 1) AS mean_delay, sum(CASE WHEN late THEN 1 END) AS late FROM flights GROUP BY month ORDER BY month',
);
await fanlake('query', 'SELECT year, count(*) AS strikes, sum("Cost_Total_$") AS dollars FROM bird_strikes GROUP BY year ORDER BY year');
await fanlake('query', "SELECT * FROM zip_codes WHERE zip_code LIKE '005%'");
await fanlake('status');

const { size } = statSync(join(data, 'flights-3m.parquet'));
say(
  `Done in ${((Date.now() - startedMs) / 1000).toFixed(1)} s (${(size / 1e6).toFixed(0)} MB of Parquet with 3 million rows among it). Try next:`,
);
console.log(`
  npx fanlake watch                                    # then drop a file into ${home}/landing/bird-strikes/
  npx fanlake explain bird-strikes --input ${home}/landing/bird-strikes
  npx fanlake query "SELECT origin, avg(delay) FROM flights GROUP BY origin ORDER BY 2 DESC LIMIT 5"
`);
