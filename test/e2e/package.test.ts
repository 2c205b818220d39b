import { execFileSync, spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { elfMachineOf } from '../../infra/duckdb-library.ts';

const repository = fileURLToPath(new URL('../..', import.meta.url));
const packed = ['bin', 'cli', 'functions', 'infra', 'LICENSE', '.npmrc', 'package.json', 'tsconfig.json', 'tsconfig.build.json'];

const job = `
import { defineJob } from 'fanlake';

const name: string = 'flights';
export default defineJob({ name, input: { prefix: 'landing/flights/', format: 'csv' }, table: { name: 'flights' } });
`;

/** Of somebody else: a stack with one Fanlake in it, whose job has the query that is given. */
const app = `
import { App, Stack } from 'aws-cdk-lib';
import { defineJob } from 'fanlake';
import { Fanlake, type FanlakeProps } from 'fanlake/infra';

const query: string = process.argv[2] ?? '';
const props: FanlakeProps = {
  jobs: [defineJob({ name: 'flights', input: { prefix: 'landing/flights/', format: 'csv' }, query, table: { name: 'flights' } })],
};
const app = new App({ outdir: 'cdk.out' });
new Fanlake(new Stack(app, 'Theirs'), 'Fanlake', props);
app.synth();
`;

/** What someone who uses the construct installs besides: fanlake doesn't bring them. */
const deployment = ['aws-cdk-lib', 'constructs', 'esbuild'];

let folder: string;
let project: string;

/** What `node` prints for `args` in the other project; a failure throws with what it wrote to stderr. */
function node(...args: readonly string[]): string {
  return execFileSync(process.execPath, args, { cwd: project, encoding: 'utf8', stdio: 'pipe' });
}

/** Packs a copy of the sources (packing changes package.json for a moment) and installs it in a project without a lock file. */
beforeAll(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'fanlake-package-')));
  const copy = join(folder, 'repository');
  project = join(folder, 'project');
  for (const entry of packed) cpSync(join(repository, entry), join(copy, entry), { recursive: true });
  symlinkSync(join(repository, 'node_modules'), join(copy, 'node_modules'));
  execFileSync('npm', ['pack', '--pack-destination', folder], { cwd: copy, stdio: 'pipe' });
  expect(readFileSync(join(copy, 'package.json'), 'utf8')).toBe(readFileSync(join(repository, 'package.json'), 'utf8'));

  mkdirSync(project);
  writeFileSync(join(project, 'package.json'), '{ "type": "module" }');
  writeFileSync(join(project, 'job.ts'), job);
  writeFileSync(join(project, 'app.ts'), app);
  const { version } = JSON.parse(readFileSync(join(repository, 'package.json'), 'utf8'));
  const options = ['--no-package-lock', '--prefer-offline', '--no-audit', '--no-fund'];
  execFileSync('npm', ['install', join(folder, `fanlake-${version}.tgz`), ...options], { cwd: project, stdio: 'pipe' });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it("a TypeScript job of another project imports 'fanlake' and runs", () => {
  const program = "const { default: job } = await import('./job.ts'); console.log(job.name, job.limits.maxBadRows);";
  expect(node('--input-type=module', '--eval', program)).toBe('flights 0\n');
});

it("TypeScript in another project knows the types of 'fanlake', and refuses a key that isn't one", () => {
  const tsc = join(repository, 'node_modules', 'typescript', 'bin', 'tsc');
  const options = ['--noEmit', '--strict', '--target', 'es2024', '--module', 'nodenext', '--exactOptionalPropertyTypes'];
  expect(node(tsc, ...options, 'job.ts')).toBe('');
  writeFileSync(join(project, 'wrong.ts'), job.replace('table:', 'tabel:'));
  expect(() => node(tsc, ...options, 'wrong.ts')).toThrow();
});

it('the command of the package starts in another project, without what only a deployment needs', () => {
  expect(deployment.filter((name) => existsSync(join(project, 'node_modules', name)))).toEqual([]);
  expect(node(join('node_modules', 'fanlake', 'bin', 'fanlake.mjs'), '--version')).toContain('0.1.0');
});

describe("a stack of another project with the construct of 'fanlake/infra'", () => {
  const output = (...path: readonly string[]): string => join(project, 'cdk.out', ...path);

  interface Resource {
    readonly Type: string;
    readonly Properties: {
      readonly Handler: string;
      readonly Code: { readonly S3Key: string };
      readonly Architectures: readonly string[];
      readonly Environment: { readonly Variables: Readonly<Record<string, unknown>> };
    };
  }

  /** The functions of the template: the name of each one's handler, the folder of its code, its processor and its environment. */
  function lambdas() {
    const template = JSON.parse(readFileSync(output('Theirs.template.json'), 'utf8')) as {
      readonly Resources: Readonly<Record<string, Resource>>;
    };
    return Object.values(template.Resources)
      .filter(({ Type }) => Type === 'AWS::Lambda::Function')
      .map(({ Properties }) => ({
        name: Properties.Handler.replace(/\.handler$/, ''),
        code: output(`asset.${Properties.Code.S3Key.replace(/\.zip$/, '')}`),
        cpu: Properties.Architectures,
        environment: Properties.Environment.Variables,
      }));
  }

  // npm would take a minute for them: they are this repository's
  beforeAll(() => {
    for (const name of deployment) symlinkSync(join(repository, 'node_modules', name), join(project, 'node_modules', name));
    node('app.ts', 'SELECT * FROM input');
  });

  it('has the six functions, each with its handler and the jobs in its code', () => {
    const names = lambdas().map(({ name }) => name);
    expect(names.sort()).toEqual(['coordinator', 'dead-letters', 'monitor', 'reducer', 'sweeper', 'worker']);
    for (const { name, code } of lambdas()) {
      expect(readdirSync(code)).toContain(`${name}.mjs`);
      expect(JSON.parse(readFileSync(join(code, 'jobs.json'), 'utf8'))).toMatchObject([{ name: 'flights', query: 'SELECT * FROM input' }]);
    }
  });

  it("brings DuckDB for the functions' processor, and no other, to those that need it", () => {
    for (const { name, code, cpu } of lambdas()) {
      const files = readdirSync(code, { recursive: true, encoding: 'utf8' });
      const libraries = files.filter((path) => /\.(so|node)$/.test(path)).sort();
      const needsIt = name === 'coordinator' || name === 'worker';
      const folder = 'node_modules/@duckdb/node-bindings-linux-arm64';
      expect(libraries).toEqual(needsIt ? [`${folder}/duckdb.node`, `${folder}/libduckdb.so`] : []);
      expect(files.includes('node_modules/@duckdb/node-api/package.json')).toBe(needsIt);
      expect(cpu).toEqual(['arm64']);
      for (const path of libraries) expect(elfMachineOf(join(code, path))).toBe('arm64');
    }
  });

  it.each(['reducer', 'monitor', 'dead-letters', 'sweeper'])(
    'has a handler of %s that Node loads in the environment of the template',
    (name) => {
      const found = lambdas().find((lambda) => lambda.name === name);
      const code = found?.code ?? '';
      const settings = Object.entries(found?.environment ?? {}).map(([key, value]) => {
        if (typeof value === 'string') return [key, value];
        return [key, key.endsWith('_QUEUE') ? 'http://127.0.0.1/q' : 'something'];
      });
      const env = { ...process.env, ...Object.fromEntries(settings), LAMBDA_TASK_ROOT: code, AWS_REGION: 'us-east-1' };
      const program = `const { handler } = await import('./${name}.mjs'); console.log(typeof handler); process.exit(0);`;
      expect(execFileSync(process.execPath, ['--input-type=module', '--eval', program], { cwd: code, env, encoding: 'utf8' })).toBe(
        'function\n',
      );
    },
  );

  it('tells the reducer the version of the package, which logs of tables name', () => {
    const reducer = lambdas().find(({ name }) => name === 'reducer');
    expect(reducer?.environment).toMatchObject({ FANLAKE_VERSION: '0.1.0' });
  });

  it('knows the types of its settings, and refuses one that is none', () => {
    writeFileSync(join(project, 'wrong-app.ts'), app.replace('jobs:', '// @ts-expect-error\n  job:'));
    const tsc = join(repository, 'node_modules', 'typescript', 'bin', 'tsc');
    const options = ['--noEmit', '--strict', '--skipLibCheck', '--target', 'es2024', '--module', 'nodenext'];
    const types = ['--types', 'node', '--typeRoots', join(repository, 'node_modules', '@types')];
    expect(node(tsc, ...options, ...types, 'app.ts', 'wrong-app.ts')).toBe('');
  });

  it("isn't synthesized with a query that is none", () => {
    const { status, stderr } = spawnSync(process.execPath, ['app.ts', 'SELEC 1'], { cwd: project, encoding: 'utf8' });
    expect(status).not.toBe(0);
    expect(stderr).toContain("job 'flights': the query can't be used: Parser Error");
  });
});
