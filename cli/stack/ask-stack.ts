import type { Plan } from '../../functions/core/plan.ts';
import type { Receipt } from '../../functions/core/receipt.ts';
import type { RetryMessage, RunMessage } from '../../functions/core/task.ts';
import type { FoundRun } from '../../functions/protocol/look-up-run.ts';
import { type RunRequest, writeRunRequest } from '../../functions/protocol/run-request.ts';
import { sendAll } from '../../functions/protocol/send.ts';
import { findWayOn } from '../../functions/protocol/take-up-run.ts';
import type { Stack } from './stack.ts';

/** A stack, as far as it is needed for asking it for something; waiting for the answer is another matter. */
export type Asking = Pick<Stack, 'stores' | 'context' | 'requests'>;

/**
 * Asks the stack to go on with a run as it was planned, with a message that comes again there until it is done.
 * @throws FanlakeError what keeps the run from going on, found before anything is sent
 */
export async function askToRetry(stack: Asking, found: FoundRun): Promise<RetryMessage> {
  const { run, table } = found;
  const { epoch } = await findWayOn(stack.context, found, null);
  return ask(stack, { kind: 'retry', run, epoch, table, request: null });
}

/** What became of a request for a run: it is over; it is under way, and the stack's own business; or the stack was asked for it. */
export type AskedRun =
  | { readonly kind: 'over'; readonly receipt: Receipt }
  | { readonly kind: 'under way'; readonly plan: Plan }
  | { readonly kind: 'asked'; readonly message: RunMessage | RetryMessage };

/**
 * Asks the stack for a run over some objects, or to go on with what it knows of that run.
 * @param found what the store knows of the run; null for nothing
 * @param check looks for mistakes of job and query before the stack is asked for a plan
 * @throws FanlakeError what `check` throws, and what keeps the run from going on, found before anything is sent
 */
export async function askToRun(
  stack: Asking,
  request: Omit<RunRequest, 'epoch'>,
  found: FoundRun | null,
  check: () => Promise<void>,
): Promise<AskedRun> {
  const { run, job, table, splitBytes } = request;
  const askFor = async (epoch: number): Promise<AskedRun> => {
    await check();
    return { kind: 'asked', message: await ask(stack, await writeRunRequest(stack.stores.work, { ...request, epoch })) };
  };
  if (found === null) return askFor(0);
  const { outcome } = found;
  if (outcome?.outcome === 'COMMITTED') return { kind: 'over', receipt: { ...outcome, outcome: 'ALREADY_COMMITTED' } };
  if (outcome?.outcome === 'CANCELLED') return { kind: 'over', receipt: outcome };
  // by the coordinator
  const plan = () => Promise.reject(new Error('a command on a stack plans nothing'));
  const { kind, epoch } = await findWayOn(stack.context, found, { job, splitBytes, plan });
  // its monitor sends again what is late
  if (kind === 'under way' && found.plan !== null) return { kind, plan: found.plan };
  if (kind === 'anew') return askFor(epoch);
  const { request: stored } = await writeRunRequest(stack.stores.work, { ...request, epoch });
  return { kind: 'asked', message: await ask(stack, { kind: 'retry', run, epoch, table, request: stored }) };
}

async function ask<Message extends RunMessage | RetryMessage>({ requests }: Asking, message: Message): Promise<Message> {
  await sendAll(requests, [message]);
  return message;
}
