import type { Context, SQSEvent } from 'aws-lambda';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { makeSqsClient } from '../../../functions/adapters/sqs-client.ts';
import { FanlakeError } from '../../../functions/core/errors.ts';
import { handleBatch } from '../../../functions/lambda/message-batch.ts';
import { FunctionLog } from '../../../functions/runtime/log.ts';
import { PrintedLog } from '../../support/printed-log.ts';

let printed: PrintedLog;

beforeEach(() => {
  printed = new PrintedLog();
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'nobody');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'nothing');
  vi.stubEnv('AWS_REGION', 'eu-central-1');
});
afterEach(() => printed.restore());

// nobody listens there: a message that can't be given back keeps the visibility that it has
const sqs = () => makeSqsClient({ AWS_ENDPOINT_URL: 'http://127.0.0.1:9' });

const eventOf = (bodies: readonly string[]): SQSEvent =>
  ({
    Records: bodies.map((body, index) => ({
      messageId: `m${index}`,
      body,
      receiptHandle: `r${index}`,
      eventSourceARN: 'arn:aws:sqs:eu-central-1:1:tasks',
      attributes: { ApproximateReceiveCount: '2', SentTimestamp: '0' },
    })),
  }) as unknown as SQSEvent;

async function fail(bodies: readonly string[]): Promise<void> {
  await handleBatch(eventOf(bodies), { getRemainingTimeInMillis: () => 60_000 } as Context, {
    queueUrls: ['http://127.0.0.1:9/1/tasks'],
    sqs: sqs(),
    log: FunctionLog.open('Test'),
    quietMs: 60_000,
    handle: async (deliveries) => deliveries.map((_, index) => ({ index, error: new FanlakeError('rows.bad', 'the secret') })),
  });
}

it('each message that fails is an error of its run and task', async () => {
  const task = { task: 7, splits: [] };
  await fail([
    JSON.stringify({ kind: 'task', plan: 'p', run: 'visits-1', epoch: 2, stage: 0, task }),
    JSON.stringify({ kind: 'commit', run: 'visits-2', epoch: 0, table: 'visits' }),
    'hello, the secret',
  ]);
  const failed = printed.errors.filter(({ message }) => message === 'a message failed');
  expect(failed).toEqual([
    expect.objectContaining({ run: 'visits-1', epoch: 2, task: 7, messageId: 'm0', receiveCount: 2, code: 'rows.bad' }),
    expect.objectContaining({ run: 'visits-2', epoch: 0, messageId: 'm1' }),
    expect.objectContaining({ messageId: 'm2' }),
  ]);
  for (const line of printed.errors) if (line['messageId'] === 'm0') expect(line['run']).toBe('visits-1');
  expect(printed.texts.join('')).not.toContain('the secret');
});
