import { isNode, nodeAt, type Tree, type TreeNode, textAt } from './statement-tree.ts';

/**
 * Writes DOUBLE and FLOAT constants of a tree as casts of a text, because the engine prints `1e3` back as the DECIMAL `1000.0`. Changes the
 * tree in place.
 */
export function keepDoubles(node: TreeNode): void {
  for (const [key, value] of Object.entries(node)) {
    if (key === 'cast_type') continue;
    if (Array.isArray(value)) node[key] = value.map((entry) => (Array.isArray(entry) ? entry.map(kept) : kept(entry)));
    else if (isNode(value)) node[key] = kept(value);
  }
}

function kept(tree: Tree): Tree {
  if (!isNode(tree)) return tree;
  if (tree['class'] === 'CONSTANT') {
    const value = nodeAt(tree, 'value');
    const type = value === null ? null : nodeAt(value, 'type');
    const id = type === null ? '' : textAt(type, 'id');
    if (value === null || (id !== 'DOUBLE' && id !== 'FLOAT') || typeof value['value'] !== 'string') return tree;
    return castOfText(tree, value['value'].replace('\u0000n', ''), id);
  }
  keepDoubles(tree);
  return tree;
}

function castOfText(constant: TreeNode, text: string, type: string): TreeNode {
  const child: TreeNode = { ...constant, alias: '', value: { type: { id: 'VARCHAR', type_info: null }, is_null: false, value: text } };
  const cast: TreeNode = {
    class: 'CAST',
    type: 'OPERATOR_CAST',
    alias: textAt(constant, 'alias'),
    child,
    cast_type: { id: type, type_info: null },
    try_cast: false,
  };
  const place = constant['query_location'];
  return place === undefined ? cast : { ...cast, query_location: place };
}
