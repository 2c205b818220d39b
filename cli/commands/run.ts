import { Command } from 'commander';
import { addJobOptions, type JobOptions, jobOf, tableKeyOf } from '../job-request.ts';
import { openHome } from '../local/home.ts';
import { listInput } from '../local/input-list.ts';
import { runJob } from '../local/run-job.ts';
import { rememberTable } from '../local/tables.ts';
import { bytes, counted } from '../render/numbers.ts';
import { answerOf, runLive } from '../run-answer.ts';
import type { Shell } from '../shell.ts';
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

The same objects are loaded once: the same command goes on with a run that was interrupted, tries again what failed, and does nothing
for what is committed (--again does). Nothing is in the table before the run is committed.

Ends with 0 committed (or already committed), 1 failed, 2 the command or the job is wrong, 3 committed in part, 4 cancelled,
130 interrupted.`;

/** `fanlake run`: one run over the given objects, now. */
export function runCommand(shell: Shell): Command {
  const command = new Command('run')
    .description('load files into a table: one run, now')
    .argument('[job]', 'a job by its name, or a file that exports it');
  return addJobOptions(command)
    .option('--workers <n>', 'worker processes at most (default: the cores)', parseCount(1))
    .option('--again', 'load the same objects once more, as a new run')
    .addHelpText('after', help)
    .action((name: string | undefined, options: RunOptions) => run(shell, name, options));
}

async function run(shell: Shell, name: string | undefined, options: RunOptions): Promise<void> {
  const job = await jobOf(name, options, shell.currentFolder);
  const table = tableKeyOf(job);
  const { include, exclude } = job.input;
  const objects = await listInput(openHome(options.home), {
    paths: options.input ?? [],
    include,
    exclude,
    currentFolder: shell.currentFolder,
  });
  const inputBytes = objects.reduce((sum, { size }) => sum + size, 0);
  await runLive({
    home: options.home,
    shell,
    json: options.json === true,
    begin: `planning ${job.name}: ${counted(objects.length, 'object')}, ${bytes(inputBytes)}`,
    work: async (fanlake, onProgress) => {
      const { splitSize: splitBytes = null, workers = null, again = false } = options;
      const receipt = await runJob(fanlake, { job, table, objects, splitBytes, workers, again }, onProgress);
      await rememberTable(fanlake.home.stores.lake, { name: job.table.name, key: table });
      return answerOf(receipt, table, fanlake.home, shell, { takesBadRows: true });
    },
  });
}
