import { Command } from 'commander';
import type { Receipt } from '../../functions/core/receipt.ts';
import { readOutcome } from '../../functions/protocol/documents.ts';
import { fulfilDuties } from '../../functions/protocol/duties.ts';
import { decide } from '../../functions/protocol/ledger.ts';
import { exitCodes } from '../exit-code.ts';
import { type FoundRun, findRun, lookUpRun, receiptNow } from '../local/find-run.ts';
import { openHome } from '../local/home.ts';
import { LocalFanlake } from '../local/local-fanlake.ts';
import { renderReceipt } from '../render/receipt.ts';
import type { Answer, Shell } from '../shell.ts';

interface CancelOptions {
  readonly home: string;
  readonly json?: boolean;
}

const help = `
Example:
  fanlake cancel bird-strikes-3f9c

Ends with 0 when the run is cancelled, with 1 when it ended before, or is being committed.`;

/** `fanlake cancel <run>`: no commit of it any more. */
export function cancelCommand(shell: Shell): Command {
  return new Command('cancel')
    .description('see to it that a run is not committed any more')
    .argument('<run>', "the run's id, or its beginning")
    .addHelpText('after', help)
    .action((id: string, options: CancelOptions) => cancel(shell, id, options));
}

async function cancel(shell: Shell, id: string, options: CancelOptions): Promise<void> {
  const found = await findRun(openHome(options.home), id);
  if (found.outcome !== null) {
    shell.answer(tooLate(shell, found.outcome), options.json === true);
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
    if (outcome?.outcome === 'CANCELLED') return cancelled(shell, outcome);
    if (outcome !== null) return tooLate(shell, outcome);
    if (decision.kind === 'commit') return tooLate(shell, await receiptNow(home, found));
    found = (await lookUpRun(home, table, run)) ?? found;
  }
}

function cancelled(shell: Shell, receipt: Receipt): Answer {
  return { exitCode: exitCodes.ok, json: receipt, text: renderReceipt(receipt, shell.style, shell) };
}

function tooLate(shell: Shell, receipt: Receipt): Answer {
  if (receipt.outcome === 'CANCELLED') return cancelled(shell, receipt);
  const state = receipt.outcome === null ? 'its commit is decided' : `it has ended: ${receipt.outcome}`;
  const text = `Too late to cancel run ${receipt.run}: ${state}.\n${renderReceipt(receipt, shell.style, shell)}`;
  return { exitCode: exitCodes.failed, json: receipt, text };
}
