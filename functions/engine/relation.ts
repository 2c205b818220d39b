import type { Column, CsvLayout, InputColumn } from '../core/layout.ts';
import type { Piece } from '../core/piece.ts';
import { sameName } from '../core/planner/statement-tree.ts';
import { exactValue, fittingForm, isChecked } from './exact.ts';
import { exactJson, isCheckedJson, jsonType } from './exact-nested.ts';
import { groupPieces } from './group-pieces.ts';
import { csvReader, fieldName, jsonReader, lineReader, missing, parquetReader, readingOf } from './readers.ts';
import { identifier, literal, literalList } from './sql-text.ts';

/** What `input` is made of. */
export interface InputFiles {
  readonly pieces: readonly Piece[];
  /** The pinned columns. */
  readonly columns: readonly InputColumn[];
  readonly run: string;
  /** The columns that the query reads, virtual ones too. */
  readonly reads: readonly string[];
  /** Input columns that stand unchanged in each row of the query's output: the reader casts them for every row that it gives, also for one that is passed over. */
  readonly passed: readonly string[];
}

/** The SQL behind `input`, typed and strict: a value that doesn't fit its column is an error. */
export interface Relation {
  /** For the query itself. */
  readonly sql: string;
  /** The same for any other query: every column is cast, whatever is read. */
  readonly guarded: string;
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

/** The index of a name among names: the same, else the same but for case, else -1. */
export function indexOfName(names: readonly string[], name: string): number {
  const exact = names.indexOf(name);
  return exact >= 0 ? exact : names.findIndex((other) => sameName(other, name));
}

/** The types of a CSV file's fields: those of the pinned columns of their names, text for the rest. */
function fieldTypes(piece: Piece, layout: CsvLayout, columns: readonly InputColumn[]): readonly string[] {
  const types = layout.fields.map(() => 'VARCHAR');
  for (const column of columns) {
    const index = indexOfName(layout.fields, column.name);
    if (index >= 0 && !readAsText(piece, column)) types[index] = column.type;
  }
  return types;
}

/** Whether a column is read as text and cast. */
function readAsText(piece: Piece, column: InputColumn): boolean {
  return readerIsSilent(column.type) || mustBeCompared(piece, column);
}

/** Whether the values of a column must be compared with the texts that they are cast from. */
function mustBeCompared({ layout, exactFields = [], exactKeys = [] }: Piece, column: InputColumn): boolean {
  if (layout.format === 'json' || layout.format === 'jsonl') return isCheckedJson(column) && !exactKeys.includes(keyOf(layout, column));
  return isChecked(column) && !(layout.format === 'csv' && exactFields.includes(indexOfName(layout.fields, column.name)));
}

/** The name that an object's own JSON gives a column, which the engine's reader takes to the letter; the column's own for a key that the head didn't show. */
export function keyOf(layout: { readonly keys: readonly string[] }, { name }: Column): string {
  return layout.keys[indexOfName(layout.keys, name)] ?? name;
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

function readerOf(group: readonly Piece[], first: Piece, input: InputFiles): string {
  const { layout } = first;
  // A file whose lines are counted is read by one thread, in order.
  const reading = { ...readingOf(group), ...(countsLines(first, input) ? { parallelSafe: false } : {}) };
  if (layout.format === 'parquet') return parquetReader(reading.paths);
  if (layout.format === 'csv') return csvReader(reading, layout, fieldTypes(first, layout, input.columns));
  if (layout.format === 'text') return lineReader(reading);
  return jsonReader(
    reading,
    input.columns.map((column) => ({ name: keyOf(layout, column), type: mustBeCompared(first, column) ? jsonType(column) : column.type })),
  );
}

/** A column of a text file: what the reader gives, and what is cast from it when that is text. */
interface TextItem {
  readonly column: InputColumn;
  /** Without a name. */
  readonly value: string;
  /** What the value is cast from, when it must be held exactly. */
  readonly text: string | null;
}

function textItems(first: Piece, input: InputFiles): readonly TextItem[] {
  return input.columns.map((column) => {
    if (column.name === lineNumber && countsLines(first, input)) {
      return { column, value: `CAST(row_number() OVER () + ${(first.firstLineNumber ?? 1) - 1} AS ${column.type})`, text: null };
    }
    const read = readItem(first, column);
    if (read === null) return { column, value: `CAST(NULL AS ${column.type})`, text: null };
    if (mustBeCompared(first, column)) return { column, value: `CAST(${read} AS ${column.type})`, text: read };
    const typed = first.layout.format !== 'text' && !(first.layout.format === 'csv' && readerIsSilent(column.type));
    return { column, value: typed ? read : `CAST(${read} AS ${column.type})`, text: null };
  });
}

/** What a text file's reader gives for a column; null when the file doesn't have it. */
function readItem({ layout }: Piece, column: Column): string | null {
  if (layout.format === 'parquet') return null;
  if (layout.format === 'text') return sameName(column.name, 'line') ? "coalesce(f0, '')" : null;
  if (layout.format !== 'csv') return identifier(keyOf(layout, column));
  const index = indexOfName(layout.fields, column.name);
  return index < 0 ? null : fieldName(index);
}

function selectText(group: readonly Piece[], input: InputFiles): string {
  const [first] = group;
  if (first === undefined) throw new Error('a group of pieces is never empty');
  const { columns, run, reads, passed } = input;
  const items = textItems(first, input);
  const virtual = virtualItems(group, run, reads, columns);
  const reader = readerOf(group, first, input);
  const isReadInAnyCase = ({ column, value }: TextItem): boolean => value === readItem(first, column) && passed.includes(column.name);
  const forced = items.filter((item) => mustBeRead(first, item.column) && !isReadInAnyCase(item));
  if (items.every(({ text }) => text === null)) {
    const select = `SELECT ${[...items.map(({ column, value }) => `${value} AS ${identifier(column.name)}`), ...virtual].join(', ')} FROM ${reader}`;
    if (forced.length === 0) return select;
    return `SELECT * FROM (${select}) WHERE ${forced.map(({ column }) => readAnyway(identifier(column.name))).join(' AND ')}`;
  }
  return selectChecked(items, new Set(forced), { virtual, reader, reads });
}

/**
 * All that the query reads or that must be read in one struct, made by a CASE that ends in `error`: because that is volatile, the engine computes it once
 * and moves no condition of the query below it, so that every row is checked before one is passed over.
 */
function selectChecked(
  items: readonly TextItem[],
  forced: ReadonlySet<TextItem>,
  { virtual, reader, reads }: { readonly virtual: readonly string[]; readonly reader: string; readonly reads: readonly string[] },
): string {
  const isRead = ({ column }: TextItem): boolean => reads.some((name) => sameName(name, column.name));
  const names = virtual.map((item) => item.slice(item.lastIndexOf(' ') + 1));
  const inner = items.flatMap(({ value, text }, i) => [`${value} AS c${i}`, ...(text === null ? [] : [`${text} AS t${i}`])]);
  const conditions = items.flatMap(({ column, text }, i) => (text === null ? [] : (exactJson(column, `t${i}`, `c${i}`)?.condition ?? [])));
  const packed = items.map((item) => forced.has(item) || item.text !== null || isRead(item));
  const fields = [...items.flatMap((_, i) => (packed[i] ? [`c${i} := c${i}`] : [])), ...names.map((name) => `${name} := ${name}`)];
  const row = `CASE WHEN ${conditions.join(' AND ')} THEN struct_pack(${fields.join(', ')}) ELSE error('a value is not held exactly') END`;
  const outer = items.map(({ column }, i) => `${packed[i] ? `struct_extract(checked, 'c${i}')` : `c${i}`} AS ${identifier(column.name)}`);
  const plain = items.flatMap((_, i) => (packed[i] ? [] : [`, c${i}`]));
  return `SELECT ${[...outer, ...names.map((name) => `struct_extract(checked, ${literal(name.slice(1, -1))}) AS ${name}`)].join(', ')}
    FROM (SELECT ${row} AS checked${plain.join('')} FROM (SELECT ${[...inner, ...virtual].join(', ')} FROM ${reader})) WHERE ${readAnyway('checked')}`;
}

function selectParquet(group: readonly Piece[], input: InputFiles): string {
  const [first] = group;
  if (first?.layout.format !== 'parquet') throw new Error('a group of Parquet pieces is never empty');
  const file = first.layout.columns;
  const items = input.columns.map((column) => parquetItem(file, column));
  return `SELECT ${[...items, ...virtualItems(group, input.run, input.reads, input.columns)].join(', ')} FROM ${parquetReader(readingOf(group).paths)}`;
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
function readAnyway(name: string): string {
  return `(${name} IS NULL OR ${name} IS NOT NULL)`;
}

/** Whether a column must be read though the query may not: of JSON text too, where a key that is there twice is an error only when read. */
function mustBeRead({ layout, exactFields = [] }: Piece, column: InputColumn): boolean {
  if (layout.format === 'jsonl' || layout.format === 'json') return true;
  if (column.type === 'VARCHAR') return false;
  return layout.format !== 'csv' || !exactFields.includes(indexOfName(layout.fields, column.name)) || !formsFit(layout, column);
}

/** Whether whatever is of the form of a column's type fits it: an empty field is of every form. */
export const formsFit = ({ nullStrings }: CsvLayout, column: InputColumn): boolean =>
  fittingForm(column) !== null && (nullStrings.length === 0 || nullStrings.includes(''));

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
  const select = (from: InputFiles): string =>
    [...text.map((group) => selectText(group, from)), ...parquet.map((group) => selectParquet(group, from))].join(' UNION ALL ');
  return {
    sql: select(input),
    guarded: select({ ...input, passed: [] }),
    converts: text.some(([first]) => first !== undefined && columns.some((column) => readAsText(first, column))),
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
  const inexact = cast.flatMap((column) => {
    const source = file[indexOfName(names, column.name)];
    const value = source === undefined ? '' : `CAST(${identifier(source.name)} AS ${column.type})`;
    return source === undefined ? [] : (exactValue(column, identifier(source.name), source.type, value)?.condition ?? []);
  });
  const reader = parquetReader(group.map(({ path }) => path));
  const checked =
    inexact.length === 0 ? '' : `, CASE WHEN ${inexact.join(' AND ')} THEN 1 ELSE error('a value is not held exactly') END AS "checked"`;
  const wanted = [...cast.map(({ name }) => readAnyway(identifier(name))), ...(inexact.length === 0 ? [] : [readAnyway('q."checked"')])];
  return [`SELECT count(*) AS n FROM (SELECT ${items}${checked} FROM ${reader}) AS q WHERE ${wanted.join(' AND ')}`];
}
