import { CfnOutput, Stack } from 'aws-cdk-lib';
import { EventBus, type IEventBus, type Rule } from 'aws-cdk-lib/aws-events';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import { Architecture } from 'aws-cdk-lib/aws-lambda';
import type { Queue } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import type { UploadJob } from '../functions/core/job-of-key.ts';
import { Alarms } from './alarms.ts';
import { type AnyBucket, type BucketSettings, lakeBucket, landingBucket, workBucket } from './buckets.ts';
import { checkJobs } from './check-jobs.ts';
import { checkPrefix, checkSettings } from './check-settings.ts';
import { createDashboard } from './dashboard.ts';
import { warnOfLake, warnOfLanding } from './existing-bucket.ts';
import type { FanlakeProps } from './fanlake-props.ts';
import type { FanlakeFunction } from './function.ts';
import { createFunctions } from './functions.ts';
import { protectLogs } from './lake-policy.ts';
import { QueueWithDeadLetters, undeliverableQueue } from './queue-with-dead-letters.ts';
import { defaultSplitBytes, defaultWorkDays, type FunctionName, functionSizes, type QueueName, queueSizes } from './sizes.ts';
import { SweepSchedule } from './sweep-schedule.ts';
import { allowServicesToUse, joinBucket, notifyQueue } from './upload-trigger.ts';

// 'fanlake/infra' is this file
export type { FanlakeProps } from './fanlake-props.ts';

/**
 * Files that land in a bucket become rows of tables in the lake bucket, each upload exactly once. Everything has a default but `jobs`. A construct named 'Fanlake' has
 * the stack's name in front of its queues' names and plain outputs; any other id goes into both.
 * @throws FanlakeError `job.invalid` when a job can't run (two prefixes overlap, a query isn't one), `usage` when settings contradict each other
 */
export class Fanlake extends Construct {
  readonly landing: AnyBucket;
  readonly lake: AnyBucket;
  readonly work: AnyBucket;
  readonly queues: Readonly<Record<QueueName, QueueWithDeadLetters>>;
  readonly undeliverable: Queue;
  readonly functions: Readonly<Record<FunctionName, FanlakeFunction>>;
  readonly alarms: Alarms;
  readonly eventBus: IEventBus;
  /** Name of the deployment: the beginning of its queues', alarms' and log groups' names. */
  readonly prefix: string;

  constructor(scope: Construct, id: string, props: FanlakeProps) {
    super(scope, id);
    const uploads = checkJobs(props.jobs);
    checkSettings(props);
    this.prefix = id === 'Fanlake' ? Stack.of(this).stackName : `${Stack.of(this).stackName}-${id}`;
    checkPrefix(this.prefix);
    const { encryptionKey, accessLogBucket, splitBytes = defaultSplitBytes, workDays = defaultWorkDays } = props;
    if (encryptionKey !== undefined) allowServicesToUse(encryptionKey, this);

    const settings: BucketSettings = { encryptionKey, accessLogBucket, remove: props.removeData ?? false };
    this.lake = props.lakeBucket ?? lakeBucket(this, 'Lake', settings, workDays);
    this.work = workBucket(this, 'Work', settings, workDays);
    this.undeliverable = undeliverableQueue(this, 'Undeliverable', this.prefix, encryptionKey);
    this.queues = this.createQueues(encryptionKey);
    this.landing = props.landingBucket ?? this.createLanding(settings);
    const rules = props.landingBucket === undefined ? [] : this.joinLanding(uploads);
    if (props.lakeBucket !== undefined) warnOfLake(this, this.lake);
    protectLogs(this, this.lake);

    this.eventBus = props.eventBus ?? EventBus.fromEventBusName(this, 'EventBus', 'default');
    const { landing, lake, work, queues, undeliverable, prefix, eventBus } = this;
    const ownBuckets = [work, landing, lake].filter((bucket) => bucket !== props.landingBucket && bucket !== props.lakeBucket);
    this.functions = createFunctions(this, {
      ...props,
      architecture: props.architecture ?? Architecture.ARM_64,
      splitBytes,
      workDays,
      ...{ landing, lake, work, ownBuckets, queues, undeliverable, prefix, eventBus },
    });
    // who else writes to a bucket that was there before can't be known from here
    const enabled = props.sweep ?? props.lakeBucket === undefined;
    new SweepSchedule(this, 'SweepSchedule', { sweeper: this.functions.sweeper, enabled });
    this.alarms = new Alarms(this, 'Alarms', { prefix, queues, undeliverable, rules, functions: this.functions, topic: props.alarmTopic });
    if (props.dashboard ?? true)
      createDashboard(this, 'Dashboard', { prefix, queues, functions: this.functions, alarms: this.alarms.alarms });
    this.output(splitBytes);
  }

  private createLanding(settings: BucketSettings): AnyBucket {
    const bucket = landingBucket(this, 'Landing', settings);
    notifyQueue(bucket, this.queues.requests.queue);
    return bucket;
  }

  private joinLanding(uploads: readonly UploadJob[]): readonly Rule[] {
    const prefixes = uploads.map(({ input }) => input.prefix);
    warnOfLanding(this, this.landing);
    return joinBucket(this, this.landing, prefixes, this.queues.requests);
  }

  private createQueues(encryptionKey: IKey | undefined): Readonly<Record<QueueName, QueueWithDeadLetters>> {
    const create = (id: string, name: QueueName, reader: FunctionName): QueueWithDeadLetters =>
      new QueueWithDeadLetters(this, id, {
        prefix: this.prefix,
        name,
        timeout: functionSizes[reader].timeout,
        deadLetterTimeout: functionSizes['dead-letters'].timeout,
        maxReceives: queueSizes[name].maxReceives,
        undeliverable: this.undeliverable,
        encryptionKey,
      });
    return {
      requests: create('Requests', 'requests', 'coordinator'),
      tasks: create('Tasks', 'tasks', 'worker'),
      merges: create('Merges', 'merges', 'worker'),
      commits: create('Commits', 'commits', 'reducer'),
      monitor: create('Monitor', 'monitor', 'monitor'),
    };
  }

  /** What `fanlake --stack` reads. */
  private output(splitBytes: number): void {
    const values: Readonly<Record<string, string>> = {
      LandingBucket: this.landing.bucketName,
      WorkBucket: this.work.bucketName,
      LakeBucket: this.lake.bucketName,
      RequestsQueue: this.queues.requests.queue.queueUrl,
      TasksQueue: this.queues.tasks.queue.queueUrl,
      MergesQueue: this.queues.merges.queue.queueUrl,
      CommitsQueue: this.queues.commits.queue.queueUrl,
      MonitorQueue: this.queues.monitor.queue.queueUrl,
      EventBus: this.eventBus.eventBusName,
      SplitBytes: String(splitBytes),
    };
    const inFront = this.node.id === 'Fanlake' ? '' : this.node.id.replaceAll(/[^A-Za-z0-9]/g, '');
    for (const [name, value] of Object.entries(values))
      new CfnOutput(this, `${name}Output`, { value }).overrideLogicalId(`${inFront}${name}`);
  }
}
