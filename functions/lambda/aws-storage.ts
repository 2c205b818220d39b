import { expectOwner } from '../adapters/expect-owner.ts';
import { makeS3Client } from '../adapters/s3-client.ts';
import { S3Store } from '../adapters/s3-store.ts';
import { systemNonces } from '../adapters/system-clock.ts';
import type { ObjectStore } from '../core/ports.ts';
import { readEnvironment, type Setting } from '../runtime/environment.ts';
import { FunctionLog } from '../runtime/log.ts';

const common = ['workBucket', 'lakeBucket', 'account', 'ownBuckets', 'stack'] as const satisfies readonly Setting[];

export interface AwsStorage<Extra extends Setting> {
  readonly settings: Readonly<Record<(typeof common)[number] | Extra, string>>;
  readonly stores: { readonly work: ObjectStore; readonly lake: ObjectStore };
  readonly log: FunctionLog;
}

/**
 * The buckets of a function that has no part in runs: it knows no queue, and no bucket of uploads.
 * @throws FanlakeError `internal` when it was deployed without a setting
 */
export function awsStorage<const Extra extends Setting = never>(extra: readonly Extra[] = []): AwsStorage<Extra> {
  const settings = readEnvironment<(typeof common)[number] | Extra>([...common, ...extra]);
  const client = makeS3Client();
  expectOwner(client, settings.account, settings.ownBuckets.split(','));
  const store = (bucket: string): ObjectStore => new S3Store({ client, bucket, nonces: systemNonces });
  return {
    settings,
    stores: { work: store(settings.workBucket), lake: store(settings.lakeBucket) },
    log: FunctionLog.open(settings.stack),
  };
}
