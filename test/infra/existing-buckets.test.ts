import { Annotations, Match, type Template } from 'aws-cdk-lib/assertions';
import { type IKey, Key } from 'aws-cdk-lib/aws-kms';
import { Bucket, type BucketProps } from 'aws-cdk-lib/aws-s3';
import { defineJob } from 'fanlake';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { jobs, Synthesis } from './synthesis.ts';
import { resourcesOf, textOf } from './template-text.ts';

const many = Array.from({ length: 60 }, (_, index) =>
  defineJob({
    name: `feed-${index}`,
    input: { prefix: `landing/a-feed-with-a-long-name-${index}/`, format: 'csv' },
    table: { name: `feed_${index}` },
  }),
);

let synthesis: Synthesis;
let template: Template;

beforeAll(() => {
  synthesis = new Synthesis('Shop');
  const { stack } = synthesis;
  synthesis.fanlake(
    {
      jobs: [...jobs, ...many],
      landingBucket: Bucket.fromBucketName(stack, 'TheirLanding', 'their-landing'),
      lakeBucket: Bucket.fromBucketName(stack, 'TheirLake', 'their-lake'),
      encryptionKey: new Key(stack, 'Key'),
      removeData: true,
      dashboard: false,
      workDays: 40,
      maxConcurrency: { tasks: 7 },
    },
    'Uploads',
  );
  template = synthesis.template();
});
afterAll(() => synthesis.dispose());

describe('a landing bucket that was there before', () => {
  const rules = () =>
    [...resourcesOf(template, 'AWS::Events::Rule').values()]
      .map(({ Properties }) => Properties)
      .filter(({ EventPattern }) => EventPattern !== undefined);

  it('is joined through EventBridge and keeps its own notifications', () => {
    expect(JSON.stringify(template.toJSON())).not.toContain('NotificationConfiguration');
    const prefixes = rules().flatMap(({ EventPattern }) => {
      const pattern = EventPattern as Record<string, unknown>;
      expect(pattern).toMatchObject({
        source: ['aws.s3'],
        'detail-type': ['Object Created'],
        detail: { bucket: { name: ['their-landing'] } },
      });
      return (pattern['detail'] as { readonly object: { readonly key: readonly { readonly prefix: string }[] } }).object.key.map(
        ({ prefix }) => prefix,
      );
    });
    expect(prefixes.sort()).toEqual([...jobs, ...many].map(({ input }) => input.prefix ?? '').sort());
  });

  it('has as many rules as its prefixes need: EventBridge takes 2,048 characters each', () => {
    expect(rules().length).toBeGreaterThan(1);
    for (const { EventPattern } of rules()) expect(JSON.stringify(EventPattern).length).toBeLessThan(2_048);
  });

  it('sends to the requests queue, and what can not be delivered to its dead letters', () => {
    for (const { Targets } of rules()) {
      const [target, ...more] = Targets as readonly Record<string, unknown>[];
      expect(more).toEqual([]);
      expect(textOf(target?.['Arn'])).toMatch(/^<UploadsRequestsQueue/);
      expect(target?.['DeadLetterConfig']).toEqual({ Arn: { 'Fn::GetAtt': [expect.stringMatching(/^UploadsRequestsDead/), 'Arn'] } });
    }
  });
});

describe('what a synthesis can not see of an existing bucket is said as a warning', () => {
  const warnings = () =>
    Annotations.fromStack(synthesis.stack)
      .findWarning('/Shop/Uploads', Match.anyValue())
      .map(({ entry }) => String(entry.data));

  it('of landing: its events may be off, with the command that switches them on; of both: they may be of another account', () => {
    const [events = '', ...owners] = warnings();
    expect(events).toContain('--bucket their-landing --notification-configuration');
    expect(owners).toHaveLength(2);
    for (const [index, bucket] of ['their-landing', 'their-lake'].entries())
      expect(owners[index]).toContain(`head-bucket --bucket ${bucket} --expected-bucket-owner`);
  });

  it('a landing bucket of the same app is asked for its events only', () => {
    const own = new Synthesis('Own');
    const warningsOf = (id: string, props: BucketProps) => {
      const uploads = own.fanlake({ landingBucket: new Bucket(own.stack, `${id}Landing`, props) }, id);
      return Annotations.fromStack(own.stack).findWarning(`/${uploads.node.path}`, Match.anyValue());
    };
    expect(warningsOf('Off', {}).map(({ entry }) => entry.data)).toEqual([expect.stringContaining('eventBridgeEnabled: true')]);
    // a synthesis is done once, so the second one needs an app of its own
    own.dispose();
    const on = new Synthesis('On');
    on.fanlake({ landingBucket: new Bucket(on.stack, 'Landing', { eventBridgeEnabled: true }) });
    expect(Annotations.fromStack(on.stack).findWarning('/On/Fanlake', Match.anyValue())).toEqual([]);
    on.dispose();
  });
});

it('functions are told which buckets are of the stack and its account: a bucket that was there before may be of another', () => {
  const lambdas = [...resourcesOf(template, 'AWS::Lambda::Function').values()];
  expect(lambdas).toHaveLength(6);
  for (const { Properties } of lambdas) {
    const { Variables } = Properties['Environment'] as { readonly Variables: Readonly<Record<string, unknown>> };
    expect(textOf(Variables['FANLAKE_OWN_BUCKETS'])).toMatch(/^<UploadsWork[^,]*>$/);
    expect(textOf(Variables['FANLAKE_ACCOUNT'])).toBe('<AWS::AccountId>');
  }
});

describe('a key whose policy this app can not change', () => {
  const warningsWith = (key: (synthesis: Synthesis) => IKey): readonly string[] => {
    const own = new Synthesis('Own');
    own.fanlake({ encryptionKey: key(own) });
    const found = Annotations.fromStack(own.stack).findWarning('/Own/Fanlake', Match.stringLikeRegexp('key'));
    own.dispose();
    return found.map(({ entry }) => String(entry.data));
  };

  it('is warned of: without its statement S3 and EventBridge can not announce uploads, and nobody would hear of it', () => {
    const arn = 'arn:aws:kms:eu-central-1:111122223333:key/12345678-1234-1234-1234-123456789012';
    expect(warningsWith(({ stack }) => Key.fromKeyArn(stack, 'Theirs', arn))).toEqual([expect.stringMatching(/1234.*docs\/deploy\.md/s)]);
    expect(warningsWith(({ stack }) => new Key(stack, 'Ours'))).toEqual([]);
  });
});

describe('events of an existing landing bucket that reach no queue of ours', () => {
  it('are an alarm over all of its rules: EventBridge drops them', () => {
    const rules = [...resourcesOf(template, 'AWS::Events::Rule')]
      .filter(([, { Properties }]) => Properties['EventPattern'] !== undefined)
      .map(([name]) => name);
    const alarm = [...resourcesOf(template, 'AWS::CloudWatch::Alarm').values()].find(
      ({ Properties }) => Properties['AlarmName'] === 'Shop-Uploads-uploads-not-announced',
    );
    const metrics = (alarm?.Properties['Metrics'] ?? []) as readonly { readonly MetricStat?: { readonly Metric: unknown } }[];
    expect(metrics.flatMap(({ MetricStat }) => MetricStat?.Metric ?? [])).toEqual(
      rules.map((rule) => ({
        Namespace: 'AWS/Events',
        MetricName: 'InvocationsFailedToBeSentToDlq',
        Dimensions: [{ Name: 'RuleName', Value: { Ref: rule } }],
      })),
    );
    expect(alarm?.Properties).toMatchObject({ Threshold: 1, TreatMissingData: 'notBreaching' });
  });

  it('are several alarms where there are more rules than an alarm takes', () => {
    const own = new Synthesis('Own');
    const feeds = Array.from({ length: 400 }, (_, index) =>
      defineJob({
        name: `feed-${index}`,
        input: { prefix: `landing/a-feed-with-a-long-name-${index}/`, format: 'csv' },
        table: { name: `feed_${index}` },
      }),
    );
    own.fanlake({ jobs: feeds, landingBucket: Bucket.fromBucketName(own.stack, 'Theirs', 'theirs') });
    const alarms = [...resourcesOf(own.template(), 'AWS::CloudWatch::Alarm').values()].filter(({ Properties }) =>
      String(Properties['AlarmName']).startsWith('Own-uploads-not-announced'),
    );
    own.dispose();
    expect(alarms.length).toBeGreaterThan(1);
    for (const { Properties } of alarms) {
      // the sum, and ten metrics at most
      expect((Properties['Metrics'] as readonly unknown[]).length).toBeLessThanOrEqual(11);
      expect(Properties['AlarmDescription']).toMatch(/docs\/runbook\.md#uploads-not-announced$/);
    }
  });
});

describe('a construct of another name in a stack of others', () => {
  it('has both names in front of its queues and its own in front of its outputs', () => {
    template.hasResourceProperties('AWS::SQS::Queue', { QueueName: 'Shop-Uploads-tasks' });
    template.hasOutput('UploadsTasksQueue', {});
    template.hasOutput('UploadsLandingBucket', { Value: 'their-landing' });
  });

  it('says how to protect the logs in a lake bucket whose policy it can not change', () => {
    Annotations.fromStack(synthesis.stack).hasInfo('/Shop/Uploads', Match.stringLikeRegexp('docs/deploy.md'));
  });

  it('takes settings: key, expiry, concurrency, removal', () => {
    const buckets = resourcesOf(template, 'AWS::S3::Bucket');
    expect(buckets.size).toBe(1);
    for (const bucket of buckets.values()) {
      expect(bucket['DeletionPolicy']).toBe('Delete');
      expect(JSON.stringify(bucket.Properties)).toContain('"SSEAlgorithm":"aws:kms"');
      expect(JSON.stringify(bucket.Properties)).toContain('"ExpirationInDays":40');
    }
    for (const { Properties } of resourcesOf(template, 'AWS::SQS::Queue').values())
      expect(textOf(Properties['KmsMasterKeyId'])).toMatch(/^<Key/);
    template.hasResourceProperties('AWS::Lambda::EventSourceMapping', { ScalingConfig: { MaximumConcurrency: 7 } });
    const [key] = [...resourcesOf(template, 'AWS::KMS::Key').values()];
    for (const service of ['s3.amazonaws.com', 'events.amazonaws.com'])
      expect(JSON.stringify(key?.Properties['KeyPolicy'])).toContain(service);
    for (const { Properties } of resourcesOf(template, 'AWS::IAM::Policy').values())
      expect(JSON.stringify(Properties)).toContain('"Action":["kms:Decrypt","kms:GenerateDataKey"]');
  });
});
