/** The app that the LocalStack tests deploy: the same construct as the product's stack, with jobs for the tests and a worker that has little time. */
import { App, Stack } from 'aws-cdk-lib';
import { Architecture, CfnFunction } from 'aws-cdk-lib/aws-lambda';
import { Fanlake } from '../../infra/fanlake.ts';
import { testJobs } from './jobs.ts';

const workerSeconds = 40;

const app = new App();
const stack = new Stack(app, process.env['FANLAKE_TEST_STACK'] ?? 'Test');
const fanlake = new Fanlake(stack, 'Fanlake', {
  jobs: testJobs,
  // functions run on this machine
  architecture: process.arch === 'arm64' ? Architecture.ARM_64 : Architecture.X86_64,
  splitBytes: 16 << 20,
  // two cores: more at once only wait for each other
  maxConcurrency: { tasks: 4, requests: 2, commits: 2, merges: 2, monitor: 2 },
  memoryMiB: { worker: 1_024 },
});
const worker = fanlake.functions.worker.lambda.node.defaultChild;
if (!(worker instanceof CfnFunction)) throw new Error('the worker is no Lambda function');
worker.timeout = workerSeconds;
// LocalStack has no dashboards
fanlake.node.tryRemoveChild('Dashboard');
app.synth();
