import { exitCodes } from '../exit-code.ts';
import { Interrupted, unlessInterrupted } from '../interruption.ts';
import { showProgress } from '../run-answer.ts';
import type { Answer, Shell } from '../shell.ts';
import type { StackWatch } from './have-taken-up.ts';

interface LiveOnStack {
  readonly shell: Shell;
  readonly json: boolean;
  /** What is said before there is a plan. */
  readonly begin: string;
  readonly work: (watch: StackWatch) => Promise<Answer>;
}

/** Waits for what a stack does, shows its progress and answers. Interrupted it only stops waiting, and says how to look again. */
export async function liveOnStack({ shell, json, begin, work }: LiveOnStack): Promise<void> {
  const signal = shell.interruption();
  const view = shell.progress();
  let underWay: string | null = null;
  let answer: Answer | null = null;
  const onUnderWay = (run: string) => {
    underWay = run;
  };
  try {
    view.begin(begin);
    answer = await unlessInterrupted(
      signal,
      work({ signal, onProgress: showProgress(view), say: (message) => view.say(message), onUnderWay }),
    );
  } catch (thrown) {
    if (!(thrown instanceof Interrupted)) throw thrown;
  } finally {
    view.end();
  }
  if (answer === null) return answerInterrupted(shell, json, underWay);
  if (answer.note !== undefined && !json) shell.note(answer.note);
  shell.answer(answer, json);
}

function answerInterrupted(shell: Shell, json: boolean, run: string | null): void {
  const message =
    run === null
      ? 'Interrupted before the stack was asked for anything: the same command begins again.'
      : `Stopped waiting; run ${run} goes on in the stack. Where it stands: fanlake status ${run}   To end it: fanlake cancel ${run}`;
  if (!json) shell.note(message);
  const details = run === null ? {} : { run };
  shell.answer({ exitCode: exitCodes.interrupted, json: { error: { code: 'run.interrupted', message, details } }, text: '' }, json);
}
