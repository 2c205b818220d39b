import { exactJson } from '../exact-json.ts';
import type { Rows } from './rows.ts';

/** Rows as CSV (RFC 4180, lines end with \n): a header, then the rows. NULL is an empty field, an empty text is quoted. */
export function renderCsv({ columns, rows }: Rows): string {
  const exact = columns.map(({ type }) => exactJson(type));
  const lines = rows.map((row) => row.map((value, index) => field(typeof value === 'object' ? exact[index]?.(value) : value)).join(','));
  return [columns.map(({ name }) => field(name)).join(','), ...lines].join('\n');
}

function field(value: unknown): string {
  if (value === null || value === undefined) return '';
  const text = typeof value === 'object' ? JSON.stringify(value) : String(value);
  return text === '' || /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
