/**
 * `npm run localstack`: the whole of Fanlake on a LocalStack of this machine, to play with. Starts it, deploys the app as `cdk deploy` would to AWS,
 * says what to type, and shows what the functions do until Ctrl-C. `-- --stack <name>` gives the stack another name than Fanlake.
 */
import { execFile } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { styleFor } from '../../cli/render/style.ts';
import { jobs } from '../../jobs/index.ts';
import { type AwsEnvironment, cdkBootstrap, cdkDeploy, environmentOf } from './cdk-command.ts';
import { freePort } from './emulator-process.ts';
import { followFunctions } from './play/follow-functions.ts';
import { renderFunctionLine } from './play/function-line.ts';
import { type LocalStack, startLocalStack } from './server.ts';

const repository = join(import.meta.dirname, '../..');
const usualPort = 4566;
/** Of one queue: each function is a process of some 130 MB, and a folder full of files may be dropped at once. */
const mostFunctions = 8;
const style = styleFor(process.stdout, process.env);
const stopped = new AbortController();

/** Does something that takes a while, and says how long it took. */
async function step<Result>(what: string, work: () => Promise<Result>): Promise<Result> {
  const startedMs = performance.now();
  console.log(style.paint('dim', `${what} ...`));
  const result = await work();
  console.log(style.paint('dim', `${what}: ${((performance.now() - startedMs) / 1000).toFixed(1)} s`));
  return result;
}

/** Deploys the app of cdk.json, as to an account; what differs: the functions run on this machine's processor, and LocalStack has no dashboards. */
async function deploy(stack: string, environment: AwsEnvironment, folder: string): Promise<Readonly<Record<string, string>>> {
  const architecture = process.arch === 'arm64' ? 'arm64' : 'x86_64';
  const contexts = [`fanlake:stack=${stack}`, `fanlake:architecture=${architecture}`, 'fanlake:dashboard=false'];
  await step('cdk bootstrap', () => cdkBootstrap({ environment, folder, contexts }));
  return await step('cdk deploy', () => cdkDeploy(stack, { environment, folder, contexts }));
}

async function works(command: string): Promise<boolean> {
  return await promisify(execFile)(command, ['--version']).then(
    () => true,
    () => false,
  );
}

/** The command that uploads a file with what there is on this machine; LocalStack takes uploads that nobody signed. */
async function uploadCommand(file: string, bucket: string, key: string): Promise<string> {
  if (await works('aws')) return `aws s3 cp ${file} s3://${bucket}/${key}`;
  if (await works('curl')) return `curl --fail --upload-file ${file} "$AWS_ENDPOINT_URL/${bucket}/${key}"`;
  const put = `fetch(process.env.AWS_ENDPOINT_URL+'/${bucket}/${key}',{method:'PUT',body:fs.readFileSync('${file}')}).then(r=>console.log(r.status))`;
  return `node -e "${put}"`;
}

const environmentFile = (stack: string): string => join(repository, '.fanlake', `localstack-${stack}.env`);

async function sayWhatToType(stack: string, environment: AwsEnvironment, outputs: Readonly<Record<string, string>>): Promise<void> {
  const { LandingBucket: landing = '', LakeBucket: lake = '', WorkBucket: work = '' } = outputs;
  const exports = Object.entries(environment).map(([name, value]) => `${name}=${value}`);
  const line = `unset AWS_PROFILE; export ${exports.join(' ')}`;
  mkdirSync(join(repository, '.fanlake'), { recursive: true });
  const file = environmentFile(stack);
  writeFileSync(file, `${line}\n`);
  const strikes = 'node_modules/vega-datasets/data/birdstrikes.csv';
  const upload = await uploadCommand(strikes, landing, 'landing/bird-strikes/birdstrikes.csv');
  console.log(`
${style.paint('bold', 'Fanlake is deployed.')}
  landing bucket  ${landing}   (jobs: ${jobs.flatMap(({ input }) => input.prefix ?? []).join(', ')})
  lake bucket     ${lake}
  work bucket     ${work}

${style.paint('bold', 'In another terminal, in this folder:')}
  source ${relative(repository, file)}
  ${upload}
  npx fanlake status --stack ${stack}
  npx fanlake query "SELECT year, count(*) AS strikes FROM bird_strikes GROUP BY year ORDER BY year" --stack ${stack}

The first line sets what every AWS tool needs:
  ${line}

${style.paint('bold', 'What the functions do (UTC), until Ctrl-C:')}`);
}

async function play(stack: string): Promise<void> {
  const port = await freePort(usualPort).catch(() => freePort());
  const folder = join(repository, 'node_modules/.cache/fanlake/localstack', String(port));
  let localStack: LocalStack | null = null;
  const end = async (code: number): Promise<never> => {
    if (localStack?.kind === 'given')
      console.log(`\nThe LocalStack at ${localStack.endpoint} was there before: it stays, and so does the stack ${stack}.`);
    else if (localStack !== null) {
      console.log('\nstopping ...');
      await localStack.stop();
      rmSync(environmentFile(stack), { force: true });
      console.log(`Stopped: LocalStack at ${localStack.endpoint}, its functions, and all that was in its buckets.`);
    }
    process.exit(code);
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => stopped.abort());
  const interrupted = new Promise<'interrupted'>((resolve) => stopped.signal.addEventListener('abort', () => resolve('interrupted')));
  const ready = async (): Promise<LocalStack> => {
    const started = await step('LocalStack', () =>
      startLocalStack({ port, stateFolder: folder, mostFunctions, log: (line) => console.log(line) }),
    );
    localStack = started;
    const environment = environmentOf(started.endpoint);
    await sayWhatToType(stack, environment, await deploy(stack, environment, folder));
    return started;
  };
  const setUp = ready();
  try {
    const outcome = await Promise.race([setUp, interrupted]);
    if (outcome === 'interrupted') return await end(130);
    for await (const line of followFunctions({
      stack,
      signal: stopped.signal,
      lambdaLogs: outcome.lambdaLogs,
      endpoint: outcome.endpoint,
    })) {
      const shown = renderFunctionLine(line, style);
      if (shown !== null) console.log(shown);
    }
    return await end(0);
  } catch (error) {
    console.error(style.paint('red', `It can't be set up: ${error instanceof Error ? error.message : String(error)}`));
    if (localStack === null)
      console.error(
        'It needs Python 3.11 (its packages go into .venv-localstack/), a Docker engine, or a LocalStack that runs already: set AWS_ENDPOINT_URL to it.',
      );
    return await end(1);
  }
}

const { values } = parseArgs({ options: { stack: { type: 'string', default: 'Fanlake' } } });
await play(values.stack);
