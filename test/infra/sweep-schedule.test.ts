import type { Template } from 'aws-cdk-lib/assertions';
import { Bucket } from 'aws-cdk-lib/aws-s3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { environmentNames } from '../../functions/runtime/environment.ts';
import { Synthesis } from './synthesis.ts';
import { namesIn, resourcesOf, textOf } from './template-text.ts';

const synthesized: Synthesis[] = [];
const templates = new Map<string, Template>();

beforeAll(() => {
  const own = new Synthesis();
  own.fanlake({ workDays: 45 });
  const [theirs, asked] = [new Synthesis(), new Synthesis()];
  const old = ({ stack }: Synthesis) => Bucket.fromBucketName(stack, 'OldLake', 'old-lake');
  theirs.fanlake({ lakeBucket: old(theirs) });
  asked.fanlake({ lakeBucket: old(asked), sweep: true });
  synthesized.push(own, theirs, asked);
  for (const [name, synthesis] of Object.entries({ own, theirs, asked })) templates.set(name, synthesis.template());
});
afterAll(() => {
  for (const synthesis of synthesized) synthesis.dispose();
});

const templateOf = (name: string): Template => {
  const found = templates.get(name);
  if (found === undefined) throw new Error(`there is no template ${name}`);
  return found;
};
const rulesOf = (name: string) =>
  [...resourcesOf(templateOf(name), 'AWS::Events::Rule').values()].filter(
    ({ Properties }) => Properties['ScheduleExpression'] !== undefined,
  );

describe('the schedule of sweeps', () => {
  it('calls the sweeper once a week, and nobody else', () => {
    const [rule, ...more] = rulesOf('own');
    expect(more).toEqual([]);
    expect(rule?.Properties).toMatchObject({ ScheduleExpression: 'rate(7 days)', State: 'ENABLED' });
    const targets = rule?.Properties['Targets'] as readonly Readonly<Record<string, unknown>>[];
    expect(targets.map(({ Arn }) => namesIn(templateOf('own'))(textOf(Arn)))).toEqual(['<sweeper>']);
    const callers = [...resourcesOf(templateOf('own'), 'AWS::Lambda::Permission').values()].map(({ Properties }) => [
      Properties['Principal'],
      namesIn(templateOf('own'))(textOf(Properties['FunctionName'])),
    ]);
    expect(callers).toEqual([['events.amazonaws.com', '<sweeper>']]);
  });

  it('spares what is younger than the expiry of the work bucket', () => {
    const [sweeper] = [...resourcesOf(templateOf('own'), 'AWS::Lambda::Function').values()].filter(
      ({ Properties }) => Properties['Handler'] === 'sweeper.handler',
    );
    expect(sweeper?.Properties['Environment']).toMatchObject({ Variables: { [environmentNames.workDays]: '45' } });
  });

  it('is off for a lake bucket that was there before, unless it is asked for', () => {
    expect(rulesOf('theirs').map(({ Properties }) => Properties['State'])).toEqual(['DISABLED']);
    expect(rulesOf('asked').map(({ Properties }) => Properties['State'])).toEqual(['ENABLED']);
  });
});
