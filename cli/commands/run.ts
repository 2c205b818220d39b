import { Command } from 'commander';
import type { Job } from '../../functions/core/job.ts';
import type { ObjectVersion } from '../../functions/core/ports.ts';
import { onStack } from '../at-place.ts';
import { inputAtHome, inputOnStack } from '../job-input.ts';
import { addJobOptions, type JobOptions, jobOf, refuseTablePath, tableKeyOf } from '../job-request.ts';
import { withSidesAtHome, withSidesOnStack } from '../job-sides.ts';
import { openHome } from '../local/home.ts';
import { runJob } from '../local/run-job.ts';
import { bytes, counted } from '../render/numbers.ts';
import { answerOf, runLive } from '../run-answer.ts';
import type { Shell } from '../shell.ts';
import { liveOnStack } from '../stack/live-on-stack.ts';
import { runOnStack } from '../stack/run-on-stack.ts';
import type { Stack } from '../stack/stack.ts';
import { rememberTable } from '../store/tables.ts';
import { parseCount } from '../values.ts';

interface RunOptions extends JobOptions {
  readonly workers?: number;
  readonly again?: boolean;
  readonly json?: boolean;
}

const help = `
Examples:
  fanlake run bird-strikes --input data/bird-strikes.csv
  fanlake run --query "SELECT id, upper(name) AS name FROM input" --table people --input "people/*.csv"
  fanlake run --query "SELECT v.*, c.name FROM input v LEFT JOIN countries c USING (code)" --side countries=countries.csv --table visits --input visits.csv
  fanlake run bird-strikes --stack lake --input "s3://<landing bucket>/landing/bird-strikes/2026-*.csv"

The same objects are loaded once: the same command goes on with a run that was interrupted, tries again what failed, and does nothing
for what is committed (--again does). Nothing is in the table before the run is committed.
On a stack the job is the one declared here, and Ctrl-C only ends the waiting: the run goes on.

Ends with 0 committed (or already committed), 1 failed, 2 the command or the job is wrong, 3 committed in part, 4 cancelled,
130 interrupted.`;

/** `fanlake run`: one run over the given objects, now. */
export function runCommand(shell: Shell): Command {
  const command = new Command('run')
    .description('load files into a table: one run, now')
    .argument('[job]', 'a job by its name, or a file that exports it');
  return addJobOptions(command)
    .option('--workers <n>', 'worker processes at most (default: the cores); not with --stack', parseCount(1))
    .option('--again', 'load the same objects once more, as a new run')
    .addHelpText('after', help)
    .action((name: string | undefined, options: RunOptions) => run(shell, name, options));
}

async function run(shell: Shell, name: string | undefined, options: RunOptions): Promise<void> {
  const declared = await jobOf(name, options, shell.currentFolder);
  const { stack } = options;
  if (stack !== undefined) {
    refuseTablePath(declared, stack);
    return onStack(shell, stack, (opened, speaking) => runThere(speaking, opened, declared, options));
  }
  const home = openHome(options.home);
  const job = await withSidesAtHome(home, declared, options, shell);
  const table = tableKeyOf(job);
  const objects = await inputAtHome(home, job, options, shell);
  await runLive({
    home: options.home,
    shell,
    json: options.json === true,
    begin: `planning ${planned(job, objects)}`,
    work: async (fanlake, onProgress) => {
      const { splitSize: splitBytes = null, workers = null, again = false } = options;
      const receipt = await runJob(fanlake, { job, table, objects, splitBytes, workers, again }, onProgress);
      await rememberTable(fanlake.home.stores.lake, { name: job.table.name, key: table });
      return answerOf(receipt, table, fanlake.home, shell, { takesBadRows: true });
    },
  });
}

async function runThere(shell: Shell, stack: Stack, declared: Job, options: RunOptions): Promise<void> {
  const job = await withSidesOnStack(stack, declared, shell);
  const table = tableKeyOf(job);
  const objects = await inputOnStack(stack, job, options, shell);
  const { splitSize: splitBytes = null, again = false } = options;
  await liveOnStack({
    shell,
    json: options.json === true,
    begin: `asking ${stack.name} for ${planned(job, objects)}`,
    work: async (watch) => {
      const receipt = await runOnStack(stack, { job, table, objects, splitBytes, again }, watch);
      return answerOf(receipt, table, stack, shell, { takesBadRows: true });
    },
  });
}

function planned(job: Job, objects: readonly ObjectVersion[]): string {
  const inputBytes = objects.reduce((sum, { size }) => sum + size, 0);
  return `${job.name}: ${counted(objects.length, 'object')}, ${bytes(inputBytes)}`;
}
