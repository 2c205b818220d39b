import type { Context, SQSBatchResponse, SQSEvent } from 'aws-lambda';
import { awsFunction } from '../lambda/aws-context.ts';
import { handleBatch } from '../lambda/message-batch.ts';
import { TableLogs } from '../protocol/table-logs.ts';
import type { CheckpointAttempt, ReducerContext } from './commit-candidate.ts';
import { handleCommits } from './handle-commits.ts';

const quietMs = 3_000;

const { settings, context, sqs, log, requests, queue } = awsFunction(['requestsQueue', 'version']);
const reducer: ReducerContext = {
  ...context,
  logs: new TableLogs(context.stores.lake),
  requests,
  engineVersion: settings.version,
  uploads: queue(settings.requestsQueue),
  onCheckpoint: logCheckpoint,
};

/** Commits batches of finished runs from the `commits` queue. */
export function handler(event: SQSEvent, invocation: Context): Promise<SQSBatchResponse> {
  return handleBatch(event, invocation, {
    queueUrls: [settings.commitsQueue],
    sqs,
    log,
    quietMs,
    handle: (deliveries) =>
      handleCommits(
        reducer,
        log,
        deliveries.map(({ body }) => body),
      ),
  });
}

function logCheckpoint({ table, version, result }: CheckpointAttempt): void {
  if (result.kind === 'written') log.info('checkpoint written', { table, version, actions: result.actions, bytes: result.bytes });
  else if (result.kind === 'skipped') log.warn('no checkpoint', { table, version, reason: result.reason });
  else log.failure('no checkpoint', result.error, { table, version });
}
