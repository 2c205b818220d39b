import type { CommitDecision } from '../core/decision.ts';
import { type ErrorReport, errorOf, FanlakeError } from '../core/errors.ts';
import { longestDeadlineMinutes } from '../core/job.ts';
import { planKey } from '../core/keys.ts';
import { blankReceipt } from '../core/receipt.ts';
import { commitLateMs } from '../core/straggler.ts';
import { commitUnknown } from '../protocol/in-the-table.ts';
import { writeOutcome } from '../protocol/ledger.ts';
import type { CommitCandidate, CommitResult, ReducerContext } from './commit-candidate.ts';

const minuteMs = 60_000;

/**
 * A commit that is decided and that something keeps from being done which doesn't pass by itself: a log that can't be read, files that somebody deleted. The
 * decision can't be taken back, and whoever mends that has the run committed; so it is tried again for as long as its job gives a run
 * (`limits.deadlineMinutes`). Then it ends in `commit.unknown`: rows of it may be in the table, so nothing may say that none are.
 * @throws FanlakeError `store.failed` until then: the message is to come again
 */
export function endHindered(
  { clock }: ReducerContext,
  { plan, decision }: CommitCandidate,
  { error, state, way }: Extract<CommitResult, { kind: 'hindered' }>,
): Extract<CommitResult, { kind: 'refused' }> {
  const { run, epoch } = plan;
  const untilMs = decision.atMs + plan.job.limits.deadlineMinutes * minuteMs;
  if (clock.now() < untilMs) throw triedAgain(run, error, untilMs);
  const message = `Run ${run} was being committed, and that couldn't be done: ${error.message} ${state} It is not loaded again by itself. ${way}`;
  return { kind: 'refused', error: new FanlakeError('commit.unknown', message, { ...error.details, run, epoch }, error).toReport() };
}

/**
 * The same of one whose plan is of another version of Fanlake since, or that this version judges in another way: its figures are not known, nor what its job gives it, so it is
 * tried again for as long as any job may.
 * @throws FanlakeError as `endHindered`
 */
export async function endUnjudged(context: ReducerContext, decision: CommitDecision, report: ErrorReport): Promise<void> {
  const untilMs = decision.atMs + longestDeadlineMinutes * minuteMs;
  if (context.clock.now() < untilMs) throw triedAgain(decision.run, errorOf(report), untilMs);
  await writeUnknown(context, decision, await commitUnknown(context.stores.lake, decision, `that couldn't be finished: ${report.message}`));
}

/**
 * The same of one whose plan is gone with the work root. Nothing brings that back; a reducer that has read it before may still be at work.
 * @throws FanlakeError `store.failed` until none can be
 */
export async function endPlanless(context: ReducerContext, decision: CommitDecision): Promise<void> {
  const { run, epoch, atMs } = decision;
  if (context.clock.now() < atMs + commitLateMs)
    throw new FanlakeError(
      'store.failed',
      `The plan of run ${run}, epoch ${epoch}, is gone from ${context.stores.work.locate(planKey(decision))}.`,
    );
  await writeUnknown(context, decision, await commitUnknown(context.stores.lake, decision));
}

async function writeUnknown(context: ReducerContext, { run, epoch, table }: CommitDecision, error: FanlakeError): Promise<void> {
  const { lake } = context.stores;
  await writeOutcome(context, table, {
    ...blankReceipt({ run, epoch }, lake.locate(table)),
    state: 'ended',
    outcome: 'FAILED',
    error: error.toReport(),
  });
}

function triedAgain(run: string, error: FanlakeError, untilMs: number): FanlakeError {
  const again = `It is tried again until ${new Date(untilMs).toISOString()}; mend that, or it ends in commit.unknown.`;
  return new FanlakeError('store.failed', `Run ${run} is to be committed, and can't be: ${error.message} ${again}`, error.details, error);
}
