import type { Column } from '../core/layout.ts';

/** A text as an SQL string literal. */
export function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** A name as a quoted SQL identifier. */
export function identifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** Texts as an SQL list literal. */
export function literalList(texts: readonly string[]): string {
  return `[${texts.map(literal).join(', ')}]`;
}

/** A relation without rows that has these columns. */
export function emptyRelation(columns: readonly Column[]): string {
  return `SELECT ${columns.map((column) => `CAST(NULL AS ${column.type}) AS ${identifier(column.name)}`).join(', ')} WHERE false`;
}
