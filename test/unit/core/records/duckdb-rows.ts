import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import type { CsvDialect } from '../../../../functions/core/records/csv-dialect.ts';

const columns = Array.from({ length: 14 }, (_, i) => `c${i}`);

/** DuckDB's strict CSV reader as the judge of where records are. A field that a row lacks is NULL, an empty one isn't. */
export class DuckdbRows {
  private readonly folder = mkdtempSync(join(tmpdir(), 'fanlake-records-'));
  private files = 0;
  private connection: DuckDBConnection | undefined;

  close(): void {
    this.connection?.closeSync();
    rmSync(this.folder, { recursive: true });
  }

  /** For every text the number of fields of each row that DuckDB reads from it, in order. Throws when it refuses one. */
  async fieldCounts(dialect: CsvDialect, texts: readonly string[]): Promise<readonly (readonly number[])[]> {
    const paths = texts.map((text) => this.write(text));
    const present = columns.map((name) => `(${name} is not null)::int`).join('+');
    const reader = await this.run(`select filename, ${present} as fields from ${csv(dialect, paths)}`);
    const counts = new Map(paths.map((path): [string, number[]] => [basename(path), []]));
    for (const [path, fields] of reader.getRows()) counts.get(basename(String(path)))?.push(Number(fields));
    return [...counts.values()];
  }

  /** Whether DuckDB refuses the text. */
  async refuses(dialect: CsvDialect, text: string): Promise<boolean> {
    return this.run(`select * from ${csv(dialect, [this.write(text)])}`).then(
      () => false,
      () => true,
    );
  }

  private async run(sql: string) {
    this.connection ??= await (await DuckDBInstance.create(':memory:')).connect();
    return this.connection.runAndReadAll(sql);
  }

  private write(text: string): string {
    const path = join(this.folder, `${this.files++}.csv`);
    writeFileSync(path, text, 'latin1');
    return path;
  }
}

function csv(dialect: CsvDialect, paths: readonly string[]): string {
  const quoted = (text: string) => `'${text.replaceAll("'", "''")}'`;
  const options = [
    'auto_detect=false, header=false, null_padding=true, parallel=false, filename=true',
    `delim=${quoted(dialect.delimiter)}, quote=${quoted(dialect.quote)}, escape=${quoted(dialect.escape)}, comment=${quoted(dialect.comment)}`,
    `new_line='${JSON.stringify(dialect.newline).slice(1, -1)}'`,
    `nullstr='~', columns={${columns.map((name) => `${name}: 'VARCHAR'`).join(', ')}}`,
  ];
  return `read_csv([${paths.map(quoted).join(',')}], ${options.join(', ')})`;
}
