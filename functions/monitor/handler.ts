import type { Context, SQSBatchResponse, SQSEvent } from 'aws-lambda';
import { FanlakeError } from '../core/errors.ts';
import { readMessage } from '../core/message.ts';
import { awsFunction } from '../lambda/aws-context.ts';
import { eachDelivery } from '../lambda/each-delivery.ts';
import { type BatchDelivery, handleBatch } from '../lambda/message-batch.ts';
import { nextTickMs, watchEpoch } from './tick.ts';

const quietMs = 3_000;

const { settings, context, sqs, log } = awsFunction();

/** Ticks: each delivery of a run's message looks at the run once and comes again later, until the run has ended. */
export function handler(event: SQSEvent, invocation: Context): Promise<SQSBatchResponse> {
  const queueUrls = [settings.monitorQueue];
  return handleBatch(event, invocation, { queueUrls, sqs, log, quietMs, handle: (deliveries) => eachDelivery(deliveries, tick) });
}

async function tick(delivery: BatchDelivery): Promise<void> {
  const { body, receiveCount } = delivery;
  const message = readMessage(body);
  if (message.kind !== 'monitor') throw new FanlakeError('usage', `A message '${message.kind}' came to the monitor queue.`);
  const isOver = await watchEpoch(context, message);
  log.about({ run: message.run, epoch: message.epoch }).info(isOver ? 'watched to its end' : 'watching', { tick: receiveCount });
  if (!isOver) await delivery.retryIn(nextTickMs(receiveCount));
}
