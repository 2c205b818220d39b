import { isDeepStrictEqual } from 'node:util';
import type { Template } from 'aws-cdk-lib/assertions';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { dataFileName } from '../../functions/core/keys.ts';
import { Synthesis } from './synthesis.ts';
import { namesIn, resourcesOf, textOf } from './template-text.ts';

let synthesis: Synthesis;
let template: Template;

beforeAll(() => {
  synthesis = new Synthesis();
  synthesis.fanlake();
  template = synthesis.template();
});
afterAll(() => synthesis.dispose());

interface Statement {
  readonly Effect: string;
  readonly Action: string | readonly string[];
  readonly Resource: unknown;
  readonly Condition?: unknown;
}

/** Of whoever may not replace what is there: nothing is denied that creates an object where none was, or is no creation but a part of one. */
const unlessItCreates = { Null: { 's3:if-none-match': 'true' }, Bool: { 's3:ObjectCreationOperation': 'true' } };

function conditionOf(condition: unknown): string {
  if (condition === undefined) return '';
  return isDeepStrictEqual(condition, unlessItCreates) ? ' unless it creates' : ` if ${JSON.stringify(condition)}`;
}

/** Everything that a function's role may do: one line for each action on each resource. */
function permissionsOf(handler: string): readonly string[] {
  const named = namesIn(template);
  const [role] = [...resourcesOf(template, 'AWS::Lambda::Function').values()]
    .filter(({ Properties }) => Properties['Handler'] === `${handler}.handler`)
    .map(({ Properties }) => textOf(Properties['Role']).replaceAll(/[<>]|\.Arn/g, ''));
  const policies = [...resourcesOf(template, 'AWS::IAM::Policy').values()].filter(
    ({ Properties }) => textOf(Properties['Roles']) === `<${role}>`,
  );
  const statements = policies.flatMap(
    ({ Properties }) => (Properties['PolicyDocument'] as { readonly Statement: readonly Statement[] }).Statement,
  );
  const lines = statements.flatMap(({ Effect, Action, Resource, Condition }) => {
    const resources = (Array.isArray(Resource) ? Resource : [Resource]).map((resource) => named(textOf(resource)));
    const actions = typeof Action === 'string' ? [Action] : Action;
    return resources.flatMap((resource) => actions.map((action) => `${Effect} ${action} ${resource}${conditionOf(Condition)}`));
  });
  return lines.sort();
}

const each = (actions: readonly string[], resources: readonly string[]): readonly string[] =>
  resources.flatMap((resource) => actions.map((action) => `Allow ${action} ${resource}`));

const bus = 'arn:<AWS::Partition>:events:<AWS::Region>:<AWS::AccountId>:event-bus/default';
const receiving = ['sqs:ChangeMessageVisibility', 'sqs:DeleteMessage', 'sqs:GetQueueAttributes', 'sqs:ReceiveMessage'];
const readingLanding = [...each(['s3:GetObject', 's3:GetObjectVersion'], ['<landing>/*']), ...each(['s3:ListBucket'], ['<landing>'])];
const everybody = (handler: string): readonly string[] => [
  ...each(['logs:CreateLogStream', 'logs:PutLogEvents'], [`</fanlake/Fanlake/${handler}>`]),
  ...each(['xray:PutTelemetryRecords', 'xray:PutTraceSegments'], ['*']),
];
const everybodyOfRuns: readonly string[] = [
  ...each(['s3:GetObject', 's3:PutObject'], ['<work>/*']),
  'Deny s3:PutObject <work>/* unless it creates',
  ...each(['s3:GetObject'], ['<lake>/*']),
  ...each(['s3:ListBucket'], ['<work>', '<lake>']),
  ...each(['sqs:SendMessage'], ['<tasks>', '<merges>', '<commits>', '<monitor>']),
  ...each(['events:PutEvents'], [bus]),
];

const ledgerStays = 'Deny s3:PutObject <lake>/*/_fanlake/* unless it creates';
const writingLedger = [...each(['s3:PutObject'], ['<lake>/*/_fanlake/*']), ledgerStays];

/** Written out by hand: a permission more or less is a failed test. */
const allowed: Readonly<Record<string, readonly string[]>> = {
  coordinator: [
    ...readingLanding,
    ...writingLedger,
    // events that it is called with
    ...each(['sqs:SendMessage'], ['<requests>']),
    ...each(receiving, ['<requests>']),
  ],
  worker: [
    ...readingLanding,
    ...each(['s3:AbortMultipartUpload', 's3:PutObject'], ['<lake>/*']),
    'Deny s3:PutObject <lake>/*/_delta_log/*',
    'Deny s3:PutObject <lake>/* unless it creates',
    ...each(receiving, ['<tasks>', '<merges>']),
  ],
  reducer: [
    ...each(['s3:PutObject'], ['<lake>/*']),
    ledgerStays,
    ...each(['s3:DeleteObject'], ['<lake>/*/_fanlake/*/files/*']),
    ...each(['sqs:SendMessage'], ['<requests>']),
    ...each(receiving, ['<commits>']),
  ],
  monitor: [...writingLedger, ...each(receiving, ['<monitor>'])],
  'dead-letters': [
    ...readingLanding,
    ...writingLedger,
    ...each(['sqs:SendMessage'], ['<requests>', '<undeliverable>']),
    ...each(receiving, ['<requests-dead>', '<tasks-dead>', '<merges-dead>', '<commits-dead>', '<monitor-dead>']),
  ],
  sweeper: [
    ...each(['s3:ListBucket'], ['<work>', '<lake>']),
    ...each(['s3:GetObject'], ['<lake>/*/_delta_log/*', '<lake>/*/_fanlake/*']),
    'Allow s3:DeleteObject <lake>/*-e*-???????-????????????-*.parquet',
    'Deny s3:DeleteObject <lake>/*/_delta_log/*',
    'Deny s3:DeleteObject <lake>/quarantine/*',
  ],
};

describe('a function may do exactly what it needs', () => {
  it.each(Object.keys(allowed))('%s', (handler) => {
    const expected = new Set([...everybody(handler), ...(handler === 'sweeper' ? [] : everybodyOfRuns), ...(allowed[handler] ?? [])]);
    expect(permissionsOf(handler)).toEqual([...expected].sort());
  });

  it('that deletes files of tables is the sweeper alone, and nobody deletes anything of a log or ledger', () => {
    const deleting = Object.keys(allowed).flatMap((handler) =>
      permissionsOf(handler).filter((line) => line.startsWith('Allow') && line.includes('Delete') && line.includes('s3:')),
    );
    expect(deleting).toEqual([
      'Allow s3:DeleteObject <lake>/*/_fanlake/*/files/*',
      'Allow s3:DeleteObject <lake>/*-e*-???????-????????????-*.parquet',
    ]);
    // what the pattern lets through is what files of ours are called
    const pattern = /^.*-e.*-.{7}-.{12}-.*\.parquet$/;
    expect(dataFileName({ run: 'visits-0123456789abcdef0123', epoch: 0 }, 1_000_000, 'abcdef012345', 12)).toMatch(pattern);
    for (const other of [
      'visits-0123456789abcdef0123-e0-0000007-0.parquet',
      'part-00000-5b1c.c000.snappy.parquet',
      '00000000000000000007.json',
    ])
      expect(other).not.toMatch(pattern);
  });

  it('has a role of its own without managed policies', () => {
    const roles = [...resourcesOf(template, 'AWS::IAM::Role').values()];
    expect(roles).toHaveLength(Object.keys(allowed).length);
    for (const { Properties } of roles) expect(Properties['ManagedPolicyArns']).toBeUndefined();
  });
});
