/** The real `cdk` on an emulator, for what isn't a test: `npm run localstack` and benchmarks. */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const repository = join(import.meta.dirname, '../..');

export type AwsEnvironment = Readonly<Record<string, string>>;

/** What every AWS tool needs to find the emulator, and no account. */
export const environmentOf = (endpoint: string): AwsEnvironment => ({
  AWS_ENDPOINT_URL: endpoint,
  AWS_REGION: 'us-east-1',
  // version 1 of the AWS CLI knows this name only
  AWS_DEFAULT_REGION: 'us-east-1',
  AWS_ACCESS_KEY_ID: 'test',
  AWS_SECRET_ACCESS_KEY: 'test',
  AWS_EC2_METADATA_DISABLED: 'true',
});

export interface CdkOptions {
  readonly environment: AwsEnvironment;
  /** Where templates and bundles go. */
  readonly folder: string;
  /** The command that makes the stack; that of cdk.json when absent. */
  readonly app?: string;
  /** `name=value` of the command line. */
  readonly contexts?: readonly string[];
}

/** @throws Error with the end of its output when it fails */
async function cdk(args: readonly string[], { environment, folder, app, contexts = [] }: CdkOptions): Promise<void> {
  // a profile would be taken before the credentials
  const { AWS_PROFILE: _, ...inherited } = process.env;
  const binaries = join(repository, 'node_modules/.bin');
  const which = app === undefined ? [] : ['--app', app];
  const settings = contexts.flatMap((context) => ['--context', context]);
  const child = spawn(join(binaries, 'cdk'), [...args, ...which, ...settings, '--output', join(folder, 'cdk.out'), '--no-notices'], {
    cwd: repository,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...inherited, ...environment, PATH: `${binaries}:${process.env['PATH']}`, CI: 'true', CDK_DISABLE_CLI_TELEMETRY: '1' },
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (data: Buffer) => (output += data.toString()));
  const code = await new Promise<number | null>((resolve, reject) => child.on('close', resolve).on('error', reject));
  if (code !== 0) throw new Error(`cdk ${args[0]} ended with ${code}:\n${output.trim().split('\n').slice(-12).join('\n')}`);
}

/** Prepares the emulator's account for deployments. */
export const cdkBootstrap = (options: CdkOptions): Promise<void> => cdk(['bootstrap', 'aws://000000000000/us-east-1'], options);

/** @returns the stack's outputs */
export async function cdkDeploy(stack: string, options: CdkOptions): Promise<Readonly<Record<string, string>>> {
  const file = join(options.folder, 'outputs.json');
  await cdk(['deploy', '--require-approval', 'never', '--outputs-file', file], options);
  const all = JSON.parse(readFileSync(file, 'utf8')) as Readonly<Record<string, Readonly<Record<string, string>>>>;
  return all[stack] ?? {};
}
