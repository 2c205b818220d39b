import type { Column } from '../../functions/core/layout.ts';
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
  const table = renderTable(
    shownColumns,
    rows.map((row) => row.map(shown)),
    style,
  );
  const size = more
    ? `the first ${count(rows.length)} rows, there are more: --limit <n>`
    : `${count(rows.length)} row${rows.length === 1 ? '' : 's'}`;
  return `${table}\n${style.paint('dim', size)}`;
}

/** Rows as objects by column name; of two columns with one name the second is `name_1`. */
export function rowObjects({ columns, rows }: Rows): readonly Readonly<Record<string, unknown>>[] {
  const names: string[] = [];
  for (const { name } of columns) {
    let unlike = name;
    for (let number = 1; names.includes(unlike); number++) unlike = `${name}_${number}`;
    names.push(unlike);
  }
  return rows.map((row) => Object.fromEntries(names.map((name, index) => [name, row[index] ?? null])));
}
