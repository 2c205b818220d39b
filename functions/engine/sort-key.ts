import type { SortBounds } from '../core/merge-task.ts';
import { comparedValue } from '../core/planner/has-sort-key.ts';
import { sampleKeyBytes } from '../core/sort-samples.ts';
import type { OrderColumn, PartColumn } from '../core/staged-query.ts';
import { identifier, literal } from './sql-text.ts';

const directionOf = ({ descending, nullsFirst }: OrderColumn): string =>
  `${descending ? 'DESC' : 'ASC'} NULLS ${nullsFirst ? 'FIRST' : 'LAST'}`;

/** What stands behind ORDER BY. @param relation that has the columns: an item of the SELECT list may have a column's name */
export const orderBy = (order: readonly OrderColumn[], relation: string): string =>
  order.map((column) => `${relation}.${identifier(column.name)} ${directionOf(column)}`).join(', ');

/**
 * An expression that gives a BLOB for each row: compared byte by byte they are in the order that ORDER BY gives (tried on DuckDB 1.5.5 for all types that may be
 * shared: test/unit/engine/sort-key.test.ts).
 */
function sortKey(order: readonly OrderColumn[], columns: readonly PartColumn[]): string {
  const keys = order.map((column) => {
    const type = columns.find(({ name }) => name === column.name)?.type ?? '';
    return `${comparedValue(identifier(column.name), type)}, ${literal(directionOf(column))}`;
  });
  // without a text among them, short keys would be a number
  return `create_sort_key(${keys.join(', ')}, '', 'ASC NULLS LAST')`;
}

/** The beginning of a row's sort key, in hexadecimal digits. */
export const sampleOf = (order: readonly OrderColumn[], columns: readonly PartColumn[]): string =>
  `left(hex(${sortKey(order, columns)}), ${2 * sampleKeyBytes})`;

/** Whether a row is between bounds. */
export function betweenBounds(order: readonly OrderColumn[], columns: readonly PartColumn[], [from, to]: SortBounds): string {
  const key = sortKey(order, columns);
  const conditions = [...(from === null ? [] : [`${key} >= unhex('${from}')`]), ...(to === null ? [] : [`${key} < unhex('${to}')`])];
  return conditions.length === 0 ? 'true' : conditions.join(' AND ');
}
