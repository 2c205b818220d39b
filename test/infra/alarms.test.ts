import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Template } from 'aws-cdk-lib/assertions';
import { Bucket } from 'aws-cdk-lib/aws-s3';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { repository, Synthesis } from './synthesis.ts';
import { resourcesOf, textOf } from './template-text.ts';

let synthesis: Synthesis;
let template: Template;

beforeAll(() => {
  synthesis = new Synthesis();
  const { stack } = synthesis;
  synthesis.fanlake({ alarmTopic: new Topic(stack, 'Topic'), landingBucket: Bucket.fromBucketName(stack, 'Theirs', 'their-landing') });
  template = synthesis.template();
});
afterAll(() => synthesis.dispose());

const alarms = () => [...resourcesOf(template, 'AWS::CloudWatch::Alarm').values()].map(({ Properties }) => Properties);
const nameOf = (alarm: Readonly<Record<string, unknown>>): string => String(alarm['AlarmName']).replace(/^Fanlake-/, '');

/** Sections of the runbook by their anchors. */
function sections(): readonly string[] {
  const runbook = readFileSync(join(repository, 'docs/runbook.md'), 'utf8');
  return [...runbook.matchAll(/^## (.+)$/gm)].map(([, title = '']) => title);
}

describe('alarms', () => {
  it('are of everything that a person has to know', () => {
    const names = alarms().map(nameOf).sort();
    const queues = ['requests', 'tasks', 'merges', 'commits'];
    expect(names).toEqual(
      [
        ...[...queues, 'monitor'].map((queue) => `dead-letters-${queue}`),
        ...queues.map((queue) => `oldest-message-${queue}`),
        ...['undeliverable', 'failed-runs', 'deadline-exceeded', 'throttles', 'function-errors', 'sweep-failed', 'uploads-not-announced'],
      ].sort(),
    );
  });

  it('are of EventBridge only where uploads come through it', () => {
    const own = new Synthesis();
    own.fanlake();
    expect(JSON.stringify(own.template().toJSON())).not.toContain('uploads-not-announced');
    own.dispose();
  });

  it('each have a section of their name in the runbook, and say so; no section is of an alarm that is gone', () => {
    expect(
      sections()
        .filter((title) => /^[a-z-]+$/.test(title))
        .sort(),
    ).toEqual(alarms().map(nameOf).sort());
    for (const alarm of alarms())
      expect(String(alarm['AlarmDescription'])).toMatch(new RegExp(`^Severity (high|low)\\. .+ docs/runbook\\.md#${nameOf(alarm)}$`));
  });

  it('tell the topic', () => {
    for (const alarm of alarms()) expect(textOf(alarm['AlarmActions'])).toMatch(/^<Topic/);
  });

  it('watch metrics of this deployment', () => {
    const failed = alarms().find((alarm) => nameOf(alarm) === 'failed-runs');
    expect(failed).toMatchObject({
      Namespace: 'Fanlake',
      MetricName: 'RunsFailed',
      Dimensions: [
        { Name: 'service', Value: 'fanlake' },
        { Name: 'stack', Value: 'Fanlake' },
      ],
      Statistic: 'Sum',
      Threshold: 1,
    });
  });

  it('see a dead letter though its handler takes it away at once', () => {
    for (const alarm of alarms().filter((some) => nameOf(some).startsWith('dead-letters-')))
      expect(alarm).toMatchObject({ MetricName: 'NumberOfMessagesReceived', Statistic: 'Sum', Threshold: 1 });
  });
});
