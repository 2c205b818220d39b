import type { IEventBus } from 'aws-cdk-lib/aws-events';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { Architecture } from 'aws-cdk-lib/aws-lambda';
import type { RetentionDays } from 'aws-cdk-lib/aws-logs';
import type { IBucket } from 'aws-cdk-lib/aws-s3';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import type { Job } from '../functions/core/job.ts';
import type { AnyBucket } from './buckets.ts';
import type { FunctionName, QueueName } from './sizes.ts';

export interface FanlakeProps {
  /** What uploads become: any number; those with an `input.prefix` are started by uploads. */
  readonly jobs: readonly Job[];
  /** Where files land. Default: a new, versioned bucket. One that is there already is joined through EventBridge, which its owner must have switched on. */
  readonly landingBucket?: AnyBucket;
  /** Where tables lie. Default: a new bucket. */
  readonly lakeBucket?: AnyBucket;
  /** MiB of memory by function; Lambda gives 1 vCPU per 1,769. Default: sizes.ts. */
  readonly memoryMiB?: Partial<Record<FunctionName, number>>;
  /** Functions at work at once, by queue, 2 to 1,000. `tasks` is the one to change: 500 by default. */
  readonly maxConcurrency?: Partial<Record<QueueName, number>>;
  /** Bytes of input that a task aims at. Default 256 MiB. */
  readonly splitBytes?: number;
  /** Days until everything in the work bucket expires, at least 22. Default 30. */
  readonly workDays?: number;
  /**
   * Whether data files that belong to no table any more are deleted, once a week. Default: true for a new lake bucket; false for one that is there already,
   * since another Fanlake may be at work in it, whose runs only its own work bucket tells.
   */
  readonly sweep?: boolean;
  /** How long logs are kept. Default three months. */
  readonly logRetention?: RetentionDays;
  /** Encrypts buckets and queues. Default: keys that S3 and SQS manage. */
  readonly encryptionKey?: IKey;
  /** Hears of alarms. Default: nobody. */
  readonly alarmTopic?: ITopic;
  /** Whether there is a dashboard (3 USD a month beyond an account's first three). Default true; LocalStack's community edition knows none. */
  readonly dashboard?: boolean;
  /** Hears of finished runs. Default: the account's default bus. */
  readonly eventBus?: IEventBus;
  /** Takes the server access logs of the new buckets. Default: none are written. */
  readonly accessLogBucket?: IBucket;
  /** Whether new buckets go with the stack; CloudFormation deletes only empty ones. Default false: data outlives the stack. */
  readonly removeData?: boolean;
  /** Of the functions. Default arm64, a fifth cheaper; an emulator needs its host's. */
  readonly architecture?: Architecture;
}
