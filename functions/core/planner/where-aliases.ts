import { besideSubquery, nameParts, replaceIn } from './expression.ts';
import { isNode, listAt, nodeAt, type TreeNode, textAt } from './statement-tree.ts';

/**
 * The WHERE clause of a SELECT without aliases of its list: what they stand for is in their places, as DuckDB binds them (a column goes before an alias).
 * @param columns names of the columns that the query reads
 * @returns null where there is no WHERE
 */
export function withoutAliases(select: TreeNode, columns: readonly string[]): TreeNode | null {
  const known = new Set(columns.map((name) => name.toLowerCase()));
  const aliases = new Map<string, TreeNode>();
  const resolve = (expression: TreeNode): TreeNode =>
    replaceIn(expression, (node, bound) => {
      if (node['class'] === 'SUBQUERY') return besideSubquery(node, resolve);
      const [first = '', ...rest] = nameParts(node).map((part) => part.toLowerCase());
      return rest.length > 0 || known.has(first) || bound.has(first) ? null : (aliases.get(first) ?? null);
    });
  for (const item of listAt(select, 'select_list')) {
    // an alias may stand in the items behind it
    if (isNode(item) && textAt(item, 'alias') !== '') aliases.set(textAt(item, 'alias').toLowerCase(), resolve(item));
  }
  const where = nodeAt(select, 'where_clause');
  return where === null ? null : resolve(where);
}
