import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { LambdaClient, ListFunctionsCommand } from '@aws-sdk/client-lambda';
import { ListBucketsCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { deltaLog, sorted, sqlText, tableRows, textRows } from '../e2e/duckdb.ts';
import { cdk, command, Deployment, deployment, onLocalStack, until } from './deployment.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const strikes = join(dirname(createRequire(import.meta.url).resolve('vega-datasets')), '..', 'data', 'birdstrikes.csv');

/** What an emulator on this machine needs to be told. */
const contexts = (stack: string, ...more: readonly string[]): readonly string[] =>
  [`stack=${stack}`, `architecture=${process.arch === 'arm64' ? 'arm64' : 'x86_64'}`, 'dashboard=false', ...more].flatMap((setting) => [
    '-c',
    `fanlake:${setting}`,
  ]);

onLocalStack("the product's own app", () => {
  const name = `Product${process.ppid}`;
  let folder: string;
  let stack: Deployment;
  const lambda = new LambdaClient({});

  const deploy = async (stackName: string, more: readonly string[] = [], environment: NodeJS.ProcessEnv = {}) => {
    const file = join(folder, 'outputs.json');
    const args = ['deploy', '--require-approval', 'never', '--outputs-file', file, ...contexts(stackName, ...more)];
    const said = await cdk(args, null, environment);
    const outputs = JSON.parse(readFileSync(file, 'utf8')) as Readonly<Record<string, Readonly<Record<string, string>>>>;
    return { said, stack: new Deployment(outputs[stackName] ?? {}) };
  };

  const buckets = async (of: Deployment): Promise<readonly string[]> => {
    const { Buckets = [] } = await of.s3.send(new ListBucketsCommand());
    const there = new Set(Buckets.map(({ Name }) => Name));
    return [of.of('LandingBucket'), of.of('LakeBucket'), of.of('WorkBucket')].filter((bucket) => there.has(bucket));
  };

  /** Hash of the code and time of change of each function of a stack. */
  const functions = async (of: string): Promise<readonly string[]> => {
    const { Functions = [] } = await lambda.send(new ListFunctionsCommand({ MaxItems: 1_000 }));
    const ours = Functions.filter(({ FunctionName }) => FunctionName?.startsWith(`${of}-`));
    return ours.map(({ FunctionName, CodeSha256, LastModified }) => `${FunctionName} ${CodeSha256} ${LastModified}`).sort();
  };

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'fanlake-deploy-'));
    // the account is bootstrapped once for all files: two at once would get in each other's way
    await deployment();
    ({ stack } = await deploy(name, [], { CDK_VALIDATION: 'true' }));
  });
  afterAll(() => {
    lambda.destroy();
    rmSync(folder, { recursive: true, force: true });
  });

  it('loads an upload that lands below the prefix of one of its jobs', async () => {
    await stack.upload('landing/bird-strikes/birdstrikes.csv', readFileSync(strikes));
    const [outcome] = await stack.outcomes('bird_strikes', 1);
    expect(outcome).toMatchObject({ outcome: 'COMMITTED', error: null });
    const table = await stack.fetchTable('bird_strikes', folder);
    const loaded = await tableRows(table);
    const expected = await textRows(`SELECT * EXCLUDE ("Cost Other") FROM read_csv(${sqlText(strikes)})`);
    expect(sorted(loaded)).toEqual(sorted(expected));
    const years = await textRows(`SELECT DISTINCT year("Flight Date") FROM read_csv(${sqlText(strikes)})`);
    expect(new Set(deltaLog(table).adds.map(({ partitionValues }) => partitionValues['year']))).toEqual(new Set(years.flat()));
  });

  it('deployed again changes nothing', async () => {
    const before = await functions(name);
    expect(before).toHaveLength(6);
    const { said } = await deploy(name);
    expect(said).toContain(`${name} (no changes)`);
    expect(await functions(name)).toEqual(before);
  });

  it('destroyed leaves its buckets with all that is in them', async () => {
    const objects = async () => [...(await stack.keys('LandingBucket', '')), ...(await stack.keys('LakeBucket', ''))];
    const before = await objects();
    expect(before.length).toBeGreaterThan(3);
    await cdk(['destroy', '--force', ...contexts(name)], null);
    await until('its functions are gone', async () => (await functions(name)).length === 0);
    expect(await buckets(stack)).toHaveLength(3);
    expect(await objects()).toEqual(before);
  });

  it('that was told to remove its data takes empty buckets with it', async () => {
    const short = `${name}Short`;
    const { stack: other } = await deploy(short, ['removeData=true']);
    expect(await buckets(other)).toHaveLength(3);
    // what S3 announced when the notification was set up may have made the coordinator write
    for (const bucket of ['LandingBucket', 'WorkBucket', 'LakeBucket'] as const) await other.empty(bucket);
    await cdk(['destroy', '--force', ...contexts(short, 'removeData=true')], null);
    expect(await buckets(other)).toEqual([]);
    expect(await functions(short)).toEqual([]);
  });
});

onLocalStack('cdk that can not deploy says why', () => {
  let clone: string;

  beforeAll(() => {
    clone = mkdtempSync(join(tmpdir(), 'fanlake-clone-'));
    for (const entry of ['infra', 'functions', 'jobs', 'package.json', 'package-lock.json']) {
      cpSync(join(root, entry), join(clone, entry), { recursive: true });
    }
    symlinkSync(join(root, 'node_modules'), join(clone, 'node_modules'));
  });
  afterAll(() => rmSync(clone, { recursive: true, force: true }));

  /** `cdk synth` after a change to one file of the clone, and none of its `infra/`. */
  async function synth(change: (job: string) => string): Promise<string> {
    const file = join('jobs', 'zip-codes.ts');
    writeFileSync(join(clone, file), change(readFileSync(join(root, file), 'utf8')));
    return await cdk(['synth', '--quiet', ...contexts('Clone')], `npx node "${join(clone, 'infra', 'app.ts')}"`).catch(String);
  }

  it("a job whose prefix covers another's is named with it", async () => {
    const said = await synth((job) => job.replace('landing/zip-codes/', 'landing/'));
    expect(said).toMatch(/ended with 1:/);
    expect(said).toContain("'landing/' covers 'landing/bird-strikes/'");
  });

  it('a typo in a query is named with its job, without a stack trace', async () => {
    const said = await synth((job) => job.replace('table:', "query: 'SELEC * FROM input', table:"));
    expect(said).toMatch(/ended with 1:/);
    expect(said).toMatch(/job 'zip-codes': .*syntax error at or near "SELEC"/s);
    expect(said).not.toMatch(/^\s+at .*infra/m);
  });

  describe('where there is no account', () => {
    const toNowhere = { AWS_CONFIG_FILE: '/dev/null', AWS_SHARED_CREDENTIALS_FILE: '/dev/null', AWS_MAX_ATTEMPTS: '1' };

    it('no credentials', async () => {
      const without = {
        AWS_ACCESS_KEY_ID: undefined,
        AWS_SECRET_ACCESS_KEY: undefined,
        AWS_SESSION_TOKEN: undefined,
        AWS_PROFILE: undefined,
      };
      const { code, output } = await command('cdk', ['deploy', '--output', join(clone, 'cdk.out'), ...contexts('Clone')], {
        ...toNowhere,
        ...without,
      });
      expect(output).toContain('Unable to resolve AWS account');
      expect(code).toBe(1);
    });

    it('nobody answers', async () => {
      // the discard port
      const { code, output } = await command(
        'cdk',
        ['bootstrap', 'aws://000000000000/us-east-1', '--output', join(clone, 'cdk.out'), ...contexts('Clone')],
        { ...toNowhere, AWS_ENDPOINT_URL: 'http://127.0.0.1:9' },
      );
      expect(output).toContain('connect ECONNREFUSED 127.0.0.1:9');
      expect(code).toBe(1);
    });
  });
});
