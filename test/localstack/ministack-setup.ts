/** One MiniStack for all tests of the project `ministack`. */
import type { TestProject } from 'vitest/node';
import { type MiniStack, startMiniStack } from './ministack.ts';
import { emulatorStateFolder, missingEmulator } from './provided-emulator.ts';

let running: MiniStack | undefined;

export async function setup(project: TestProject): Promise<void> {
  try {
    running = await startMiniStack({ stateFolder: emulatorStateFolder('MiniStack'), log: (line) => console.log(line) });
    project.provide('emulator', { name: 'MiniStack', endpoint: running.endpoint, kind: null, lambdaLogs: null, missing: null });
  } catch (error) {
    project.provide('emulator', missingEmulator('MiniStack', error, 'the stores and queues on a second emulator of S3 and SQS'));
  }
}

export async function teardown(): Promise<void> {
  await running?.stop();
}
