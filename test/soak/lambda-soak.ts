import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { GetObjectCommand, ListObjectsV2Command, PutObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { makeS3Client } from '../../functions/adapters/s3-client.ts';
import { signal } from '../e2e/worker-processes.ts';
import { cdkBootstrap, cdkDeploy, environmentOf } from '../localstack/cdk-command.ts';
import { type LocalStack, startLocalStack } from '../localstack/server.ts';
import type { Victim } from './kills.ts';
import { type FunctionKind, lambdaProcesses } from './lambda-processes.ts';
import { isGood, type SoakReport } from './report.ts';
import { jobsFile } from './soak-jobs.ts';
import { type SoakOptions, SoakRun } from './soak-run.ts';

const stack = 'Soak';

type Kind = FunctionKind | 'run' | 'retry';

const shares: Readonly<Record<Kind, number>> = { worker: 6, coordinator: 2, reducer: 2, monitor: 1, run: 1, retry: 1 };

type Root = 'landing' | 'work' | 'lake';

/** The buckets of the deployed stack, looked into by nothing of Fanlake. */
class Buckets {
  private readonly s3: S3Client = makeS3Client();
  private readonly names: Readonly<Record<Root, string>>;

  constructor(names: Readonly<Record<Root, string>>) {
    this.names = names;
  }

  async put(key: string, body: Uint8Array): Promise<void> {
    await this.s3.send(new PutObjectCommand({ Bucket: this.names.landing, Key: key, Body: body }));
  }

  async keys(root: Root, prefix = ''): Promise<readonly string[]> {
    const keys: string[] = [];
    let next: string | undefined;
    do {
      const page = await this.s3.send(new ListObjectsV2Command({ Bucket: this.names[root], Prefix: prefix, ContinuationToken: next }));
      keys.push(...(page.Contents ?? []).map(({ Key: key = '' }) => key));
      next = page.NextContinuationToken;
    } while (next !== undefined);
    return keys;
  }

  async body(root: Root, key: string): Promise<Uint8Array> {
    const { Body: body } = await this.s3.send(new GetObjectCommand({ Bucket: this.names[root], Key: key }));
    return (await body?.transformToByteArray()) ?? new Uint8Array();
  }
}

/** Uploads into a stack that is deployed on a LocalStack of its own, whose functions are killed; `run` and `retry` with `--stack` besides. */
export class LambdaSoak extends SoakRun<Kind> {
  private readonly buckets: Buckets;
  private readonly path: string;
  private readonly localStack: LocalStack;
  private isClean = false;

  private constructor(options: SoakOptions, path: string, localStack: LocalStack, buckets: Buckets) {
    super(options, {
      path,
      commandOptions: ['--stack', stack],
      ledger: { keys: (root) => buckets.keys(root), text: async (root, key) => Buffer.from(await buckets.body(root, key)).toString() },
      lookEveryMs: 3_000,
      // a function takes a second to start, and a message whose function died waits for half a minute
      killEveryMs: [1_000, 3_000],
      shares,
      // the version that was uploaded is there to be read, whatever comes after it
      replacedCodes: [],
    });
    this.path = path;
    this.localStack = localStack;
    this.buckets = buckets;
  }

  /**
   * Starts LocalStack and deploys.
   * @param begin makes the options when all that is done: the time of a soak begins then
   * @throws Error when functions can't be killed there
   */
  static async deploy(begin: () => SoakOptions, log: (line: string) => void): Promise<LambdaSoak> {
    const path = mkdtempSync(join(tmpdir(), 'fanlake-soak-'));
    const localStack = await startLocalStack({ stateFolder: join(path, 'localstack'), log });
    if (localStack.kind !== 'process' || process.platform !== 'linux') {
      await localStack.stop();
      throw new Error(
        `The LocalStack is ${localStack.kind}, on ${process.platform}: functions can only be killed where they are processes that we start, on Linux without a Docker engine.`,
      );
    }
    const environment = environmentOf(localStack.endpoint);
    Object.assign(process.env, environment, { FANLAKE_TEST_STACK: stack });
    const options = { environment, folder: path, app: 'npx node test/soak/app.ts' };
    log('LocalStack runs; deploying');
    await cdkBootstrap(options);
    const { LandingBucket: landing = '', WorkBucket: work = '', LakeBucket: lake = '' } = await cdkDeploy(stack, options);
    log('deployed');
    mkdirSync(join(path, 'jobs'));
    writeFileSync(join(path, 'jobs/index.ts'), jobsFile);
    return new LambdaSoak(begin(), path, localStack, new Buckets({ landing, work, lake }));
  }

  override async run(): Promise<SoakReport> {
    try {
      const report = await super.run();
      this.isClean = isGood(report);
      return report;
    } finally {
      await this.localStack.stop();
      if (this.isClean) this.remove();
    }
  }

  /** Kills what is under way and removes everything. */
  async abandon(): Promise<void> {
    this.endTyped();
    await this.localStack.stop();
    this.remove();
  }

  private remove(): void {
    rmSync(this.path, { recursive: true, force: true });
  }

  protected override async settle(): Promise<void> {}

  protected override async land(key: string, body: Uint8Array): Promise<void> {
    await this.buckets.put(key, body);
  }

  protected override async put(folder: string, name: string, body: Uint8Array): Promise<void> {
    await this.buckets.put(`${folder}${name}`, body);
  }

  /** A copy of the table. */
  protected override async tablePath(table: string): Promise<string> {
    const folder = join(this.path, 'lake');
    for (const key of await this.buckets.keys('lake', `${table}/`)) {
      if (key.includes('/_fanlake/')) continue;
      mkdirSync(dirname(join(folder, key)), { recursive: true });
      writeFileSync(join(folder, key), await this.buckets.body('lake', key));
    }
    return join(folder, table);
  }

  protected override victims(): readonly Victim<Kind>[] {
    const { current } = this.typed;
    const functions = lambdaProcesses(stack).map(({ kind, pid }) => ({ kind, kill: () => signal(pid, 'SIGKILL') }));
    return [...functions, ...(current === null ? [] : [{ kind: current.name, kill: () => signal(-current.pid, 'SIGKILL') }])];
  }
}
