import type { Job } from '../../functions/core/job.ts';
import type { Plan } from '../../functions/core/plan.ts';
import type { Receipt } from '../../functions/core/receipt.ts';
import type { RetryMessage, RunMessage } from '../../functions/core/task.ts';
import { noteAsked } from '../../functions/protocol/asked-epoch.ts';
import type { FoundRun } from '../../functions/protocol/look-up-run.ts';
import { type RunRequest, writeRunRequest } from '../../functions/protocol/run-request.ts';
import { sendAll } from '../../functions/protocol/send.ts';
import { type Asked, findWayOn } from '../../functions/protocol/take-up-run.ts';
import { haveEndAnnounced } from './have-end-announced.ts';
import type { Asking } from './stack.ts';

/** An epoch that the stack was asked for. */
export interface AskedEpoch {
  readonly message: RunMessage | RetryMessage;
  /** Key of its table. */
  readonly table: string;
  /** What it is to be planned with. */
  readonly job: Job;
  /** As its way on was found; `first` for a run that nobody had planned. */
  readonly asked: Asked | null | 'first';
}

/** What became of a request for a run: it is over; it is under way, and the stack's own business; or the stack was asked for it. */
export type AskedRun =
  | { readonly kind: 'over'; readonly receipt: Receipt }
  | { readonly kind: 'under way'; readonly plan: Plan }
  | { readonly kind: 'asked'; readonly epoch: AskedEpoch };

/** The coordinator does that. */
const plansNothing: Asked['plan'] = () => Promise.reject(new Error('a command on a stack plans nothing'));

/**
 * Asks the stack to go on with a run as it was planned.
 * @throws FanlakeError what keeps the run from going on, found before that is asked for
 */
export async function askToRetry(stack: Asking, found: FoundRun): Promise<AskedEpoch> {
  const { run, table } = found;
  await haveEndAnnounced(stack, found);
  const { epoch, job } = await findWayOn(stack.context, found, null);
  return ask(stack, { message: { kind: 'retry', run, epoch, table, request: null }, table, job, asked: null });
}

/**
 * Asks the stack for a run over some objects, or to go on with what it knows of that run.
 * @param found what the store knows of the run; null for nothing
 * @param check looks for mistakes of job and query before the stack is asked for a plan
 * @throws FanlakeError what `check` throws, and what keeps the run from going on, found before that is asked for
 */
export async function askToRun(
  stack: Asking,
  request: Omit<RunRequest, 'epoch'>,
  found: FoundRun | null,
  check: () => Promise<void>,
): Promise<AskedRun> {
  const { run, job, table, splitBytes } = request;
  const askFor = async (epoch: number, asked: Asked | 'first'): Promise<AskedRun> => {
    await check();
    const message = await writeRunRequest(stack.stores.work, { ...request, epoch });
    return { kind: 'asked', epoch: await ask(stack, { message, table, job, asked }) };
  };
  if (found === null) return askFor(0, 'first');
  const { outcome } = found;
  if (outcome?.outcome === 'COMMITTED') return { kind: 'over', receipt: { ...outcome, outcome: 'ALREADY_COMMITTED' } };
  if (outcome?.outcome === 'CANCELLED') return { kind: 'over', receipt: outcome };
  const asked = { job, splitBytes, plan: plansNothing };
  await haveEndAnnounced(stack, found);
  const { kind, epoch, job: planned } = await findWayOn(stack.context, found, asked);
  if (kind === 'anew') return askFor(epoch, asked);
  // its monitor sends again what is late
  if (kind === 'under way' && found.plan !== null) return { kind, plan: found.plan };
  const { request: stored } = await writeRunRequest(stack.stores.work, { ...request, epoch });
  const message: RetryMessage = { kind: 'retry', run, epoch, table, request: stored };
  return { kind: 'asked', epoch: await ask(stack, { message, table, job: planned, asked }) };
}

/** With a message that comes again there until it is done. */
async function ask({ stores, requests }: Asking, epoch: AskedEpoch): Promise<AskedEpoch> {
  const { message } = epoch;
  // a first epoch that isn't planned yet is of a run that nobody knows
  if (message.epoch > 0) await noteAsked(stores.work, message, 'command');
  await sendAll(requests, [message]);
  return epoch;
}
