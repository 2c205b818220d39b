import { has, NamedExpressions, nameParts, readsColumns, replaceIn, withComparedNamed } from './expression.ts';
import { isUnnest } from './functions.ts';
import { NotStaged } from './not-staged.ts';
import { selectTree, tableRef } from './select-tree.ts';
import type { SqlBinder } from './sql-binder.ts';
import type { StageBuilder } from './stage-builder.ts';
import { isNode, listAt, type TreeNode, textAt, walk } from './statement-tree.ts';

const isWindow = (node: TreeNode): boolean => node['class'] === 'WINDOW';

export const hasWindow = (node: TreeNode): boolean => has(node, isWindow);

/** Functions whose value depends on the order of rows: without an ORDER BY that is nobody's. */
const ordered: ReadonlySet<string> = new Set(
  (
    'row_number rank dense_rank rank_dense percent_rank cume_dist ntile lag lead first_value last_value nth_value first last fill ' +
    'list array_agg string_agg group_concat listagg'
  ).split(' '),
);

/** Whether a window's frame counts rows, so that their order decides what is in it. */
const hasFrame = (window: TreeNode): boolean =>
  textAt(window, 'start') !== 'UNBOUNDED_PRECEDING' || textAt(window, 'end') !== 'CURRENT_ROW_RANGE';

/** The expressions of a SELECT with windows, as ones over columns that are there before the windows (`y0`, `y1`...). */
export class WindowedExpressions {
  readonly rows = new NamedExpressions('y');
  private readonly windows: TreeNode[] = [];

  rewrite(expression: TreeNode): TreeNode {
    const windows = replaceIn(expression, (node) => (isWindow(node) ? withComparedNamed(node) : null));
    const rewritten = replaceIn(windows, (node) => {
      // keys of ORDER BY are lists, and no expressions
      if (typeof node['class'] !== 'string' || hasWindow(node)) return null;
      // windows see the rows before UNNEST multiplies them
      if (has(node, isUnnest)) return null;
      return readsColumns(node) ? this.rows.take(node) : null;
    });
    for (const node of walk(rewritten)) if (isWindow(node)) this.windows.push(node);
    return rewritten;
  }

  /**
   * Columns that every window is partitioned by: rows that agree in them must meet.
   * @param mayMeetInOneTask whether all rows may, where there is no such column
   * @throws NotStaged without one
   */
  keys(mayMeetInOneTask: boolean): readonly string[] {
    let keys: readonly string[] | null = null;
    for (const window of this.windows) {
      const name = textAt(window, 'function_name');
      const hasOrder = listAt(window, 'orders').length > 0 || listAt(window, 'arg_orders').length > 0;
      if (!hasOrder && (ordered.has(name.toLowerCase()) || hasFrame(window)))
        throw new NotStaged(`depends on the order of rows and gives none (${name}() OVER without ORDER BY)`, 'an ORDER BY in the window');
      const own = listAt(window, 'partitions').flatMap((partition) => (isNode(partition) ? nameParts(partition).slice(0, 1) : []));
      keys = keys === null ? own : keys.filter((key) => own.includes(key));
      if (keys.length === 0 && !mayMeetInOneTask)
        throw new NotStaged(
          own.length === 0
            ? `looks at all rows at once (${name}() OVER without PARTITION BY)`
            : 'has windows without a common column in PARTITION BY',
          'windows that share a column in PARTITION BY',
        );
    }
    return [...new Set(keys ?? [])];
  }
}

/**
 * Makes the current relation (the columns of `expressions.rows`) the one of the items behind the windows.
 * @param items named
 * @param mayMeetInOneTask for rows that are groups already, and few
 */
export async function windowLevel(
  builder: StageBuilder,
  binder: SqlBinder,
  expressions: WindowedExpressions,
  { items, qualify }: { readonly items: readonly TreeNode[]; readonly qualify: TreeNode | null },
  isInputRowByRow: boolean,
  mayMeetInOneTask: boolean,
): Promise<void> {
  const { rows } = expressions;
  const keys = expressions.keys(mayMeetInOneTask);
  const merged = await binder.print(selectTree({ items, from: tableRef('parts'), qualify }));
  const handedOn = (relation: string): string => `SELECT ${rows.names.join(', ')} FROM ${relation}`;
  const exchange = { keys, rows: handedOn, combine: null, merged, rowByRow: true, counted: null };
  await builder.exchange(exchange, isInputRowByRow);
}
