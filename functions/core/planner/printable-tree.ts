import { isNode, nodeAt, type Tree, type TreeNode, textAt } from './statement-tree.ts';

/**
 * Makes a tree one that the engine prints as the text that it is of: DOUBLE and FLOAT constants become casts of a text, because it prints `1e3` as the DECIMAL
 * `1000.0`, and the table's name in `t.*` is quoted, because it prints that as it is. Changes the tree in place.
 */
export function makePrintable(node: TreeNode): void {
  for (const [key, value] of Object.entries(node)) {
    if (key === 'cast_type') continue;
    if (Array.isArray(value)) node[key] = value.map((entry) => (Array.isArray(entry) ? entry.map(printable) : printable(entry)));
    else if (isNode(value)) node[key] = printable(value);
  }
}

function printable(tree: Tree): Tree {
  if (!isNode(tree)) return tree;
  if (tree['class'] === 'CONSTANT') {
    const value = nodeAt(tree, 'value');
    const type = value === null ? null : nodeAt(value, 'type');
    const id = type === null ? '' : textAt(type, 'id');
    if (value === null || (id !== 'DOUBLE' && id !== 'FLOAT') || typeof value['value'] !== 'string') return tree;
    return castOfText(tree, value['value'].replace('\u0000n', ''), id);
  }
  const relation = tree['class'] === 'STAR' ? textAt(tree, 'relation_name') : '';
  if (relation !== '') tree['relation_name'] = `"${relation.replaceAll('"', '""')}"`;
  makePrintable(tree);
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
