import type { IEventBus } from 'aws-cdk-lib/aws-events';
import type { AnyBucket } from './buckets.ts';
import type { FanlakeFunction } from './function.ts';

// HeadObject of a key that isn't there answers 404 only to those who may list the bucket, else 403.

const tableNames = "A key of the lake begins with its table's name, which is a job's: no narrower pattern holds all tables.";

/** Inputs, each by its version. */
export function readsLanding(lambda: FanlakeFunction, bucket: AnyBucket): void {
  lambda.allowPattern(['s3:GetObject', 's3:GetObjectVersion'], bucket.arnForObjects('*'), 'Any object of the bucket may be an upload.');
  lambda.allow(['s3:ListBucket'], [bucket.bucketArn]);
}

/** Plans and parts. */
export function usesWork(lambda: FanlakeFunction, bucket: AnyBucket): void {
  lambda.allowPattern(['s3:GetObject', 's3:PutObject'], bucket.arnForObjects('*'), 'The bucket is for plans and parts of runs alone.');
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
  lambda.allowPattern(['s3:PutObject'], lake.arnForObjects('*/_fanlake/*'), tableNames);
}

/** Data files, quarantine and the ledger, but no entry of a log. */
export function writesDataFiles(lambda: FanlakeFunction, lake: AnyBucket): void {
  lambda.allowPattern(['s3:PutObject', 's3:AbortMultipartUpload'], lake.arnForObjects('*'), tableNames);
  lambda.deny(['s3:PutObject'], [lake.arnForObjects('*/_delta_log/*')]);
}

/** Entries of logs, the ledger, and the copies that a table of Hive folders is committed by. It deletes what it has copied. */
export function writesTables(lambda: FanlakeFunction, lake: AnyBucket): void {
  lambda.allowPattern(['s3:PutObject'], lake.arnForObjects('*'), tableNames);
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
