import { Stack } from 'aws-cdk-lib';
import type { IEventBus } from 'aws-cdk-lib/aws-events';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { Architecture, Code } from 'aws-cdk-lib/aws-lambda';
import type { RetentionDays } from 'aws-cdk-lib/aws-logs';
import type { Queue } from 'aws-cdk-lib/aws-sqs';
import type { Construct } from 'constructs';
import type { Job } from '../functions/core/job.ts';
import type { AnyBucket } from './buckets.ts';
import { type BundleName, bundledCode, bundleOf, packageVersion } from './bundle.ts';
import { FanlakeFunction } from './function.ts';
import type { QueueWithDeadLetters } from './queue-with-dead-letters.ts';
import { deadLetterSize, defaultLogRetention, type FunctionName, functionSizes, type QueueName, queueNames, queueSizes } from './sizes.ts';
import {
  announcesTo,
  readsLake,
  readsLanding,
  sweepsDataFiles,
  usesWork,
  writesDataFiles,
  writesLedger,
  writesTables,
} from './storage-access.ts';

export interface FunctionsProps {
  readonly prefix: string;
  readonly jobs: readonly Job[];
  readonly architecture: Architecture;
  readonly splitBytes: number;
  readonly workDays: number;
  readonly landing: AnyBucket;
  readonly work: AnyBucket;
  readonly lake: AnyBucket;
  /** Of these, what the stack made itself. */
  readonly ownBuckets: readonly AnyBucket[];
  readonly queues: Readonly<Record<QueueName, QueueWithDeadLetters>>;
  readonly undeliverable: Queue;
  readonly eventBus: IEventBus;
  readonly memoryMiB?: Partial<Record<FunctionName, number>>;
  readonly maxConcurrency?: Partial<Record<QueueName, number>>;
  readonly logRetention?: RetentionDays;
  readonly encryptionKey?: IKey;
}

const descriptions: Readonly<Record<FunctionName, string>> = {
  coordinator: 'Fanlake: plans a run for each upload',
  worker: 'Fanlake: runs one task of a run',
  reducer: 'Fanlake: commits finished runs to their tables',
  monitor: 'Fanlake: watches runs of several tasks',
  'dead-letters': 'Fanlake: gives messages that failed too often their end',
  sweeper: 'Fanlake: deletes data files that belong to no table any more',
};

/** The functions, each with what it may do, and nothing more. */
export function createFunctions(scope: Construct, props: FunctionsProps): Readonly<Record<FunctionName, FanlakeFunction>> {
  const code: Readonly<Record<BundleName, Code>> = {
    engine: bundledCode('engine', props.architecture, props.jobs),
    light: bundledCode('light', props.architecture, props.jobs),
  };
  const create = (id: string, name: FunctionName): FanlakeFunction =>
    new FanlakeFunction(scope, id, {
      prefix: props.prefix,
      name,
      description: descriptions[name],
      code: code[bundleOf[name]],
      architecture: props.architecture,
      size: { ...functionSizes[name], memoryMiB: props.memoryMiB?.[name] ?? functionSizes[name].memoryMiB },
      logRetention: props.logRetention ?? defaultLogRetention,
      encryptionKey: props.encryptionKey,
    });
  const functions = {
    coordinator: create('Coordinator', 'coordinator'),
    worker: create('Worker', 'worker'),
    reducer: create('Reducer', 'reducer'),
    monitor: create('MonitorFunction', 'monitor'),
    'dead-letters': create('DeadLetters', 'dead-letters'),
    sweeper: create('Sweeper', 'sweeper'),
  };
  const { sweeper, ...ofRuns } = functions;
  for (const lambda of Object.values(functions)) tellOwnBuckets(lambda, props);
  for (const lambda of Object.values(ofRuns)) grantToAll(lambda, props);
  sweepsDataFiles(sweeper, props);
  grantToEach(functions, props);
  connect(functions, props);
  return functions;
}

/** Of which buckets nobody but this account may be the owner. */
function tellOwnBuckets(lambda: FanlakeFunction, { ownBuckets }: FunctionsProps): void {
  lambda.set('account', Stack.of(lambda).account);
  lambda.set('ownBuckets', ownBuckets.map(({ bucketName }) => bucketName).join(','));
}

/** The two duties of everybody who has a part in runs: read and write how an epoch ends, and open the next one with its tasks. */
function grantToAll(lambda: FanlakeFunction, { landing, work, lake, queues, eventBus }: FunctionsProps): void {
  // its name, for messages; who may read it is said below
  lambda.set('landingBucket', landing.bucketName);
  usesWork(lambda, work);
  readsLake(lambda, lake);
  lambda.sendsTo(queues.tasks.queue, 'tasksQueue');
  lambda.sendsTo(queues.merges.queue, 'mergesQueue');
  lambda.sendsTo(queues.commits.queue, 'commitsQueue');
  lambda.sendsTo(queues.monitor.queue, 'monitorQueue');
  announcesTo(lambda, eventBus);
}

function grantToEach(functions: Readonly<Record<FunctionName, FanlakeFunction>>, props: FunctionsProps): void {
  const { landing, lake, queues, undeliverable, splitBytes } = props;
  const taskReceives = String(queueSizes.tasks.maxReceives);
  const { coordinator, worker, reducer, monitor, 'dead-letters': deadLetters } = functions;
  readsLanding(coordinator, landing);
  writesLedger(coordinator, lake);
  // events that it is called with directly
  coordinator.sendsTo(queues.requests.queue, 'requestsQueue');
  coordinator.set('splitBytes', String(splitBytes));

  readsLanding(worker, landing);
  writesDataFiles(worker, lake);
  worker.set('maxReceives', taskReceives);

  writesTables(reducer, lake);
  // an upload is planned again after a conflict of its commit
  reducer.sendsTo(queues.requests.queue, 'requestsQueue');
  reducer.set('version', packageVersion());

  writesLedger(monitor, lake);

  // an event may name no version of its object
  readsLanding(deadLetters, landing);
  writesLedger(deadLetters, lake);
  deadLetters.sendsTo(queues.requests.queue, 'requestsQueue');
  deadLetters.sendsTo(undeliverable, 'undeliverableQueue');
  // what it tells of a dead task is how often its own queue delivered it
  deadLetters.set('maxReceives', taskReceives);
}

/** Which function reads which queue. */
function connect(functions: Readonly<Record<FunctionName, FanlakeFunction>>, { queues, maxConcurrency }: FunctionsProps): void {
  const consume = (lambda: FanlakeFunction, id: string, name: QueueName): void => {
    const size = { ...queueSizes[name], maxConcurrency: maxConcurrency?.[name] ?? queueSizes[name].maxConcurrency };
    lambda.consumes(id, queues[name].queue, size);
  };
  consume(functions.coordinator, 'Requests', 'requests');
  consume(functions.worker, 'Tasks', 'tasks');
  // SQL of a job as the tasks are, with the same engine, disk and time; the function that writes the tables' logs runs none
  consume(functions.worker, 'Merges', 'merges');
  consume(functions.reducer, 'Commits', 'commits');
  consume(functions.monitor, 'Ticks', 'monitor');
  for (const name of queueNames) functions['dead-letters'].consumes(`Dead-${name}`, queues[name].dead, deadLetterSize);
}
