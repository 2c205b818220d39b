import { Stack, type StackProps } from 'aws-cdk-lib';
import { Bucket } from 'aws-cdk-lib/aws-s3';
import type { Construct } from 'constructs';
import { Fanlake } from './fanlake.ts';
import type { FanlakeProps } from './fanlake-props.ts';

export interface FanlakeStackProps extends StackProps, Omit<FanlakeProps, 'landingBucket' | 'lakeBucket'> {
  /** Names of buckets that were there before. Default: new ones. */
  readonly existing?: { readonly landingBucket?: string | undefined; readonly lakeBucket?: string | undefined };
}

/** A stack with one Fanlake in it. Its outputs are what `fanlake --stack <name>` reads. */
export class FanlakeStack extends Stack {
  readonly fanlake: Fanlake;

  constructor(scope: Construct, id: string, { existing = {}, ...props }: FanlakeStackProps) {
    super(scope, id, props);
    const { landingBucket, lakeBucket } = existing;
    this.fanlake = new Fanlake(this, 'Fanlake', {
      ...props,
      ...(landingBucket === undefined ? {} : { landingBucket: Bucket.fromBucketName(this, 'ExistingLanding', landingBucket) }),
      ...(lakeBucket === undefined ? {} : { lakeBucket: Bucket.fromBucketName(this, 'ExistingLake', lakeBucket) }),
    });
  }
}
