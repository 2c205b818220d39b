import { statSync } from 'node:fs';
import { dirname, sep } from 'node:path';
import { FanlakeError } from '../core/errors.ts';
import type { Column } from '../core/layout.ts';
import { sameName } from '../core/planner/statement-tree.ts';
import { asEngineError } from './errors.ts';
import { Engine } from './session.ts';
import { emptyRelation, identifier, literal } from './sql-text.ts';

/** A table of the lake as its log says that it is now. */
export interface TableFiles {
  readonly name: string;
  /** The table's columns, lake partition columns too, with DuckDB types. */
  readonly columns: readonly Column[];
  /** Names of the columns whose values are in `partition` of each file, not in the file. */
  readonly partitionBy: readonly string[];
  readonly files: readonly TableFile[];
}

export interface TableFile {
  /** Absolute. */
  readonly path: string;
  /** Text values by partition column; null for NULL. */
  readonly partition: Readonly<Record<string, string | null>>;
}

export interface ReaderOptions {
  readonly tables: readonly TableFiles[];
  readonly threads: number;
  readonly memoryLimitBytes: number;
  readonly scratch: string;
}

export interface Answer {
  readonly columns: readonly Column[];
  /** Values as `jsonValue` gives them. */
  readonly rows: readonly (readonly unknown[])[];
  /** Whether there are rows beyond the limit. */
  readonly more: boolean;
}

/** Tables by their names, for reading. */
export class TableReader {
  private readonly engine: Engine;

  constructor(engine: Engine) {
    this.engine = engine;
  }

  /**
   * Runs one SELECT (or DESCRIBE, SHOW, SUMMARIZE, EXPLAIN of a SELECT).
   * @param limit most rows; all when left out
   * @throws FanlakeError query.* (DuckDB's message, with the place), `query.forbidden` for a statement that isn't for reading
   */
  async query(sql: string, limit = Number.MAX_SAFE_INTEGER): Promise<Answer> {
    try {
      await this.refuseWriting(sql);
      return await this.engine.head(sql, limit);
    } catch (thrown) {
      throw asEngineError(thrown, "the query can't be run");
    }
  }

  close(): void {
    this.engine.close();
  }

  private async refuseWriting(sql: string): Promise<void> {
    // EXPLAIN ANALYZE runs what it explains.
    const explained = sql.replace(/^\s*explain(\s+analyze\b|\s*\([^)]*\))?/i, '');
    const kind = await this.engine.statementKind(explained);
    if (kind === 'select') return;
    throw new FanlakeError('query.forbidden', `the query can't be run: it must be one SELECT, found ${kind}. Tables change by runs only.`, {
      kind,
    });
  }
}

function commonFolder(paths: readonly string[]): string {
  let [common = '/'] = paths.map((path) => dirname(path));
  for (const path of paths) while (common !== dirname(common) && !path.startsWith(common + sep)) common = dirname(common);
  return common;
}

/**
 * Opens tables for reading in a sandbox that sees their folders only.
 * @throws FanlakeError `input.corrupt` when a data file can't be read, `store.failed` when it isn't there
 */
export async function openReader(options: ReaderOptions): Promise<TableReader> {
  const { tables, threads, memoryLimitBytes, scratch } = options;
  const engine = await Engine.open({ threads, memoryLimitBytes, scratch, interactive: true });
  try {
    await engine.allow(tables.filter(({ files }) => files.length > 0).map(({ files }) => commonFolder(files.map(({ path }) => path))));
    for (const table of tables) await createView(engine, table);
    return new TableReader(engine);
  } catch (thrown) {
    engine.close();
    throw asEngineError(thrown, "the tables can't be opened", 'input.corrupt');
  }
}

async function createView(engine: Engine, table: TableFiles): Promise<void> {
  const { name, files } = table;
  for (const { path } of files) {
    if (statSync(path, { throwIfNoEntry: false }) === undefined) {
      throw new FanlakeError('store.failed', `the table '${name}' can't be read: its data file ${path} is not there.`, { path });
    }
  }
  const relation = files.length === 0 ? emptyRelation(table.columns) : await filesRelation(engine, table);
  await engine.run(`CREATE VIEW ${identifier(name)} AS ${relation}`);
}

async function filesRelation(engine: Engine, { columns, partitionBy, files }: TableFiles): Promise<string> {
  const paths = files.map(({ path }) => literal(path.replace(/[[*?]/g, '[$&]')));
  const reader = `read_parquet([${paths.join(', ')}], union_by_name = true, hive_partitioning = false)`;
  const stored = (await engine.rows(`DESCRIBE SELECT * FROM ${reader}`)).map((row) => String(row['column_name']));
  const items = columns.map((column) => {
    const source = partitionBy.includes(column.name)
      ? partitionValues(column, files)
      : stored.some((other) => sameName(other, column.name))
        ? identifier(column.name)
        : 'NULL';
    return `CAST(${source} AS ${column.type}) AS ${identifier(column.name)}`;
  });
  return `SELECT ${items.join(', ')} FROM ${reader}`;
}

/** A file's value of a lake partition column, looked up by the file's number. */
function partitionValues({ name }: Column, files: readonly TableFile[]): string {
  const values = files.map(({ partition }) => partition[name] ?? null);
  const [first = null] = values;
  const text = (value: string | null): string => (value === null ? 'NULL' : literal(value));
  if (values.every((value) => value === first)) return text(first);
  return `list_extract(CAST([${values.map(text).join(', ')}] AS VARCHAR[]), CAST(file_index AS BIGINT) + 1)`;
}
