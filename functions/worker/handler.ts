import { mkdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Context, SQSBatchResponse, SQSEvent } from 'aws-lambda';
import { asFanlakeError, FanlakeError } from '../core/errors.ts';
import { readMessage } from '../core/message.ts';
import { awsFunction } from '../lambda/aws-context.ts';
import { eachDelivery } from '../lambda/each-delivery.ts';
import { functionShare } from '../lambda/machine.ts';
import { type BatchDelivery, handleBatch } from '../lambda/message-batch.ts';
import { buryTask } from '../protocol/bury-task.ts';
import { PlanCache } from '../protocol/plan-cache.ts';
import { dispatchPage } from '../protocol/start-epoch.ts';
import { positiveNumber } from '../runtime/environment.ts';
import { mapComputer } from './compute-map.ts';
import { handleTask, type WorkerContext } from './handle-task.ts';
import { ProcessEngine } from './process-engine.ts';

/** A task that wasn't done in time twice won't be the third time. */
const timeoutsPerTask = 2;

const { settings, context, log, requests } = awsFunction(['tasksQueue', 'maxReceives']);
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

/** Runs tasks of the `tasks` queue, and sends those of a plan's page. */
export function handler(event: SQSEvent, invocation: Context): Promise<SQSBatchResponse> {
  let isLate = false;
  return handleBatch(event, invocation, {
    queueUrls: [settings.tasksQueue],
    log,
    // tasks are what a function is killed in: each shows from the beginning that it lives
    quietMs: 0,
    stop: () => {
      isLate = true;
      engines.interrupt();
    },
    stuck: () => {
      log.warn("a task didn't stop at its deadline: this process ends");
      log.flush();
      process.exit(1);
    },
    handle: (deliveries) => eachDelivery(deliveries, (delivery) => perform(delivery, () => isLate)),
  });
}

async function perform(delivery: BatchDelivery, isLate: () => boolean): Promise<void> {
  const message = readMessage(delivery.body);
  if (message.kind === 'dispatch') return dispatchPage(worker, await plans.get(message), message.page, false);
  if (message.kind !== 'task') throw new FanlakeError('usage', `A message '${message.kind}' came to the tasks queue.`);
  const about = log.about({ run: message.run, epoch: message.epoch, task: message.task.task });
  const { receiveCount } = delivery;
  about.info('task begins', { receiveCount });
  try {
    await handleTask(worker, {
      body: message,
      receiveCount,
      extend: (ms) => delivery.extend(ms),
      retryIn: (ms) => delivery.retryIn(ms),
    });
    about.info('task done');
  } catch (thrown) {
    const error = isLate() ? tookTooLong() : asFanlakeError(thrown);
    about.failure('task failed', error, { receiveCount });
    const tries = error.code === 'task.timeout' ? timeoutsPerTask : maxReceives;
    // the last delivery tells why it failed; a dead letter only tells that it did
    if (error.retryable && receiveCount < tries) throw error;
    await buryTask(worker, message, receiveCount, error.toReport());
  }
}

function tookTooLong(): FanlakeError {
  return new FanlakeError(
    'task.timeout',
    'It was not done in the time that the function has. Use smaller splits (--split-size, or splitBytes of the stack), or a function with more memory.',
  );
}
