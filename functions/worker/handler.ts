import { mkdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Context, SQSBatchResponse, SQSEvent } from 'aws-lambda';
import { awsFunction } from '../lambda/aws-context.ts';
import { eachDelivery } from '../lambda/each-delivery.ts';
import { functionShare } from '../lambda/machine.ts';
import { handleBatch } from '../lambda/message-batch.ts';
import { PlanCache } from '../protocol/plan-cache.ts';
import { positiveNumber } from '../runtime/environment.ts';
import { mapComputer } from './compute-map.ts';
import { Performer } from './perform-message.ts';
import { ProcessEngine } from './process-engine.ts';

const { settings, context, sqs, log, requests } = awsFunction(['maxReceives']);
// what a process before this one left behind, in an environment that went on after a crash
const scratch = join(tmpdir(), 'fanlake');
rmSync(scratch, { recursive: true, force: true });
mkdirSync(scratch, { recursive: true });

const engines = new ProcessEngine(functionShare(), scratch);
// while the function is initialised: the first task finds it warm
await engines.engine(1);
const performer = new Performer({
  ...context,
  computer: mapComputer({ landing: context.stores.landing, work: context.stores.work, engines }),
  plans: new PlanCache(context.stores.work),
  requests,
  scratch,
  log,
  maxReceives: positiveNumber('maxReceives', settings.maxReceives),
});

/** Runs map tasks of the `tasks` queue and merge tasks of the `merges` queue, and sends those of a plan's page. */
export function handler(event: SQSEvent, invocation: Context): Promise<SQSBatchResponse> {
  return handleBatch(event, invocation, {
    queueUrls: [settings.tasksQueue, settings.mergesQueue],
    sqs,
    log,
    // tasks are what a function is killed in: each shows from the beginning that it lives
    quietMs: 0,
    stop: () => {
      performer.outOfTime();
      engines.interrupt();
    },
    stuck: () => performer.giveUp(),
    handle: (deliveries) => eachDelivery(deliveries, (delivery) => performer.perform(delivery)),
  });
}
