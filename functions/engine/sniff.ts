import type { Column } from '../core/layout.ts';
import type { Piece } from '../core/piece.ts';
import { sameName } from '../core/planner/statement-tree.ts';
import { allowFiles } from './allow-files.ts';
import { asEngineError } from './errors.ts';
import { inferCsv } from './infer-csv.ts';
import { inferJson } from './infer-json.ts';
import { parquetReader } from './readers.ts';
import type { Engine } from './session.ts';
import { literal } from './sql-text.ts';

/**
 * The names and types of the fields of a head of whole records.
 * @returns no columns for a head without records that has no header either
 * @throws FanlakeError `input.format`, `input.corrupt`
 */
export async function inferColumns(engine: Engine, piece: Piece): Promise<Column[]> {
  await allowFiles(engine, [piece.path]);
  const { layout } = piece;
  try {
    if (layout.format === 'csv') return await inferCsv(engine, piece, layout);
    if (layout.format === 'text') return [{ name: 'line', type: 'VARCHAR' }];
    if (layout.format === 'parquet') return [...(await parquetFooter(engine, piece.path)).columns];
    return await inferJson(engine, piece);
  } catch (thrown) {
    throw asEngineError(thrown, `the types of '${piece.objectKey}' can't be found from its head`, 'input.format');
  }
}

/** What the engine's sniffer takes for a dialect: a hint, never the last word. Header true: the first record looks like names. */
export interface DialectHint {
  readonly delimiter: string;
  readonly quote: string;
  readonly escape: string;
  readonly newline: string;
  readonly header: boolean;
  readonly comment: string;
}

/** The engine's guess of a CSV head's dialect; null when it has none. */
export async function sniffDialect(engine: Engine, headPath: string): Promise<DialectHint | null> {
  await allowFiles(engine, [headPath]);
  const rows = await engine
    .rows(
      `SELECT Delimiter AS d, Quote AS q, Escape AS e, NewLineDelimiter AS n, HasHeader AS h, Comment AS c FROM sniff_csv(${literal(headPath)}, sample_size = -1)`,
    )
    .catch(() => []);
  const [row] = rows;
  if (row === undefined) return null;
  const text = (key: string): string => {
    const value = String(row[key] ?? '');
    return value === '(empty)' || value === '\0' ? '' : value;
  };
  const newline = text('n').replaceAll('\\r', '\r').replaceAll('\\n', '\n');
  return { delimiter: text('d'), quote: text('q'), escape: text('e'), newline, header: row['h'] === true, comment: text('c') };
}

export interface ParquetFooter {
  readonly columns: readonly Column[];
  readonly rows: number;
  readonly rowGroups: number;
}

/**
 * The columns and counts in a Parquet file's footer.
 * @throws FanlakeError `input.format` when it isn't Parquet, `input.corrupt` when its footer can't be read
 */
export async function parquetFooter(engine: Engine, path: string): Promise<ParquetFooter> {
  await allowFiles(engine, [path]);
  try {
    const [counts = {}] = await engine.rows(`SELECT num_rows AS r, num_row_groups AS g FROM parquet_file_metadata(${literal(path)})`);
    const columns = await engine.rows(`DESCRIBE SELECT * FROM ${parquetReader([path])}`);
    return {
      columns: columns.map((row) => ({ name: String(row['column_name']), type: String(row['column_type']) })),
      rows: Number(counts['r']),
      rowGroups: Number(counts['g']),
    };
  } catch (thrown) {
    throw asEngineError(thrown, `'${path}' can't be read as Parquet`, 'input.corrupt');
  }
}

const signed = ['TINYINT', 'SMALLINT', 'INTEGER', 'BIGINT', 'HUGEINT'];
const floats = ['FLOAT', 'DOUBLE'];
const times = ['DATE', 'TIMESTAMP', 'TIMESTAMP WITH TIME ZONE'];

function wider(order: readonly string[], a: string, b: string): string | null {
  const at = Math.max(order.indexOf(a), order.indexOf(b));
  return order.includes(a) && order.includes(b) ? (order[at] ?? null) : null;
}

/** The narrowest type that holds both without loss of what a value means; text or JSON when there is none. */
function unifyTypes(a: string, b: string): string {
  if (a === b) return a;
  const found = wider(signed, a, b) ?? wider(floats, a, b) ?? wider(times, a, b);
  if (found !== null) return found;
  const isWhole = (type: string): boolean => signed.slice(0, 4).includes(type);
  if ((isWhole(a) && floats.includes(b)) || (floats.includes(a) && isWhole(b))) return 'DOUBLE';
  const nested = /[(\]]|^JSON$/;
  return nested.test(a) && nested.test(b) && !/^DECIMAL/.test(a) && !/^DECIMAL/.test(b) ? 'JSON' : 'VARCHAR';
}

/** One list of columns for several heads: by name (case apart), in the order of first appearance, each type wide enough for all. */
export function unifyColumns(heads: readonly (readonly Column[])[]): Column[] {
  const unified: Column[] = [];
  for (const column of heads.flat()) {
    const at = unified.findIndex(({ name }) => sameName(name, column.name));
    const known = unified[at];
    if (known === undefined) unified.push(column);
    else unified[at] = { name: known.name, type: unifyTypes(known.type, column.type) };
  }
  return unified;
}
