import { FanlakeError } from '../../functions/core/errors.ts';
import type { Plan } from '../../functions/core/plan.ts';
import type { Receipt } from '../../functions/core/receipt.ts';
import { readOutcome, readPlan } from '../../functions/protocol/documents.ts';
import { lookUpRun } from '../../functions/protocol/look-up-run.ts';
import { findWayOn, rowsOf } from '../../functions/protocol/take-up-run.ts';
import type { OnProgress } from '../store/wait-for-outcome.ts';
import type { AskedEpoch } from './ask-stack.ts';
import type { Stack } from './stack.ts';
import { pacer, waitOnStack } from './wait-on-stack.ts';

/** What a command that waits for a stack wants to hear. */
export interface StackWatch {
  readonly signal: AbortSignal;
  readonly onProgress: OnProgress;
  /** What is waited for, while there is no plan yet. */
  readonly say: (message: string) => void;
  /** From here on the run goes on without this command. */
  readonly onUnderWay: (run: string) => void;
}

const minuteMs = 60_000;
/** A coordinator that has to start first, and reads the heads of many objects, needs some seconds. */
const patienceMs = minuteMs;
/** Between two looks whether the run can still go on, which may read the parts of many tasks: each time twice as long. */
const longestLookMs = 10 * minuteMs;
/** Longer than a coordinator that is at work needs, also behind a flood of uploads and a few deaths. */
const giveUpMs = 60 * minuteMs;

/**
 * Waits until the stack has taken up an epoch that it was asked for, and for its outcome.
 * @throws FanlakeError what keeps the run from going on since; `job.invalid` when another command was faster, with another declaration; `stack.unready` when nobody plans it
 */
export async function haveTakenUp(stack: Stack, epoch: AskedEpoch, watch: StackWatch): Promise<Receipt> {
  watch.onUnderWay(epoch.message.run);
  const { plan, outcome } = await waitForPlan(stack, epoch, watch);
  if (plan === null) return outcome;
  if (rowsOf(plan.job) !== rowsOf(epoch.job)) throw overtaken(stack, plan);
  return waitOnStack(stack, plan, watch.onProgress);
}

/** An epoch's plan, or how it ended without one: cancelled before that. */
type Planned = { readonly plan: Plan; readonly outcome: null } | { readonly plan: null; readonly outcome: Receipt };

async function waitForPlan(stack: Stack, epoch: AskedEpoch, { say }: StackWatch): Promise<Planned> {
  const { message, table } = epoch;
  const { work, lake } = stack.stores;
  const pause = pacer(stack);
  let [lookAtMs, lookMs] = [patienceMs, patienceMs];
  for (let waitedMs = 0; ; waitedMs = await pause()) {
    // in front of the plan, which may come with it
    const outcome = waitedMs < patienceMs ? null : await readOutcome(lake, table, message);
    const plan = await readPlan(work, message);
    if (plan !== null) return { plan, outcome: null };
    if (outcome !== null) return { plan: null, outcome };
    if (waitedMs >= giveUpMs) throw neverPlanned(stack, message.run);
    if (waitedMs < lookAtMs) continue;
    say(`${stack.name} has not planned ${message.run} yet: is its coordinator at work? (docs/runbook.md)`);
    await lookAgain(stack, epoch);
    lookMs = Math.min(longestLookMs, 2 * lookMs);
    lookAtMs = waitedMs + lookMs;
  }
}

/** The coordinator passes over what can't go on any more, and tells nobody but its log. */
async function lookAgain({ stores, context, name }: Stack, { message, table, asked }: AskedEpoch): Promise<void> {
  const { run, epoch } = message;
  const found = await lookUpRun(stores, table, run);
  // under way, or about to end
  if (asked === 'first' || (found !== null && found.epoch >= epoch)) return;
  if (found === null)
    throw new FanlakeError('run.unknown', `Nothing is known of run ${run} in ${name} any more: run its job over the input again.`);
  await findWayOn(context, found, asked);
}

function overtaken({ name }: Stack, { run, epoch, job }: Plan): FanlakeError {
  return new FanlakeError(
    'job.invalid',
    `Run ${run} goes on in ${name} with another declaration of job '${job.name}' than this command's: another command was faster. How that ends: fanlake status ${run}`,
    { run, epoch },
  );
}

function neverPlanned({ name }: Stack, run: string): FanlakeError {
  return new FanlakeError(
    'stack.unready',
    `Run ${run} was asked for an hour ago, and ${name} has not planned it: its coordinator isn't at work, or is of a version that doesn't know what this command asks for (docs/runbook.md). ` +
      `The request may still be carried out. Where the run stands: fanlake status ${run}`,
    { run },
  );
}
