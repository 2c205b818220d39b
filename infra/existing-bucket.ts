import { Annotations, Stack, Token } from 'aws-cdk-lib';
import { Bucket } from 'aws-cdk-lib/aws-s3';
import type { Construct } from 'constructs';
import type { AnyBucket } from './buckets.ts';

/** Whose events are on can't be read here: a synthesis asks no account. */
function warnOfEvents(scope: Construct, name: string): void {
  Annotations.of(scope).addWarningV2(
    'fanlake:landing-events',
    `Uploads to the existing bucket ${name} are passed over in silence until it sends its events to EventBridge. Once, with AWS CLI version 2 and jq (it keeps the notifications that are there): ` +
      `aws s3api get-bucket-notification-configuration --bucket ${name} > n.json && jq -n '(input? // {}) + { EventBridgeConfiguration: {} }' n.json > with-events.json && ` +
      `aws s3api put-bucket-notification-configuration --bucket ${name} --notification-configuration file://with-events.json (docs/deploy.md, "A landing bucket that is there already")`,
  );
}

function warnOfOwner(scope: Construct, name: string, consequence: string): void {
  const { account } = Stack.of(scope);
  const owner = Token.isUnresolved(account) ? '<account>' : account;
  Annotations.of(scope).addWarningV2(
    `fanlake:owner-of-${name}`,
    `If the existing bucket ${name} is another account's, ${consequence}. It is yours if this says no 403: aws s3api head-bucket --bucket ${name} --expected-bucket-owner ${owner} (docs/deploy.md, "A bucket of another account")`,
  );
}

/** Says what to look at before uploads can come from a bucket that this deployment didn't make; of one of the same app only whether it announces them. */
export function warnOfLanding(scope: Construct, bucket: AnyBucket): void {
  if (bucket instanceof Bucket) {
    // a private field, and the only sign: the notification itself is a custom resource's
    if (Reflect.get(bucket, 'eventBridgeEnabled') === true) return;
    const message = `Uploads to the bucket ${bucket.node.path} are passed over in silence until it sends its events to EventBridge: give it eventBridgeEnabled: true.`;
    Annotations.of(scope).addWarningV2('fanlake:landing-events', message);
    return;
  }
  const name = shownName(bucket, 'the landing bucket');
  warnOfEvents(scope, name);
  warnOfOwner(scope, name, 'no upload to it is announced here, and reading it is denied');
}

/** The same for tables. */
export function warnOfLake(scope: Construct, bucket: AnyBucket): void {
  if (bucket instanceof Bucket) return;
  warnOfOwner(scope, shownName(bucket, 'the lake bucket'), 'no run can be committed, because reading and writing in it is denied');
}

const shownName = ({ bucketName }: AnyBucket, otherwise: string): string => (Token.isUnresolved(bucketName) ? otherwise : bucketName);
