import type { Receipt } from '../functions/core/receipt.ts';
import { readDecision } from '../functions/protocol/documents.ts';
import { exitCodeOfReceipt, exitCodes } from './exit-code.ts';
import { Interrupted, unlessInterrupted } from './interruption.ts';
import { LocalFanlake } from './local/local-fanlake.ts';
import type { ProgressView } from './render/progress.ts';
import { renderReceipt } from './render/receipt.ts';
import type { Answer, Shell } from './shell.ts';
import { shownReceipt } from './shown-receipt.ts';
import type { Place } from './store/place.ts';
import type { OnProgress } from './store/wait-for-outcome.ts';

/** What a command may say of its receipt besides. */
export interface AnswerNotes {
  /** Whether the command takes `--max-bad-rows`. */
  readonly takesBadRows?: boolean;
}

/** What a run's command answers: its receipt, with the time of the decision where that helps. */
export async function answerOf(stored: Receipt, tableKey: string, place: Place, shell: Shell, notes: AnswerNotes = {}): Promise<Answer> {
  const { currentFolder } = shell;
  const receipt = shownReceipt(stored, { place, table: tableKey, currentFolder });
  const again = receipt.outcome === 'ALREADY_COMMITTED';
  const decision = again ? await readDecision(place.stores.lake, tableKey, receipt) : null;
  const text = renderReceipt(receipt, shell.style, { ...notes, endedMs: decision?.atMs, currentFolder, isOnStack: place.stack !== null });
  return { exitCode: exitCodeOfReceipt(receipt), json: receipt, text };
}

/** Shows a run's progress. */
export function showProgress(view: ProgressView): OnProgress {
  return ({ plan, finished, tasks }) => {
    if (tasks > 0) view.update({ run: plan.run, finished, tasks, inputBytes: plan.input.bytes });
  };
}

interface LiveWork {
  readonly home: string;
  readonly shell: Shell;
  readonly json: boolean;
  /** What is said before there is a plan. */
  readonly begin: string;
  readonly work: (fanlake: LocalFanlake, onProgress: OnProgress) => Promise<Answer>;
  /** What is said when it was interrupted. */
  readonly interrupted?: string;
}

const goesOn = 'Interrupted. What is done is kept: the same command continues from there.';

/**
 * Does something with worker processes on a home, shows its progress, answers, and takes everything down again, whatever happened. Interrupted
 * it says how to go on.
 */
export async function runLive({ home, shell, json, begin, work, interrupted = goesOn }: LiveWork): Promise<void> {
  const interruption = shell.interruption();
  const view = shell.progress();
  const fanlake = new LocalFanlake(home);
  let answer: Answer | null = null;
  try {
    view.begin(begin);
    answer = await unlessInterrupted(interruption, work(fanlake, showProgress(view)));
  } catch (thrown) {
    if (!(thrown instanceof Interrupted)) throw thrown;
  } finally {
    view.end();
    await fanlake.close();
  }
  if (answer === null) return answerInterrupted(shell, json, interrupted);
  if (answer.note !== undefined && !json) shell.note(answer.note);
  shell.answer(answer, json);
}

function answerInterrupted(shell: Shell, json: boolean, message: string): void {
  if (!json) shell.note(message);
  shell.answer({ exitCode: exitCodes.interrupted, json: { error: { code: 'run.interrupted', message, details: {} } }, text: '' }, json);
}
