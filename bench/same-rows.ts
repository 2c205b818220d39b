import { DuckDBInstance } from '@duckdb/node-api';

/** How far two doubles may be apart, relative to the larger: they were added up in another order. */
const tolerance = 1e-9;

const isClose = (a: number, b: number): boolean =>
  Object.is(a, b) || a === b || Math.abs(a - b) <= tolerance * Math.max(1, Math.abs(a), Math.abs(b));

interface Column {
  readonly name: string;
  readonly type: string;
}

const isDouble = ({ type }: Column): boolean => type === 'DOUBLE' || type === 'FLOAT';

/** A column as text that is the same whatever type a file has it in: times as instants, numbers without their types. */
function textOf({ name, type }: Column): string {
  const column = `"${name.replaceAll('"', '""')}"`;
  return `CAST(${type.startsWith('TIMESTAMP') ? `epoch_us(${column})` : column} AS VARCHAR)`;
}

/**
 * Sums over a table that tell its content: of each column's hashes, of the hashes of whole rows, and of doubles, by themselves and each times the hash of
 * its row's other columns, so that values in the wrong rows are found too.
 */
function sumsOf(columns: readonly Column[]): readonly string[] {
  const sum = (what: string): string => `coalesce(sum(${what}), 0)::DOUBLE`;
  const exact = columns.filter((column) => !isDouble(column)).map(textOf);
  const row = `hash(${["''", ...exact].join(', ')})`;
  const doubles = columns.filter(isDouble).map(({ name }) => `"${name.replaceAll('"', '""')}"`);
  return [
    ...exact.map((text) => sum(`hash(${text}) % 1000003`)),
    sum(`${row} % 1000003`),
    ...doubles.flatMap((column) => [sum(column), sum(`${column} * (${row} % 1009)`)]),
  ];
}

/**
 * Compares two folders of Parquet files by sums over their columns, whatever the order of the rows.
 * @throws Error when they differ
 */
export async function expectSameContent(name: string, ours: string, theirs: string): Promise<void> {
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  const contentOf = async (folder: string): Promise<readonly number[]> => {
    const from = `read_parquet('${folder}/**/*.parquet', hive_partitioning = true)`;
    const columns = (await connection.runAndReadAll(`DESCRIBE SELECT * FROM ${from}`))
      .getRowObjectsJson()
      .map((column) => ({ name: String(column['column_name']), type: String(column['column_type']) }))
      .sort((a, b) => (a.name < b.name ? -1 : 1));
    const reader = await connection.runAndReadAll(`SELECT ${sumsOf(columns).join(', ')} FROM ${from}`);
    return (reader.getRowsJson()[0] ?? []).map(Number);
  };
  const [a, b] = [await contentOf(ours), await contentOf(theirs)];
  connection.closeSync();
  instance.closeSync();
  if (a.length !== b.length || a.some((sum, index) => !isClose(sum, b[index] ?? Number.NaN)))
    throw new Error(`${name}: the tables differ: ${a.join(', ')} and ${b.join(', ')}`);
}

/**
 * Compares the answer that `fanlake run --json` printed with DuckDB's, row by row in their order. Only doubles may differ, by the order that they were added in.
 * @throws Error when they differ
 */
export function expectSameAnswer(name: string, ours: string, theirs: string): void {
  const { result } = JSON.parse(ours) as { readonly result: { readonly rows: readonly (readonly unknown[])[] } };
  const { rows, types } = JSON.parse(theirs) as { readonly rows: readonly (readonly unknown[])[]; readonly types: readonly string[] };
  const isSame = (a: unknown, b: unknown, type = ''): boolean =>
    String(a) === String(b) || (a !== null && b !== null && (type === 'DOUBLE' || type === 'FLOAT') && isClose(Number(a), Number(b)));
  const differs = Array.from({ length: Math.max(rows.length, result.rows.length) }, (_, index) => index).find(
    (index) => !types.every((type, column) => isSame(result.rows[index]?.[column], rows[index]?.[column], type)),
  );
  if (differs === undefined) return;
  throw new Error(
    `${name}: row ${differs} of the answers differs: ${JSON.stringify(result.rows[differs])} and ${JSON.stringify(rows[differs])}`,
  );
}
