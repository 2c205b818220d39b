import { Command } from 'commander';
import { exitCodes } from '../exit-code.ts';
import { type FoundRun, findRun } from '../local/find-run.ts';
import { openHome } from '../local/home.ts';
import type { LocalFanlake } from '../local/local-fanlake.ts';
import { type OnProgress, planNext, resume, startWorkers, waitForEnd } from '../local/run-job.ts';
import { rememberTable } from '../local/tables.ts';
import { answerOf, runLive } from '../run-answer.ts';
import type { Answer, Shell } from '../shell.ts';
import { shownReceipt } from '../shown-receipt.ts';
import { parseCount } from '../values.ts';

interface RetryOptions {
  readonly home: string;
  readonly workers?: number;
  readonly json?: boolean;
}

const help = `
Example:
  fanlake retry bird-strikes-3f9c

Takes up a run that failed, is committed in part, was cancelled, or that nobody works on any more, with the job and the files as they were planned:
tasks that are done are not done again. After a change to the job, or to a file, type "fanlake run" again instead. Ends as "fanlake run" does.`;

/** `fanlake retry <run>`: only the missing tasks again. */
export function retryCommand(shell: Shell): Command {
  return new Command('retry')
    .description('go on with a run: only its missing tasks again')
    .argument('<run>', "the run's id, or its beginning")
    .option('--workers <n>', 'worker processes at most (default: the cores)', parseCount(1))
    .addHelpText('after', help)
    .action((id: string, options: RetryOptions) => retry(shell, id, options));
}

async function retry(shell: Shell, id: string, options: RetryOptions): Promise<void> {
  const json = options.json === true;
  const home = openHome(options.home);
  const found = await findRun(home, id);
  if (found.outcome?.outcome === 'COMMITTED') {
    const { text } = await answerOf(found.outcome, found.table, home, shell);
    const said = `Run ${found.run} is committed already: nothing is missing.\n${text}`;
    const receipt = shownReceipt(found.outcome, { home, table: found.table, currentFolder: shell.currentFolder });
    shell.answer({ exitCode: exitCodes.ok, json: { ...receipt, outcome: 'ALREADY_COMMITTED' }, text: said }, json);
    return;
  }
  const work = (fanlake: LocalFanlake, onProgress: OnProgress) => goOn(shell, fanlake, found, options.workers ?? null, onProgress);
  await runLive({ home: options.home, shell, json, begin: `taking up ${found.run}`, work });
}

async function goOn(shell: Shell, fanlake: LocalFanlake, found: FoundRun, workers: number | null, onProgress: OnProgress): Promise<Answer> {
  const plan = found.outcome === null ? await resume(fanlake, found, null) : await planNext(fanlake, found, null, found.epoch + 1);
  startWorkers(fanlake, plan, workers);
  const receipt = await waitForEnd(fanlake, plan, onProgress);
  await rememberTable(fanlake.home.stores.lake, { name: plan.job.table.name, key: found.table });
  return answerOf(receipt, found.table, fanlake.home, shell);
}
