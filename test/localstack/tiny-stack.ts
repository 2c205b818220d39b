import { readFileSync } from 'node:fs';
import {
  CreateEventSourceMappingCommand,
  CreateFunctionCommand,
  DeleteEventSourceMappingCommand,
  DeleteFunctionCommand,
  InvokeCommand,
  LambdaClient,
  waitUntilFunctionActiveV2,
} from '@aws-sdk/client-lambda';
import {
  CreateQueueCommand,
  DeleteMessageCommand,
  ReceiveMessageCommand,
  SendMessageBatchCommand,
  type SendMessageBatchRequestEntry,
  SQSClient,
} from '@aws-sdk/client-sqs';
import { storedZip } from './stored-zip.ts';

/** What the function said while it handled a message, or after a batch. */
export interface Report {
  readonly pid: number;
  readonly atMs: number;
  readonly id?: string;
  readonly body?: string;
  readonly receiveCount?: number;
  readonly messageAttributes?: Readonly<Record<string, unknown>>;
  readonly eventSourceARN?: string;
  readonly batch?: number;
}

/** Settings that differ between tests; the rest is for the quickest test. */
export interface TinySettings {
  readonly batchSize?: number;
  readonly maximumConcurrency?: number;
  readonly timeoutSeconds?: number;
  readonly memoryMib?: number;
  readonly visibilitySeconds?: number;
  readonly maxReceives?: number;
  readonly code?: string;
}

const account = '000000000000';
const arn = (service: string, resource: string): string => `arn:aws:${service}:us-east-1:${account}:${resource}`;
const tinyFunction = new URL('./tiny-function.mjs', import.meta.url);
const lambda = new LambdaClient({});
const sqs = new SQSClient({});
let made = 0;

async function makeQueue(name: string, attributes: Readonly<Record<string, string>> = {}): Promise<string> {
  const { QueueUrl: url = '' } = await sqs.send(new CreateQueueCommand({ QueueName: name, Attributes: attributes }));
  return url;
}

/** Receives and deletes messages until there are `count`, in the order they came. */
async function take(url: string, count: number): Promise<readonly string[]> {
  const bodies: string[] = [];
  while (bodies.length < count) {
    const { Messages: messages = [] } = await sqs.send(
      new ReceiveMessageCommand({ QueueUrl: url, WaitTimeSeconds: 2, MaxNumberOfMessages: Math.min(10, count - bodies.length) }),
    );
    for (const { Body: body = '', ReceiptHandle: receipt } of messages) {
      bodies.push(body);
      await sqs.send(new DeleteMessageCommand({ QueueUrl: url, ReceiptHandle: receipt }));
    }
  }
  return bodies;
}

/** A queue with dead letters, the tiny function behind it, and the queue to which that reports. */
export async function makeTinyStack(settings: TinySettings = {}) {
  const name = `tiny-${process.pid}-${made++}`;
  const {
    batchSize = 1,
    maximumConcurrency = 2,
    timeoutSeconds = 30,
    memoryMib = 256,
    visibilitySeconds = 1,
    maxReceives = 1000,
  } = settings;
  const deadUrl = await makeQueue(`${name}-dead`);
  const reportsUrl = await makeQueue(`${name}-reports`);
  const url = await makeQueue(name, {
    VisibilityTimeout: String(visibilitySeconds),
    RedrivePolicy: JSON.stringify({ deadLetterTargetArn: arn('sqs', `${name}-dead`), maxReceiveCount: maxReceives }),
  });
  await lambda.send(
    new CreateFunctionCommand({
      FunctionName: name,
      Runtime: 'nodejs24.x',
      Handler: 'index.handler',
      Role: `arn:aws:iam::${account}:role/tiny`,
      Architectures: [process.arch === 'arm64' ? 'arm64' : 'x86_64'],
      Code: { ZipFile: storedZip({ 'index.mjs': settings.code ?? readFileSync(tinyFunction, 'utf8') }) },
      Timeout: timeoutSeconds,
      MemorySize: memoryMib,
      Environment: { Variables: { QUEUE: name, REPORTS: `${name}-reports` } },
    }),
  );
  await waitUntilFunctionActiveV2({ client: lambda, maxWaitTime: 60, minDelay: 1, maxDelay: 1 }, { FunctionName: name });
  const { UUID: mapping } = await lambda.send(
    new CreateEventSourceMappingCommand({
      EventSourceArn: arn('sqs', name),
      FunctionName: name,
      BatchSize: batchSize,
      FunctionResponseTypes: ['ReportBatchItemFailures'],
      ScalingConfig: { MaximumConcurrency: maximumConcurrency },
    }),
  );
  return {
    name,
    queueArn: arn('sqs', name),
    send: async (bodies: readonly string[], attributes: SendMessageBatchRequestEntry['MessageAttributes'] = {}): Promise<void> => {
      const Entries = bodies.map((MessageBody, index) => ({ Id: String(index), MessageBody, MessageAttributes: attributes }));
      await sqs.send(new SendMessageBatchCommand({ QueueUrl: url, Entries }));
    },
    /** Calls the function directly. */
    invoke: async (event: unknown) => {
      const answer = await lambda.send(new InvokeCommand({ FunctionName: name, Payload: JSON.stringify(event) }));
      return { error: answer.FunctionError, payload: JSON.parse(answer.Payload?.transformToString() ?? 'null') as Record<string, unknown> };
    },
    reports: async (count: number): Promise<readonly Report[]> => (await take(reportsUrl, count)).map((said) => JSON.parse(said) as Report),
    deadLetters: async (count: number) => await take(deadUrl, count),
    dispose: async (): Promise<void> => {
      await lambda.send(new DeleteEventSourceMappingCommand({ UUID: mapping }));
      await lambda.send(new DeleteFunctionCommand({ FunctionName: name }));
    },
  };
}
