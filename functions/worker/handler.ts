import { mkdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Context, SQSBatchResponse, SQSEvent } from 'aws-lambda';
import { asFanlakeError, FanlakeError } from '../core/errors.ts';
import { readMessage } from '../core/message.ts';
import type { TaskMessage } from '../core/task.ts';
import { awsFunction } from '../lambda/aws-context.ts';
import { eachDelivery } from '../lambda/each-delivery.ts';
import { functionShare } from '../lambda/machine.ts';
import { type BatchDelivery, handleBatch } from '../lambda/message-batch.ts';
import { buryTask } from '../protocol/bury-task.ts';
import { PlanCache } from '../protocol/plan-cache.ts';
import { dispatchPage } from '../protocol/start-epoch.ts';
import { positiveNumber } from '../runtime/environment.ts';
import type { FunctionLog } from '../runtime/log.ts';
import { mapComputer } from './compute-map.ts';
import { handleTask, type WorkerContext } from './handle-task.ts';
import { ProcessEngine } from './process-engine.ts';

/** A task that wasn't done in time twice won't be the third time. */
const timeoutsPerTask = 2;

const { settings, context, sqs, log, requests } = awsFunction(['tasksQueue', 'maxReceives']);
const maxReceives = positiveNumber('maxReceives', settings.maxReceives);
// what a process before this one left behind, in an environment that went on after a crash
const scratch = join(tmpdir(), 'fanlake');
rmSync(scratch, { recursive: true, force: true });
mkdirSync(scratch, { recursive: true });

const engines = new ProcessEngine(functionShare(), scratch);
// while the function is initialised: the first task finds it warm
await engines.engine(1);
const plans = new PlanCache(context.stores.work);
const worker: WorkerContext = {
  ...context,
  computer: mapComputer({ landing: context.stores.landing, engines }),
  plans,
  requests,
  scratch,
};

/** The task under way: a function has one at a time. */
let current: { readonly message: TaskMessage; readonly receiveCount: number; isLate: boolean } | null = null;

/** Runs tasks of the `tasks` queue, and sends those of a plan's page. */
export function handler(event: SQSEvent, invocation: Context): Promise<SQSBatchResponse> {
  return handleBatch(event, invocation, {
    queueUrls: [settings.tasksQueue],
    sqs,
    log,
    // tasks are what a function is killed in: each shows from the beginning that it lives
    quietMs: 0,
    stop: () => {
      if (current !== null) current.isLate = true;
      engines.interrupt();
    },
    stuck,
    handle: (deliveries) => eachDelivery(deliveries, perform),
  });
}

async function perform(delivery: BatchDelivery): Promise<void> {
  const message = readMessage(delivery.body);
  if (message.kind === 'dispatch') return dispatchPage(worker, await plans.get(message), message.page, false);
  if (message.kind !== 'task') throw new FanlakeError('usage', `A message '${message.kind}' came to the tasks queue.`);
  const { receiveCount } = delivery;
  const mine = { message, receiveCount, isLate: false };
  current = mine;
  const about = aboutTask(message);
  about.info('task begins', { receiveCount });
  try {
    const [extend, retryIn] = [(ms: number) => delivery.extend(ms), (ms: number) => delivery.retryIn(ms)];
    await handleTask(worker, { body: message, receiveCount, ageMs: delivery.ageMs ?? 0, extend, retryIn });
    about.info('task done');
  } catch (thrown) {
    await failed(message, receiveCount, mine.isLate ? tookTooLong() : asFanlakeError(thrown));
  } finally {
    current = null;
  }
}

/**
 * The last delivery of a task tells why it failed; its dead letter would only tell that it did.
 * @throws the error, when the task is to come again
 */
async function failed(message: TaskMessage, receiveCount: number, error: FanlakeError): Promise<void> {
  aboutTask(message).failure('task failed', error, { receiveCount });
  const tries = error.code === 'task.timeout' ? timeoutsPerTask : maxReceives;
  if (error.retryable && receiveCount < tries) throw error;
  if (error.code === 'task.timeout') log.count('DeadlineExceeded');
  await buryTask(worker, message, receiveCount, error.toReport());
}

/** A task that can't be stopped is given up as one that took too long; its process ends. */
async function stuck(): Promise<void> {
  if (current === null) return;
  const { message, receiveCount } = current;
  // on its first delivery it comes again
  await failed(message, receiveCount, tookTooLong()).catch(() => {});
}

const aboutTask = ({ run, epoch, task: { task } }: TaskMessage): FunctionLog => log.about({ run, epoch, task });

function tookTooLong(): FanlakeError {
  return new FanlakeError(
    'task.timeout',
    'It was not done in the time that the function has. Give the function more memory (memoryMiB of the stack, a CPU for each 1,769) and retry, or run the job over the input again with a smaller --split-size.',
  );
}
