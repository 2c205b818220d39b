/**
 * Reads (and writes) Delta tables with delta-rs, in a Python environment that is made on first use below the repository:
 * `.venv-delta-rs/<hash of requirements.txt>`. Tests ask `deltaRsMissing` first and skip themselves by its reason (`context.skip(reason)`).
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const requirementsPath = fileURLToPath(new URL('./delta-rs/requirements.txt', import.meta.url));
const readerPath = fileURLToPath(new URL('./delta-rs/reader.py', import.meta.url));
const environmentsFolder = fileURLToPath(new URL('../.venv-delta-rs/', import.meta.url));

export type DeltaValue = string | number | boolean | null | readonly DeltaValue[] | { readonly [name: string]: DeltaValue };

export type DeltaRow = Readonly<Record<string, DeltaValue>>;

/**
 * What delta-rs sees. In rows, 64-bit integers, decimals, dates, timestamps (ISO 8601 with microseconds), NaN and infinities are text, binary is
 * hexadecimal, maps are lists of pairs.
 */
export interface DeltaAnswer {
  readonly version: number;
  readonly columns: readonly { readonly name: string; readonly type: string }[];
  readonly partitionColumns: readonly string[];
  /** Data files of the table. */
  readonly files: number;
  /** How many of them the filter leaves to read, by partition values and statistics; null for `queryDelta`. */
  readonly readFiles: number | null;
  readonly rows: readonly DeltaRow[];
}

export interface ReadOptions {
  readonly columns?: readonly string[];
  /** Terms that must all hold; values as in rows. */
  readonly filter?: readonly (readonly [column: string, comparison: '=' | '<' | '<=' | '>' | '>=' | 'is null', value: DeltaValue])[];
}

/** A column to write: an Arrow type's name (`int64`, `string`, `timestamp`, ...) and its values. */
export interface DeltaColumn {
  readonly name: string;
  readonly type: string;
  readonly values: readonly DeltaValue[];
}

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function run(command: string, args: readonly string[], stdin = ''): Promise<Ended> {
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
async function build(environment: string): Promise<void> {
  const building = `${environment}.building-${process.pid}`;
  try {
    const made = await run('python3', ['-m', 'venv', building]);
    if (made.code !== 0) throw new Error(`python3 -m venv failed: ${lastLine(made)}`);
    // By `-m pip` and not by pip's own script, which has the temporary path in its first line.
    const installed = await run(join(building, 'bin', 'python'), ['-m', 'pip', 'install', '--quiet', '-r', requirementsPath]);
    if (installed.code !== 0) throw new Error(`pip install failed: ${lastLine(installed)}`);
    const works = await run(join(building, 'bin', 'python'), ['-c', 'import deltalake, pyarrow']);
    if (works.code !== 0) throw new Error(`deltalake can't be imported: ${lastLine(works)}`);
    await rename(building, environment);
  } finally {
    await rm(building, { recursive: true, force: true });
  }
}

function lastLine({ stdout, stderr }: Ended): string {
  return `${stderr}${stdout}`.trim().split('\n').at(-1) ?? 'no message';
}

async function findPython(): Promise<string> {
  const hash = createHash('sha256')
    .update(await readFile(requirementsPath))
    .digest('hex')
    .slice(0, 12);
  const environment = join(environmentsFolder, hash);
  const python = join(environment, 'bin', 'python');
  await mkdir(environmentsFolder, { recursive: true });
  const lockFolder = `${environment}.lock`;
  if (await lock(lockFolder, () => existsSync(python))) {
    try {
      if (!existsSync(python)) await build(environment);
      // Environments of earlier requirements are of no use any more.
      for (const name of await readdir(environmentsFolder)) {
        if (!name.startsWith(hash)) await rm(join(environmentsFolder, name), { recursive: true, force: true });
      }
    } finally {
      await rm(lockFolder, { recursive: true, force: true });
    }
  }
  return python;
}

let python: Promise<string> | undefined;

/**
 * Null when delta-rs can be had here; else the reason, which is printed in one line with what is therefore not tested.
 * @param untested what the calling test file doesn't test without it
 */
export async function deltaRsMissing(untested: string): Promise<string | null> {
  try {
    python ??= findPython();
    await python;
    return null;
  } catch (error) {
    const reason = `delta-rs can't be set up (${error instanceof Error ? error.message : String(error)}); not tested: ${untested}`;
    console.warn(reason);
    return reason;
  }
}

async function ask(request: Readonly<Record<string, unknown>>): Promise<readonly unknown[]> {
  python ??= findPython();
  const ended = await run(await python, [readerPath], JSON.stringify(request));
  if (ended.code !== 0) throw new Error(`delta-rs couldn't ${String(request['do'])} ${String(request['path'])}: ${ended.stderr.trim()}`);
  return ended.stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line): unknown => JSON.parse(line));
}

function asAnswer([summary, ...rows]: readonly unknown[]): DeltaAnswer {
  return { ...(summary as Omit<DeltaAnswer, 'rows'>), rows: rows as readonly DeltaRow[] };
}

/** Reads a table by its path, files pruned by delta-rs' knowledge of partition values and statistics. */
export async function readDelta(tablePath: string, options: ReadOptions = {}): Promise<DeltaAnswer> {
  return asAnswer(await ask({ do: 'read', path: tablePath, ...options }));
}

/** Asks delta-rs' own SQL engine; the table is named `t`. */
export async function queryDelta(tablePath: string, sql: string): Promise<DeltaAnswer> {
  return asAnswer(await ask({ do: 'query', path: tablePath, sql }));
}

/** Appends to a table, or creates it, as another writer would. Answers the table's version. */
export async function writeDelta(tablePath: string, columns: readonly DeltaColumn[], partitionBy: readonly string[] = []): Promise<number> {
  const [answer] = await ask({ do: 'write', path: tablePath, columns, partitionBy });
  return (answer as { readonly version: number }).version;
}

/** Writes a checkpoint of the table's newest version, which it answers. */
export async function checkpointDelta(tablePath: string): Promise<number> {
  const [answer] = await ask({ do: 'checkpoint', path: tablePath });
  return (answer as { readonly version: number }).version;
}

/** Deletes every file below the table that no version names; answers their paths. */
export async function vacuumDelta(tablePath: string): Promise<readonly string[]> {
  const [answer] = await ask({ do: 'vacuum', path: tablePath });
  return (answer as { readonly deleted: readonly string[] }).deleted;
}
