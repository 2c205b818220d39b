import { execFile } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { freePort, isHealthy } from './emulator-process.ts';

/** The last open release whose functions run as on AWS; later images want a token. */
const image = 'localstack/localstack:4.9.2';
const startLimitMs = 300_000;

const run = promisify(execFile);

async function hasEngine(): Promise<boolean> {
  return await run('docker', ['info', '--format', '{{.ServerVersion}}'], { timeout: 15_000 }).then(
    ({ stdout }) => stdout.trim() !== '',
    () => false,
  );
}

/** A LocalStack in a container. */
export interface DockerLocalStack {
  readonly endpoint: string;
  readonly stop: () => Promise<void>;
}

/** LocalStack's image with its own executor, which runs each function in AWS's image; null where no Docker engine runs. */
export async function startDockerLocalStack(port: number | undefined, log: (line: string) => void): Promise<DockerLocalStack | null> {
  if (!(await hasEngine())) return null;
  log(`LocalStack: starting ${image} (the first time it is downloaded)`);
  const chosen = await freePort(port);
  const endpoint = `http://127.0.0.1:${chosen}`;
  const name = `fanlake-localstack-${chosen}`;
  const settings = [
    'DEBUG=0',
    'DISABLE_EVENTS=1',
    'PERSISTENCE=0',
    'SQS_ENDPOINT_STRATEGY=path',
    'CFN_IGNORE_UNSUPPORTED_RESOURCE_TYPES=0',
  ];
  const started = ['run', '--rm', '--detach', '--name', name, '--publish', `127.0.0.1:${chosen}:4566`];
  // functions are containers beside this one, started through the engine's socket
  const socket = ['--volume', '/var/run/docker.sock:/var/run/docker.sock'];
  await run('docker', [...started, ...socket, ...settings.flatMap((setting) => ['--env', setting]), image]);
  // `kill`, because at the end of a process nobody waits for a stop
  const stop = async (): Promise<void> => void (await run('docker', ['rm', '--force', name]).catch(() => {}));
  const giveUpAt = Date.now() + startLimitMs;
  while (!(await isHealthy(endpoint, '/_localstack/health'))) {
    if (Date.now() > giveUpAt) {
      await stop();
      throw new Error(`${image} didn't answer at ${endpoint} within ${startLimitMs / 1000} s`);
    }
    await sleep(500);
  }
  return { endpoint, stop };
}
