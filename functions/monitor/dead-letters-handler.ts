import type { Context, SQSBatchResponse, SQSEvent } from 'aws-lambda';
import { FanlakeError } from '../core/errors.ts';
import { jobFinder } from '../core/job-of-key.ts';
import { awsFunction } from '../lambda/aws-context.ts';
import { bundledJobs } from '../lambda/bundled-jobs.ts';
import { eachDelivery } from '../lambda/each-delivery.ts';
import { type BatchDelivery, handleBatch } from '../lambda/message-batch.ts';
import { positiveNumber } from '../runtime/environment.ts';
import { aboutDeadLetter, type DeadLetterContext, type DeadQueue, handleDeadLetter } from './dead-letters.ts';

const quietMs = 3_000;

const { settings, context, sqs, log, queue } = awsFunction(['requestsQueue', 'undeliverableQueue', 'maxReceives']);
const jobs = bundledJobs();
const deadLetters: DeadLetterContext = {
  ...context,
  landingBucket: settings.landingBucket,
  jobs,
  findJob: jobFinder(jobs),
  requests: queue(settings.requestsQueue),
  undeliverable: queue(settings.undeliverableQueue),
  log,
  maxReceives: positiveNumber('maxReceives', settings.maxReceives),
};

/** The queues whose dead letters come here; a dead-letter queue's name is its queue's with `-dead`. */
const sources: readonly (readonly [DeadQueue, string])[] = [
  ['requests', settings.requestsQueue],
  ['tasks', settings.tasksQueue],
  ['merges', settings.mergesQueue],
  ['commits', settings.commitsQueue],
  ['monitor', settings.monitorQueue],
];

/** Sees to messages that were delivered as often as their queue allows. */
export function handler(event: SQSEvent, invocation: Context): Promise<SQSBatchResponse> {
  return handleBatch(event, invocation, {
    queueUrls: sources.map(([, url]) => `${url}-dead`),
    sqs,
    log,
    quietMs,
    about: (body, name) => aboutDeadLetter(deadLetters, { queue: sourceOf(name), body }),
    handle: (deliveries) => eachDelivery(deliveries, bury),
  });
}

async function bury({ queue: name, body }: BatchDelivery): Promise<void> {
  await handleDeadLetter(deadLetters, { queue: sourceOf(name), body });
}

function sourceOf(name: string): DeadQueue {
  const source = sources.find(([, url]) => `${url}-dead`.endsWith(`/${name}`));
  if (source !== undefined) return source[0];
  throw new FanlakeError('internal', `A dead letter came from ${name}, a queue that this function doesn't know.`);
}
