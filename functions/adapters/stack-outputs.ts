import { CloudFormationClient, DescribeStacksCommand, type Stack } from '@aws-sdk/client-cloudformation';
import { FanlakeError } from '../core/errors.ts';
import { didYouMean } from '../core/nearest.ts';
import { awsEndpoint, awsRegion, httpSettings } from './aws-http.ts';
import { stackError } from './stack-errors.ts';

/** What a command has to know of a deployed stack. */
export interface StackOutputs {
  /** Names of the buckets. */
  readonly landingBucket: string;
  readonly workBucket: string;
  readonly lakeBucket: string;
  /** URLs of the queues. */
  readonly requestsQueue: string;
  readonly tasksQueue: string;
  readonly mergesQueue: string;
  readonly commitsQueue: string;
  readonly monitorQueue: string;
  /** Bytes of input that a task aims at. */
  readonly splitBytes: number;
}

/** Names of the outputs, as infra/ gives them. */
const outputNames = {
  landingBucket: 'LandingBucket',
  workBucket: 'WorkBucket',
  lakeBucket: 'LakeBucket',
  requestsQueue: 'RequestsQueue',
  tasksQueue: 'TasksQueue',
  mergesQueue: 'MergesQueue',
  commitsQueue: 'CommitsQueue',
  monitorQueue: 'MonitorQueue',
  splitBytes: 'SplitBytes',
} as const;

/** What CloudFormation takes: a name, or an ARN. */
const stackName = /^(?:[A-Za-z][A-Za-z0-9-]{0,127}|arn:[\w:/-]+)$/;

const namedStacks = 10;

/**
 * Where the parts of a deployed stack are, as its outputs tell.
 * @throws FanlakeError `stack.unknown` when there is none of this name, or it has no Fanlake in it; `stack.unready` while it is being made or deleted;
 *   `stack.denied` without a region, credentials or permission
 */
export async function readStackOutputs(name: string, environment: NodeJS.ProcessEnv = process.env): Promise<StackOutputs> {
  if (!stackName.test(name)) {
    throw new FanlakeError(
      'stack.unknown',
      `'${name}' can't be the name of a stack: it has letters, digits and '-'. Give the name that cdk deployed.`,
    );
  }
  const client = makeClient(environment);
  try {
    const stack = await describe(client, name, environment);
    if (stack === null) throw await noSuchStack(client, name);
    return outputsOf(name, stack);
  } finally {
    client.destroy();
  }
}

function makeClient(environment: NodeJS.ProcessEnv): CloudFormationClient {
  const endpoint = awsEndpoint(environment, 'CLOUDFORMATION');
  return new CloudFormationClient({ ...httpSettings(endpoint), ...awsRegion(environment) });
}

/** CloudFormation still tells of a deleted stack that is asked for by its ARN, and LocalStack lists it. */
const isThere = ({ StackStatus: status }: Stack): boolean => status !== 'DELETE_COMPLETE';

async function describe(client: CloudFormationClient, name: string, environment: NodeJS.ProcessEnv): Promise<Stack | null> {
  try {
    const { Stacks: stacks = [] } = await client.send(new DescribeStacksCommand({ StackName: name }));
    return stacks.find(isThere) ?? null;
  } catch (thrown) {
    if (thrown instanceof Error && /does not exist/i.test(thrown.message)) return null;
    throw stackError(thrown, name, await regionOf(client), environment['AWS_PROFILE']);
  }
}

async function noSuchStack(client: CloudFormationClient, name: string): Promise<FanlakeError> {
  const region = await regionOf(client);
  const others = await fanlakeStacks(client);
  const shown = others.slice(0, namedStacks).join(', ');
  const list = shown === '' ? '' : ` Stacks with a Fanlake there: ${shown}.`;
  return new FanlakeError(
    'stack.unknown',
    `There is no stack '${name}' in region ${region}${didYouMean(name, others)}.${list} Look at the name, at AWS_REGION and AWS_PROFILE, or deploy it (docs/deploy.md).`,
    { stack: name, region, stacks: others },
  );
}

/** Names of the stacks of the region whose outputs are a Fanlake's; none where they may not be listed. */
async function fanlakeStacks(client: CloudFormationClient): Promise<readonly string[]> {
  try {
    const { Stacks: stacks = [] } = await client.send(new DescribeStacksCommand({}));
    return stacks
      .filter(isThere)
      .flatMap((stack) => (valuesOf(stack, outputNames.landingBucket).length === 0 ? [] : [stack.StackName ?? '']));
  } catch {
    // it is only a hint
    return [];
  }
}

async function regionOf(client: CloudFormationClient): Promise<string> {
  return client.config.region().catch(() => '(none)');
}

/** Values of the outputs whose key ends so: in a stack with other things the construct's name stands in front, and CDK may put a hash behind. */
function valuesOf({ Outputs: outputs = [] }: Stack, output: string): readonly string[] {
  const key = new RegExp(`${output}(?:[0-9A-F]{8})?$`);
  return outputs.flatMap((found) => (key.test(found.OutputKey ?? '') ? [found.OutputValue ?? ''] : []));
}

function outputsOf(name: string, stack: Stack): StackOutputs {
  const read = (output: string): string => {
    const values = valuesOf(stack, output);
    const [value] = values;
    if (value !== undefined && values.length === 1) return value;
    throw value === undefined ? notReadable(name, stack, output) : severalFanlakes(name, stack, output);
  };
  const splitBytes = Number(read(outputNames.splitBytes));
  if (!Number.isSafeInteger(splitBytes) || splitBytes < 1) throw notReadable(name, stack, outputNames.splitBytes);
  return {
    landingBucket: read(outputNames.landingBucket),
    workBucket: read(outputNames.workBucket),
    lakeBucket: read(outputNames.lakeBucket),
    requestsQueue: read(outputNames.requestsQueue),
    tasksQueue: read(outputNames.tasksQueue),
    mergesQueue: read(outputNames.mergesQueue),
    commitsQueue: read(outputNames.commitsQueue),
    monitorQueue: read(outputNames.monitorQueue),
    splitBytes,
  };
}

function notReadable(name: string, stack: Stack, output: string): FanlakeError {
  const status: string = stack.StackStatus ?? 'unknown';
  const details = { stack: name, status, output };
  if (/^(CREATE|REVIEW|IMPORT)_IN_PROGRESS$/.test(status)) {
    const message = `The stack '${name}' is still being created (${status}). Wait for it: aws cloudformation wait stack-create-complete --stack-name ${name}`;
    return new FanlakeError('stack.unready', message, details);
  }
  if (/DELETE|ROLLBACK|FAILED/.test(status)) {
    const message = `The stack '${name}' has no Fanlake to act on: it is in state ${status}. Look at its events in CloudFormation, then deploy it again (docs/deploy.md).`;
    return new FanlakeError('stack.unready', message, details);
  }
  const message = `The stack '${name}' is there, but it isn't a Fanlake, or one of an older version: it has no output ${output}. Look at the name, or deploy it again.`;
  return new FanlakeError('stack.unknown', message, details);
}

function severalFanlakes(name: string, { Outputs: outputs = [] }: Stack, output: string): FanlakeError {
  const keys = outputs.map(({ OutputKey: key = '' }) => key).filter((key) => key.includes(output));
  return new FanlakeError(
    'stack.unknown',
    `The stack '${name}' has several Fanlakes (outputs ${keys.join(', ')}), and a command acts on one. Give each a stack of its own.`,
    { stack: name, outputs: keys },
  );
}
