import { FanlakeError } from '../core/errors.ts';
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
  if (clock.now() < untilMs) {
    const again = `It is tried again until ${new Date(untilMs).toISOString()}; mend that, or it ends in commit.unknown.`;
    throw new FanlakeError('store.failed', `Run ${run} is to be committed, and can't be: ${error.message} ${again}`, error.details, error);
  }
  const message = `Run ${run} was being committed, and that couldn't be done: ${error.message} ${state} It is not loaded again by itself. ${way}`;
  return { kind: 'refused', error: new FanlakeError('commit.unknown', message, { ...error.details, run, epoch }, error).toReport() };
}
