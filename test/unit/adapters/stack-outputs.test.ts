import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { readStackOutputs } from '../../../functions/adapters/stack-outputs.ts';

/** What CloudFormation's query protocol answers (API reference of DescribeStacks): status and body, by the stack's name; null for the list of all. */
type Answers = (name: string | null) => { readonly status: number; readonly body: string };

let server: Server;
let answers: Answers;
let environment: NodeJS.ProcessEnv;

beforeEach(async () => {
  server = createServer((request, response) => {
    let asked = '';
    request.on('data', (data: Buffer) => (asked += data.toString()));
    request.on('end', () => {
      const { status, body } = answers(new URLSearchParams(asked).get('StackName'));
      response.writeHead(status, { 'content-type': 'text/xml' }).end(body);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  environment = { AWS_ENDPOINT_URL: `http://127.0.0.1:${port}`, AWS_DEFAULT_REGION: 'eu-central-1' };
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'test');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'test');
});
afterEach(() => {
  vi.unstubAllEnvs();
  server.closeAllConnections();
  server.close();
});

const outputs = {
  LandingBucket: 'landing',
  WorkBucket: 'work',
  LakeBucket: 'lake',
  RequestsQueue: 'https://q/requests',
  TasksQueue: 'https://q/tasks',
  MergesQueue: 'https://q/merges',
  CommitsQueue: 'https://q/commits',
  MonitorQueue: 'https://q/monitor',
  EventBus: 'default',
  SplitBytes: '1048576',
};

const known = {
  landingBucket: 'landing',
  workBucket: 'work',
  lakeBucket: 'lake',
  requestsQueue: 'https://q/requests',
  tasksQueue: 'https://q/tasks',
  mergesQueue: 'https://q/merges',
  commitsQueue: 'https://q/commits',
  monitorQueue: 'https://q/monitor',
  splitBytes: 1_048_576,
};

function stackXml(name: string, status: string, values: Readonly<Record<string, string>>): string {
  const members = Object.entries(values)
    .map(([key, value]) => `<member><OutputKey>${key}</OutputKey><OutputValue>${value}</OutputValue></member>`)
    .join('');
  return `<member><StackName>${name}</StackName><StackStatus>${status}</StackStatus><CreationTime>2026-11-22T00:00:00Z</CreationTime><Outputs>${members}</Outputs></member>`;
}

const stacks = (...members: readonly string[]) => ({
  status: 200,
  body: `<DescribeStacksResponse xmlns="http://cloudformation.amazonaws.com/doc/2010-05-15/"><DescribeStacksResult><Stacks>${members.join('')}</Stacks></DescribeStacksResult></DescribeStacksResponse>`,
});

const refusal = (status: number, code: string, message: string) => ({
  status,
  body: `<ErrorResponse xmlns="http://cloudformation.amazonaws.com/doc/2010-05-15/"><Error><Type>Sender</Type><Code>${code}</Code><Message>${message}</Message></Error></ErrorResponse>`,
});

const renamed = (rename: (key: string) => string) =>
  Object.fromEntries(Object.entries(outputs).map(([key, value]) => [rename(key), value]));

describe('the outputs of a stack tell where everything is', () => {
  it.each([
    ['by their names', (key: string) => key],
    ["with the construct's name in front", (key: string) => `Lake${key}`],
    ['with a hash of CDK behind', (key: string) => `Fanlake${key}0A1B2C3D`],
  ])('%s', async (_how, rename) => {
    answers = () => stacks(stackXml('prod', 'UPDATE_COMPLETE', { Url: 'https://x', ...renamed(rename) }));
    expect(await readStackOutputs('prod', environment)).toEqual(known);
  });
});

describe('a stack that a command cannot act on is refused with what to do', () => {
  it.each<readonly [string, Answers, string, RegExp]>([
    [
      'there is none of the name: those that are there are named',
      (name) =>
        name === null
          ? stacks(
              stackXml('prod-lake', 'CREATE_COMPLETE', outputs),
              stackXml('website', 'CREATE_COMPLETE', { Url: 'x' }),
              stackXml('prod-lak', 'DELETE_COMPLETE', outputs),
            )
          : refusal(400, 'ValidationError', 'Stack with id prod-lak does not exist'),
      'stack.unknown',
      /no stack 'prod-lak' in region eu-central-1 \(did you mean 'prod-lake'\?\)\. Stacks with a Fanlake there: prod-lake\./,
    ],
    [
      'there is none, and none may be listed',
      (name) =>
        name === null ? refusal(403, 'AccessDenied', 'no') : refusal(400, 'ValidationError', 'Stack with id prod-lak does not exist'),
      'stack.unknown',
      /no stack 'prod-lak' in region eu-central-1\. Look at the name/,
    ],
    [
      'it was deleted',
      () => stacks(stackXml('prod-lak', 'DELETE_COMPLETE', outputs)),
      'stack.unknown',
      /no stack 'prod-lak' in region eu-central-1\. Look at the name/,
    ],
    ['it is something else', () => stacks(stackXml('prod-lak', 'CREATE_COMPLETE', { Url: 'x' })), 'stack.unknown', /it isn't a Fanlake/],
    [
      'it is being created',
      () => stacks(stackXml('prod-lak', 'CREATE_IN_PROGRESS', {})),
      'stack.unready',
      /still being created.*aws cloudformation wait/,
    ],
    ['it could not be created', () => stacks(stackXml('prod-lak', 'ROLLBACK_COMPLETE', {})), 'stack.unready', /state ROLLBACK_COMPLETE/],
    [
      'it has several',
      () => stacks(stackXml('prod-lak', 'CREATE_COMPLETE', { ...renamed((key) => `A${key}`), ...renamed((key) => `B${key}`) })),
      'stack.unknown',
      /several Fanlakes/,
    ],
    [
      'it may not be looked at',
      () => refusal(403, 'AccessDenied', 'User is not authorized'),
      'stack.denied',
      /cloudformation:DescribeStacks/,
    ],
    [
      'the credentials have expired',
      () => refusal(403, 'ExpiredToken', 'The security token is expired'),
      'stack.denied',
      /have expired\. Sign in again/,
    ],
    [
      'the credentials are unknown to AWS',
      () => refusal(403, 'InvalidClientTokenId', 'invalid'),
      'stack.denied',
      /AWS doesn't know your credentials/,
    ],
  ])('%s', async (_what, found, code, message) => {
    answers = found;
    const refused = readStackOutputs('prod-lak', environment);
    await expect(refused).rejects.toMatchObject({ code });
    await expect(refused).rejects.toThrow(message);
  });

  it('nobody answers', async () => {
    const refused = readStackOutputs('prod', { ...environment, AWS_ENDPOINT_URL: 'http://127.0.0.1:9' });
    await expect(refused).rejects.toThrow(/CloudFormation in region eu-central-1 doesn't answer/);
  });
});

describe('what the environment lacks is told apart', () => {
  /** Nothing of this machine's: no keys, files, or a metadata service that is waited for. */
  const nothing = {
    AWS_ACCESS_KEY_ID: '',
    AWS_SECRET_ACCESS_KEY: '',
    AWS_REGION: '',
    AWS_PROFILE: undefined,
    AWS_CONFIG_FILE: '/dev/null',
    AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
    AWS_EC2_METADATA_DISABLED: 'true',
  };

  it.each<readonly [string, NodeJS.ProcessEnv, RegExp]>([
    ['no credentials', { AWS_REGION: 'eu-central-1' }, /no AWS credentials were found\. To have some/],
    ['a profile that is not there', { AWS_REGION: 'eu-central-1', AWS_PROFILE: 'nope' }, /there is no profile 'nope', or it has none/],
    ['no region', {}, /no region is set\. Set AWS_REGION/],
    ['no region, in a profile that is not there', { AWS_PROFILE: 'nope' }, /no region is set: there is no profile 'nope'/],
    ['a region that can be none', { AWS_REGION: 'eu_west' }, /'eu_west' can't be a region/],
  ])('%s', async (_what, set, message) => {
    for (const [name, value] of Object.entries({ ...nothing, ...set })) vi.stubEnv(name, value);
    const refused = readStackOutputs('prod', { AWS_ENDPOINT_URL: environment['AWS_ENDPOINT_URL'], ...set });
    await expect(refused).rejects.toMatchObject({ code: 'stack.denied' });
    await expect(refused).rejects.toThrow(message);
  });
});
