import type { Decision, FailDecision } from '../core/decision.ts';
import { type ErrorReport, FanlakeError } from '../core/errors.ts';
import { type EpochId, planKey } from '../core/keys.ts';
import { blankReceipt, type Receipt } from '../core/receipt.ts';
import type { RunContext } from './context.ts';
import { isOtherVersion, readDecision, readOutcome, readOwnPlan, readPlan } from './documents.ts';
import { announceOutcome, decide, writeOutcome } from './ledger.ts';
import { exactStartsOf, hasLostPages, openNextEpoch } from './open-next-epoch.ts';
import { endUndone, startEpoch } from './start-epoch.ts';

/**
 * The two duties of whoever finds an epoch decided, before it acknowledges (protocol.md): after `fail` or `cancel` the outcome is created
 * if it is absent; after `fail` with the code `chain` the next epoch is open. Without them a crash between two steps leaves a run that
 * never ends.
 */
export async function fulfilDuties(context: RunContext, decision: Decision): Promise<void> {
  if (decision.kind === 'commit') return;
  if (decision.kind === 'fail' && decision.error.code === 'chain') return seeNextEpochOpen(context, decision);
  // one of many messages that are left of it, most likely
  const ended = await readOutcome(context.stores.lake, decision.table, decision);
  if (ended !== null) return announceOutcome(context, ended, false);
  const plan = await readOwnPlan(context.stores.work, decision);
  const outcome = decision.kind === 'cancel' ? 'CANCELLED' : 'FAILED';
  const error = decision.kind === 'fail' ? decision.error : null;
  if (plan !== null) return endUndone(context, plan, outcome, error);
  await writeBareOutcome(context, decision, outcome, error);
}

/**
 * There is no plan: the work root has expired, or the epoch was decided before it was planned. The outcome says what is known. Where nobody has written it, it is announced
 * before: no message of the epoch's own will come again, and who leads here may be a copy of a message that somebody else has dealt with.
 */
async function writeBareOutcome(
  context: RunContext,
  decision: Decision,
  outcome: 'FAILED' | 'CANCELLED',
  error: ErrorReport | null,
): Promise<void> {
  const { lake } = context.stores;
  const receipt: Receipt = { ...blankReceipt(decision, lake.locate(decision.table)), state: 'ended', outcome, error };
  const isNew = context.announce !== null && (await readOutcome(lake, decision.table, decision)) === null;
  const isTold =
    isNew &&
    (await announceOutcome(context, receipt, true).then(
      () => true,
      () => false,
    ));
  await writeOutcome(isTold ? { ...context, announce: null } : context, decision.table, receipt);
}

async function seeNextEpochOpen(context: RunContext, decision: FailDecision): Promise<void> {
  const { run, epoch, table } = decision;
  const next = { run, epoch: epoch + 1 };
  const later = await readDecision(context.stores.lake, table, next);
  // open, and decided: to send its messages again would only make more of them
  if (later !== null) return fulfilDuties(context, later);
  try {
    await openOrStart(context, decision, next);
  } catch (thrown) {
    if (!isOtherVersion(thrown)) throw thrown;
    await endChainOfOther(context, decision, next, thrown.toReport());
  }
}

/** @throws FanlakeError `plan.version` when another version of Fanlake has planned one of the two */
async function openOrStart(context: RunContext, decision: FailDecision, next: EpochId): Promise<void> {
  const plan = await readPlan(context.stores.work, decision);
  if (plan !== null && !(await hasLostPages(context.stores.work, plan))) {
    await openNextEpoch(context, plan, exactStartsOf(decision));
    return;
  }
  // opened before the plan expired, by somebody who may have died behind its plan; else nobody can open it any more, and the run ends here
  const opened = await readPlan(context.stores.work, next);
  if (opened !== null) return startEpoch(context, opened, false);
  const message = `Run ${decision.run} was to go on with another epoch, and its plan has expired before that. Run its job over the input again: fanlake run <job> --input ...`;
  await writeBareOutcome(context, decision, 'FAILED', new FanlakeError('run.unknown', message).toReport());
}

/** Nobody here can open the next epoch, or do what is left of it if it is open: the run ends with that. */
async function endChainOfOther(context: RunContext, decision: FailDecision, next: EpochId, error: ErrorReport): Promise<void> {
  const isOpen = (await context.stores.work.head(planKey(next))) !== null;
  if (!isOpen) return writeBareOutcome(context, decision, 'FAILED', error);
  await fulfilDuties(context, await decide(context, { kind: 'fail', ...next, table: decision.table, error }));
}
