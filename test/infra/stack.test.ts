import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Validations } from 'aws-cdk-lib';
import { Match, type Template } from 'aws-cdk-lib/assertions';
import { AwsSolutionsChecks } from 'cdk-nag';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { environmentNames } from '../../functions/runtime/environment.ts';
import { repository, Synthesis } from './synthesis.ts';
import { namesIn, resourcesOf, textOf } from './template-text.ts';

let synthesis: Synthesis;
let template: Template;
let named: (value: unknown) => string;

beforeAll(() => {
  synthesis = new Synthesis();
  synthesis.fanlake();
  // a finding that nobody explained ends the synthesis
  Validations.of(synthesis.app).addPlugins(new AwsSolutionsChecks(synthesis.app));
  template = synthesis.template();
  const names = namesIn(template);
  named = (value) => names(textOf(value));
});
afterAll(() => synthesis.dispose());

const properties = (type: string) => [...resourcesOf(template, type).values()].map((resource) => resource.Properties);
const queues = () => new Map(properties('AWS::SQS::Queue').map((queue) => [String(queue['QueueName']), queue]));
const work = ['requests', 'tasks', 'merges', 'commits', 'monitor'];

describe('the stack', () => {
  it('has no custom resource, so any CloudFormation can make it', () => {
    const types = new Set(Object.values(template.toJSON()['Resources'] as Record<string, { Type: string }>).map(({ Type }) => Type));
    expect([...types].filter((type) => type.startsWith('Custom::') || type === 'AWS::CloudFormation::CustomResource')).toEqual([]);
    expect(types).toContain('AWS::CloudWatch::Dashboard');
  });

  it('says in its outputs what the command needs to find it', () => {
    const outputs = Object.entries(template.findOutputs('*')).map(([name, { Value }]) => [name, named(Value)]);
    expect(Object.fromEntries(outputs)).toEqual({
      LandingBucket: '<landing>',
      WorkBucket: '<work>',
      LakeBucket: '<lake>',
      RequestsQueue: '<requests>',
      TasksQueue: '<tasks>',
      MergesQueue: '<merges>',
      CommitsQueue: '<commits>',
      MonitorQueue: '<monitor>',
      EventBus: 'default',
      SplitBytes: '268435456',
    });
  });

  it('is made by the Node that comes with the package, with every recommended feature flag', () => {
    const { app, context } = JSON.parse(readFileSync(join(repository, 'cdk.json'), 'utf8'));
    const recommended = JSON.parse(readFileSync(join(repository, 'node_modules/aws-cdk-lib/recommended-feature-flags.json'), 'utf8'));
    expect(app).toBe('npx node infra/app.ts');
    expect(context).toEqual(recommended);
  });
});

describe('buckets', () => {
  it('are private, encrypted, owned by the account and kept when the stack goes', () => {
    for (const bucket of resourcesOf(template, 'AWS::S3::Bucket').values()) {
      expect(bucket).toMatchObject({ DeletionPolicy: 'Retain', UpdateReplacePolicy: 'Retain' });
      expect(bucket.Properties).toMatchObject({
        PublicAccessBlockConfiguration: {
          BlockPublicAcls: true,
          BlockPublicPolicy: true,
          IgnorePublicAcls: true,
          RestrictPublicBuckets: true,
        },
        OwnershipControls: { Rules: [{ ObjectOwnership: 'BucketOwnerEnforced' }] },
        BucketEncryption: { ServerSideEncryptionConfiguration: [{ ServerSideEncryptionByDefault: { SSEAlgorithm: 'AES256' } }] },
      });
    }
    for (const policy of resourcesOf(template, 'AWS::S3::BucketPolicy').values()) expect(policy['DeletionPolicy']).toBe('Retain');
  });

  it('free themselves of abandoned uploads; everything in the work bucket expires, and behind it the answers in the lake, nothing elsewhere', () => {
    const rules = [...resourcesOf(template, 'AWS::S3::Bucket')].map(([id, { Properties }]) => {
      const { Rules } = Properties['LifecycleConfiguration'] as { readonly Rules: readonly Record<string, unknown>[] };
      const abandoned = Rules.map((rule) => rule['AbortIncompleteMultipartUpload']).find((rule) => rule !== undefined);
      const expiring = Rules.filter((rule) => rule['ExpirationInDays'] !== undefined);
      return [named({ Ref: id }), { abandoned, expiring: expiring.map((rule) => [rule['Prefix'] ?? '', rule['ExpirationInDays']]) }];
    });
    const abandoned = { DaysAfterInitiation: 7 };
    expect(Object.fromEntries(rules)).toEqual({
      '<landing>': { abandoned, expiring: [] },
      '<lake>': { abandoned, expiring: [['_answers/', 31]] },
      '<work>': { abandoned, expiring: [['', 30]] },
    });
  });

  it('keeps the versions of what lands, and tells the requests queue of every object once that queue takes its word', () => {
    const [[, landing] = []] = [...resourcesOf(template, 'AWS::S3::Bucket')].filter(([id]) => named({ Ref: id }) === '<landing>');
    expect(landing?.Properties['VersioningConfiguration']).toEqual({ Status: 'Enabled' });
    // no filter: an upload of no job is to be seen, counted and logged
    expect(landing?.Properties['NotificationConfiguration']).toEqual({
      QueueConfigurations: [
        { Event: 's3:ObjectCreated:*', Queue: { 'Fn::GetAtt': [expect.stringMatching(/^FanlakeRequestsQueue/), 'Arn'] } },
      ],
    });
    const policies = [...resourcesOf(template, 'AWS::SQS::QueuePolicy')].filter(
      ([, { Properties }]) => named(Properties['Queues']) === '<requests>',
    );
    expect(landing?.['DependsOn']).toEqual(policies.map(([id]) => id));
  });

  it('lets nobody put a log entry without a condition', () => {
    template.hasResourceProperties('AWS::S3::BucketPolicy', {
      PolicyDocument: {
        Statement: Match.arrayWith([
          Match.objectLike({
            Effect: 'Deny',
            Principal: { AWS: '*' },
            Action: 's3:PutObject',
            Resource: { 'Fn::Join': ['', [Match.anyValue(), '/*/_delta_log/*.json']] },
            Condition: { Null: { 's3:if-none-match': 'true', 's3:if-match': 'true' }, Bool: { 's3:ObjectCreationOperation': 'true' } },
          }),
        ]),
      },
    });
  });

  it.each(['AWS::S3::BucketPolicy', 'AWS::SQS::QueuePolicy'])('and queues take TLS alone: %s', (type) => {
    const count = type === 'AWS::S3::BucketPolicy' ? 3 : 11;
    const documents = properties(type).map(
      ({ PolicyDocument }) => PolicyDocument as { readonly Statement: readonly Record<string, unknown>[] },
    );
    expect(documents).toHaveLength(count);
    for (const { Statement } of documents)
      expect(Statement).toContainEqual(
        expect.objectContaining({ Effect: 'Deny', Condition: { Bool: { 'aws:SecureTransport': 'false' } } }),
      );
  });

  it("takes S3's word about this account's buckets only", () => {
    const allowing = properties('AWS::SQS::QueuePolicy').flatMap(({ PolicyDocument }) =>
      (PolicyDocument as { readonly Statement: readonly Record<string, unknown>[] }).Statement.filter(({ Effect }) => Effect === 'Allow'),
    );
    expect(allowing).toHaveLength(1);
    expect(allowing[0]).toMatchObject({
      Principal: { Service: 's3.amazonaws.com' },
      Action: 'sqs:SendMessage',
      Condition: { StringEquals: { 'aws:SourceAccount': { Ref: 'AWS::AccountId' } } },
    });
    expect(textOf(allowing[0]?.['Condition'])).toContain(':s3:::*');
  });
});

describe('queues', () => {
  it('have dead letters that outlive them, and these an end that a person sees', () => {
    for (const name of work) {
      const redrive = (queue: string) => {
        const policy = queues().get(`Fanlake-${queue}`)?.['RedrivePolicy'];
        return JSON.parse(JSON.stringify(policy ?? {}), (key, value) => (key === 'deadLetterTargetArn' ? named(value) : value));
      };
      expect(redrive(name)).toEqual({ deadLetterTargetArn: `<${name}-dead>`, maxReceiveCount: name === 'monitor' ? 1000 : 5 });
      expect(redrive(`${name}-dead`)).toEqual({ deadLetterTargetArn: '<undeliverable>', maxReceiveCount: 100 });
      const retention = (queue: string) => Number(queues().get(`Fanlake-${queue}`)?.['MessageRetentionPeriod']);
      expect(retention(`${name}-dead`)).toBe(14 * 86_400);
      // the monitor's longest run of ticks, and four days for whoever looks after its dead letter
      expect(retention(name)).toBe(10 * 86_400);
    }
    expect(queues().size).toBe(11);
  });

  it('take messages of 1 MiB and are encrypted', () => {
    for (const queue of queues().values()) expect(queue).toMatchObject({ MaximumMessageSize: 1_048_576, SqsManagedSseEnabled: true });
  });

  it('hide a message for twice the time that its function has', () => {
    const timeouts = new Map(properties('AWS::Lambda::Function').map((lambda) => [String(lambda['Handler']), Number(lambda['Timeout'])]));
    const mappings = properties('AWS::Lambda::EventSourceMapping').map((mapping) => [
      named(mapping['EventSourceArn']),
      named(mapping['FunctionName']),
    ]);
    expect(mappings).toHaveLength(10);
    // a retry of 100,000 tasks has to fit in
    expect(timeouts.get('coordinator.handler')).toBe(15 * 60);
    for (const [queue = '', lambda = ''] of mappings) {
      const visible = queues().get(`Fanlake-${queue.replaceAll(/[<>]/g, '')}`)?.['VisibilityTimeout'];
      expect([queue, visible]).toEqual([queue, 2 * (timeouts.get(`${lambda.replaceAll(/[<>]/g, '')}.handler`) ?? 0)]);
    }
  });

  it('are read without a batching window, with a limit on functions at work, one task at a time', () => {
    const read = properties('AWS::Lambda::EventSourceMapping').map((mapping) => {
      expect(mapping).toMatchObject({ FunctionResponseTypes: ['ReportBatchItemFailures'] });
      expect(mapping['MaximumBatchingWindowInSeconds'] ?? 0).toBe(0);
      const { MaximumConcurrency } = mapping['ScalingConfig'] as { readonly MaximumConcurrency: number };
      return [named(mapping['EventSourceArn']), [named(mapping['FunctionName']), mapping['BatchSize'], MaximumConcurrency]];
    });
    expect(Object.fromEntries(read)).toEqual({
      '<requests>': ['<coordinator>', 10, 20],
      '<tasks>': ['<worker>', 1, 500],
      '<merges>': ['<worker>', 1, 30],
      '<commits>': ['<reducer>', 10, 5],
      '<monitor>': ['<monitor>', 10, 15],
      ...Object.fromEntries(work.map((name) => [`<${name}-dead>`, ['<dead-letters>', 10, 2]])),
    });
  });
});

describe('functions', () => {
  it('run on Node 24 and arm64, traced, with a log of their own and without the guard that ends long chains', () => {
    const lambdas = properties('AWS::Lambda::Function');
    expect(lambdas).toHaveLength(6);
    for (const lambda of lambdas) {
      expect(lambda).toMatchObject({
        Runtime: 'nodejs24.x',
        Architectures: ['arm64'],
        TracingConfig: { Mode: 'Active' },
        RecursiveLoop: 'Allow',
      });
      const name = String(lambda['Handler']).replace('.handler', '');
      expect(named((lambda['LoggingConfig'] as Record<string, unknown>)['LogGroup'])).toBe(`</fanlake/Fanlake/${name}>`);
    }
    for (const group of properties('AWS::Logs::LogGroup')) expect(group['RetentionInDays']).toBe(90);
  });

  it('know their surroundings by the names that they read', () => {
    const common = [
      'landingBucket',
      'workBucket',
      'lakeBucket',
      'tasksQueue',
      'mergesQueue',
      'commitsQueue',
      'monitorQueue',
      'account',
      'ownBuckets',
      'eventBus',
      'stack',
    ] as const;
    const more = {
      coordinator: ['requestsQueue', 'splitBytes'],
      worker: ['maxReceives'],
      reducer: ['requestsQueue', 'version'],
      monitor: [],
      'dead-letters': ['requestsQueue', 'undeliverableQueue', 'maxReceives'],
      sweeper: ['workBucket', 'lakeBucket', 'account', 'ownBuckets', 'stack', 'workDays'],
    } as const;
    const found = properties('AWS::Lambda::Function').map(({ Handler, Environment }) => {
      const { Variables } = Environment as { readonly Variables: Record<string, unknown> };
      return [
        String(Handler).replace('.handler', ''),
        Object.keys(Variables)
          .filter((name) => name.startsWith('FANLAKE_'))
          .sort(),
      ];
    });
    const expected = Object.entries(more).map(([name, settings]) => [
      name,
      [...(name === 'sweeper' ? [] : common), ...settings].map((setting) => environmentNames[setting]).sort(),
    ]);
    expect(Object.fromEntries(found)).toEqual(Object.fromEntries(expected));
  });
});
