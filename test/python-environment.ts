/**
 * Python environments that tests need, made on first use below the repository: `<folder>/<hash of what is in it>`. One that exists is used as it is;
 * of several processes that find none, one makes it.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** What is in an environment. */
export interface PythonRecipe {
  /** Where environments of this kind are kept; nothing else may be in it. */
  readonly folder: string;
  /** pip's requirements file. */
  readonly requirements: string;
  /** pip's constraints file. */
  readonly constraints?: string;
  /** The folder of a package of our own: it is installed as it lies there, so that changes to its code need no new environment. */
  readonly ownPackage?: string;
  /** Modules that must be importable. */
  readonly imports: readonly string[];
  /** The only Python that will do, as `3.11`; any `python3` when absent. */
  readonly version?: string;
  /** Called before an environment is made, which takes up to minutes. */
  readonly onBuild?: () => void;
}

/** How a command ended and what it wrote. */
export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a Python command to its end. Rejects when it can't be started. */
export function runPython(command: string, args: readonly string[], stdin = ''): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { ...process.env, PYTHONUTF8: '1', PIP_DISABLE_PIP_VERSION_CHECK: '1' },
    });
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    child.stdout.on('data', (data: Buffer) => out.push(data));
    child.stderr.on('data', (data: Buffer) => err.push(data));
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, stdout: Buffer.concat(out).toString(), stderr: Buffer.concat(err).toString() }));
    child.stdin.on('error', () => {});
    child.stdin.end(stdin);
  });
}

function lastLine({ stdout, stderr }: Ended): string {
  return `${stderr}${stdout}`.trim().split('\n').at(-1) ?? 'no message';
}

/** The command of a Python of this version. A command may exist and not work (pyenv's do), so each is asked. */
async function findPython(version: string | undefined): Promise<string> {
  if (version === undefined) return 'python3';
  for (const command of [`python${version}`, 'python3', 'python']) {
    const asked = await runPython(command, ['-c', 'import sys; print("%d.%d" % sys.version_info[:2])']).catch(() => null);
    if (asked?.code === 0 && asked.stdout.trim() === version) return command;
  }
  throw new Error(`there is no Python ${version}: none of python${version}, python3 and python is one`);
}

/** Whether the process that made the lock still runs; one that hasn't said yet who it is, is given a moment. */
async function isHeld(folder: string): Promise<boolean> {
  const made = await stat(folder).catch(() => null);
  if (made === null) return false;
  const owner = Number(await readFile(join(folder, 'pid'), 'utf8').catch(() => ''));
  if (owner === 0) return Date.now() - made.mtimeMs < 5000;
  try {
    process.kill(owner, 0);
    return true;
  } catch {
    return false;
  }
}

/** Takes the lock folder, or waits until whoever has it made the environment. True when it is ours. */
async function lock(folder: string, ready: () => boolean): Promise<boolean> {
  for (;;) {
    if (ready()) return false;
    try {
      await mkdir(folder);
      await writeFile(join(folder, 'pid'), String(process.pid));
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    // Of several that find a dead owner's lock one renames it away; the others find nothing to rename.
    if (!(await isHeld(folder))) {
      const dead = `${folder}.dead-${process.pid}`;
      if (
        await rename(folder, dead).then(
          () => true,
          () => false,
        )
      )
        await rm(dead, { recursive: true, force: true });
    }
    await sleep(200);
  }
}

/** Makes the environment under a temporary name; it gets its own name only when it is whole. */
async function build(environment: string, recipe: PythonRecipe): Promise<void> {
  const building = `${environment}.building-${process.pid}`;
  const step = async (what: string, command: string, args: readonly string[]): Promise<void> => {
    const ended = await runPython(command, args);
    if (ended.code !== 0) throw new Error(`${what} failed: ${lastLine(ended)}`);
  };
  const python = join(building, 'bin', 'python');
  const constraints = recipe.constraints === undefined ? [] : ['-c', recipe.constraints];
  try {
    await step('python3 -m venv', await findPython(recipe.version), ['-m', 'venv', building]);
    // By `-m pip` and not by pip's own script, which has the temporary path in its first line.
    await step('pip install', python, ['-m', 'pip', 'install', '--quiet', '-r', recipe.requirements, ...constraints]);
    if (recipe.ownPackage !== undefined) {
      await step('pip install of our package', python, ['-m', 'pip', 'install', '--quiet', '--no-deps', '--editable', recipe.ownPackage]);
    }
    await step(`importing ${recipe.imports.join(', ')}`, python, ['-c', `import ${recipe.imports.join(', ')}`]);
    await rename(building, environment);
  } finally {
    await rm(building, { recursive: true, force: true });
  }
}

async function hashOf({ requirements, constraints, ownPackage }: PythonRecipe): Promise<string> {
  const hash = createHash('sha256').update(await readFile(requirements));
  if (constraints !== undefined) hash.update(await readFile(constraints));
  // Installed by its path, which is therefore part of what the environment is.
  if (ownPackage !== undefined) hash.update(ownPackage).update(await readFile(join(ownPackage, 'pyproject.toml')));
  return hash.digest('hex').slice(0, 12);
}

/**
 * The path of the environment's `python`. Makes the environment when there is none; then environments of earlier requirements are deleted.
 * @throws Error with one line that says why it can't be had
 */
export async function pythonEnvironment(recipe: PythonRecipe): Promise<string> {
  const hash = await hashOf(recipe);
  const environment = join(recipe.folder, hash);
  const python = join(environment, 'bin', 'python');
  await mkdir(recipe.folder, { recursive: true });
  const lockFolder = `${environment}.lock`;
  if (await lock(lockFolder, () => existsSync(python))) {
    try {
      if (!existsSync(python)) {
        recipe.onBuild?.();
        await build(environment, recipe);
      }
      // Environments of earlier requirements are of no use any more.
      for (const name of await readdir(recipe.folder)) {
        if (!name.startsWith(hash)) await rm(join(recipe.folder, name), { recursive: true, force: true });
      }
    } finally {
      await rm(lockFolder, { recursive: true, force: true });
    }
  }
  return python;
}
