import type { Column, CsvLayout } from '../core/layout.ts';
import type { Piece } from '../core/piece.ts';
import { sameName } from '../core/planner/statement-tree.ts';
import { csvReader, fieldName, jsonReader, lineReader, missing, parquetReader, readingOf } from './readers.ts';
import { identifier, literal, literalList } from './sql-text.ts';

/** What `input` is made of. */
export interface InputFiles {
  readonly pieces: readonly Piece[];
  /** The pinned columns. */
  readonly columns: readonly Column[];
  readonly run: string;
  /** The columns that the query reads, virtual ones too. */
  readonly reads: readonly string[];
}

/** The SQL behind `input`, typed and strict: a value that doesn't fit its column is an error. */
export interface Relation {
  readonly sql: string;
  /** Whether a conversion error may come from here although it looks like one of the query's own expressions. */
  readonly converts: boolean;
  /** Scans of text files that a plan over all of it shows. */
  readonly textScans: number;
  /** Counts the rows of the Parquet files from their footers; null when there are none. */
  readonly parquetCount: string | null;
  /** Reads what Parquet columns must be cast, whatever the query reads of them; null when nothing must be. */
  readonly parquetCheck: string | null;
}

const lineNumber = 'line_number';

/**
 * Whether the CSV reader makes NULL of a text that isn't of this type and says nothing (DuckDB 1.5.5 with its ICU library: times with a zone).
 * Such a field is read as text and cast. The cast can throw, so the engine evaluates the conditions of a filter in their order, and `readAnyway` comes first;
 * test/unit/engine/traps.test.ts shows it on many rows.
 */
function readerIsSilent(type: string): boolean {
  return type.includes('TIME ZONE');
}

/** Pieces that one reader can take at once. */
export function groupPieces(pieces: readonly Piece[], single: (piece: Piece) => boolean): readonly (readonly Piece[])[] {
  const groups = new Map<string, Piece[]>();
  for (const [index, piece] of pieces.entries()) {
    const key = single(piece) ? String(index) : JSON.stringify([piece.skipRecords, piece.parallelSafe, keyOfLayout(piece)]);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [piece]);
    else group.push(piece);
  }
  return [...groups.values()];
}

/** What of a layout a reader sees; where data starts in the object is no matter of the piece. */
function keyOfLayout({ layout }: Piece): unknown {
  if (layout.format === 'parquet') return layout;
  if (layout.format === 'csv') return ['csv', layout.dialect, layout.fields, layout.nullStrings];
  return layout.format;
}

/** The index of a name among names: the same, else the same but for case, else -1. */
export function indexOfName(names: readonly string[], name: string): number {
  const exact = names.indexOf(name);
  return exact >= 0 ? exact : names.findIndex((other) => sameName(other, name));
}

/** The types of a CSV file's fields: those of the pinned columns of their names, text for the rest. */
function fieldTypes(layout: CsvLayout, columns: readonly Column[]): readonly string[] {
  const types = layout.fields.map(() => 'VARCHAR');
  for (const { name, type } of columns) {
    const index = indexOfName(layout.fields, name);
    if (index >= 0 && !readerIsSilent(type)) types[index] = type;
  }
  return types;
}

/** `_file` and `_run` of a group: constants, or looked up by the file's number. */
export function virtualItems(
  group: readonly Piece[],
  run: string,
  reads: readonly string[],
  columns: readonly Column[],
): readonly string[] {
  const wanted = (name: string): boolean => reads.includes(name) && !columns.some((column) => sameName(column.name, name));
  const keys = [...new Set(group.map((piece) => piece.objectKey))];
  const [only = ''] = keys;
  const file =
    keys.length === 1
      ? literal(only)
      : `list_extract(${literalList(group.map((piece) => piece.objectKey))}, CAST(file_index AS BIGINT) + 1)`;
  return [...(wanted('_file') ? [`${file} AS "_file"`] : []), ...(wanted('_run') ? [`${literal(run)} AS "_run"`] : [])];
}

/** Whether a group of several pieces can't tell its files apart, because a column of theirs has the name that the engine uses for it. */
export function hidesFileIndex(piece: Piece, columns: readonly Column[]): boolean {
  const { layout } = piece;
  if (layout.format === 'parquet') return layout.columns.some((column) => sameName(column.name, 'file_index'));
  return layout.format !== 'csv' && layout.format !== 'text' && columns.some((column) => sameName(column.name, 'file_index'));
}

/** Whether `line_number` must be counted for a piece. */
function countsLines(piece: Piece, { columns, reads }: InputFiles): boolean {
  const fields = piece.layout.format === 'csv' ? piece.layout.fields : [];
  return (
    piece.firstLineNumber !== undefined &&
    reads.includes(lineNumber) &&
    columns.some(({ name }) => name === lineNumber) &&
    !fields.includes(lineNumber)
  );
}

function selectGroup(group: readonly Piece[], input: InputFiles): string {
  const [first] = group;
  if (first === undefined) throw new Error('a group of pieces is never empty');
  const { columns, run, reads } = input;
  const items = [...columnItems(first, input), ...virtualItems(group, run, reads, columns)];
  return `SELECT ${items.join(', ')} FROM ${readerOf(group, first, input)}`;
}

function readerOf(group: readonly Piece[], first: Piece, input: InputFiles): string {
  const { layout } = first;
  // A file whose lines are counted is read by one thread, in order.
  const reading = { ...readingOf(group), ...(countsLines(first, input) ? { parallelSafe: false } : {}) };
  if (layout.format === 'parquet') return parquetReader(reading.paths);
  if (layout.format === 'csv') return csvReader(reading, layout, fieldTypes(layout, input.columns));
  return layout.format === 'text' ? lineReader(reading) : jsonReader(reading, input.columns);
}

function columnItems(first: Piece, input: InputFiles): readonly string[] {
  const { layout } = first;
  return input.columns.map((column) => {
    const name = identifier(column.name);
    if (column.name === lineNumber && countsLines(first, input)) {
      return `CAST(row_number() OVER () + ${(first.firstLineNumber ?? 1) - 1} AS ${column.type}) AS ${name}`;
    }
    if (layout.format === 'parquet') return parquetItem(layout.columns, column);
    if (layout.format === 'csv') {
      const index = indexOfName(layout.fields, column.name);
      if (index < 0) return missing(column);
      return readerIsSilent(column.type) ? `CAST(${fieldName(index)} AS ${column.type}) AS ${name}` : `${fieldName(index)} AS ${name}`;
    }
    if (layout.format === 'text') return column.name === 'line' ? `CAST(coalesce(f0, '') AS ${column.type}) AS ${name}` : missing(column);
    return name;
  });
}

function parquetItem(file: readonly Column[], column: Column): string {
  const source =
    file[
      indexOfName(
        file.map(({ name }) => name),
        column.name,
      )
    ];
  if (source === undefined) return missing(column);
  const cast = source.type === column.type ? identifier(source.name) : `CAST(${identifier(source.name)} AS ${column.type})`;
  return `${cast} AS ${identifier(column.name)}`;
}

/**
 * A condition that is always true and can't be told so by the engine's optimizer: it makes the reader convert a column that the query doesn't
 * read, so that whether a row fits never depends on the query (formats.md, trap 4; costs 0 to 4 %).
 */
function readAnyway(column: Column): string {
  const name = identifier(column.name);
  return `(${name} IS NULL OR ${name} IS NOT NULL)`;
}

/** The columns that must be read though the query may not: for JSON text too, where a key that is there twice is an error only when read. */
function guarded(pieces: readonly Piece[], columns: readonly Column[]): readonly Column[] {
  const json = pieces.some(({ layout }) => layout.format === 'jsonl' || layout.format === 'json');
  return columns.filter((column) => json || column.type !== 'VARCHAR');
}

/**
 * Turns formats, columns, dialects and files into SQL. This and lenient-relation.ts are the only places that do.
 * Pieces of equal layout share one reader, whose threads then take a file each.
 */
export function typedRelation(input: InputFiles): Relation {
  const { columns, pieces, reads } = input;
  const groups = groupPieces(pieces, (piece) => countsLines(piece, input) || (reads.includes('_file') && hidesFileIndex(piece, columns)));
  const isParquet = (group: readonly Piece[]): boolean => group[0]?.layout.format === 'parquet';
  const text = groups.filter((group) => !isParquet(group));
  const parquet = groups.filter(isParquet);
  const guards = guarded(text.flat(), columns).map(readAnyway);
  const where = guards.length === 0 || text.length === 0 ? '' : ` WHERE ${guards.join(' AND ')}`;
  const selects = [
    ...text.map((group) => (where === '' ? selectGroup(group, input) : `SELECT * FROM (${selectGroup(group, input)})${where}`)),
    ...parquet.map((group) => selectGroup(group, input)),
  ];
  return {
    sql: selects.join(' UNION ALL '),
    converts: text.some((group) => group[0]?.layout.format === 'csv') && columns.some(({ type }) => readerIsSilent(type)),
    textScans: text.length,
    parquetCount: sumOf(parquet.map((group) => `SELECT count(*) AS n FROM ${parquetReader(group.map(({ path }) => path))}`)),
    parquetCheck: sumOf(parquet.flatMap((group) => checkOf(group, input))),
  };
}

function sumOf(counts: readonly string[]): string | null {
  return counts.length === 0 ? null : `SELECT coalesce(sum(n), 0)::BIGINT AS n FROM (${counts.join(' UNION ALL ')})`;
}

function checkOf(group: readonly Piece[], input: InputFiles): readonly string[] {
  const [first] = group;
  if (first?.layout.format !== 'parquet') return [];
  const file = first.layout.columns;
  const names = file.map(({ name }) => name);
  const cast = input.columns.filter((column) => {
    const source = file[indexOfName(names, column.name)];
    return source !== undefined && source.type !== column.type;
  });
  if (cast.length === 0) return [];
  const items = cast.map((column) => parquetItem(file, column)).join(', ');
  return [
    `SELECT count(*) AS n FROM (SELECT ${items} FROM ${parquetReader(group.map(({ path }) => path))}) WHERE ${cast.map(readAnyway).join(' AND ')}`,
  ];
}
