import type { Column } from '../../functions/core/layout.ts';
import { exactJson } from '../exact-json.ts';
import { count } from './numbers.ts';
import type { Style } from './style.ts';
import { renderTable } from './table.ts';

/** Rows of a query. */
export interface Rows {
  readonly columns: readonly Column[];
  readonly rows: readonly (readonly unknown[])[];
  readonly more: boolean;
}

const numeric = /^(U?(TINY|SMALL|BIG|HUGE)INT|U?INTEGER|FLOAT|DOUBLE|DECIMAL)/;

function shown(value: unknown): string {
  if (value === null || value === undefined) return 'NULL';
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

/** Rows as a table for a person. */
export function renderRows({ columns, rows, more }: Rows, style: Style): string {
  const shownColumns = columns.map(
    ({ name, type }) => ({ name, align: numeric.test(type) && !type.endsWith('[]') ? 'right' : 'left' }) as const,
  );
  const exact = columns.map(({ type }) => exactJson(type));
  const table = renderTable(
    shownColumns,
    rows.map((row) => row.map((value, index) => shown(typeof value === 'object' ? exact[index]?.(value) : value))),
    style,
  );
  const size = more
    ? `the first ${count(rows.length)} rows, there are more: --limit <n>`
    : `${count(rows.length)} row${rows.length === 1 ? '' : 's'}`;
  return `${table}\n${style.paint('dim', size)}`;
}

/** What `--json` prints of rows. A promise to scripts: docs/interface.md. */
export interface RowsDocument {
  readonly columns: readonly Column[];
  /** By the names in `columns`. */
  readonly rows: readonly Readonly<Record<string, unknown>>[];
  readonly more: boolean;
}

/** Rows as objects by column name, with values that the column's type alone decides the form of; of two columns with one name the second is `name_1`. */
export function rowsDocument({ columns, rows, more }: Rows): RowsDocument {
  const names = unlikeNames(columns);
  const exact = columns.map(({ type }) => exactJson(type));
  return {
    columns: columns.map(({ type }, index) => ({ name: names[index] ?? '', type })),
    rows: rows.map((row) => Object.fromEntries(names.map((name, index) => [name, exact[index]?.(row[index]) ?? null]))),
    more,
  };
}

function unlikeNames(columns: readonly Column[]): readonly string[] {
  const names: string[] = [];
  for (const { name } of columns) {
    let unlike = name;
    for (let number = 1; names.includes(unlike); number++) unlike = `${name}_${number}`;
    names.push(unlike);
  }
  return names;
}
