import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { draftPlan } from '../../functions/coordinator/draft-plan.ts';
import { runId } from '../../functions/core/run-id.ts';
import { TableLogs } from '../../functions/protocol/table-logs.ts';
import { exitCodes } from '../exit-code.ts';
import { type Explanation, explain } from '../explanation.ts';
import { addJobOptions, type JobOptions, jobOf, tableKeyOf } from '../job-request.ts';
import { lookUpRun, receiptNow } from '../local/find-run.ts';
import { type Home, openHome } from '../local/home.ts';
import { listInput } from '../local/input-list.ts';
import { localInspector } from '../local/inspector.ts';
import { renderExplanation } from '../render/explanation.ts';
import { shortPath } from '../render/short-path.ts';
import type { Shell } from '../shell.ts';

interface ExplainOptions extends JobOptions {
  readonly json?: boolean;
}

const help = `
Examples:
  fanlake explain bird-strikes --input data/bird-strikes.csv
  fanlake explain --query "SELECT * FROM input" --table people --input people.csv

Takes what "fanlake run" takes, reads the heads of the input, and writes nothing. Ends with 0, or with 1 or 2 when the run couldn't be planned.`;

/** `fanlake explain`: what a run would do, and why. */
export function explainCommand(shell: Shell): Command {
  const command = new Command('explain')
    .description('stages, tasks, bytes and schema that a run would have, and why')
    .argument('[job]', 'a job by its name, or a file that exports it');
  return addJobOptions(command)
    .addHelpText('after', help)
    .action((name: string | undefined, options: ExplainOptions) => explainRun(shell, name, options));
}

async function explainRun(shell: Shell, name: string | undefined, options: ExplainOptions): Promise<void> {
  const scratch = await mkdtemp(join(tmpdir(), 'fanlake-explain-'));
  const inspector = localInspector(scratch);
  try {
    const explained = await draftAndExplain(shell, name, options, inspector, scratch);
    shell.answer(
      { exitCode: exitCodes.ok, json: explained, text: renderExplanation(explained, shell.style, shell.currentFolder) },
      options.json === true,
    );
  } finally {
    await inspector.close();
    await rm(scratch, { recursive: true, force: true });
  }
}

async function draftAndExplain(
  shell: Shell,
  name: string | undefined,
  options: ExplainOptions,
  inspector: ReturnType<typeof localInspector>,
  scratch: string,
): Promise<Explanation> {
  const job = await jobOf(name, options, shell.currentFolder);
  const table = tableKeyOf(job);
  const home = openHome(options.home);
  const { include, exclude } = job.input;
  const objects = await listInput(home, { paths: options.input ?? [], include, exclude, currentFolder: shell.currentFolder });
  const { landing, lake } = home.stores;
  const run = runId({ job: job.name, table, objects, again: 0 });
  const splitBytes = options.splitSize ?? null;
  const logs = new TableLogs(lake);
  const drafted = await draftPlan({ landing, lake, inspector, scratch, logs }, { job, run, epoch: 0, table, objects, splitBytes });
  const { version } = await logs.of(table).refresh();
  const tableVersion = version < 0 ? null : version;
  return explain({
    job,
    drafted,
    splitBytes,
    known: await standingOf(home, table, run),
    tablePath: shortPath(lake.locate(table), shell.currentFolder),
    tableVersion,
  });
}

async function standingOf(home: Home, table: string, run: string): Promise<Explanation['known']> {
  const found = await lookUpRun(home, table, run);
  if (found === null) return null;
  const { outcome, state } = await receiptNow(home, found);
  return outcome ?? state;
}
