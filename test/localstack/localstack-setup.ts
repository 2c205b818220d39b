/** One LocalStack for all tests of the project `localstack`. */
import type { TestProject } from 'vitest/node';
import { emulatorStateFolder, missingEmulator } from './provided-emulator.ts';
import { type LocalStack, startLocalStack } from './server.ts';

let running: LocalStack | undefined;

export async function setup(project: TestProject): Promise<void> {
  try {
    running = await startLocalStack({ stateFolder: emulatorStateFolder('LocalStack'), log: (line) => console.log(line) });
    const { endpoint, kind, lambdaLogs } = running;
    project.provide('emulator', { name: 'LocalStack', endpoint, kind, lambdaLogs, missing: null });
  } catch (error) {
    project.provide(
      'emulator',
      missingEmulator('LocalStack', error, 'the functions on Lambda, the deployed stack, the stores and queues on S3 and SQS'),
    );
  }
}

export async function teardown(): Promise<void> {
  await running?.stop();
}
