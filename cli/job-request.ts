import { basename, resolve } from 'node:path';
import type { Command } from 'commander';
import { FanlakeError } from '../functions/core/errors.ts';
import { type Job, parseJob } from '../functions/core/job.ts';
import { inputFormats } from '../functions/core/layout.ts';
import { shortHash } from '../functions/core/run-id.ts';
import { findJob } from './jobs.ts';
import { parseCount, parseNames, parseSide, parseSize } from './values.ts';

/** What `run` and `explain` are told about a job and its input. */
export interface JobOptions {
  readonly input?: readonly string[];
  readonly side?: Readonly<Record<string, string>>;
  readonly jobs?: string;
  readonly query?: string;
  readonly table?: string;
  readonly format?: string;
  readonly tableFormat?: string;
  readonly partitionBy?: readonly string[];
  readonly mode?: string;
  readonly splitSize?: number;
  readonly maxBadRows?: number;
  readonly allowSingleTask?: boolean;
  readonly home: string;
  readonly stack?: string;
}

/** The options that `run` and `explain` share. */
export function addJobOptions(command: Command): Command {
  return command
    .option('--input <paths...>', 'files, folders and globs (in quotes) to read; with --stack s3 URLs or keys of its landing bucket')
    .option(
      '--side <name=path>',
      'a small table that the query may read beside input, by this name: a file, with --stack a key; may be given several times',
      parseSide,
    )
    .option('--jobs <file>', 'the file that lists jobs by name (default: jobs/index.ts of this folder)')
    .option('--query <SQL>', 'without a job: one SELECT over the table "input"; its answer is printed, or with --table loaded')
    .option(
      '--table <name or folder>',
      "the table: a name (below <home>/lake, or in the lake bucket of <stack>), or with a / a folder of this machine (default: the job's)",
    )
    .option('--format <format>', `of the input: ${inputFormats.join(', ')} (default: the job's, else by the files' names)`)
    .option('--table-format <format>', "delta or parquet (default: the job's, else delta)")
    .option(
      '--partition-by <columns>',
      "columns whose values are the table's folders, such as country,year (default: the job's, else none)",
      parseNames,
    )
    .option('--mode <mode>', 'append, the only one (others are not built yet)')
    .option(
      '--split-size <size>',
      'cut objects into splits of so many bytes: 64MiB, 1GB, 4096 (default: each object whole; on a stack as it is deployed)',
      parseSize,
    )
    .option('--max-bad-rows <n>', "rows that may be set aside; with one more the run fails (default: the job's, else 0)", parseCount(0))
    .option(
      '--allow-single-task',
      "a query that several tasks can't share takes the whole input in one (default: the job's, else it is refused where there are several)",
    );
}

/**
 * The job that a command means: the named one with its keys overridden by the options, or one made of `--query` and `--table`.
 * @throws FanlakeError `job.unknown`, `job.invalid` (with all mistakes), `usage`, `not-built`
 */
export async function jobOf(name: string | undefined, options: JobOptions, currentFolder: string): Promise<Job> {
  const named = name === undefined ? null : await findJob(name, options.jobs ?? null, currentFolder);
  if (named !== null && options.query !== undefined) {
    throw new FanlakeError('usage', `Job '${named.name}' has its query: leave --query away, or the job's name.`);
  }
  const job = parseJob(named === null ? declarationOf(options, currentFolder) : overridden(named, options, currentFolder));
  if (job.table.mode !== 'append') {
    throw new FanlakeError('not-built', `The table mode '${job.table.mode}' is not built yet; 'append' is.`, { mode: job.table.mode });
  }
  return job;
}

/** A stack's tables are in its lake bucket. @throws FanlakeError `usage` for a folder of this machine */
export function refuseTablePath({ table: { name, path } }: Job, stack: string): void {
  if (path === undefined) return;
  const message = `The tables of the stack '${stack}' are in its lake bucket, so --table has no folder there. Give the name alone: --table ${name}`;
  throw new FanlakeError('usage', message, { table: path });
}

/** The table's key in the lake root, or its path. */
export const tableKeyOf = (job: Job): string => job.table.path ?? job.table.name;

function declarationOf(options: JobOptions, currentFolder: string): unknown {
  const { query, table } = options;
  if (query === undefined)
    throw new FanlakeError('usage', 'Without a job, --query <SQL> must be given; or name a job: fanlake run <job> --input ...');
  if (table === undefined) return answerDeclaration(query, options);
  const place = placeOf(table, currentFolder);
  const name = `query-${shortHash(JSON.stringify([query, place.path ?? place.name]), 8)}`;
  return withOptions({ name, input: {}, query, table: place, limits: {} }, options);
}

/** The answer's rows are the files of a Hive table: of those the order is known. */
function answerDeclaration(query: string, options: JobOptions): unknown {
  const forTables = { '--table-format': options.tableFormat, '--partition-by': options.partitionBy, '--mode': options.mode };
  for (const [option, value] of Object.entries(forTables)) {
    if (value !== undefined) throw new FanlakeError('usage', `${option} is about a table: give one with --table <name or folder>.`);
  }
  return withOptions({ name: 'answer', input: {}, query, table: { name: 'answer', format: 'parquet' }, limits: {} }, options);
}

/** Whether a command's query is a question: nothing says which table its rows belong to, so they are its answer. */
export const isQuestion = (name: string | undefined, { query, table }: JobOptions): boolean =>
  name === undefined && query !== undefined && table === undefined;

function overridden(job: Job, options: JobOptions, currentFolder: string): unknown {
  const place = options.table === undefined ? {} : { path: undefined, ...placeOf(options.table, currentFolder) };
  return withOptions({ ...job, table: { ...job.table, ...place } }, options);
}

interface Declaration {
  readonly input: Partial<Job['input']>;
  readonly inputs?: Job['inputs'];
  readonly table: Partial<Job['table']> | object;
  readonly limits: Partial<Job['limits']>;
}

function withOptions<Declared extends Declaration>(declared: Declared, options: JobOptions): unknown {
  const { format, tableFormat, partitionBy, mode, maxBadRows, allowSingleTask, side } = options;
  // the same type keeps what the job says of its dialect
  const input = format === undefined || declared.input.format?.type === format ? {} : { format };
  return {
    ...declared,
    input: { ...declared.input, ...input },
    ...(side === undefined ? {} : { inputs: withSides(declared.inputs ?? {}, side) }),
    table: {
      ...declared.table,
      ...(tableFormat === undefined ? {} : { format: tableFormat }),
      ...(partitionBy === undefined ? {} : { partitionBy }),
      ...(mode === undefined ? {} : { mode }),
    },
    ...(allowSingleTask === true ? { allowSingleTask } : {}),
    limits: { ...declared.limits, ...(maxBadRows === undefined ? {} : { maxBadRows }) },
  };
}

/** The job's side inputs with those of `--side`, which may name another file for one that the job declares. */
function withSides(declared: NonNullable<Job['inputs']>, given: Readonly<Record<string, string>>): NonNullable<Job['inputs']> {
  const named = Object.entries(given).map(([name, key]) => [name, { ...declared[name], key }] as const);
  return { ...declared, ...Object.fromEntries(named) };
}

/** With a slash a folder anywhere, named by its last part; else a name under the lake root. Whether the name will do is the job's to say. */
function placeOf(table: string, currentFolder: string): { readonly name: string; readonly path?: string } {
  if (!table.includes('/')) return { name: table };
  const path = resolve(currentFolder, table);
  return { name: basename(path), path };
}
