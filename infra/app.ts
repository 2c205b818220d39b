import { App } from 'aws-cdk-lib';
import { Architecture } from 'aws-cdk-lib/aws-lambda';
import { FanlakeError } from '../functions/core/errors.ts';
import { jobs } from '../jobs/index.ts';
import { FanlakeStack } from './stack.ts';

const architectures: Readonly<Record<string, Architecture>> = { arm64: Architecture.ARM_64, x86_64: Architecture.X86_64 };

/** A `-c name=value` of the command line (always a text) or of cdk.json. */
function context(app: App, name: string, otherwise: string): string {
  const value: unknown = app.node.tryGetContext(`fanlake:${name}`);
  return value === undefined ? otherwise : String(value);
}

/** Bytes of input that a task aims at, when the context has an opinion. */
function splitBytes(app: App): { readonly splitBytes?: number } {
  const value = context(app, 'splitBytes', '');
  return value === '' ? {} : { splitBytes: Number(value) };
}

function createApp(): App {
  const app = new App();
  const name = context(app, 'architecture', 'arm64');
  const architecture = architectures[name];
  if (architecture === undefined)
    throw new FanlakeError(
      'usage',
      `The context fanlake:architecture is '${name}': give arm64 (the default) or x86_64 (for an emulator on such a machine).`,
    );
  new FanlakeStack(app, context(app, 'stack', 'Fanlake'), {
    description: 'Files that land become lake tables, each upload exactly once',
    jobs,
    architecture,
    dashboard: context(app, 'dashboard', 'true') === 'true',
    ...splitBytes(app),
    removeData: context(app, 'removeData', 'false') === 'true',
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
