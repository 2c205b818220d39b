import { App } from 'aws-cdk-lib';
import { FanlakeError } from '../functions/core/errors.ts';
import { jobs } from '../jobs/index.ts';
import { readContexts } from './contexts.ts';
import { FanlakeStack } from './stack.ts';

function createApp(): App {
  const app = new App();
  const { stack, landingBucket, lakeBucket, ...settings } = readContexts(app);
  new FanlakeStack(app, stack, {
    description: 'Files that land become lake tables, each upload exactly once',
    jobs,
    ...settings,
    existing: { landingBucket, lakeBucket },
  });
  return app;
}

try {
  createApp().synth();
} catch (thrown) {
  if (!(thrown instanceof FanlakeError)) throw thrown;
  console.error(thrown.message);
  process.exitCode = 2;
}
