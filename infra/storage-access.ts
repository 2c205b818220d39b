import type { IEventBus } from 'aws-cdk-lib/aws-events';
import type { AnyBucket } from './buckets.ts';
import type { FanlakeFunction } from './function.ts';

// HeadObject of a key that isn't there answers 404 only to those who may list the bucket, else 403.

const tableNames = "A key of the lake begins with its table's name, which is a job's: no narrower pattern holds all tables.";

/**
 * An object's creation by a request that may replace another. Uploads of a large object's parts create none: it is judged when they are put together
 * (https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes-enforce.html).
 */
const mayReplace = { Null: { 's3:if-none-match': 'true' }, Bool: { 's3:ObjectCreationOperation': 'true' } };

/** What a function writes there is never changed, by whomever: it may only create. */
function createsOnly(lambda: FanlakeFunction, arn: string): void {
  lambda.deny(['s3:PutObject'], [arn], mayReplace);
}

/** Inputs, each by its version. */
export function readsLanding(lambda: FanlakeFunction, bucket: AnyBucket): void {
  lambda.allowPattern(['s3:GetObject', 's3:GetObjectVersion'], bucket.arnForObjects('*'), 'Any object of the bucket may be an upload.');
  lambda.allow(['s3:ListBucket'], [bucket.bucketArn]);
}

/** Decisions, outcomes, manifests. */
const ledgers = '*/_fanlake/*';

/** Plans and parts. */
export function usesWork(lambda: FanlakeFunction, bucket: AnyBucket): void {
  lambda.allowPattern(['s3:GetObject', 's3:PutObject'], bucket.arnForObjects('*'), 'The bucket is for plans and parts of runs alone.');
  createsOnly(lambda, bucket.arnForObjects('*'));
  lambda.allow(['s3:ListBucket'], [bucket.bucketArn]);
  lambda.set('workBucket', bucket.bucketName);
}

/** Tables, their logs and ledgers. */
export function readsLake(lambda: FanlakeFunction, bucket: AnyBucket): void {
  lambda.allowPattern(['s3:GetObject'], bucket.arnForObjects('*'), tableNames);
  lambda.allow(['s3:ListBucket'], [bucket.bucketArn]);
  lambda.set('lakeBucket', bucket.bucketName);
}

/** Decisions and outcomes, never a table's log or files. */
export function writesLedger(lambda: FanlakeFunction, lake: AnyBucket): void {
  lambda.allowPattern(['s3:PutObject'], lake.arnForObjects(ledgers), tableNames);
  createsOnly(lambda, lake.arnForObjects(ledgers));
}

/** New data files, quarantine and the ledger, but no entry of a log, and nothing over what is there: this function runs the users' SQL. */
export function writesDataFiles(lambda: FanlakeFunction, lake: AnyBucket): void {
  lambda.allowPattern(['s3:PutObject', 's3:AbortMultipartUpload'], lake.arnForObjects('*'), tableNames);
  lambda.deny(['s3:PutObject'], [lake.arnForObjects('*/_delta_log/*')]);
  createsOnly(lambda, lake.arnForObjects('*'));
}

/** Entries of logs, the ledger, and the copies that a table of Hive folders is committed by. It deletes what it has copied. */
export function writesTables(lambda: FanlakeFunction, lake: AnyBucket): void {
  lambda.allowPattern(['s3:PutObject'], lake.arnForObjects('*'), tableNames);
  createsOnly(lambda, lake.arnForObjects(ledgers));
  // what such a table's tasks wrote, once it has its final name
  lambda.allowPattern(['s3:DeleteObject'], lake.arnForObjects('*/_fanlake/*/files/*'), tableNames);
}

/** A data file's name, as far as a pattern can tell it: run, epoch, task, nonce, number (core/keys.ts). */
const dataFileNames = '*-e*-???????-????????????-*.parquet';

/** Looks for data files that belong to no table any more, and deletes them: never anything of a log, of the quarantine, or of another name. */
export function sweepsDataFiles(lambda: FanlakeFunction, { work, lake, workDays }: SweptBuckets): void {
  // whether anything of a run is left
  lambda.allow(['s3:ListBucket'], [work.bucketArn, lake.bucketArn]);
  for (const folder of ['_delta_log', '_fanlake']) lambda.allowPattern(['s3:GetObject'], lake.arnForObjects(`*/${folder}/*`), tableNames);
  lambda.allowPattern(['s3:DeleteObject'], lake.arnForObjects(dataFileNames), tableNames);
  lambda.deny(['s3:DeleteObject'], [lake.arnForObjects('*/_delta_log/*'), lake.arnForObjects('quarantine/*')]);
  lambda.set('workBucket', work.bucketName);
  lambda.set('lakeBucket', lake.bucketName);
  lambda.set('workDays', String(workDays));
}

interface SweptBuckets {
  readonly work: AnyBucket;
  readonly lake: AnyBucket;
  readonly workDays: number;
}

/** Says that a run has ended. */
export function announcesTo(lambda: FanlakeFunction, bus: IEventBus): void {
  lambda.allow(['events:PutEvents'], [bus.eventBusArn]);
  lambda.set('eventBus', bus.eventBusName);
}
