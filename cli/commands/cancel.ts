import { Command } from 'commander';
import type { Receipt } from '../../functions/core/receipt.ts';
import { readOutcome } from '../../functions/protocol/documents.ts';
import { fulfilDuties } from '../../functions/protocol/duties.ts';
import { decide } from '../../functions/protocol/ledger.ts';
import { exitCodes } from '../exit-code.ts';
import { type FoundRun, findRun, lookUpRun, receiptNow } from '../local/find-run.ts';
import { type Home, openHome } from '../local/home.ts';
import { LocalFanlake } from '../local/local-fanlake.ts';
import { renderReceipt } from '../render/receipt.ts';
import type { Answer, Shell } from '../shell.ts';
import { shownReceipt } from '../shown-receipt.ts';

interface CancelOptions {
  readonly home: string;
  readonly json?: boolean;
}

const help = `
Example:
  fanlake cancel bird-strikes-3f9c

Nothing of it comes into the table then: the same "fanlake run" ends with 4, until --again or "fanlake retry" loads the files after all.
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
  const home = openHome(options.home);
  const found = await findRun(home, id);
  if (found.outcome !== null) {
    shell.answer(answerOfEnd(shell, shownOf(shell, home, found, found.outcome)), options.json === true);
    return;
  }
  const fanlake = new LocalFanlake(options.home);
  try {
    shell.answer(await decideCancel(shell, fanlake, found), options.json === true);
  } finally {
    await fanlake.close();
  }
}

/** Decides the newest epoch; where another decision was first and a further epoch follows from it, that one. */
async function decideCancel(shell: Shell, fanlake: LocalFanlake, first: FoundRun): Promise<Answer> {
  const { home, context } = fanlake;
  for (let found = first; ; ) {
    const { run, epoch, table } = found;
    const decision = await decide(context, { kind: 'cancel', run, epoch, table });
    await fulfilDuties(context, decision);
    const outcome = await readOutcome(home.stores.lake, table, found);
    if (outcome !== null) return answerOfEnd(shell, shownOf(shell, home, found, outcome));
    if (decision.kind === 'commit') return answerOfEnd(shell, shownOf(shell, home, found, await receiptNow(home, found)));
    found = (await lookUpRun(home, table, run)) ?? found;
  }
}

const shownOf = ({ currentFolder }: Shell, home: Home, { table }: FoundRun, receipt: Receipt): Receipt =>
  shownReceipt(receipt, { home, table, currentFolder });

function cancelled(shell: Shell, receipt: Receipt): Answer {
  return { exitCode: exitCodes.ok, json: receipt, text: renderReceipt(receipt, shell.style, shell) };
}

/** The receipt of a run that has ended, or is about to: cancelled, by this command or before, or too late for that. */
function answerOfEnd(shell: Shell, receipt: Receipt): Answer {
  if (receipt.outcome === 'CANCELLED') return cancelled(shell, receipt);
  const state = receipt.outcome === null ? 'its commit is decided' : `it has ended: ${receipt.outcome}`;
  const text = `Too late to cancel run ${receipt.run}: ${state}.\n${renderReceipt(receipt, shell.style, shell)}`;
  return { exitCode: exitCodes.failed, json: receipt, text };
}
