/**
 * Reads (and writes) Delta tables with delta-rs, in a Python environment that is made on first use below the repository:
 * `.venv-delta-rs/<hash of requirements.txt>`. Tests ask `deltaRsMissing` first and skip themselves by its reason (`context.skip(reason)`).
 */
import { fileURLToPath } from 'node:url';
import { type PythonRecipe, pythonEnvironment, runPython } from './python-environment.ts';

const readerPath = fileURLToPath(new URL('./delta-rs/reader.py', import.meta.url));

const recipe: PythonRecipe = {
  folder: fileURLToPath(new URL('../.venv-delta-rs/', import.meta.url)),
  requirements: fileURLToPath(new URL('./delta-rs/requirements.txt', import.meta.url)),
  imports: ['deltalake', 'pyarrow'],
};

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

let python: Promise<string> | undefined;

/**
 * Null when delta-rs can be had here; else the reason, which is printed in one line with what is therefore not tested.
 * @param untested what the calling test file doesn't test without it
 */
export async function deltaRsMissing(untested: string): Promise<string | null> {
  try {
    python ??= pythonEnvironment(recipe);
    await python;
    return null;
  } catch (error) {
    const reason = `delta-rs can't be set up (${error instanceof Error ? error.message : String(error)}); not tested: ${untested}`;
    console.warn(reason);
    return reason;
  }
}

async function ask(request: Readonly<Record<string, unknown>>): Promise<readonly unknown[]> {
  python ??= pythonEnvironment(recipe);
  const ended = await runPython(await python, [readerPath], JSON.stringify(request));
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
