import { asFanlakeError } from '../core/errors.ts';
import type { Receipt } from '../core/receipt.ts';
import type { RetryMessage } from '../core/task.ts';
import { readDecision, readOutcome } from '../protocol/documents.ts';
import { fulfilDuties } from '../protocol/duties.ts';
import { commitUnknown } from '../protocol/in-the-table.ts';
import { announceOutcome } from '../protocol/ledger.ts';
import { type FoundRun, lookUpRun } from '../protocol/look-up-run.ts';
import { readRunRequest } from '../protocol/run-request.ts';
import { sendAll } from '../protocol/send.ts';
import { type Asked, findWayOn } from '../protocol/take-up-run.ts';
import type { Log } from '../runtime/log.ts';
import { type CoordinatorContext, planRun, recordUnlessStore } from './plan-run.ts';

/** Longer than an earlier delivery lives that read the plan before it expired and has slept since, and the most that SQS delays a message by. */
const laterMs = 15 * 60_000;

/**
 * A run that a command takes up again: here, where the message comes again until it is done, since a command may die behind the plan and before its messages. It opens no other
 * epoch than the one that it names, however often and late it comes.
 * @throws FanlakeError that may pass
 */
export async function takeUp(
  { coordinator, log }: { readonly coordinator: CoordinatorContext; readonly log: Log },
  message: RetryMessage,
): Promise<void> {
  const { run, epoch } = message;
  const about = log.about({ run, epoch });
  try {
    const { end, why } = await goOn(coordinator, message);
    if (end === 'done') return about.info(why);
    about.warn(`a retry is passed over: ${why}`);
    about.count('MessagesPassedOver');
  } catch (thrown) {
    const error = asFanlakeError(thrown);
    if (error.retryable || error.code.startsWith('store.')) throw error;
    // its command has looked before it sent this: what keeps it from going on has come since
    about.failure("a run can't be taken up", error);
    about.count('MessagesPassedOver');
    // a plan that an earlier delivery has given up may still arrive: whoever looks then goes on with it; one of another version stops every delivery before that
    if (error.code !== 'plan.version') await sendAll(coordinator.monitor, [{ kind: 'monitor', run, epoch }], laterMs);
  }
}

/** What became of a message, and why. */
interface Handled {
  readonly end: 'done' | 'passed over';
  readonly why: string;
}

const passedOver = (why: string): Handled => ({ end: 'passed over', why });
const done = (why: string): Handled => ({ end: 'done', why });
const goneOn = 'retry known: its run has gone on';

async function goOn(coordinator: CoordinatorContext, message: RetryMessage): Promise<Handled> {
  const { run, epoch, table } = message;
  const found = await lookUpRun(coordinator.stores, table, run);
  if (found === null) return passedOver('nothing is known of its run any more');
  if (!leadsTo(found, epoch)) {
    // perhaps ended by this very message, when its announcement failed, or by the command that sent it
    const outcome = found.epoch === epoch ? found.outcome : await readOutcome(coordinator.stores.lake, table, { run, epoch });
    if (isUndone(outcome)) await announceOutcome(coordinator, outcome, false);
    return done(goneOn);
  }
  if (found.plan === null && found.outcome === null) return endPlanless(coordinator, found);
  const asked = message.request === null ? null : await askedFor(coordinator, { ...message, request: message.request });
  if (message.request !== null && asked === null) return passedOver('its request is gone from the work bucket');
  const way = await findWayOn(coordinator, found, asked);
  if (way.epoch !== epoch) return done(goneOn);
  await way.go();
  return done('run taken up');
}

/** An epoch is opened only behind the outcome of the one before it: this one is ended, and no other opened. */
async function endPlanless(coordinator: CoordinatorContext, { run, epoch, table }: FoundRun): Promise<Handled> {
  const decision = await readDecision(coordinator.stores.lake, table, { run, epoch });
  if (decision?.kind === 'commit') throw await commitUnknown(coordinator.stores.lake, decision);
  if (decision === null) return passedOver('its plan is gone');
  await fulfilDuties(coordinator, decision);
  return done('its plan is gone, and it is ended as it was decided');
}

/** Whether going on with what is there is going on with this epoch. */
function leadsTo(found: FoundRun, epoch: number): boolean {
  return found.outcome === null ? found.epoch === epoch : found.epoch === epoch - 1;
}

const isUndone = (outcome: Receipt | null): outcome is Receipt => outcome?.outcome === 'FAILED' || outcome?.outcome === 'CANCELLED';

async function askedFor(coordinator: CoordinatorContext, message: RetryMessage & { readonly request: string }): Promise<Asked | null> {
  const request = await readRunRequest(coordinator.stores.work, message);
  if (request === null) return null;
  const { job, splitBytes } = request;
  return { job, splitBytes, plan: (run, epoch) => planRun(coordinator, { ...request, run, epoch }, recordUnlessStore) };
}
