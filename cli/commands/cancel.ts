import { Command } from 'commander';
import type { Receipt } from '../../functions/core/receipt.ts';
import { type CancelledRun, cancelRun } from '../../functions/protocol/cancel-run.ts';
import { readOwnPlan } from '../../functions/protocol/documents.ts';
import { fulfilDuties } from '../../functions/protocol/duties.ts';
import type { FoundRun } from '../../functions/protocol/look-up-run.ts';
import { onStack } from '../at-place.ts';
import { exitCodes } from '../exit-code.ts';
import { openHome } from '../local/home.ts';
import { LocalFanlake } from '../local/local-fanlake.ts';
import { renderReceipt } from '../render/receipt.ts';
import type { Answer, Shell } from '../shell.ts';
import { shownReceipt } from '../shown-receipt.ts';
import { cancelOnStack } from '../stack/cancel-on-stack.ts';
import { findRun, receiptNow } from '../store/find-run.ts';
import type { Place } from '../store/place.ts';

interface CancelOptions {
  readonly home: string;
  readonly stack?: string;
  readonly json?: boolean;
}

const help = `
Examples:
  fanlake cancel bird-strikes-3f9c
  fanlake cancel bird-strikes-3f9c --stack lake

Nothing of it comes into the table then: the same "fanlake run" ends with 4, until --again or "fanlake retry" loads the files after all.
On a stack a retry that hasn't begun yet is cancelled as well, and so is an upload that is about to be planned again.
Ends with 0 when the run is cancelled, with 1 when it ended otherwise before, or is being committed.`;

/** `fanlake cancel <run>`: no commit of it any more. */
export function cancelCommand(shell: Shell): Command {
  return new Command('cancel')
    .description('end a run, so that it is not committed')
    .argument('<run>', "the run's id, or its beginning")
    .addHelpText('after', help)
    .action((id: string, options: CancelOptions) => cancel(shell, id, options));
}

async function cancel(shell: Shell, id: string, options: CancelOptions): Promise<void> {
  const json = options.json === true;
  if (options.stack !== undefined) {
    return onStack(shell, options.stack, async (stack, speaking) => {
      const found = await findRun(stack, id, readOwnPlan);
      speaking.answer(await answerOf(speaking, stack, await cancelOnStack(stack, found)), json);
    });
  }
  const home = openHome(options.home);
  const found = await findRun(home, id, readOwnPlan);
  if (found.outcome !== null) return shell.answer(answerOfEnd(shell, home, found, found.outcome), json);
  const fanlake = new LocalFanlake(options.home);
  try {
    const { context } = fanlake;
    const cancelled = await cancelRun(context, found, { end: (_, decision) => fulfilDuties(context, decision) });
    shell.answer(await answerOf(shell, home, cancelled), json);
  } finally {
    await fanlake.close();
  }
}

async function answerOf(shell: Shell, place: Place, { found, outcome }: CancelledRun): Promise<Answer> {
  return answerOfEnd(shell, place, found, outcome ?? (await receiptNow(place, found)));
}

/** The answer for a run that has ended, or is about to: cancelled, by this command or before, or too late for that. */
function answerOfEnd(shell: Shell, place: Place, { table }: FoundRun, stored: Receipt): Answer {
  const { style, currentFolder } = shell;
  const receipt = shownReceipt(stored, { place, table, currentFolder });
  const rendered = renderReceipt(receipt, style, { currentFolder, isOnStack: place.stack !== null });
  if (receipt.outcome === 'CANCELLED') return { exitCode: exitCodes.ok, json: receipt, text: rendered };
  const state = receipt.outcome === null ? 'its commit is decided' : `it has ended: ${receipt.outcome}`;
  return { exitCode: exitCodes.failed, json: receipt, text: `Too late to cancel run ${receipt.run}: ${state}.\n${rendered}` };
}
