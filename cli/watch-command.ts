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
  mv data/bird-strikes.csv .fanlake/landing/bird-strikes/      # in another terminal

A file that lands below the input.prefix of a job (such as landing/bird-strikes/, in <home>) becomes a run of that job, once: when it was renamed into
place, or stood still for 300 ms. Names that begin with a dot or end as unfinished ones do (.tmp, .part, ~ ...) are left alone. A file that changed
is another upload. After a failure the line says how to go on.

Ctrl-C ends it (with 130). What it leaves, and what lands meanwhile, is taken up by the next one.`;

/** `fanlake watch`: the upload trigger on this machine. */
export function watchCommandOf(shell: Shell): Command {
  return new Command('watch')
    .description('a run of its job for each file that lands in <home>')
    .option('--jobs <file>', 'the file that lists the jobs (default: jobs/index.ts of this folder)')
    .option('--workers <n>', 'worker processes at most (default: the cores)', parseCount(1))
    .addHelpText('after', help)
    .action((options: WatchOptions) => watch(shell, options));
}

async function watch(shell: Shell, options: WatchOptions): Promise<void> {
  const { watchCommand } = await import('./commands/watch.ts');
  const jobs = await loadJobs(options.jobs ?? null, shell.currentFolder);
  const { home, workers = null, json = false } = options;
  const exitCode = await watchCommand(
    {
      home,
      jobs,
      from: { home, jobsFile: options.jobs ?? null, currentFolder: shell.currentFolder },
      workers,
      json,
      signal: shell.interruption(),
    },
    { stdout: (line) => shell.line(line), stderr: (line) => shell.note(line) },
  );
  shell.end(exitCode);
}
