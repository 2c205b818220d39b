/** One LocalStack for all tests of a project. */
import type { TestProject } from 'vitest/node';
import { startLocalStack } from './server.ts';
import { startInBackground } from './start-emulator.ts';

async function start(stateFolder: string) {
  const { endpoint, kind, lambdaLogs, stop } = await startLocalStack({ stateFolder, log: (line) => console.log(line) });
  return { provided: { endpoint, kind, lambdaLogs }, stop };
}

/** Called by vitest; what it returns is called at the end. */
export function setup(project: TestProject): () => Promise<void> {
  return startInBackground(
    project,
    'LocalStack',
    start,
    'the functions on Lambda, the deployed stack, the stores and queues on S3 and SQS',
  );
}
