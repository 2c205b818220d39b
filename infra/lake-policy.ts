import { Annotations } from 'aws-cdk-lib';
import { AnyPrincipal, Effect, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { Construct } from 'constructs';
import type { AnyBucket } from './buckets.ts';

/**
 * Nobody, whatever his role, may put an entry of a table's log without a condition: it could replace a commit. Creating (If-None-Match) and compare-and-swap
 * (If-Match) stay allowed. A multipart upload is judged when it is completed, the only one of its requests that carries a condition; uploads of its
 * parts have s3:ObjectCreationOperation false
 * (https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes-enforce.html).
 */
function denyUnconditionalEntries(bucket: AnyBucket): PolicyStatement {
  return new PolicyStatement({
    sid: 'LogEntriesOnlyWithCondition',
    effect: Effect.DENY,
    principals: [new AnyPrincipal()],
    actions: ['s3:PutObject'],
    resources: [bucket.arnForObjects('*/_delta_log/*.json')],
    conditions: {
      Null: { 's3:if-none-match': 'true', 's3:if-match': 'true' },
      Bool: { 's3:ObjectCreationOperation': 'true' },
    },
  });
}

/** Adds the rule to a bucket of this app; of another one it says how to add it by hand. */
export function protectLogs(scope: Construct, lake: AnyBucket): void {
  if (lake.addToResourcePolicy(denyUnconditionalEntries(lake)).statementAdded) return;
  Annotations.of(scope).addInfo(
    `The lake bucket isn't made by this app, so its policy can't be changed here. Add the statement of docs/deploy.md ("An existing lake bucket") to it: it keeps other writers from replacing entries of a table's log.`,
  );
}
