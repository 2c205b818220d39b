/** Starts MiniStack, an emulator of S3 and SQS by other people: what passes on it and on LocalStack isn't one emulator's whim. */
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { pythonEnvironment } from '../python-environment.ts';
import { emulatorEnvironment, freePort, startEmulator } from './emulator-process.ts';
import type { LocalStackOptions } from './server.ts';

export interface MiniStack {
  readonly endpoint: string;
  readonly stop: () => Promise<void>;
}

/**
 * A MiniStack on a loopback port, which begins empty and ends with this process.
 * @throws Error with one line why it can't be had
 */
export async function startMiniStack({ port, stateFolder, log }: LocalStackOptions): Promise<MiniStack> {
  const python = await pythonEnvironment({
    folder: fileURLToPath(new URL('../../.venv-ministack/', import.meta.url)),
    requirements: fileURLToPath(new URL('./ministack/requirements.txt', import.meta.url)),
    imports: ['ministack.app'],
    onBuild: () => log('MiniStack: installing it into .venv-ministack, once (90 MB, some seconds)'),
  });
  await rm(stateFolder, { recursive: true, force: true });
  await mkdir(stateFolder, { recursive: true });
  const chosen = await freePort(port);
  const endpoint = `http://127.0.0.1:${chosen}`;
  const stop = await startEmulator({
    name: 'MiniStack',
    command: [python, '-m', 'ministack'],
    environment: {
      ...emulatorEnvironment(stateFolder),
      GATEWAY_PORT: String(chosen),
      // it binds all interfaces otherwise
      BIND_HOST: '127.0.0.1',
      MINISTACK_HOST: '127.0.0.1',
      SERVICES: 's3,sqs,sts',
      LOG_LEVEL: 'INFO',
    },
    endpoint,
    healthPath: '/_localstack/health',
    logFile: join(stateFolder, 'ministack.log'),
    groupsFolder: join(stateFolder, 'process-groups'),
    readyLine: /Running on/,
  });
  return { endpoint, stop };
}
