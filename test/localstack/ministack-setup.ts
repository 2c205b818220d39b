/** One MiniStack for all tests of the project `ministack`. */
import type { TestProject } from 'vitest/node';
import { startMiniStack } from './ministack.ts';
import { startInBackground } from './start-emulator.ts';

async function start(stateFolder: string) {
  const { endpoint, stop } = await startMiniStack({ stateFolder, log: (line) => console.log(line) });
  return { provided: { endpoint, kind: null, lambdaLogs: null }, stop };
}

/** Called by vitest; what it returns is called at the end. */
export function setup(project: TestProject): () => Promise<void> {
  return startInBackground(project, 'MiniStack', start, 'the stores and queues on a second emulator of S3 and SQS');
}
