import { calledAs } from './expand-macros.ts';
import { NotStaged } from './not-staged.ts';
import { childrenOf, listAt, nodeAt, type TreeNode, textAt, walk } from './statement-tree.ts';

/** Functions that give another value each time or in each task. Those that tell the time tell that of the query (engine/statement-time.ts). */
const volatile: ReadonlySet<string> = new Set(
  'random uuid uuidv4 uuidv7 gen_random_uuid pg_conf_load_time pg_postmaster_start_time'.split(' '),
);

/** The first function in a tree that gives another value each time; null where none does. */
function volatileIn(tree: TreeNode): string | null {
  for (const node of walk(tree)) {
    const name = node['class'] === 'FUNCTION' ? textAt(node, 'function_name').toLowerCase() : '';
    if (volatile.has(name)) return name;
  }
  return null;
}

function refusalOf(name: string): NotStaged {
  const instead = `the value itself, or ${name}() in the SELECT list of a query that takes rows one by one`;
  return new NotStaged(`calls ${name}(), which gives each task another value`, instead);
}

/**
 * Why tasks don't find the same beside the rows of the input, to stand after "the query"; null where they do.
 * @param beside a subquery, another side of a join, an entry of WITH
 */
export function reasonOfVolatile(beside: TreeNode): string | null {
  const name = volatileIn(beside);
  if (name === null) return null;
  const { message, instead } = refusalOf(name);
  return `${message}; write ${instead}`;
}

/**
 * Refuses what no task may decide by itself.
 * @throws NotStaged
 */
export function refuseUnsound(query: TreeNode): void {
  const name = volatileIn(query);
  if (name !== null) throw refusalOf(name);
  for (const node of walk(query)) {
    if (node['class'] === 'FUNCTION' && textAt(node, 'function_name').toLowerCase() === 'alias')
      throw new NotStaged('asks for the name of an expression (alias), and tasks have names of their own', 'the name as a text');
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
    throw unorderedList(calledAs(node), name);
  for (const child of childrenOf(node)) refuseUnorderedLists(child);
}

function unorderedList(called: string, name: string): NotStaged {
  const instead =
    called === name ? `the order in the aggregate: ${name}(x ORDER BY y)` : 'an aggregate that takes an order: to_json(list(x ORDER BY y))';
  return new NotStaged(`relies on the order of a query in FROM (${called})`, instead);
}
