import { sameName, type TreeNode, textAt } from './statement-tree.ts';

/** A tree in which the table `input` is read by another name, and goes by its own. */
export function withInputNamed(tree: TreeNode, relation: string): TreeNode {
  if (relation === 'input') return tree;
  const copy = JSON.parse(JSON.stringify(tree)) as TreeNode;
  renameInput(copy, relation);
  return copy;
}

function renameInput(node: TreeNode, relation: string): void {
  if (node['type'] === 'BASE_TABLE' && sameName(textAt(node, 'table_name'), 'input')) {
    node['alias'] = textAt(node, 'alias') || 'input';
    node['table_name'] = relation;
  }
  for (const value of Object.values(node)) {
    for (const child of Array.isArray(value) ? value : [value]) {
      if (typeof child === 'object' && child !== null && !Array.isArray(child)) renameInput(child, relation);
    }
  }
}
