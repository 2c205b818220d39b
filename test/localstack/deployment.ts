/** The deployment of `app.ts` on the emulator: made once for all test files, with the real `cdk` command. */
import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { CloudFormationClient, DescribeStacksCommand } from '@aws-sdk/client-cloudformation';
import { CloudWatchLogsClient, DescribeLogGroupsCommand, FilterLogEventsCommand } from '@aws-sdk/client-cloudwatch-logs';
import {
  DeleteObjectsCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  ListObjectVersionsCommand,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { CreateQueueCommand, DeleteQueueCommand } from '@aws-sdk/client-sqs';
import { describe, test } from 'vitest';
import { makeS3Client } from '../../functions/adapters/s3-client.ts';
import { makeSqsClient } from '../../functions/adapters/sqs-client.ts';
import { emulator } from './emulator.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
/** The same for all files of a test run, and another for the next one, on an emulator that was there before. */
export const stackName = `Test${process.ppid}`;

export type Output = 'LandingBucket' | 'WorkBucket' | 'LakeBucket' | 'RequestsQueue' | 'TasksQueue' | 'CommitsQueue' | 'MonitorQueue';

/** A receipt as far as tests look at it. */
export interface Outcome {
  readonly run: string;
  readonly epoch: number;
  readonly outcome: string;
  readonly rows: { readonly read: number; readonly quarantined: number; readonly passed: number; readonly written: number };
  readonly tasks: { readonly planned: number; readonly done: number; readonly failed: number; readonly attempts: number };
  readonly table: { readonly version: number | null; readonly files: number };
  readonly seconds: number;
  readonly error: { readonly code: string; readonly message: string } | null;
}

/** What a function wrote, and the stream of the environment that it ran in: an environment is a process. */
export interface LogEvent {
  readonly message: string;
  readonly stream: string;
}

export type LogLine = Readonly<Record<string, unknown>> & { readonly stream: string };

/** A run may wait behind another test's thousand tasks, which share the workers. */
const endTimeoutMs = 450_000;

/** Runs a suite on the emulator, or says that it didn't. */
export function onLocalStack(name: string, suite: () => void): void {
  const { missing } = emulator;
  describe(name, () => {
    if (missing === null) suite();
    else test.skip(`not tested: ${name}: ${missing}`, () => {});
  });
}

/** Runs a command of the repository to its end. */
export function command(name: string, args: readonly string[], environment: NodeJS.ProcessEnv = {}) {
  return new Promise<{ readonly code: number | null; readonly output: string }>((resolve, reject) => {
    const path = `${join(root, 'node_modules/.bin')}:${process.env['PATH']}`;
    const child = spawn(name, args, {
      cwd: root,
      // validating a template takes as long as all the rest of a synthesis: test/infra has it done, and the product's first deployment here
      env: { ...process.env, PATH: path, CI: 'true', CDK_VALIDATION: 'false', FANLAKE_TEST_STACK: stackName, ...environment },
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (data: Buffer) => (output += data.toString()));
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, output }));
  });
}

/**
 * The real `cdk` on the emulator.
 * @param app null: the product's own, of cdk.json
 */
export async function cdk(
  args: readonly string[],
  app: string | null = 'npx node test/localstack/app.ts',
  environment: NodeJS.ProcessEnv = {},
): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'fanlake-cdk-'));
  try {
    const which = app === null ? [] : ['--app', app];
    const { code, output } = await command(
      'cdk',
      [...args, ...which, '--output', folder, '--progress', 'events', '--no-notices'],
      environment,
    );
    if (code !== 0) throw new Error(`cdk ${args.join(' ')} ended with ${code}:\n${output.slice(-4_000)}`);
    return output;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

export const bootstrap = (): Promise<string> => cdk(['bootstrap', 'aws://000000000000/us-east-1']);

async function outputsOf(name: string): Promise<Readonly<Record<string, string>> | null> {
  const client = new CloudFormationClient({ endpoint: emulator.endpoint, region: 'us-east-1' });
  try {
    const { Stacks: [stack] = [] } = await client.send(new DescribeStacksCommand({ StackName: name }));
    if (stack?.StackStatus !== 'CREATE_COMPLETE' && stack?.StackStatus !== 'UPDATE_COMPLETE') return null;
    return Object.fromEntries((stack.Outputs ?? []).map(({ OutputKey: key = '', OutputValue: value = '' }) => [key, value]));
  } catch {
    return null;
  } finally {
    client.destroy();
  }
}

/** The deployment that the test files share: the first that asks deploys it, and the others wait for it. */
export async function deployment(): Promise<Deployment> {
  const { lambdaLogs } = emulator;
  // what is below an emulator's folder goes with it; elsewhere a process id may come again
  const marker = lambdaLogs === null ? join(tmpdir(), `fanlake-deploying-${stackName}`) : join(dirname(lambdaLogs), 'deploying');
  const isFirst = await mkdir(marker).then(
    () => true,
    () => false,
  );
  if (isFirst) {
    await bootstrap();
    await cdk(['deploy', '--require-approval', 'never']);
  }
  let outputs: Readonly<Record<string, string>> | null = null;
  await until(
    'the stack is deployed',
    async () => {
      outputs = await outputsOf(stackName);
      return outputs !== null;
    },
    isFirst ? 1_000 : 390_000,
  );
  return new Deployment(outputs ?? {});
}

/** Buckets, queues and logs of a deployed stack, looked at by nothing of Fanlake. */
export class Deployment {
  readonly s3: S3Client = makeS3Client();
  readonly sqs = makeSqsClient();
  private readonly cloudWatch = new CloudWatchLogsClient({ endpoint: emulator.endpoint, region: 'us-east-1' });
  private readonly outputs: Readonly<Record<string, string>>;

  constructor(outputs: Readonly<Record<string, string>>) {
    this.outputs = outputs;
  }

  of(output: Output): string {
    const value = this.outputs[output];
    if (value === undefined) throw new Error(`the stack has no output ${output}`);
    return value;
  }

  /** @returns the version id */
  async upload(key: string, body: string | Uint8Array): Promise<string> {
    const { VersionId: version = '' } = await this.s3.send(
      new PutObjectCommand({ Bucket: this.of('LandingBucket'), Key: key, Body: body }),
    );
    return version;
  }

  /**
   * Holds back what a queue would deliver: messages whose text holds this come when the function that is answered was called. They are late, as they may be on AWS.
   * @param text a word of letters, digits, - and _
   * @returns lets them go, and may be called again; null on an emulator that we didn't start, which doesn't know of it (sqs_poller.py)
   */
  async holdBack(queue: 'RequestsQueue' | 'TasksQueue', text: string): Promise<(() => Promise<void>) | null> {
    if (emulator.kind === 'given') return null;
    const name = this.of(queue).split('/').at(-1);
    const { QueueUrl: held } = await this.sqs.send(new CreateQueueCommand({ QueueName: `${name}--held--${text}` }));
    let isHeld = true;
    return async () => {
      if (isHeld) await this.sqs.send(new DeleteQueueCommand({ QueueUrl: held }));
      isHeld = false;
    };
  }

  /** Keys of a bucket below a prefix. */
  async keys(output: Output, prefix: string): Promise<readonly string[]> {
    const keys: string[] = [];
    let next: string | undefined;
    do {
      const page = await this.s3.send(new ListObjectsV2Command({ Bucket: this.of(output), Prefix: prefix, ContinuationToken: next }));
      keys.push(...(page.Contents ?? []).map(({ Key: key = '' }) => key));
      next = page.NextContinuationToken;
    } while (next !== undefined);
    return keys;
  }

  async text(output: Output, key: string): Promise<string> {
    const { Body: body } = await this.s3.send(new GetObjectCommand({ Bucket: this.of(output), Key: key }));
    return (await body?.transformToString()) ?? '';
  }

  /** The outcomes in a table's ledger, when there are so many. */
  async outcomes(table: string, count: number, timeoutMs = endTimeoutMs): Promise<readonly Outcome[]> {
    const untilMs = Date.now() + timeoutMs;
    // often at first; who waits for thousands of tasks is not to slow them down
    for (let pauseMs = 100; ; pauseMs = Math.min(1_000, 1.1 * pauseMs)) {
      const keys = (await this.keys('LakeBucket', `${table}/_fanlake/`)).filter((key) => key.endsWith('/outcome.json'));
      if (keys.length >= count) {
        return Promise.all(keys.map(async (key) => JSON.parse(await this.text('LakeBucket', key)) as Outcome));
      }
      if (Date.now() > untilMs) {
        throw new Error(`${keys.length} of ${count} runs into ${table} ended in ${timeoutMs / 1000} s`);
      }
      await sleep(pauseMs);
    }
  }

  /** Copies a table to this disk. */
  async fetchTable(table: string, folder: string): Promise<string> {
    for (const key of await this.keys('LakeBucket', `${table}/`)) {
      const path = join(folder, key);
      await mkdir(dirname(path), { recursive: true });
      const { Body: body } = await this.s3.send(new GetObjectCommand({ Bucket: this.of('LakeBucket'), Key: key }));
      await writeFile(path, (await body?.transformToByteArray()) ?? new Uint8Array());
    }
    return join(folder, table);
  }

  /** Deletes everything below a prefix, versions included. */
  async empty(output: Output, prefix = ''): Promise<void> {
    for (;;) {
      const { Versions = [], DeleteMarkers = [] } = await this.s3.send(
        new ListObjectVersionsCommand({ Bucket: this.of(output), Prefix: prefix }),
      );
      const Objects = [...Versions, ...DeleteMarkers].map(({ Key, VersionId }) => ({ Key, VersionId }));
      if (Objects.length === 0) return;
      await this.s3.send(new DeleteObjectsCommand({ Bucket: this.of(output), Delete: { Objects, Quiet: true } }));
    }
  }

  /**
   * What the functions wrote so far.
   * @param name part of a function's name: `Worker`, `Coordinator`, `Reducer`, `Monitor`, `DeadLetters`
   */
  async logs(name = ''): Promise<readonly LogEvent[]> {
    const { logGroups = [] } = await this.cloudWatch.send(
      new DescribeLogGroupsCommand({ logGroupNamePrefix: `/aws/lambda/${stackName}-` }),
    );
    const events: LogEvent[] = [];
    for (const { logGroupName } of logGroups.filter((group) => group.logGroupName?.includes(name))) {
      let nextToken: string | undefined;
      do {
        const page = await this.cloudWatch.send(new FilterLogEventsCommand({ logGroupName, nextToken }));
        for (const { message = '', logStreamName: stream = '' } of page.events ?? []) events.push({ message: message.trimEnd(), stream });
        nextToken = page.nextToken;
      } while (nextToken !== undefined);
    }
    return events;
  }

  /** The log lines that are JSON, each with the stream of its environment. */
  async logLines(name = ''): Promise<readonly LogLine[]> {
    const events = (await this.logs(name)).filter(({ message }) => message.startsWith('{'));
    return events.map(({ message, stream }) => ({ ...(JSON.parse(message) as Record<string, unknown>), stream }));
  }

  /** The sum of a metric in the functions' logs (CloudWatch embedded metric format). */
  async metric(metric: string): Promise<number> {
    const values = (await this.logLines()).flatMap((line) => (line['_aws'] === undefined ? [] : (line[metric] ?? [])));
    return values.flat().reduce<number>((sum, value) => sum + Number(value), 0);
  }
}

/** Waits until something holds. */
export async function until(what: string, holds: () => Promise<boolean>, timeoutMs = 180_000): Promise<void> {
  const untilMs = Date.now() + timeoutMs;
  while (!(await holds())) {
    if (Date.now() > untilMs) throw new Error(`not within ${timeoutMs / 1000} s: ${what}`);
    await sleep(100);
  }
}
