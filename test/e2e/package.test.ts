import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';

const repository = fileURLToPath(new URL('../..', import.meta.url));
const packed = ['bin', 'cli', 'functions', 'LICENSE', '.npmrc', 'package.json', 'tsconfig.json', 'tsconfig.build.json'];

const job = `
import { defineJob } from 'fanlake';

const name: string = 'flights';
export default defineJob({ name, input: { prefix: 'landing/flights/', format: 'csv' }, table: { name: 'flights' } });
`;

let folder: string;
let project: string;

/** What `node` prints for `args` in the other project; a failure throws with what it wrote to stderr. */
function node(...args: readonly string[]): string {
  return execFileSync(process.execPath, args, { cwd: project, encoding: 'utf8', stdio: 'pipe' });
}

/** Packs a copy of the sources (packing changes package.json for a moment) and unpacks it where npm would, beside its dependencies. */
beforeAll(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'fanlake-package-')));
  const copy = join(folder, 'repository');
  project = join(folder, 'project');
  for (const entry of packed) cpSync(join(repository, entry), join(copy, entry), { recursive: true });
  symlinkSync(join(repository, 'node_modules'), join(copy, 'node_modules'));
  execFileSync('npm', ['pack', '--pack-destination', folder], { cwd: copy, stdio: 'pipe' });
  expect(readFileSync(join(copy, 'package.json'), 'utf8')).toBe(readFileSync(join(repository, 'package.json'), 'utf8'));

  const installed = join(project, 'node_modules', 'fanlake');
  mkdirSync(installed, { recursive: true });
  const manifest = JSON.parse(readFileSync(join(repository, 'package.json'), 'utf8'));
  execFileSync('tar', ['xzf', join(folder, `fanlake-${manifest.version}.tgz`), '-C', installed, '--strip-components=1']);
  for (const name of Object.keys(manifest.dependencies)) {
    const link = join(project, 'node_modules', name);
    mkdirSync(join(link, '..'), { recursive: true });
    symlinkSync(join(repository, 'node_modules', name), link);
  }
  writeFileSync(join(project, 'package.json'), '{ "type": "module" }');
  writeFileSync(join(project, 'job.ts'), job);
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

it('the command of the package starts in another project', () => {
  expect(node(join('node_modules', 'fanlake', 'bin', 'fanlake.mjs'), '--version')).toContain('0.1.0');
});
