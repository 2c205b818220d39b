import { Command } from 'commander';
import { draftPlan, type PlanTools } from '../../functions/coordinator/draft-plan.ts';
import type { Job } from '../../functions/core/job.ts';
import { manyWorkers, type TaskSizing, wholeObjects } from '../../functions/core/plan.ts';
import type { ObjectVersion } from '../../functions/core/ports.ts';
import { runId } from '../../functions/core/run-id.ts';
import { stageSizing } from '../../functions/core/stage-sizing.ts';
import { lookUpRun } from '../../functions/protocol/look-up-run.ts';
import { onStack } from '../at-place.ts';
import { exitCodes } from '../exit-code.ts';
import { type Explanation, explain } from '../explanation.ts';
import { inputAtHome, inputOnStack } from '../job-input.ts';
import { addJobOptions, isQuestion, type JobOptions, jobOf, refuseTablePath, tableKeyOf } from '../job-request.ts';
import { withSidesAtHome, withSidesOnStack } from '../job-sides.ts';
import { openHome } from '../local/home.ts';
import { localSizing } from '../local/local-sizing.ts';
import { withPlanTools } from '../plan-tools.ts';
import { renderExplanation } from '../render/explanation.ts';
import { shortPath } from '../render/short-path.ts';
import type { Shell } from '../shell.ts';
import { receiptNow } from '../store/find-run.ts';
import type { Place } from '../store/place.ts';

interface ExplainOptions extends JobOptions {
  readonly json?: boolean;
}

const help = `
Examples:
  fanlake explain bird-strikes --input data/bird-strikes.csv
  fanlake explain --query "SELECT country, count(*) AS n FROM input GROUP BY country" --input "visits/*.csv.gz"
  fanlake explain bird-strikes --stack lake --input s3://<landing bucket>/landing/bird-strikes/

Takes what "fanlake run" takes, reads the heads of the input (of Parquet the footers), and writes nothing. Ends with 0, or with 1 or 2 when the run couldn't be planned.`;

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
  const declared = await jobOf(name, options, shell.currentFolder);
  const { stack } = options;
  const question = isQuestion(name, options);
  if (stack === undefined) {
    const home = openHome(options.home);
    const job = await withSidesAtHome(home, declared, options, shell);
    return answerExplained(
      shell,
      home,
      { job, question, objects: await inputAtHome(home, job, options, shell), sizing: wholeObjects },
      options,
    );
  }
  refuseTablePath(declared, stack);
  return onStack(shell, stack, async (opened, speaking) => {
    const job = await withSidesOnStack(opened, declared, shell);
    const objects = await inputOnStack(opened, job, options, shell);
    await answerExplained(speaking, opened, { job, question, objects, sizing: manyWorkers(opened.splitBytes) }, options);
  });
}

/** What is to be explained. */
interface Wanted {
  readonly job: Job;
  /** Whether the answer would be printed. */
  readonly question: boolean;
  readonly objects: readonly ObjectVersion[];
  /** What suits the machines that would run it. */
  readonly sizing: TaskSizing;
}

async function answerExplained(shell: Shell, place: Place, wanted: Wanted, options: ExplainOptions): Promise<void> {
  const explained = await withPlanTools(place.stores, wanted.sizing, null, (tools) =>
    draftAndExplain(shell, place, wanted, options, tools),
  );
  const text = renderExplanation(explained, shell.style, shell.currentFolder);
  shell.answer({ exitCode: exitCodes.ok, json: explained, text }, options.json === true);
}

async function draftAndExplain(
  shell: Shell,
  place: Place,
  { job, question, objects, sizing }: Wanted,
  options: ExplainOptions,
  tools: PlanTools,
): Promise<Explanation> {
  const table = question ? questionKey : tableKeyOf(job);
  const run = runId({ job: job.name, table, objects, again: 0 });
  const splitBytes = options.splitSize ?? null;
  const drafted = await draftPlan(tools, { job, run, epoch: 0, table, objects, splitBytes });
  const { version } = await tools.logs.of(table).refresh();
  return explain({
    job,
    drafted,
    splitBytes,
    sizing,
    stageSizing: place.stack === null ? localSizing() : stageSizing,
    known: await standingOf(place, table, run),
    tablePath: question ? null : shortPath(place.stores.lake.locate(table), shell.currentFolder),
    tableVersion: version < 0 ? null : version,
  });
}

/** No table can have it: nothing is there. */
const questionKey = '_answers/none';

async function standingOf(place: Place, table: string, run: string): Promise<Explanation['known']> {
  const found = await lookUpRun(place.stores, table, run);
  if (found === null) return null;
  const { outcome, state } = await receiptNow(place, found);
  return outcome ?? state;
}
