import { Command } from 'commander';
import type { FoundRun } from '../../functions/protocol/look-up-run.ts';
import { takeUpRun } from '../../functions/protocol/take-up-run.ts';
import { onStack, type PlaceOptions } from '../at-place.ts';
import { exitCodes } from '../exit-code.ts';
import { openHome } from '../local/home.ts';
import type { LocalFanlake } from '../local/local-fanlake.ts';
import { startWorkers, waitForEnd } from '../local/run-job.ts';
import { answerOf, runLive } from '../run-answer.ts';
import type { Answer, Shell } from '../shell.ts';
import { shownReceipt } from '../shown-receipt.ts';
import type { StackWatch } from '../stack/have-taken-up.ts';
import { liveOnStack } from '../stack/live-on-stack.ts';
import { retryOnStack } from '../stack/retry-on-stack.ts';
import type { Stack } from '../stack/stack.ts';
import { findRun } from '../store/find-run.ts';
import type { Place } from '../store/place.ts';
import { rememberTable } from '../store/tables.ts';
import type { OnProgress } from '../store/wait-for-outcome.ts';
import { parseCount } from '../values.ts';

interface RetryOptions extends PlaceOptions {
  readonly workers?: number;
  readonly json?: boolean;
}

const help = `
Examples:
  fanlake retry bird-strikes-3f9c
  fanlake retry bird-strikes-3f9c --stack lake

Takes up a run that failed, is committed in part, was cancelled, or that nobody works on any more, with job, files and splits as they were planned:
tasks that are done are not done again. After a change to the job, or to a file, type "fanlake run" again instead. Ends as "fanlake run" does.
On a stack Ctrl-C only ends the waiting.`;

/** `fanlake retry <run>`: only the missing tasks again. */
export function retryCommand(shell: Shell): Command {
  return new Command('retry')
    .description('go on with a run: only its missing tasks again')
    .argument('<run>', "the run's id, or its beginning")
    .option('--workers <n>', 'worker processes at most (default: the cores); not with --stack', parseCount(1))
    .addHelpText('after', help)
    .action((id: string, options: RetryOptions) => retry(shell, id, options));
}

async function retry(shell: Shell, id: string, options: RetryOptions): Promise<void> {
  const json = options.json === true;
  const { stack, workers = null } = options;
  if (stack !== undefined) return onStack(shell, stack, (opened, speaking) => retryThere(speaking, opened, id, json));
  const home = openHome(options.home);
  const found = await findRun(home, id);
  if (found.outcome?.outcome === 'COMMITTED') return answerCommitted(shell, home, found, json);
  const work = (fanlake: LocalFanlake, onProgress: OnProgress) => goOn(shell, fanlake, found, workers, onProgress);
  await runLive({ home: options.home, shell, json, begin: `taking up ${found.run}`, work });
}

async function answerCommitted(shell: Shell, place: Place, { run, table, outcome }: FoundRun, json: boolean): Promise<void> {
  if (outcome === null) return;
  const { text } = await answerOf(outcome, table, place, shell);
  const said = `Run ${run} is committed already: nothing is missing.\n${text}`;
  const receipt = shownReceipt(outcome, { place, table, currentFolder: shell.currentFolder });
  shell.answer({ exitCode: exitCodes.ok, json: { ...receipt, outcome: 'ALREADY_COMMITTED' }, text: said }, json);
}

async function goOn(shell: Shell, fanlake: LocalFanlake, found: FoundRun, workers: number | null, onProgress: OnProgress): Promise<Answer> {
  const plan = await takeUpRun(fanlake.context, found, null);
  startWorkers(fanlake, plan, workers);
  const receipt = await waitForEnd(fanlake, plan, onProgress);
  await rememberTable(fanlake.home.stores.lake, { name: plan.job.table.name, key: found.table });
  return answerOf(receipt, found.table, fanlake.home, shell);
}

async function retryThere(shell: Shell, stack: Stack, id: string, json: boolean): Promise<void> {
  const found = await findRun(stack, id);
  if (found.outcome?.outcome === 'COMMITTED') return answerCommitted(shell, stack, found, json);
  const work = async (watch: StackWatch): Promise<Answer> => answerOf(await retryOnStack(stack, found, watch), found.table, stack, shell);
  await liveOnStack({ shell, json, begin: `taking up ${found.run}`, work });
}
