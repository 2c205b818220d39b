import { asFanlakeError } from '../core/errors.ts';
import type { Receipt } from '../core/receipt.ts';
import type { RetryMessage } from '../core/task.ts';
import { announceOutcome } from '../protocol/ledger.ts';
import { type FoundRun, lookUpRun } from '../protocol/look-up-run.ts';
import { readRunRequest } from '../protocol/run-request.ts';
import { sendAll } from '../protocol/send.ts';
import { type Asked, takeUpRun } from '../protocol/take-up-run.ts';
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
  const { run, epoch, table } = message;
  const about = log.about({ run, epoch });
  const passOver = (why: string): void => {
    about.warn(`a retry is passed over: ${why}`);
    about.count('MessagesPassedOver');
  };
  const found = await lookUpRun(coordinator.stores, table, run);
  if (found === null) return passOver('nothing is known of its run any more');
  if (!leadsTo(found, epoch)) {
    // perhaps ended by this very message, when its announcement failed
    if (found.epoch === epoch && isUndone(found.outcome)) await announceOutcome(coordinator, found.outcome, false);
    return about.info('retry known: its run has gone on');
  }
  const asked = message.request === null ? null : await askedFor(coordinator, { ...message, request: message.request });
  if (message.request !== null && asked === null) return passOver('its request is gone from the work bucket');
  try {
    await takeUpRun(coordinator, found, asked);
    about.info('run taken up');
  } catch (thrown) {
    const error = asFanlakeError(thrown);
    if (error.retryable || error.code.startsWith('store.')) throw error;
    // its command has looked before it sent this: what keeps it from going on has come since
    about.failure("a run can't be taken up", error);
    about.count('MessagesPassedOver');
    // a plan that an earlier delivery has given up may still arrive: whoever looks then goes on with it
    await sendAll(coordinator.monitor, [{ kind: 'monitor', run, epoch }], laterMs);
  }
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
