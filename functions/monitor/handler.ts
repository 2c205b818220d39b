import type { Context, SQSBatchResponse, SQSEvent } from 'aws-lambda';
import { awsFunction } from '../lambda/aws-context.ts';
import { eachDelivery } from '../lambda/each-delivery.ts';
import { type BatchDelivery, handleBatch } from '../lambda/message-batch.ts';
import { handleMonitor } from './handle-monitor.ts';

const quietMs = 3_000;

const { settings, context, sqs, log } = awsFunction();

/** Ticks: each delivery of a run's message looks at the run once and comes again later, until the run has ended. */
export function handler(event: SQSEvent, invocation: Context): Promise<SQSBatchResponse> {
  const tick = (delivery: BatchDelivery): Promise<void> => handleMonitor(context, log, delivery);
  const queueUrls = [settings.monitorQueue];
  return handleBatch(event, invocation, { queueUrls, sqs, log, quietMs, handle: (deliveries) => eachDelivery(deliveries, tick) });
}
