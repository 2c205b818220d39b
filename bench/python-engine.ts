import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { benchFolder } from './against-duckdb.ts';

/** Runs a program to its end. @throws Error that ends with what it printed last */
function run(command: string, args: readonly string[]): void {
  const { error, status, stderr } = spawnSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'ignore', 'pipe'] });
  if (error !== undefined) throw new Error(`${command} can't be run: ${error.message}`);
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${stderr.trim().split('\n').at(-1) ?? ''}`);
}

/**
 * A virtual environment in the benchmarks' folder with packages of PyPI, made the first time.
 * @returns the path of its Python
 * @throws Error when there is no Python 3 with venv, or a package can't be installed
 */
export function pythonWith(name: string, packages: readonly string[]): string {
  const folder = join(benchFolder, `python-${name}`);
  const python = join(folder, 'bin', 'python');
  // names the packages, so that other versions are installed anew
  const installed = join(folder, `installed ${packages.join(' ')}`);
  if (existsSync(installed)) return python;
  console.error(`installing ${packages.join(' ')} into ${folder}`);
  rmSync(folder, { recursive: true, force: true });
  run('python3', ['-m', 'venv', folder]);
  run(python, ['-m', 'pip', 'install', '--quiet', ...packages]);
  writeFileSync(installed, '');
  return python;
}

/**
 * Makes sure of a Java that Spark 4 runs on, the one of JAVA_HOME or else of PATH. (PyPI's trimmed ones lack a module that Spark starts with.)
 * @throws Error when there is none, or an older one
 */
export function expectJava(least: number): void {
  const home = process.env['JAVA_HOME'];
  const java = home === undefined ? 'java' : join(home, 'bin', 'java');
  const wanted = `Spark needs a Java ${least} or newer, on PATH or in JAVA_HOME (apt-get install openjdk-${least}-jre-headless)`;
  let version: string;
  try {
    // the first line of this one is on stdout: openjdk 17.0.15 2025-04-15
    version = execFileSync(java, ['--version'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  } catch (cause) {
    throw new Error(`${wanted}: there is none`, { cause });
  }
  const major = Number(/\d+/.exec(version)?.[0]);
  if (!(major >= least)) throw new Error(`${wanted}: this is ${version.split('\n')[0]}`);
}
