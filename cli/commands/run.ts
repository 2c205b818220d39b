import { Command } from 'commander';
import { FanlakeError } from '../../functions/core/errors.ts';
import type { Job } from '../../functions/core/job.ts';
import { askQuestion, type QuestionOptions } from '../ask-question.ts';
import { onStack } from '../at-place.ts';
import { inputAtHome, inputOnStack } from '../job-input.ts';
import { addJobOptions, isQuestion, jobOf, refuseTablePath, tableKeyOf } from '../job-request.ts';
import { withSidesAtHome, withSidesOnStack } from '../job-sides.ts';
import { openHome } from '../local/home.ts';
import { runJob } from '../local/run-job.ts';
import { planned } from '../planned.ts';
import { addLimit } from '../row-limit.ts';
import { answerOf, runLive } from '../run-answer.ts';
import type { Shell } from '../shell.ts';
import { liveOnStack } from '../stack/live-on-stack.ts';
import { runOnStack } from '../stack/run-on-stack.ts';
import type { Stack } from '../stack/stack.ts';
import { rememberTable } from '../store/tables.ts';
import { parseCount } from '../values.ts';

const help = `
Examples:
  fanlake run --query "SELECT country, count(*) AS n FROM input GROUP BY country ORDER BY n DESC" --input "visits/*.csv.gz"
  fanlake run bird-strikes --input data/bird-strikes.csv
  fanlake run --query "SELECT id, upper(name) AS name FROM input" --table people --input "people/*.csv"
  fanlake run --query "SELECT v.*, c.name FROM input v LEFT JOIN countries c USING (code)" --side countries=countries.csv --table visits --input visits.csv
  fanlake run --query "SELECT status, count(*) FROM input GROUP BY ALL" --stack lake --input "s3://<landing bucket>/logs/2026-11-*"
  fanlake run bird-strikes --stack lake --input "s3://<landing bucket>/landing/bird-strikes/2026-*.csv"

Without a job and --table the query's answer is printed: as a table, with --csv as CSV, with --json in the receipt's "result". Nothing is kept of it;
with --stack its rows are in the lake bucket below _answers/ until they expire, and come here to be printed.

The same objects are loaded once: the same command goes on with a run that was interrupted, tries again what failed, and does nothing
for what is committed (--again does). Nothing is in the table before the run is committed.
On a stack the job is the one declared here, and Ctrl-C only ends the waiting: the run goes on.

Ends with 0 committed (or already committed), 1 failed, 2 the command or the job is wrong, 3 committed in part, 4 cancelled,
130 interrupted.`;

/** `fanlake run`: one run over the given objects, now. */
export function runCommand(shell: Shell): Command {
  const command = new Command('run')
    .description("load files into a table, or print a query's answer over them: one run, now")
    .argument('[job]', 'a job by its name, or a file that exports it');
  return addLimit(addJobOptions(command))
    .option('--csv', "a query's answer as CSV: a header and the rows, nothing else")
    .option('--workers <n>', 'worker processes at most (default: the cores); not with --stack', parseCount(1))
    .option('--again', 'load the same objects once more, as a new run')
    .addHelpText('after', help)
    .action((name: string | undefined, options: QuestionOptions) => run(shell, name, options));
}

async function run(shell: Shell, name: string | undefined, options: QuestionOptions): Promise<void> {
  const declared = await jobOf(name, options, shell.currentFolder);
  const { stack } = options;
  if (isQuestion(name, options)) return askQuestion(shell, declared, options);
  for (const option of ['csv', 'limit'] as const) {
    if (options[option] !== undefined)
      throw new FanlakeError(
        'usage',
        `--${option} is for a query whose answer is printed: leave ${name === undefined ? '--table' : 'the job'} away.`,
      );
  }
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

async function runThere(shell: Shell, stack: Stack, declared: Job, options: QuestionOptions): Promise<void> {
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
