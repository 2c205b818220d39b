import { countRequests } from '../adapters/count-requests.ts';
import { EventBus, makeEventBridgeClient } from '../adapters/event-bus.ts';
import { expectOwner } from '../adapters/expect-owner.ts';
import { makeS3Client } from '../adapters/s3-client.ts';
import { S3Store } from '../adapters/s3-store.ts';
import { makeSqsClient, type SqsClient } from '../adapters/sqs-client.ts';
import { SqsQueue } from '../adapters/sqs-queue.ts';
import { systemClock, systemNonces } from '../adapters/system-clock.ts';
import type { RequestCounts } from '../core/part.ts';
import type { Announcer, ObjectStore, Queue } from '../core/ports.ts';
import type { RunContext } from '../protocol/context.ts';
import { RequestCounter } from '../runtime/counting-store.ts';
import { readEnvironment, type Setting } from '../runtime/environment.ts';
import { FunctionLog } from '../runtime/log.ts';
import { announceRun } from './announce-run.ts';

/** What every function is deployed with. */
const common = [
  'landingBucket',
  'workBucket',
  'lakeBucket',
  'account',
  'ownBuckets',
  'tasksQueue',
  'mergesQueue',
  'commitsQueue',
  'monitorQueue',
  'eventBus',
  'stack',
] as const satisfies readonly Setting[];

export interface AwsFunction<Extra extends Setting> {
  readonly settings: Readonly<Record<(typeof common)[number] | Extra, string>>;
  readonly context: RunContext;
  readonly log: FunctionLog;
  /** Requests of this process so far. */
  readonly requests: () => RequestCounts;
  /** Another queue, by its URL. */
  readonly queue: <Message>(url: string) => Queue<Message>;
  readonly sqs: SqsClient;
}

/**
 * The ports of a function on AWS, from what it was deployed with.
 * @param extra settings that it needs besides those of every function
 * @throws FanlakeError `internal` when it was deployed without one of them
 */
export function awsFunction<const Extra extends Setting = never>(extra: readonly Extra[] = []): AwsFunction<Extra> {
  const settings = readEnvironment<(typeof common)[number] | Extra>([...common, ...extra]);
  const counter = new RequestCounter();
  const log = FunctionLog.open(settings.stack);
  const count = (kind: string) => counter.add(kind);
  const [s3, sqs] = [countRequests(makeS3Client(), count), countRequests(makeSqsClient(), count)];
  expectOwner(s3, settings.account, settings.ownBuckets.split(','));
  const store = (bucket: string): ObjectStore => new S3Store({ client: s3, bucket, nonces: systemNonces });
  const queue = <Message>(url: string) => new SqsQueue<Message>({ client: sqs, url });
  const bus: Announcer = new EventBus(countRequests(makeEventBridgeClient(), count), settings.eventBus);
  const context: RunContext = {
    stores: { landing: store(settings.landingBucket), work: store(settings.workBucket), lake: store(settings.lakeBucket) },
    tasks: queue(settings.tasksQueue),
    merges: queue(settings.mergesQueue),
    commits: queue(settings.commitsQueue),
    monitor: queue(settings.monitorQueue),
    clock: systemClock,
    nonces: systemNonces,
    announce: announceRun({ log, bus, stack: settings.stack }),
  };
  return { settings, context, log, requests: () => counter.now(), queue, sqs };
}
