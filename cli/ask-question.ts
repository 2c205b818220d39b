import { FanlakeError } from '../functions/core/errors.ts';
import type { Job } from '../functions/core/job.ts';
import { answersPrefix } from '../functions/core/keys.ts';
import type { ObjectVersion } from '../functions/core/ports.ts';
import { answerQuestion, type ShownAs } from './answer-question.ts';
import { onStack } from './at-place.ts';
import { inputAtHome, inputOnStack } from './job-input.ts';
import type { JobOptions } from './job-request.ts';
import { withSidesAtHome, withSidesOnStack } from './job-sides.ts';
import { byPath, withAnswerHome } from './local/answer-home.ts';
import { openHome } from './local/home.ts';
import { runJob } from './local/run-job.ts';
import { planned } from './planned.ts';
import { type LimitOptions, limitFor } from './row-limit.ts';
import { runLive } from './run-answer.ts';
import type { Shell } from './shell.ts';
import { liveOnStack } from './stack/live-on-stack.ts';
import { runOnStack } from './stack/run-on-stack.ts';
import type { Stack } from './stack/stack.ts';

/** What is said of a query whose answer is to be printed. */
export interface QuestionOptions extends JobOptions, LimitOptions {
  readonly csv?: boolean;
  readonly workers?: number;
  readonly again?: boolean;
  readonly json?: boolean;
}

/**
 * Answers a query over the given objects: its run is one like any other, whose table nobody else reads.
 * @throws FanlakeError `usage`; what a run throws
 */
export async function askQuestion(shell: Shell, declared: Job, options: QuestionOptions): Promise<void> {
  const { stack, again = false, csv = false, json = false } = options;
  if (again) throw new FanlakeError('usage', '--again is about a table: a question is asked anew each time.');
  if (csv && json) throw new FanlakeError('usage', '--csv and --json exclude each other.');
  if (stack === undefined) return askAtHome(shell, declared, options);
  return onStack(shell, stack, (opened, speaking) => askStack(speaking, opened, declared, options));
}

/** In a place of its own that is gone afterwards. */
async function askAtHome(shell: Shell, declared: Job, options: QuestionOptions): Promise<void> {
  const { home: folder, splitSize: splitBytes = null, workers = null, json = false } = options;
  const home = openHome(folder);
  const job = await withSidesAtHome(home, declared, options, shell);
  const objects = byPath(home, await inputAtHome(home, job, options, shell));
  const table = `${answersPrefix}answer`;
  await withAnswerHome(home, (own) =>
    runLive({
      home: own,
      shell,
      json,
      begin: `planning ${planned(job, objects)}`,
      interrupted: 'Interrupted. Nothing is kept of a question: the same command asks it anew.',
      work: async (fanlake, onProgress) => {
        const receipt = await runJob(fanlake, { job, table, objects, splitBytes, workers, again: false }, onProgress);
        return answerQuestion(receipt, fanlake.home, shell, shownAs(options, shell));
      },
    }),
  );
}

/** In a folder of the lake bucket that expires. */
async function askStack(shell: Shell, stack: Stack, declared: Job, options: QuestionOptions): Promise<void> {
  const { splitSize: splitBytes = null, json = false } = options;
  const job = await withSidesOnStack(stack, declared, shell);
  const objects: readonly ObjectVersion[] = await inputOnStack(stack, job, options, shell);
  const table = `${answersPrefix}${stack.context.nonces.next()}`;
  await liveOnStack({
    shell,
    json,
    begin: `asking ${stack.name} over ${planned(job, objects)}`,
    work: async (watch) => {
      const receipt = await runOnStack(stack, { job, table, objects, splitBytes, again: false }, watch);
      return answerQuestion(receipt, stack, shell, shownAs(options, shell));
    },
  });
}

const shownAs = (options: QuestionOptions, shell: Shell): ShownAs =>
  options.csv === true ? { limit: options.limit, as: 'csv' } : { limit: limitFor(options, shell, options.json === true), as: 'table' };
