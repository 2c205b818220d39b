import { Annotations, Stack, Token } from 'aws-cdk-lib';
import { type EventPattern, Rule } from 'aws-cdk-lib/aws-events';
import { SqsQueue } from 'aws-cdk-lib/aws-events-targets';
import { PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import { type Bucket, CfnBucket } from 'aws-cdk-lib/aws-s3';
import { CfnQueuePolicy, type Queue, QueuePolicy } from 'aws-cdk-lib/aws-sqs';
import type { Construct } from 'constructs';
import type { AnyBucket } from './buckets.ts';
import type { QueueWithDeadLetters } from './queue-with-dead-letters.ts';

/** Lets S3 and EventBridge of this account encrypt what they send. An imported key's policy is not ours: then it says so. */
export function allowServicesToUse(key: IKey, scope: Construct): void {
  const { statementAdded } = key.addToResourcePolicy(
    new PolicyStatement({
      sid: 'UploadsAreAnnounced',
      principals: [new ServicePrincipal('s3.amazonaws.com'), new ServicePrincipal('events.amazonaws.com')],
      actions: ['kms:Decrypt', 'kms:GenerateDataKey'],
      resources: ['*'],
      conditions: { StringEquals: { 'aws:SourceAccount': Stack.of(scope).account } },
    }),
  );
  if (!statementAdded) warnOfKey(scope, key);
}

/** What EventBridge can't encrypt reaches neither the queue nor its dead letters. */
function warnOfKey(scope: Construct, { keyArn }: IKey): void {
  const key = Token.isUnresolved(keyArn) ? 'of encryptionKey' : keyArn;
  Annotations.of(scope).addWarningV2(
    'fanlake:key-policy',
    `The key ${key} isn't made by this app, so its policy can't be changed here. Until it lets s3.amazonaws.com and events.amazonaws.com use it, uploads are lost without a word: ` +
      'add the statement of docs/deploy.md ("A key of your own") to it.',
  );
}

/** The resource that S3 must find in place before it takes the notification: it tries the queue at once. */
function policyOf(queue: Queue): CfnQueuePolicy {
  const policy = queue.node.findAll().find((child) => child instanceof QueuePolicy)?.node.defaultChild;
  if (!(policy instanceof CfnQueuePolicy)) throw new Error(`The queue ${queue.node.path} has no policy, so no bucket may send to it.`);
  return policy;
}

/**
 * Each object that is created in a bucket of this stack becomes a message. One rule for the whole bucket: S3 refuses overlapping ones, a job needs none of its own, and
 * the coordinator sees, counts and logs what is of no job. It is CloudFormation's own property, because the CDK's method brings a custom resource.
 */
export function notifyQueue(bucket: Bucket, queue: Queue): void {
  const { account, partition } = Stack.of(bucket);
  queue.addToResourcePolicy(
    new PolicyStatement({
      sid: 'UploadsAreAnnounced',
      principals: [new ServicePrincipal('s3.amazonaws.com')],
      actions: ['sqs:SendMessage'],
      resources: [queue.queueArn],
      conditions: {
        StringEquals: { 'aws:SourceAccount': account },
        // not the bucket's own ARN: bucket and policy would wait for each other
        ArnLike: { 'aws:SourceArn': `arn:${partition}:s3:::*` },
      },
    }),
  );
  const resource = bucket.node.defaultChild;
  if (!(resource instanceof CfnBucket)) throw new Error(`The bucket ${bucket.node.path} isn't made by this app.`);
  resource.notificationConfiguration = { queueConfigurations: [{ event: 's3:ObjectCreated:*', queue: queue.queueArn }] };
  resource.addResourceDependency(policyOf(queue));
}

/** EventBridge takes at most 2,048 characters of a pattern; the rest of ours has about 200, and a bucket's name may be a reference. */
const patternBytes = 1_500;

/** Prefixes in as few rules as hold them. */
function inRules(prefixes: readonly string[]): readonly (readonly string[])[] {
  const rules: string[][] = [];
  let left = 0;
  for (const prefix of prefixes) {
    const size = JSON.stringify({ prefix }).length + 1;
    if (rules.length === 0 || size > left) {
      rules.push([]);
      left = patternBytes;
    }
    rules.at(-1)?.push(prefix);
    left -= size;
  }
  return rules;
}

/**
 * Uploads below the jobs' prefixes of a bucket that was there before become messages, through EventBridge: the bucket's own notifications are left as they are. The
 * bucket must send its events to EventBridge, which only its owner can switch on.
 */
export function joinBucket(
  scope: Construct,
  bucket: AnyBucket,
  prefixes: readonly string[],
  requests: QueueWithDeadLetters,
): readonly Rule[] {
  return inRules(prefixes).map((some, index) => {
    const eventPattern: EventPattern = {
      source: ['aws.s3'],
      detailType: ['Object Created'],
      detail: { bucket: { name: [bucket.bucketName] }, object: { key: some.map((prefix) => ({ prefix })) } },
    };
    return new Rule(scope, `Uploads${index === 0 ? '' : index + 1}`, {
      description: `Uploads to ${bucket.bucketName} become runs of Fanlake`,
      eventPattern,
      // what can't be delivered in a day is handled as a dead letter
      targets: [new SqsQueue(requests.queue, { deadLetterQueue: requests.dead })],
    });
  });
}
