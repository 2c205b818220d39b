/** Starts LocalStack, which stands for S3, SQS, Lambda and CloudFormation in tests and in `npm run localstack`. */
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { pythonEnvironment } from '../python-environment.ts';
import { startDockerLocalStack } from './docker.ts';
import { emulatorEnvironment, freePort, isHealthy, startEmulator } from './emulator-process.ts';
import { commonSettings } from './settings.ts';

export interface LocalStack {
  readonly endpoint: string;
  /** Whose it is: it was there, or it runs in a container, or as a process of ours. */
  readonly kind: 'given' | 'docker' | 'process';
  /** The folder with a file `<function>.log` for each function that has run; null when it isn't ours. */
  readonly lambdaLogs: string | null;
  /** Ends it and all functions; does nothing to one that was given. */
  readonly stop: () => Promise<void>;
}

export interface LocalStackOptions {
  /** Any free one when absent. */
  readonly port?: number;
  /** Emptied at the start: nothing is kept from one start to the next. */
  readonly stateFolder: string;
  /** Functions at work on a queue at once, whatever the queue's mapping allows; as many as that when absent. */
  readonly mostFunctions?: number;
  /** Gets a line about each thing that takes a while. */
  readonly log: (line: string) => void;
}

const healthPath = '/_localstack/health';
const loopbackHosts = ['127.0.0.1', 'localhost', '[::1]'];

function inThisFolder(name: string): string {
  return fileURLToPath(new URL(name, import.meta.url));
}

/** The emulator that AWS_ENDPOINT_URL names, when it answers. */
async function givenLocalStack(log: LocalStackOptions['log']): Promise<LocalStack | null> {
  const endpoint = process.env['AWS_ENDPOINT_URL'];
  if (endpoint === undefined || endpoint === '') return null;
  if (!URL.canParse(endpoint) || !loopbackHosts.includes(new URL(endpoint).hostname)) {
    throw new Error(`AWS_ENDPOINT_URL is ${endpoint}, which isn't on this machine: unset it, or name a LocalStack on 127.0.0.1`);
  }
  if (await isHealthy(endpoint, healthPath)) return { endpoint, kind: 'given', lambdaLogs: null, stop: async () => {} };
  log(`no LocalStack answers at AWS_ENDPOINT_URL (${endpoint}): starting one`);
  return null;
}

/** What a process of this machine needs besides: a container has all of it. */
function processSettings(port: number, folders: { readonly state: string; readonly lambdaLogs: string }): NodeJS.ProcessEnv {
  return {
    GATEWAY_LISTEN: `127.0.0.1:${port}`,
    LOCALSTACK_HOST: `127.0.0.1:${port}`,
    // the default server binds all interfaces
    GATEWAY_SERVER: 'hypercorn',
    OVERRIDE_IN_DOCKER: '0',
    FILESYSTEM_ROOT: folders.state,
    DNS_ADDRESS: '0',
    SKIP_SSL_CERT_DOWNLOAD: '1',
    EAGER_SERVICE_LOADING: '0',
    LAMBDA_RUNTIME_EXECUTOR: 'process',
    FANLAKE_LAMBDA_LOGS: folders.lambdaLogs,
  };
}

async function startProcess({ port, stateFolder, mostFunctions, log }: LocalStackOptions): Promise<LocalStack> {
  const python = await pythonEnvironment({
    folder: fileURLToPath(new URL('../../.venv-localstack/', import.meta.url)),
    requirements: inThisFolder('./requirements.txt'),
    constraints: inThisFolder('./constraints.txt'),
    ownPackage: inThisFolder('./process-executor'),
    imports: ['localstack.runtime.main', 'fanlake_process_executor.plugins'],
    version: '3.11',
    onBuild: () => log('LocalStack: installing it into .venv-localstack, once (500 MB, a minute or two)'),
  });
  const folders = { state: join(stateFolder, 'state'), temporary: join(stateFolder, 'tmp'), lambdaLogs: join(stateFolder, 'lambda-logs') };
  await rm(stateFolder, { recursive: true, force: true });
  for (const folder of Object.values(folders)) await mkdir(folder, { recursive: true });
  const chosen = await freePort(port);
  const endpoint = `http://127.0.0.1:${chosen}`;
  const stop = await startEmulator({
    name: 'LocalStack',
    command: [python, '-m', 'localstack.runtime.main'],
    environment: { ...emulatorEnvironment(folders.temporary), ...commonSettings(mostFunctions), ...processSettings(chosen, folders) },
    endpoint,
    healthPath,
    logFile: join(stateFolder, 'localstack.log'),
    groupsFolder: join(folders.temporary, 'process-groups'),
    // "Ready." alone it also says when another process has its port
    readyLine: /Running on[\s\S]*^Ready\.$/m,
  });
  return { endpoint, kind: 'process', lambdaLogs: folders.lambdaLogs, stop };
}

/**
 * The LocalStack that AWS_ENDPOINT_URL names if it answers, else Docker's image when an engine runs, else one in a Python environment of ours with
 * functions as Node processes. It listens on loopback only, begins empty, and ends with this process.
 * @throws Error with one line why it can't be had
 */
export async function startLocalStack(options: LocalStackOptions): Promise<LocalStack> {
  const given = await givenLocalStack(options.log);
  if (given !== null) return given;
  const container = await startDockerLocalStack(options);
  if (container !== null) return { ...container, kind: 'docker', lambdaLogs: null };
  return await startProcess(options);
}
