import type { Column } from '../layout.ts';
import { nameParts } from './expression.ts';
import { NotStaged } from './not-staged.ts';
import { childrenOf, listAt, nodeAt, sameName, type TreeNode, textAt, walk } from './statement-tree.ts';

/** Functions that give another value each time or in each task, and macros that call them. */
const volatile: ReadonlySet<string> = new Set(
  (
    'random uuid uuidv4 uuidv7 gen_random_uuid now current_timestamp get_current_timestamp transaction_timestamp current_date today current_time ' +
    'get_current_time localtime localtimestamp current_localtime current_localtimestamp ago pg_conf_load_time pg_postmaster_start_time'
  ).split(' '),
);

/** Those of them that are written without parentheses, which to the parser are columns. */
const bare: ReadonlySet<string> = new Set('current_timestamp current_date current_time localtime localtimestamp'.split(' '));

const unlikeInTasks = (name: string): NotStaged =>
  new NotStaged(`calls ${name}, which gives each task another value`, 'the value itself, such as a date');

/**
 * Refuses what no task may decide by itself.
 * @param columns of the input: their names go before functions
 * @throws NotStaged
 */
export function refuseUnsound(query: TreeNode, columns: readonly Column[]): void {
  for (const node of walk(query)) {
    const name = node['class'] === 'FUNCTION' ? textAt(node, 'function_name').toLowerCase() : '';
    if (volatile.has(name)) throw unlikeInTasks(`${name}()`);
    // of one time it tells how long ago that is
    if (name === 'age' && listAt(node, 'children').length === 1) throw unlikeInTasks('age(x)');
    const [first = '', ...rest] = nameParts(node);
    if (rest.length === 0 && bare.has(first.toLowerCase()) && !columns.some((column) => sameName(column.name, first)))
      throw unlikeInTasks(first.toLowerCase());
    if (node['class'] === 'COLLATE')
      throw new NotStaged('compares texts by a collation (COLLATE)', 'lower(...) or strip_accents(...) of the column');
  }
}

/** Aggregates whose value has the rows' order, where they name none. */
const ordered: ReadonlySet<string> = new Set('list array_agg string_agg group_concat listagg'.split(' '));

/** What puts its list in order again; `list(x ORDER BY x)` is to the parser `list_sort(list(x))`. */
const sorting: ReadonlySet<string> = new Set('list_sort array_sort list_reverse_sort array_reverse_sort'.split(' '));

/** Refuses lists of rows that were put in order by the query in FROM, which tasks don't keep. @throws NotStaged */
export function refuseUnorderedLists(node: TreeNode): void {
  const name = node['class'] === 'FUNCTION' ? textAt(node, 'function_name').toLowerCase() : '';
  const sorted = nodeAt(node, 'order_bys');
  if (sorting.has(name)) return;
  if (ordered.has(name) && node['distinct'] !== true && (sorted === null || listAt(sorted, 'orders').length === 0))
    throw new NotStaged(`relies on the order of a query in FROM (${name})`, `the order in the aggregate: ${name}(x ORDER BY y)`);
  for (const child of childrenOf(node)) refuseUnorderedLists(child);
}
