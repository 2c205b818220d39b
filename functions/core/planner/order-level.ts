import type { OrderColumn } from '../staged-query.ts';
import { columnRef } from './expression.ts';
import { NotStaged } from './not-staged.ts';
import type { SortKey } from './resolve-select.ts';
import { selectTree, tableRef } from './select-tree.ts';
import type { SqlBinder } from './sql-binder.ts';
import { rowCount, type StageBuilder } from './stage-builder.ts';
import { type TreeNode, textAt } from './statement-tree.ts';

/** Makes the current relation one without repeated rows: each task drops its own repetitions, then equal rows meet. */
export async function distinctLevel(builder: StageBuilder, columns: readonly string[], isInputRowByRow: boolean): Promise<void> {
  const list = columns.join(', ');
  await builder.exchange(
    {
      keys: columns,
      rows: (relation) => `SELECT ${list}, count(*) AS ${rowCount} FROM ${relation} GROUP BY ${list}`,
      combine: `SELECT ${list}, sum(${rowCount})::BIGINT AS ${rowCount} FROM parts GROUP BY ${list}`,
      merged: `SELECT ${list} FROM parts GROUP BY ${list}`,
      rowByRow: false,
      counted: rowCount,
    },
    isInputRowByRow,
  );
}

/** A key of ORDER BY and the column of the relation that holds it. */
export interface SortColumn extends Pick<SortKey, 'order'> {
  readonly column: string;
}

/** Text of a SELECT of columns in an order. */
async function sorted(
  binder: SqlBinder,
  from: string,
  columns: readonly string[],
  keys: readonly SortColumn[],
  distinctOn: readonly string[] = [],
): Promise<string> {
  const select = selectTree({ items: columns.map(columnRef), from: tableRef(from) });
  const modifiers: TreeNode[] = [];
  if (distinctOn.length > 0) modifiers.push({ type: 'DISTINCT_MODIFIER', distinct_on_targets: distinctOn.map(columnRef) });
  if (keys.length > 0) {
    const orders = keys.map(({ order, column }) => ({ ...order, expression: columnRef(column) }));
    modifiers.push({ type: 'ORDER_MODIFIER', orders });
  }
  return binder.print({ ...select, modifiers });
}

/**
 * Of the rows that agree in `targets` the first by the order: they meet in one task.
 * @throws NotStaged where no order says which row is the first
 */
export async function distinctOnLevel(
  builder: StageBuilder,
  binder: SqlBinder,
  columns: readonly string[],
  targets: readonly string[],
  keys: readonly SortColumn[],
  isInputRowByRow: boolean,
): Promise<void> {
  if (keys.length === 0)
    throw new NotStaged('keeps any one row of several (DISTINCT ON without ORDER BY)', 'an ORDER BY that says which one');
  const merged = await sorted(binder, 'parts', columns, keys, targets);
  const rows = (relation: string): string => `SELECT * FROM ${relation}`;
  await builder.exchange({ keys: targets, rows, combine: null, merged, rowByRow: true, counted: null }, isInputRowByRow);
}

const orderColumn = ({ order, column }: SortColumn): OrderColumn => ({
  name: column,
  descending: textAt(order, 'type') === 'DESCENDING',
  nullsFirst: textAt(order, 'null_order') === 'NULLS FIRST',
});

/**
 * Puts the current relation in order, and cuts it. Where it is to be cut, each task hands on its own first rows, and one task has the last word; else tasks share
 * the order, and each puts a range of it in order.
 */
export async function sortLevel(
  builder: StageBuilder,
  binder: SqlBinder,
  columns: readonly string[],
  keys: readonly SortColumn[],
  { limit, offset }: { readonly limit: number | null; readonly offset: number },
  isInputRowByRow: boolean,
): Promise<void> {
  const all = [...new Set([...columns, ...keys.map(({ column }) => column)])];
  // the rows that are passed over may all be one task's
  const first = limit === null ? '' : ` LIMIT ${limit + offset}`;
  const handedOn = await sorted(binder, '_rows', all, limit === null ? [] : keys);
  const combine = limit === null ? null : `${await sorted(binder, 'parts', all, keys)}${first}`;
  const cut = `${limit === null ? '' : ` LIMIT ${limit}`}${offset === 0 ? '' : ` OFFSET ${offset}`}`;
  await builder.exchange(
    {
      keys: [],
      order: { by: keys.map(orderColumn), isShared: limit === null && offset === 0 },
      rows: (relation) => `${handedOn.replace('FROM _rows', `FROM ${relation}`)}${first}`,
      combine,
      merged: `${await sorted(binder, 'parts', columns, keys)}${cut}`,
      rowByRow: limit === null,
      counted: null,
    },
    isInputRowByRow,
  );
}
