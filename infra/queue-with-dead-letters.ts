import type { Duration } from 'aws-cdk-lib';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import { Queue, QueueEncryption } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { deadLetterRetention, deadLetterSize, messageRetention, visibilityFor } from './sizes.ts';

/** SQS's largest, since August 2025. */
const messageBytes = 1_048_576;

export interface QueueWithDeadLettersProps {
  /** Beginning of the queues' names: `<prefix>-<name>` and `<prefix>-<name>-dead`. */
  readonly prefix: string;
  readonly name: string;
  /** Of the function that reads the queue. */
  readonly timeout: Duration;
  /** Of the function that reads the dead letters. */
  readonly deadLetterTimeout: Duration;
  readonly maxReceives: number;
  /** Where dead letters go that nobody can handle. */
  readonly undeliverable: Queue;
  readonly encryptionKey?: IKey | undefined;
}

const encrypted = (key: IKey | undefined) =>
  key === undefined ? { encryption: QueueEncryption.SQS_MANAGED } : { encryption: QueueEncryption.KMS, encryptionMasterKey: key };

/** The queue for what nobody understands: a person reads it. */
export function undeliverableQueue(scope: Construct, id: string, prefix: string, key: IKey | undefined): Queue {
  return new Queue(scope, id, {
    queueName: `${prefix}-undeliverable`,
    retentionPeriod: deadLetterRetention,
    maxMessageSizeBytes: messageBytes,
    enforceSSL: true,
    ...encrypted(key),
  });
}

/** A queue of work, and behind it the queue of what failed too often, which is handled too. */
export class QueueWithDeadLetters extends Construct {
  readonly queue: Queue;
  readonly dead: Queue;

  constructor(scope: Construct, id: string, props: QueueWithDeadLettersProps) {
    super(scope, id);
    const common = { maxMessageSizeBytes: messageBytes, enforceSSL: true, ...encrypted(props.encryptionKey) };
    this.dead = new Queue(this, 'Dead', {
      ...common,
      queueName: `${props.prefix}-${props.name}-dead`,
      retentionPeriod: deadLetterRetention,
      visibilityTimeout: visibilityFor(props.deadLetterTimeout),
      deadLetterQueue: { queue: props.undeliverable, maxReceiveCount: deadLetterSize.maxReceives },
    });
    this.queue = new Queue(this, 'Queue', {
      ...common,
      queueName: `${props.prefix}-${props.name}`,
      retentionPeriod: messageRetention,
      visibilityTimeout: visibilityFor(props.timeout),
      deadLetterQueue: { queue: this.dead, maxReceiveCount: props.maxReceives },
    });
  }
}
