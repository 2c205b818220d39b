import { RemovalPolicy, Size, Stack, Validations } from 'aws-cdk-lib';
import { Effect, PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import {
  type Architecture,
  type Code,
  EventSourceMapping,
  Function as LambdaFunction,
  LoggingFormat,
  RecursiveLoop,
  Runtime,
  Tracing,
} from 'aws-cdk-lib/aws-lambda';
import { LogGroup, type RetentionDays } from 'aws-cdk-lib/aws-logs';
import type { Queue } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { environmentNames, type Setting } from '../functions/runtime/environment.ts';
import type { FunctionName, FunctionSize, QueueSize } from './sizes.ts';

export interface FanlakeFunctionProps {
  /** Name of the deployment: in names, and a dimension of every metric. */
  readonly prefix: string;
  readonly name: FunctionName;
  readonly description: string;
  readonly code: Code;
  readonly architecture: Architecture;
  readonly size: FunctionSize;
  readonly logRetention: RetentionDays;
  /** The key of buckets and queues. */
  readonly encryptionKey?: IKey | undefined;
}

/** A resolved ARN as cdk-nag writes it: `<Lake1234.Arn>/*`. */
function plainText(resolved: unknown): string {
  if (typeof resolved === 'string') return resolved;
  if (Array.isArray(resolved)) return resolved.map(plainText).join('');
  const [[name = '', value] = []] = Object.entries(resolved ?? {});
  if (name === 'Fn::Join' && Array.isArray(value)) return plainText(value[1]);
  return `<${Array.isArray(value) ? value.join('.') : String(value)}>`;
}

/** What all functions have in common, and the only place that says so. A permission and the setting that needs it are given in one call. */
export class FanlakeFunction extends Construct {
  readonly lambda: LambdaFunction;
  private readonly role: Role;

  constructor(scope: Construct, id: string, props: FanlakeFunctionProps) {
    super(scope, id);
    const { prefix, name, size } = props;
    const logGroup = new LogGroup(this, 'Logs', {
      logGroupName: `/fanlake/${prefix}/${name}`,
      retention: props.logRetention,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    // A role of its own instead of AWSLambdaBasicExecutionRole, which may write every log group of the account.
    this.role = new Role(this, 'Role', { assumedBy: new ServicePrincipal('lambda.amazonaws.com') });
    logGroup.grantWrite(this.role);
    if (props.encryptionKey !== undefined) this.allow(['kms:Decrypt', 'kms:GenerateDataKey'], [props.encryptionKey.keyArn]);
    this.lambda = new LambdaFunction(this, 'Function', {
      description: props.description,
      runtime: Runtime.NODEJS_24_X,
      architecture: props.architecture,
      code: props.code,
      handler: `${name}.handler`,
      memorySize: size.memoryMiB,
      timeout: size.timeout,
      ephemeralStorageSize: Size.mebibytes(size.scratchMiB),
      role: this.role,
      logGroup,
      // One JSON document a line, so that Logs Insights knows the fields. What a function prints goes through unchanged: it is JSON already.
      loggingFormat: LoggingFormat.JSON,
      tracing: Tracing.ACTIVE,
      // Tasks send tasks: after about 16 such hops Lambda would drop the chain. Every circle of ours ends by itself, or waits a quarter of an hour each time.
      recursiveLoop: RecursiveLoop.ALLOW,
      environment: {
        POWERTOOLS_SERVICE_NAME: 'fanlake',
        POWERTOOLS_METRICS_NAMESPACE: 'Fanlake',
        POWERTOOLS_LOG_LEVEL: 'INFO',
        NODE_OPTIONS: '--enable-source-maps',
        [environmentNames.stack]: prefix,
      },
    });
    this.explain('*', 'X-Ray has no resources: PutTraceSegments and PutTelemetryRecords are granted on all or none.');
  }

  /** @param reason why a pattern stands in an ARN: cdk-nag wants each explained */
  allowPattern(actions: readonly string[], arn: string, reason: string): void {
    this.allow(actions, [arn]);
    this.explain(arn, reason);
  }

  private explain(arn: string, reason: string): void {
    Validations.of(this.role).acknowledge({ id: `AwsSolutions-IAM5[Resource::${plainText(Stack.of(this).resolve(arn))}]`, reason });
  }

  /** @param resources ARNs */
  allow(actions: readonly string[], resources: readonly string[]): void {
    this.role.addToPolicy(new PolicyStatement({ actions: [...actions], resources: [...resources] }));
  }

  /** @param conditions under which it is denied */
  deny(actions: readonly string[], resources: readonly string[], conditions: Readonly<Record<string, unknown>> = {}): void {
    this.role.addToPolicy(new PolicyStatement({ effect: Effect.DENY, actions: [...actions], resources: [...resources], conditions }));
  }

  set(setting: Setting, value: string): void {
    this.lambda.addEnvironment(environmentNames[setting], value);
  }

  /** Lets the function send to a queue, and tells it where that is. */
  sendsTo(queue: Queue, setting: Setting): void {
    this.allow(['sqs:SendMessage'], [queue.queueArn]);
    this.set(setting, queue.queueUrl);
  }

  /** Delivers a queue to the function, and lets it hide, delay and acknowledge its messages. */
  consumes(id: string, queue: Queue, size: QueueSize): void {
    const actions = ['sqs:ReceiveMessage', 'sqs:DeleteMessage', 'sqs:ChangeMessageVisibility', 'sqs:GetQueueAttributes'];
    this.allow(actions, [queue.queueArn]);
    new EventSourceMapping(this, id, {
      target: this.lambda,
      eventSourceArn: queue.queueArn,
      batchSize: size.batchSize,
      maxConcurrency: size.maxConcurrency,
      reportBatchItemFailures: true,
    });
  }
}
