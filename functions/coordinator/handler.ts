import { mkdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Context, SQSBatchResponse, SQSEvent } from 'aws-lambda';
import { aboutRequests } from '../core/about-request.ts';
import { jobFinder } from '../core/job-of-key.ts';
import { manyWorkers } from '../core/plan.ts';
import { readRequest } from '../core/request.ts';
import { engineInspector } from '../engine/inspector.ts';
import { awsFunction } from '../lambda/aws-context.ts';
import { bundledJobs } from '../lambda/bundled-jobs.ts';
import { eachDelivery } from '../lambda/each-delivery.ts';
import { isBatch } from '../lambda/is-batch.ts';
import { functionMemoryBytes } from '../lambda/machine.ts';
import { handleBatch } from '../lambda/message-batch.ts';
import { TableLogs } from '../protocol/table-logs.ts';
import { positiveNumber } from '../runtime/environment.ts';
import { handleRequests, type RequestContext } from './handle-request.ts';
import { passOn } from './pass-on.ts';

/** Planning reads heads of objects: more than this part of the function's memory it never needs. */
const engineShare = 0.4;
const quietMs = 3_000;

const { settings, context, sqs, log, requests, queue } = awsFunction(['requestsQueue', 'splitBytes']);
const { landing, lake } = context.stores;
// what a function before this one left behind, in an environment that went on after a crash
const scratch = join(tmpdir(), 'fanlake');
rmSync(scratch, { recursive: true, force: true });
mkdirSync(scratch, { recursive: true });
const jobs = bundledJobs();

const request: RequestContext = {
  coordinator: {
    ...context,
    requests,
    plan: {
      landing,
      lake,
      logs: new TableLogs(lake),
      inspector: engineInspector(scratch, Math.floor(functionMemoryBytes() * engineShare)),
      scratch,
      sizing: manyWorkers(positiveNumber('splitBytes', settings.splitBytes)),
    },
  },
  landingBucket: settings.landingBucket,
  jobs,
  findJob: jobFinder(jobs),
  log,
};

const waiting = queue<unknown>(settings.requestsQueue);

/**
 * Plans what landed, in batches of the `requests` queue; an event that S3, SNS or EventBridge call the function with goes there first.
 * @throws for an event without a queue that can't be sent there, so that Lambda calls again
 */
export async function handler(event: unknown, invocation: Context): Promise<SQSBatchResponse | undefined> {
  if (isBatch(event)) return handleQueue(event, invocation);
  log.begin(invocation);
  try {
    const messages = await passOn(waiting, event);
    log.info('called without a queue: sent to the requests queue', { messages });
  } catch (thrown) {
    log.failure("called without a queue, and the requests queue didn't take it", thrown);
    throw thrown;
  } finally {
    log.flush();
  }
  return undefined;
}

function handleQueue(event: SQSEvent, invocation: Context): Promise<SQSBatchResponse> {
  return handleBatch(event, invocation, {
    queueUrls: [settings.requestsQueue],
    sqs,
    log,
    quietMs,
    about: (body) => aboutRequests(request, readRequest(body)),
    handle: (deliveries) => eachDelivery(deliveries, ({ body }) => handleRequests(request, readRequest(body))),
  });
}
