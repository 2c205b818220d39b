/** `npm run soak`: Fanlake under load, with processes that are killed again and again. */
import { Command } from 'commander';
import { LambdaSoak } from './lambda-soak.ts';
import { LocalSoak } from './local-soak.ts';
import { isGood, progressLine, renderFaults, renderReport, type SoakProgress } from './report.ts';
import type { SoakOptions } from './soak-run.ts';

interface Options {
  readonly minutes: number;
  readonly seed: number;
  readonly localstack?: boolean;
}

const help = `
On this machine: fanlake watch, run and retry on a home of their own, with files of all sizes that land, are replaced, and are given to runs; every second a worker,
or a command that is then started again, is killed with SIGKILL. With --localstack: uploads into the deployed stack, whose functions are killed, and run and retry, which are
typed again. So this doesn't show what becomes of a command that nobody types again: npm run simulate does.

In the end everything comes to rest, and what the tables have is compared with DuckDB's reading of the files.
Ends with 0 when no row is lost or doubled, every run has an outcome and nothing failed without a reason; with 1 else, and keeps everything.
The seed decides sizes, order and victims; the processes' own pace isn't decided by it.`;

function positive(text: string): number {
  const value = Number(text);
  if (Number.isFinite(value) && value > 0) return value;
  throw new Error(`${text} is no number above 0`);
}

function whole(text: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= 0) return value;
  throw new Error(`${text} is no whole number from 0 on`);
}

const options = new Command('soak')
  .description('kills processes of Fanlake under load, and looks for rows that are lost or doubled')
  .option('--minutes <n>', 'of load and kills', positive, 10)
  .option('--seed <n>', 'what is left to chance', whole, Date.now() % 1_000_000)
  .option('--localstack', 'on LocalStack, with the functions of a deployed stack')
  .addHelpText('after', help)
  .parse()
  .opts<Options>();

const plainEveryMs = 15_000;
let saidMs = Number.NEGATIVE_INFINITY;

/** A line that is written over on a terminal, else one now and then. */
function show(progress: SoakProgress): void {
  if (process.stderr.isTTY) {
    process.stderr.write(`\r\x1b[K${progressLine(progress)}`);
  } else if (progress.elapsedMs - saidMs >= plainEveryMs) {
    saidMs = progress.elapsedMs;
    process.stderr.write(`${progressLine(progress)}\n`);
  }
}

const begin = (): SoakOptions => ({ loadMs: options.minutes * 60_000, seed: options.seed, onProgress: show });
const soak = options.localstack === true ? await LambdaSoak.deploy(begin, (line) => console.error(line)) : new LocalSoak(begin());
let isInterrupted = false;
for (const name of ['SIGINT', 'SIGTERM'] as const) {
  process.once(name, () => {
    isInterrupted = true;
    void soak.abandon().finally(() => process.exit(130));
  });
}
const report = await soak.run().catch((error: unknown) => {
  // what was under way lost its place
  if (isInterrupted) return new Promise<never>(() => {});
  throw error;
});
if (process.stderr.isTTY) process.stderr.write('\r\x1b[K');
console.log(renderReport(report));
for (const fault of renderFaults(report)) console.error(fault);
process.exitCode = isGood(report) ? 0 : 1;
