import type { App } from 'aws-cdk-lib';
import { Architecture } from 'aws-cdk-lib/aws-lambda';
import { FanlakeError } from '../functions/core/errors.ts';
import { didYouMean } from '../functions/core/nearest.ts';

/** What one deployment may set on the command line, as `-c fanlake:<name>=<value>`. */
export interface Contexts {
  /** The stack's name. */
  readonly stack: string;
  readonly architecture: Architecture;
  readonly dashboard: boolean;
  readonly removeData: boolean;
  readonly sweep?: boolean;
  /** Bytes of input that a task aims at. */
  readonly splitBytes?: number;
  /** Names of buckets that are there already. */
  readonly landingBucket?: string;
  readonly lakeBucket?: string;
}

const inFront = 'fanlake:';
const architectures: Readonly<Record<string, Architecture>> = { arm64: Architecture.ARM_64, x86_64: Architecture.X86_64 };
/** https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cfn-using-console-create-stack-parameters.html */
const stackName = /^[A-Za-z][A-Za-z0-9-]{0,127}$/;
/** https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html */
const bucketName = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;

const refusal = (name: string, value: string, advice: string): FanlakeError =>
  new FanlakeError('usage', `The context ${inFront}${name} is '${value}': ${advice}`);

function readFlag(name: string, value: string): boolean {
  if (value !== 'true' && value !== 'false') throw refusal(name, value, 'give true or false.');
  return value === 'true';
}

function readArchitecture(name: string, value: string): Architecture {
  const architecture = Object.hasOwn(architectures, value) ? architectures[value] : undefined;
  if (architecture !== undefined) return architecture;
  throw refusal(name, value, 'give arm64 (the default) or x86_64 (for an emulator on such a machine).');
}

function readBytes(name: string, value: string): number {
  const bytes = /^\d+$/.test(value) ? Number(value) : 0;
  if (Number.isSafeInteger(bytes) && bytes >= 1) return bytes;
  throw refusal(name, value, 'give a whole number of bytes, such as 67108864 for 64 MiB.');
}

function readStack(name: string, value: string): string {
  if (stackName.test(value)) return value;
  throw refusal(name, value, "a stack's name begins with a letter and has letters, digits and '-', at most 128.");
}

function readBucket(name: string, value: string): string {
  if (bucketName.test(value)) return value;
  throw refusal(name, value, "give a bucket's name alone: 3 to 63 lowercase letters, digits, '.' and '-'.");
}

const contextNames = ['stack', 'architecture', 'dashboard', 'removeData', 'sweep', 'splitBytes', 'landingBucket', 'lakeBucket'] as const;

/**
 * The settings of a deployment, from the command line's contexts and those of cdk.json.
 * @throws FanlakeError `usage` when a context that begins with `fanlake:` isn't known, or has a value that it doesn't take
 */
export function readContexts(app: App): Contexts {
  const all = app.node.getAllContext() as Readonly<Record<string, unknown>>;
  for (const key of Object.keys(all)) {
    const name = key.slice(inFront.length);
    if (!key.startsWith(inFront) || contextNames.some((known) => known === name)) continue;
    throw new FanlakeError(
      'usage',
      `There is no context ${key}${didYouMean(name, contextNames)}. There are ${contextNames.map((known) => inFront + known).join(', ')}.`,
    );
  }
  const read = <Name extends keyof Contexts>(name: Name, decode: (name: string, value: string) => Contexts[Name]) => {
    const value = all[`${inFront}${name}`];
    return value === undefined ? {} : { [name]: decode(name, String(value)) };
  };
  return {
    stack: 'Fanlake',
    architecture: Architecture.ARM_64,
    dashboard: true,
    removeData: false,
    ...read('stack', readStack),
    ...read('architecture', readArchitecture),
    ...read('dashboard', readFlag),
    ...read('removeData', readFlag),
    ...read('sweep', readFlag),
    ...read('splitBytes', readBytes),
    ...read('landingBucket', readBucket),
    ...read('lakeBucket', readBucket),
  };
}
