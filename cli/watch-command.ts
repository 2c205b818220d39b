import { Command } from 'commander';
import { loadJobs } from './jobs.ts';
import type { Shell } from './shell.ts';
import { parseCount } from './values.ts';

interface WatchOptions {
  readonly home: string;
  readonly jobs?: string;
  readonly workers?: number;
  readonly json?: boolean;
}

const help = `
Example:
  fanlake watch
  (in another terminal) mv data/bird-strikes.csv .fanlake/landing/bird-strikes/

A file that lands under a job's prefix in <home>/landing/ becomes a run of that job. Ctrl-C ends it (130); what lands meanwhile is found by the next one.
With --json each line on stdout is one JSON document.`;

/** `fanlake watch`: the upload trigger on this machine. */
export function watchCommandOf(shell: Shell): Command {
  return new Command('watch')
    .description('a run for each file that lands in <home>/landing/')
    .option('--jobs <file>', 'where the jobs are (default: jobs/index.ts of this folder)')
    .option('--workers <n>', 'worker processes at most (default: the cores)', parseCount(1))
    .addHelpText('after', help)
    .action((options: WatchOptions) => watch(shell, options));
}

async function watch(shell: Shell, options: WatchOptions): Promise<void> {
  const { watchCommand } = await import('./commands/watch.ts');
  const jobs = await loadJobs(options.jobs ?? null, shell.currentFolder);
  const { home, workers = null, json = false } = options;
  const exitCode = await watchCommand(
    { home, jobs, workers, json, signal: shell.interruption() },
    { stdout: (line) => shell.line(line), stderr: (line) => shell.note(line) },
  );
  shell.end(exitCode);
}
