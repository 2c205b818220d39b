import { Duration, RemovalPolicy, Validations } from 'aws-cdk-lib';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import { BlockPublicAccess, Bucket, BucketEncryption, type BucketProps, type IBucket, ObjectOwnership } from 'aws-cdk-lib/aws-s3';
import type { Construct } from 'constructs';
import { answersPrefix } from '../functions/core/keys.ts';
import { abandonedUploadDays } from './sizes.ts';

/** What Fanlake needs of a bucket. (A `Bucket` is no `IBucket` for TypeScript under exactOptionalPropertyTypes.) */
export type AnyBucket = Pick<IBucket, 'bucketName' | 'bucketArn' | 'arnForObjects' | 'addToResourcePolicy'>;

export interface BucketSettings {
  readonly encryptionKey?: IKey | undefined;
  /** Takes the server access logs of the bucket, below `<id>/`. */
  readonly accessLogBucket?: IBucket | undefined;
  /** Whether the bucket goes with the stack; CloudFormation deletes only an empty one. */
  readonly remove: boolean;
}

/** What every bucket of ours is: private, encrypted, for TLS alone, free of abandoned uploads, and kept when the stack goes. */
function createBucket(scope: Construct, id: string, settings: BucketSettings, more: BucketProps): Bucket {
  const { encryptionKey, accessLogBucket } = settings;
  const removalPolicy = settings.remove ? RemovalPolicy.DESTROY : RemovalPolicy.RETAIN;
  const bucket = new Bucket(scope, id, {
    blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
    objectOwnership: ObjectOwnership.BUCKET_OWNER_ENFORCED,
    enforceSSL: true,
    // Without a bucket key each request would be one to KMS as well.
    ...(encryptionKey === undefined
      ? { encryption: BucketEncryption.S3_MANAGED }
      : { encryption: BucketEncryption.KMS, encryptionKey, bucketKeyEnabled: true }),
    ...(accessLogBucket === undefined ? {} : { serverAccessLogsBucket: accessLogBucket, serverAccessLogsPrefix: `${id.toLowerCase()}/` }),
    removalPolicy,
    ...more,
    lifecycleRules: [
      { id: 'abandoned-uploads', abortIncompleteMultipartUploadAfter: Duration.days(abandonedUploadDays) },
      ...(more.lifecycleRules ?? []),
    ],
  });
  // A bucket that stays keeps its rules: TLS alone, no unconditional put.
  bucket.policy?.applyRemovalPolicy(removalPolicy);
  if (accessLogBucket === undefined) {
    const reason =
      'Access logs cost a put for each request and a bucket more: whoever needs them gives accessLogBucket, or has CloudTrail data events.';
    Validations.of(bucket).acknowledge({ id: 'AwsSolutions-S1', reason });
  }
  return bucket;
}

/** Versioned, so that each run reads the very version that its event named. */
export const landingBucket = (scope: Construct, id: string, settings: BucketSettings): Bucket =>
  createBucket(scope, id, settings, { versioned: true });

/** Tables, ledgers and quarantine: nothing expires but printed answers, and these only when what the work bucket has of them is gone. */
export const lakeBucket = (scope: Construct, id: string, settings: BucketSettings, workDays: number): Bucket =>
  createBucket(scope, id, settings, {
    lifecycleRules: [{ id: 'answers', prefix: answersPrefix, expiration: Duration.days(workDays + 1) }],
  });

/** Plans and parts: everything expires. */
export const workBucket = (scope: Construct, id: string, settings: BucketSettings, expiryDays: number): Bucket =>
  createBucket(scope, id, settings, { lifecycleRules: [{ id: 'expiry', expiration: Duration.days(expiryDays) }] });
