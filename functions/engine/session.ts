import { existsSync, mkdirSync, realpathSync, rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join, sep } from 'node:path';
import {
  type DuckDBConnection,
  DuckDBInstance,
  type DuckDBPreparedStatement,
  DuckDBTimestampTZValue,
  type DuckDBType,
  type Json,
  StatementType,
} from '@duckdb/node-api';
import type { Column } from '../core/layout.ts';
import './decoder.ts';
import { asEngineError, isDefect } from './errors.ts';
import { jsonValue } from './json-value.ts';
import { emptyRelation, literal, literalList } from './sql-text.ts';
import { timeMacros } from './statement-time.ts';

// Times with a zone are shown in UTC on every machine.
DuckDBTimestampTZValue.timezoneOffsetInMinutes = 0;

export interface EngineOptions {
  readonly threads: number;
  readonly memoryLimitBytes: number;
  /** An existing folder of this engine's own: spills, profiles and outputs. */
  readonly scratch: string;
  /** Most bytes that may be spilled to `scratch`. Default: as much as the disk has. */
  readonly maxSpillBytes?: number;
  /**
   * For several queries over the same Parquet files, by a person: rows keep the order of the files, footers are kept in memory. Default false: the
   * first costs memory and speed, and a task reads a file once.
   */
  readonly interactive?: boolean;
}

/** An operator of a finished query: its name, the rows it gave, what the engine tells of it, and what it read from. */
export interface PlanOperator {
  readonly name: string;
  readonly rows: number;
  readonly info: Readonly<Record<string, unknown>>;
  readonly children: readonly PlanOperator[];
}

export interface QueryHead {
  readonly columns: readonly Column[];
  readonly rows: readonly (readonly unknown[])[];
  readonly more: boolean;
}

type Row = Record<string, unknown>;

const profileSettings = '{"OPERATOR_CARDINALITY":"true","OPERATOR_TYPE":"true","OPERATOR_NAME":"true","EXTRA_INFO":"true"}';

/** The folder's own path when it is there: the engine compares paths after it has resolved links. */
function resolved(directory: string): string {
  return existsSync(directory) ? realpathSync(directory) : directory;
}

/**
 * One DuckDB in memory that sees the folders it was allowed and nothing else: no network, no extensions, settings locked. It is defence in
 * depth, not a security boundary; the query is checked besides (core/planner/safety.ts). For one task at a time.
 */
export class Engine {
  readonly threads: number;
  readonly scratch: string;
  private readonly options: EngineOptions;
  private directories: readonly string[];
  private instance: DuckDBInstance | null = null;
  private plain: DuckDBConnection | null = null;
  private profiling: DuckDBConnection | null = null;
  private broken = false;
  /** What makes functions tell a query's time: an instance that is opened anew needs it again. */
  private timeMacros: string | null = null;

  private constructor(options: EngineOptions) {
    mkdirSync(options.scratch, { recursive: true });
    this.options = options;
    this.threads = options.threads;
    this.scratch = resolved(options.scratch);
    this.directories = [this.scratch];
  }

  /** Opens an engine that may use its scratch folder only. Takes about 25 ms. */
  static async open(options: EngineOptions): Promise<Engine> {
    const engine = new Engine(options);
    await engine.start();
    return engine;
  }

  /** Whether a defect of its own made it useless: what it is asked from now on may fail, whoever asks. Another one is to be opened. */
  get isBroken(): boolean {
    return this.broken;
  }

  /**
   * Makes sure that the files below these folders can be read and written. A folder that isn't covered yet costs a new instance (25 ms, and
   * what was in memory is gone). Links are resolved: a link's target needs its own folder in the list.
   */
  async allow(directories: readonly string[]): Promise<void> {
    const missing = [...new Set(directories.map(resolved))].filter((directory) => !this.covers(directory));
    if (missing.length === 0) return;
    this.close();
    this.directories = [...this.directories, ...missing];
    await this.start();
  }

  /** From now on functions that tell the time tell this one. @param ms since 1970 UTC */
  async setTime(ms: number): Promise<void> {
    const macros = timeMacros(ms);
    if (macros === this.timeMacros) return;
    this.timeMacros = macros;
    for (const connection of [this.plain, this.profiling]) await connection?.run(macros);
  }

  /** Runs a statement for its effect. @throws the engine's own error, for the caller to name with `asEngineError` */
  async run(sql: string): Promise<void> {
    await this.watched(() => this.connection().run(sql));
  }

  /** A query's rows, by column name, values as `jsonValue` gives them. @throws the engine's own error */
  async rows(sql: string): Promise<Row[]> {
    const reader = await this.watched(() => this.connection().runAndReadAll(sql));
    return reader.convertRowObjects<Json>(jsonValue);
  }

  /** A query's first rows as lists, and whether there are more. @throws the engine's own error */
  async head(sql: string, limit: number): Promise<QueryHead> {
    const most = Math.min(limit + 1, Number.MAX_SAFE_INTEGER);
    const reader = await this.watched(() => this.connection().streamAndReadUntil(sql, most));
    const rows = reader.convertRows<Json>(jsonValue);
    const columns = reader.columnNames().map((name, index) => ({ name, type: String(reader.columnType(index)) }));
    return { columns, rows: rows.slice(0, limit), more: rows.length > limit };
  }

  /** What one statement does: `select` for what only reads. Binds nothing that is a SELECT. @throws the engine's own error */
  async statementKind(sql: string): Promise<string> {
    const [row] = await this.rows(
      `SELECT j->>'error_type' AS error, json_array_length(j->'statements') AS n FROM (SELECT json_serialize_sql(${literal(sql)}::VARCHAR) AS j)`,
    );
    if (row?.['error'] === null) return row['n'] === 1 ? 'select' : `${String(row['n'])} statements`;
    const { count } = await this.watched(() => this.connection().extractStatements(sql));
    if (count !== 1) return `${count} statements`;
    const prepared = await this.prepared(sql);
    const kind = StatementType[prepared.statementType].toLowerCase();
    prepared.destroySync();
    return kind;
  }

  /** The types that the columns' names of types stand for. @throws the engine's own error for a name that it doesn't know */
  async types(columns: readonly Column[]): Promise<readonly DuckDBType[]> {
    const prepared = await this.prepared(emptyRelation(columns));
    const types = columns.map((_, index) => prepared.columnType(index));
    prepared.destroySync();
    return types;
  }

  /** Binds a statement without running it. @throws the engine's own error, with the place in `sql` */
  async check(sql: string): Promise<void> {
    const prepared = await this.prepared(sql);
    prepared.destroySync();
  }

  /** Runs a statement, on its way when this returns, and tells the rows that each operator of its plan gave. @throws the engine's own error */
  async profiled(sql: string): Promise<{ readonly rows: Row[]; readonly plan: PlanOperator | null }> {
    const { profiling } = this;
    if (profiling === null) throw new Error('the engine is closed');
    const profile = this.profilePath();
    rmSync(profile, { force: true });
    const reader = await this.watched(() => profiling.runAndReadAll(sql));
    const text = await readFile(profile, 'utf8').catch(() => null);
    return { rows: reader.convertRowObjects<Json>(jsonValue), plan: text === null ? null : decodePlan(JSON.parse(text)) };
  }

  /** Stops the running statement, which then throws. */
  interrupt(): void {
    this.plain?.interrupt();
    this.profiling?.interrupt();
  }

  close(): void {
    this.plain?.closeSync();
    this.profiling?.closeSync();
    this.instance?.closeSync();
    this.plain = null;
    this.profiling = null;
    this.instance = null;
  }

  private prepared(sql: string): Promise<DuckDBPreparedStatement> {
    return this.watched(() => this.connection().prepare(sql));
  }

  /** Notes a defect, also for callers who take the error for something else. */
  private async watched<Result>(ask: () => Promise<Result>): Promise<Result> {
    try {
      return await ask();
    } catch (thrown) {
      if (isDefect(thrown)) this.broken = true;
      throw thrown;
    }
  }

  private connection(): DuckDBConnection {
    if (this.plain === null) throw new Error('the engine is closed');
    return this.plain;
  }

  private profilePath(): string {
    return join(this.scratch, 'profile.json');
  }

  private covers(directory: string): boolean {
    return this.directories.some(
      (allowed) => directory === allowed || directory.startsWith(allowed.endsWith(sep) ? allowed : allowed + sep),
    );
  }

  private async start(): Promise<void> {
    const { threads, memoryLimitBytes } = this.options;
    try {
      this.instance = await DuckDBInstance.create(':memory:', {
        threads: String(threads),
        memory_limit: `${memoryLimitBytes}B`,
        temp_directory: join(this.scratch, 'spill'),
        autoinstall_known_extensions: 'false',
        autoload_known_extensions: 'false',
        preserve_insertion_order: String(this.options.interactive ?? false),
        lambda_syntax: 'ENABLE_SINGLE_ARROW',
        // below so many rows ASOF JOIN takes a way on which a NULL matches nothing (DuckDB 1.5.5): a task may have fewer, and its input more
        asof_loop_join_threshold: '0',
      });
      this.plain = await this.instance.connect();
      this.profiling = await this.instance.connect();
      await this.lock(this.plain, this.profiling);
      if (this.timeMacros !== null) for (const connection of [this.plain, this.profiling]) await connection.run(this.timeMacros);
      this.broken = false;
    } catch (thrown) {
      this.close();
      throw asEngineError(thrown, `the engine can't be opened in ${this.scratch}`, 'internal');
    }
  }

  /** The order matters: nothing can be set after the last statement. */
  private async lock(plain: DuckDBConnection, profiling: DuckDBConnection): Promise<void> {
    await profiling.run(
      `SET enable_profiling = 'json'; SET profiling_coverage = 'ALL'; SET profiling_output = ${literal(this.profilePath())};
       SET custom_profiling_settings = ${literal(profileSettings)}`,
    );
    const { maxSpillBytes, interactive = false } = this.options;
    // Of a connection, not of the instance; without it, times with a zone are read and shown in the machine's.
    for (const connection of [plain, profiling]) await connection.run("SET TimeZone = 'UTC'");
    // Given when the instance is made, the limit of spilling shows in the settings and does nothing (DuckDB 1.5.5).
    if (maxSpillBytes !== undefined) await plain.run(`SET max_temp_directory_size = '${maxSpillBytes}B'`);
    await plain.run(
      `SET parquet_metadata_cache = ${interactive}; SET allowed_directories = ${literalList(this.directories)};
       SET enable_external_access = false; SET lock_configuration = true`,
    );
  }
}

function decodePlan(profile: unknown): PlanOperator | null {
  if (typeof profile !== 'object' || profile === null) return null;
  const node = profile as Record<string, unknown>;
  const children = Array.isArray(node['children']) ? node['children'].flatMap((child: unknown) => decodePlan(child) ?? []) : [];
  const info = typeof node['extra_info'] === 'object' && node['extra_info'] !== null ? (node['extra_info'] as Record<string, unknown>) : {};
  return { name: String(node['operator_name'] ?? ''), rows: Number(node['operator_cardinality'] ?? 0), info, children };
}
