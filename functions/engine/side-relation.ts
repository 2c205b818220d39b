import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Column, InputColumn } from '../core/layout.ts';
import type { Piece } from '../core/piece.ts';
import { storedType } from '../core/planner/stored-type.ts';
import { allowFiles } from './allow-files.ts';
import { asEngineError, isConversionError, isReadingError, RowsDoNotFit } from './errors.ts';
import { parquetReader } from './readers.ts';
import { typedRelation } from './relation.ts';
import type { Engine } from './session.ts';
import { emptyRelation, identifier, literal } from './sql-text.ts';

/** A side table on this disk: its name in queries, and the SQL that gives its rows. */
export interface SideRelation {
  readonly name: string;
  readonly sql: string;
}

/** The WITH clause of a table, by its name and SQL, and of side tables beside it. */
export const withTables = (name: string, sql: string, sides: readonly SideRelation[]): string =>
  `WITH ${[{ name, sql }, ...sides].map((table) => `${identifier(table.name)} AS (${table.sql})`).join(', ')}`;

/** The rows of a file that `writeSideTable` wrote, with the types that they had. */
export function sideRelation(name: string, columns: readonly Column[], path: string): SideRelation {
  // a cast to the type that a column has costs nothing
  const items = columns.map((column) => `CAST(${identifier(column.name)} AS ${column.type}) AS ${identifier(column.name)}`);
  return { name, sql: `SELECT ${items.join(', ')} FROM ${parquetReader([path])}` };
}

/** What the file of a side table is made from. */
export interface SideFile {
  readonly pieces: readonly Piece[];
  readonly columns: readonly InputColumn[];
  /** In a folder that the engine may use; replaced if it is there. */
  readonly path: string;
}

/**
 * Writes whole records as one Parquet file, typed and strict.
 * @returns how many they are
 * @throws RowsDoNotFit when a value doesn't fit its column
 * @throws FanlakeError query.unsupported (a type that no file can hold), task.memory, store.full, input.corrupt
 */
export async function writeSideTable(engine: Engine, { pieces, columns, path }: SideFile): Promise<number> {
  await allowFiles(
    engine,
    pieces.map((piece) => piece.path),
  );
  mkdirSync(dirname(path), { recursive: true });
  const relation = typedRelation({ pieces, columns, run: '', reads: columns.map(({ name }) => name), passed: [] });
  const items = columns.map(({ name, type }) => `CAST(${identifier(name)} AS ${storedType(type)}) AS ${identifier(name)}`);
  const rows = pieces.length === 0 ? emptyRelation(columns) : relation.guarded;
  try {
    if (relation.parquetCheck !== null) await engine.rows(relation.parquetCheck);
    const [copied] = await engine.rows(
      `COPY (SELECT ${items.join(', ')} FROM (${rows})) TO ${literal(path)} (FORMAT parquet, COMPRESSION snappy)`,
    );
    return Number(copied?.['Count']);
  } catch (thrown) {
    // there is no query here: what can't be converted is a value
    if (isReadingError(thrown) || isConversionError(thrown)) throw new RowsDoNotFit('a value or a record does not fit', { cause: thrown });
    throw asEngineError(thrown, "it can't be read");
  }
}
