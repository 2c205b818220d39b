import type { Context, SQSBatchResponse, SQSEvent } from 'aws-lambda';
import { FanlakeError } from '../core/errors.ts';
import { readMessage } from '../core/message.ts';
import type { CommitMessage } from '../core/task.ts';
import { awsFunction } from '../lambda/aws-context.ts';
import { type BatchDelivery, type FailedDelivery, handleBatch } from '../lambda/message-batch.ts';
import { TableLogs } from '../protocol/table-logs.ts';
import type { CheckpointAttempt, ReducerContext } from './commit-candidate.ts';
import { commitRuns } from './commit-runs.ts';

const quietMs = 3_000;

const { settings, context, sqs, log, requests, queue } = awsFunction(['requestsQueue', 'commitsQueue', 'mergesQueue', 'version']);
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
  const queueUrls = [settings.commitsQueue, settings.mergesQueue];
  return handleBatch(event, invocation, { queueUrls, sqs, log, quietMs, handle: commit });
}

async function commit(deliveries: readonly BatchDelivery[]): Promise<readonly FailedDelivery[]> {
  const failed: FailedDelivery[] = [];
  const messages: { readonly index: number; readonly message: CommitMessage }[] = [];
  for (const [index, { body }] of deliveries.entries()) {
    try {
      messages.push({ index, message: readCommit(body) });
    } catch (error) {
      log.count('MalformedMessages');
      failed.push({ index, error });
    }
  }
  const ofRuns = await commitRuns(
    reducer,
    messages.map(({ message }) => message),
  );
  for (const { index, error } of ofRuns) failed.push({ index: messages[index]?.index ?? index, error });
  return failed;
}

function logCheckpoint({ table, version, result }: CheckpointAttempt): void {
  if (result.kind === 'written') log.info('checkpoint written', { table, version, actions: result.actions, bytes: result.bytes });
  else if (result.kind === 'skipped') log.warn('no checkpoint', { table, version, reason: result.reason });
  else log.failure('no checkpoint', result.error, { table, version });
}

function readCommit(body: string): CommitMessage {
  const message = readMessage(body);
  if (message.kind === 'commit') return message;
  throw new FanlakeError('usage', `A message '${message.kind}' came to the commits queue.`);
}
