import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';

/** A row as texts; null for NULL. */
export type TextRow = readonly (string | null)[];

let connection: Promise<Awaited<ReturnType<DuckDBInstance['connect']>>> | undefined;

/** A DuckDB of the tests' own, which knows nothing of Fanlake. */
async function connect() {
  connection ??= DuckDBInstance.create(':memory:', { threads: '1' }).then(async (instance) => {
    const opened = await instance.connect();
    await opened.run("SET TimeZone = 'UTC'");
    return opened;
  });
  return connection;
}

/** The rows of a query, every column cast to text. */
export async function textRows(query: string): Promise<TextRow[]> {
  // behind a mark, since the client strips a byte order mark at the start of a text
  const reader = await (await connect()).runAndReadAll(`SELECT '=' || COLUMNS(*)::VARCHAR FROM (${query}\n)`);
  return reader.getRows().map((row) => row.map((value) => (value === null ? null : String(value).slice(1))));
}

/** Runs a statement, such as a COPY that makes an input. */
export async function runSql(sql: string): Promise<void> {
  await (await connect()).run(sql);
}

export const sqlText = (text: string): string => `'${text.replaceAll("'", "''")}'`;

interface Add {
  readonly path: string;
  readonly partitionValues: Readonly<Record<string, string | null>>;
  readonly tags?: Readonly<Record<string, string>>;
}

/** Versions of a Delta table, and the files that its log adds and doesn't remove again: read from the log by nothing of Fanlake. */
export function deltaLog(tablePath: string): {
  readonly versions: readonly number[];
  readonly adds: readonly Add[];
  readonly columns: Readonly<Record<string, unknown>>;
} {
  const folder = join(tablePath, '_delta_log');
  const names = existsSync(folder)
    ? readdirSync(folder)
        .filter((name) => /^\d{20}\.json$/.test(name))
        .sort()
    : [];
  let adds: Add[] = [];
  let columns: Record<string, unknown> = {};
  for (const name of names) {
    for (const line of readFileSync(join(folder, name), 'utf8').split('\n')) {
      if (line === '') continue;
      const action = JSON.parse(line) as { add?: Add; remove?: { path: string }; metaData?: { schemaString: string } };
      if (action.add !== undefined) adds.push(action.add);
      if (action.remove !== undefined) adds = adds.filter(({ path }) => path !== action.remove?.path);
      if (action.metaData === undefined) continue;
      const schema = JSON.parse(action.metaData.schemaString) as { fields: { name: string; type: unknown }[] };
      columns = Object.fromEntries(schema.fields.map(({ name: field, type }) => [field, type]));
    }
  }
  return { versions: names.map((name) => Number.parseInt(name, 10)), adds, columns };
}

/** The rows of an unpartitioned Delta table as texts, in no particular order. */
export async function tableRows(tablePath: string): Promise<TextRow[]> {
  const paths = deltaLog(tablePath).adds.map(({ path }) => sqlText(join(tablePath, decodeURIComponent(path))));
  if (paths.length === 0) return [];
  return textRows(`SELECT * FROM read_parquet([${paths.join(', ')}], union_by_name = true, hive_partitioning = false)`);
}

/** Rows in an order of their own, so that two multisets can be compared. */
export function sorted(rows: readonly TextRow[]): readonly string[] {
  return rows.map((row) => JSON.stringify(row)).sort();
}
