/** The app that a soak deploys on LocalStack: the product's construct, with messages that come again soon when their function was killed. */
import { App, Stack } from 'aws-cdk-lib';
import { Architecture, CfnFunction } from 'aws-cdk-lib/aws-lambda';
import { CfnQueue, type Queue } from 'aws-cdk-lib/aws-sqs';
import { defineJob } from '../../functions/core/job.ts';
import { Fanlake } from '../../infra/fanlake.ts';
import { declarations } from './soak-jobs.ts';

const functionSeconds = 30;
/** A message of a function that was killed before its first sign of life is hidden for so long: half an hour as it is deployed. */
const hiddenSeconds = 35;

const app = new App();
const stack = new Stack(app, process.env['FANLAKE_TEST_STACK'] ?? 'Soak');
const fanlake = new Fanlake(stack, 'Fanlake', {
  jobs: declarations.map((declaration) => defineJob(declaration)),
  // functions run on this machine
  architecture: process.arch === 'arm64' ? Architecture.ARM_64 : Architecture.X86_64,
  // uploads are cut too
  splitBytes: 256 << 10,
  // two cores: more at once only wait for each other
  maxConcurrency: { tasks: 4, requests: 2, commits: 2, merges: 2, monitor: 2 },
  memoryMiB: { worker: 1_024 },
});

for (const { lambda } of Object.values(fanlake.functions)) {
  const resource = lambda.node.defaultChild;
  if (!(resource instanceof CfnFunction)) throw new Error('a function of the stack is no Lambda function');
  resource.timeout = functionSeconds;
}
const comeSoon = (queue: Queue): void => {
  const resource = queue.node.defaultChild;
  if (!(resource instanceof CfnQueue)) throw new Error('a queue of the stack is no queue of SQS');
  resource.visibilityTimeout = hiddenSeconds;
};
for (const { queue, dead } of Object.values(fanlake.queues)) for (const each of [queue, dead]) comeSoon(each);
// LocalStack has no dashboards
fanlake.node.tryRemoveChild('Dashboard');
app.synth();
