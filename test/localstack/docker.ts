import { execFile } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { freePort, isHealthy } from './emulator-process.ts';
import { commonSettings } from './settings.ts';

/**
 * The release that runs as a process, too, so that what mends it there mends it here. 4.14.0, the last open one, knows nodejs24.x by itself, but like this one polls a
 * queue and invokes in turn, writes bodies of messages anew, and lets two multipart uploads create the same object (read in its sources, 2026-11-22); later images want a token.
 */
const image = 'localstack/localstack:4.9.2';
const startLimitMs = 300_000;

const run = promisify(execFile);

async function hasEngine(): Promise<boolean> {
  return await run('docker', ['info', '--format', '{{.ServerVersion}}'], { timeout: 15_000 }).then(
    ({ stdout }) => stdout.trim() !== '',
    () => false,
  );
}

/** Ends the container and those of its functions, which are named after it. It isn't asked to: at the end of a process nobody waits for a stop. */
async function remove(name: string): Promise<void> {
  await run('docker', ['rm', '--force', name]).catch(() => {});
  const { stdout } = await run('docker', ['ps', '--all', '--quiet', '--filter', `name=${name}-lambda-`]).catch(() => ({ stdout: '' }));
  const functions = stdout.split('\n').filter((id) => id !== '');
  if (functions.length > 0) await run('docker', ['rm', '--force', ...functions]).catch(() => {});
}

function inThisFolder(name: string): string {
  return fileURLToPath(new URL(name, import.meta.url));
}

/** See `LocalStackOptions`. */
export interface DockerOptions {
  readonly port?: number;
  readonly mostFunctions?: number;
  readonly log: (line: string) => void;
}

/** A LocalStack in a container. */
export interface DockerLocalStack {
  readonly endpoint: string;
  readonly stop: () => Promise<void>;
}

/** LocalStack's image, mended as the process is, with its own executor, which runs each function in AWS's image; null where no Docker engine runs. */
export async function startDockerLocalStack({ port, mostFunctions, log }: DockerOptions): Promise<DockerLocalStack | null> {
  if (!(await hasEngine())) return null;
  log(`LocalStack: starting ${image} (the first time it is downloaded)`);
  const chosen = await freePort(port);
  const endpoint = `http://127.0.0.1:${chosen}`;
  const name = `fanlake-localstack-${chosen}`;
  const settings = Object.entries({ ...commonSettings(mostFunctions), MAIN_CONTAINER_NAME: name }).map(([key, value]) => `${key}=${value}`);
  const started = ['run', '--rm', '--detach', '--name', name, '--publish', `127.0.0.1:${chosen}:4566`];
  const volumes = [
    // functions are containers beside this one, started through the engine's socket
    '/var/run/docker.sock:/var/run/docker.sock',
    `${inThisFolder('./process-executor/fanlake_process_executor')}:/opt/fanlake/fanlake_process_executor:ro`,
    `${inThisFolder('./process-executor/mend_in_docker.py')}:/etc/localstack/init/start.d/mend.py:ro`,
  ];
  await run('docker', [
    ...started,
    ...volumes.flatMap((volume) => ['--volume', volume]),
    ...settings.flatMap((setting) => ['--env', setting]),
    image,
  ]);
  const stop = () => remove(name);
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
