import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { environmentNames } from '../../functions/runtime/environment.ts';
import { type BundleName, writeBundle } from '../../infra/bundle.ts';
import { copyDuckdb, elfMachineOf } from '../../infra/duckdb-library.ts';
import { jobs } from './synthesis.ts';

const host = process.arch === 'arm64' ? 'arm64' : 'x64';
const other = host === 'arm64' ? 'x64' : 'arm64';

let folder: string;
const bundle = (name: string): string => join(folder, name);

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'fanlake-bundle-'));
  for (const name of ['engine', 'light'] as const) writeBundle({ name, cpu: host, jobs, folder: bundle(name) });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Path and checksum of each file. */
function contents(root: string): readonly string[] {
  return readdirSync(root, { recursive: true, encoding: 'utf8' })
    .filter((path) => statSync(join(root, path)).isFile())
    .map(
      (path) =>
        `${path} ${createHash('sha256')
          .update(readFileSync(join(root, path)))
          .digest('hex')}`,
    )
    .sort();
}

const settings = Object.fromEntries(
  Object.values(environmentNames).map((name) => [name, name.endsWith('_QUEUE') ? 'http://127.0.0.1/q' : '1']),
);

/** What a new process prints that has the bundle as its function's code. */
function inLambda(name: BundleName, program: string): string {
  const env = {
    ...process.env,
    ...settings,
    LAMBDA_TASK_ROOT: bundle(name),
    AWS_REGION: 'us-east-1',
    TMPDIR: bundle('tmp'),
    NODE_OPTIONS: '',
  };
  mkdirSync(bundle('tmp'), { recursive: true });
  return execFileSync(process.execPath, ['--input-type=module', '--eval', program], { cwd: bundle(name), env, encoding: 'utf8' }).trim();
}

describe('a bundle', () => {
  it.each([
    ['engine', 'coordinator'],
    ['engine', 'worker'],
    ['light', 'reducer'],
    ['light', 'monitor'],
    ['light', 'dead-letters'],
    ['light', 'sweeper'],
  ] as const)('%s: Node 24 loads the handler of %s, which takes an event and a context', (name, handler) => {
    expect(
      inLambda(name, `const { handler } = await import('./${handler}.mjs'); console.log(typeof handler, handler.length); process.exit(0);`),
    ).toBe('function 2');
  });

  it('has the jobs as data', () => {
    for (const name of ['engine', 'light'])
      expect(JSON.parse(readFileSync(join(bundle(name), 'jobs.json'), 'utf8'))).toEqual(JSON.parse(JSON.stringify(jobs)));
  });

  it('has a DuckDB that answers, in engine; and none in light, which is small', () => {
    const program = `
      import { DuckDBInstance } from '@duckdb/node-api';
      const connection = await (await DuckDBInstance.create()).connect();
      console.log((await connection.runAndReadAll('SELECT 6 * 7 AS n')).getRows()[0][0]);`;
    writeFileSync(join(bundle('engine'), 'try.mjs'), program);
    expect(inLambda('engine', "await import('./try.mjs')")).toBe('42');
    rmSync(join(bundle('engine'), 'try.mjs'));
    expect(readdirSync(bundle('light'))).not.toContain('node_modules');
  });

  it('is the same, byte for byte, when it is made again elsewhere: deploying again changes nothing', () => {
    writeBundle({ name: 'light', cpu: host, jobs, folder: bundle('again/and/elsewhere') });
    expect(contents(bundle('again/and/elsewhere'))).toEqual(contents(bundle('light')));
  });

  it('names no path of the machine that made it', () => {
    for (const file of readdirSync(bundle('light'))) expect(readFileSync(join(bundle('light'), file), 'utf8')).not.toContain(process.cwd());
  });
});

describe("DuckDB's library", () => {
  const manifest = JSON.parse(readFileSync('node_modules/@duckdb/node-bindings/package.json', 'utf8')) as { readonly version: string };

  /** A folder with DuckDB's client installed, without a library. */
  function project(name: string): string {
    for (const part of ['node-api', 'node-bindings'])
      cpSync(join('node_modules/@duckdb', part), join(bundle(name), 'node_modules/@duckdb', part), { recursive: true });
    return bundle(name);
  }

  it('in the bundle for arm64 is for arm64, and there is no other', () => {
    copyDuckdb(process.cwd(), 'arm64', bundle('arm64'));
    const libraries = readdirSync(bundle('arm64'), { recursive: true, encoding: 'utf8' }).filter((path) => /\.(so|node)$/.test(path));
    expect(libraries.sort()).toEqual(
      ['duckdb.node', 'libduckdb.so'].map((file) => `node_modules/@duckdb/node-bindings-linux-arm64/${file}`),
    );
    // e_machine of the ELF header, EM_AARCH64
    for (const path of libraries)
      expect(
        readFileSync(join(bundle('arm64'), path))
          .subarray(18, 20)
          .toString('hex'),
      ).toBe('b700');
  });

  it('of another processor, or what is none, is not taken for one', () => {
    expect(elfMachineOf(process.execPath)).toBe(process.platform === 'linux' ? host : 'no ELF file');
    const text = bundle('text');
    writeFileSync(text, 'not a library');
    expect(elfMachineOf(text)).toBe('no ELF file');

    const root = project('project');
    const installed = join(root, 'node_modules/@duckdb', `node-bindings-linux-${other}`);
    mkdirSync(installed, { recursive: true });
    for (const file of ['duckdb.node', 'libduckdb.so'])
      copyFileSync(process.platform === 'linux' ? process.execPath : text, join(installed, file));
    expect(() => copyDuckdb(root, other, bundle('wrong'))).toThrow(new RegExp(`they run on ${other}, and .* is for (${host}|no ELF file)`));
  });

  it('is not taken from the registry when the lock file has another checksum of it', () => {
    const root = project('locked');
    const key = `node_modules/@duckdb/node-bindings-linux-${other}`;
    const lock = { packages: { [key]: { version: manifest.version, integrity: `sha512-${Buffer.alloc(64).toString('base64')}` } } };
    writeFileSync(join(root, 'package-lock.json'), JSON.stringify(lock));
    expect(() => copyDuckdb(root, other, bundle('refused'))).toThrow(
      /its checksum is sha512-.*, that of .*package-lock\.json is sha512-AAAA/,
    );
    expect(existsSync(bundle('refused'))).toBe(false);
    expect(readdirSync(join(root, 'node_modules/.cache/fanlake'))).toEqual([]);
  });

  it('that the registry has not got is an error that names package and version', () => {
    const root = project('unknown');
    const bindings = join(root, 'node_modules/@duckdb/node-bindings/package.json');
    const name = `@duckdb/node-bindings-linux-${other}`;
    writeFileSync(bindings, JSON.stringify({ ...manifest, optionalDependencies: { [name]: '0.0.0-none' } }));
    expect(() => copyDuckdb(root, other, bundle('none'))).toThrow(`fetching ${name}@0.0.0-none from the npm registry failed`);
  });
});
