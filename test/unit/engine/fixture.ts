import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DuckDBInstance, type Json } from '@duckdb/node-api';
import type { Column, CsvLayout, Layout, LineLayout } from '../../../functions/core/layout.ts';
import type { Piece } from '../../../functions/core/piece.ts';
import { bindQuery } from '../../../functions/engine/bind.ts';
import { runLenient } from '../../../functions/engine/lenient.ts';
import { type MapRequest, type MapResult, runMap } from '../../../functions/engine/map.ts';
import { Engine } from '../../../functions/engine/session.ts';

/** Declared unless it says otherwise. */
export type TestColumn = Column & { readonly declared?: boolean };

export const csvDialect = { delimiter: ',', quote: '"', escape: '"', comment: '', newline: '\n' } as const;

export function csvLayout(fields: readonly string[], other: Partial<CsvLayout> = {}): CsvLayout {
  return {
    format: 'csv',
    compression: 'none',
    bomBytes: 0,
    dataStart: 0,
    dialect: csvDialect,
    fields,
    header: false,
    nullStrings: [''],
    ...other,
  };
}

export const jsonLayout: LineLayout = { format: 'jsonl', compression: 'none', bomBytes: 0, dataStart: 0, keys: [] };
export const textLayout: Layout = { format: 'text', compression: 'none', bomBytes: 0, dataStart: 0, keys: [] };

/** A folder, an engine under test, and a DuckDB of the test's own with all defaults, as the oracle. */
export class Bench {
  readonly folder = mkdtempSync(join(tmpdir(), 'fanlake-engine-'));
  readonly engine: Engine;
  private readonly oracle: Awaited<ReturnType<DuckDBInstance['connect']>>;
  private files = 0;

  private constructor(engine: Engine, oracle: Awaited<ReturnType<DuckDBInstance['connect']>>) {
    this.engine = engine;
    this.oracle = oracle;
  }

  static async open(threads = 2): Promise<Bench> {
    const scratch = mkdtempSync(join(tmpdir(), 'fanlake-scratch-'));
    const engine = await Engine.open({ threads, memoryLimitBytes: 1 << 30, scratch });
    const oracle = await (await DuckDBInstance.create(':memory:')).connect();
    await oracle.run("SET TimeZone = 'UTC'");
    return new Bench(engine, oracle);
  }

  close(): void {
    this.engine.close();
    this.oracle.closeSync();
    rmSync(this.folder, { recursive: true, force: true });
    rmSync(this.engine.scratch, { recursive: true, force: true });
  }

  write(content: string | Uint8Array, name = `f${this.files++}`): string {
    const path = join(this.folder, name);
    writeFileSync(path, content);
    return path;
  }

  piece(content: string | Uint8Array, layout: Layout, other: Partial<Piece> = {}): Piece {
    return {
      path: this.write(content),
      objectKey: 'landing/a',
      layout,
      skipRecords: 0,
      records: 0,
      longestRecordBytes: content.length,
      parallelSafe: false,
      ...other,
    };
  }

  /** Rows of the test's own DuckDB, as text where JSON has no number for them. */
  async ask(sql: string): Promise<readonly (readonly Json[])[]> {
    return (await this.oracle.runAndReadAll(sql)).getRowsJson() as readonly (readonly Json[])[];
  }

  async request(
    sql: string,
    pieces: readonly Piece[],
    given: readonly TestColumn[],
    other: Partial<MapRequest['output']> = {},
  ): Promise<MapRequest> {
    const columns = given.map((column) => ({ declared: true, ...column }));
    const query = await bindQuery(this.engine, sql, columns);
    const output = {
      dir: join(this.engine.scratch, `out${this.files++}`),
      columns: query.output.map(({ name }) => ({ name, castTo: null })),
      partitionBy: [],
      targetFileBytes: 1 << 28,
      maxPartitions: 100,
      ...other,
    };
    return { pieces, columns, query, run: 'run-1', output };
  }

  async map(
    sql: string,
    pieces: readonly Piece[],
    columns: readonly TestColumn[],
    other: Partial<MapRequest['output']> = {},
  ): Promise<Mapped> {
    const request = await this.request(sql, pieces, columns, other);
    return this.withRows(await runMap(this.engine, request));
  }

  async lenient(sql: string, pieces: readonly Piece[], columns: readonly TestColumn[], limit: number) {
    const request = await this.request(sql, pieces, columns);
    return this.withRows(await runLenient(this.engine, { ...request, limit }));
  }

  private async withRows<R extends MapResult>(result: R): Promise<R & { readonly rows: readonly (readonly Json[])[] }> {
    if (result.files.length === 0) return { ...result, rows: [] };
    const paths = result.files.map(({ path }) => `'${path.replaceAll("'", "''")}'`).join(', ');
    return { ...result, rows: await this.ask(`SELECT * FROM read_parquet([${paths}], hive_partitioning = false) ORDER BY ALL`) };
  }
}

export type Mapped = MapResult & { readonly rows: readonly (readonly Json[])[] };

/** Counts of a result in the order of a receipt. */
export function counts({ scanned, passed, written }: MapResult): readonly number[] {
  return [scanned, passed, written];
}
