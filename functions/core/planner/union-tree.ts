import { selectTree, star } from './select-tree.ts';
import { isNode, listAt, type Tree, type TreeNode, textAt } from './statement-tree.ts';

const isUnion = (node: TreeNode): boolean => node['type'] === 'SET_OPERATION_NODE' && textAt(node, 'setop_type').startsWith('UNION');

/** The same query in which each UNION is UNION ALL and nothing stands behind it: DISTINCT, ORDER BY and LIMIT are those of a SELECT around it. */
export function bareUnions(node: TreeNode): TreeNode {
  // a subquery beside the input is no matter of tasks
  if (node['class'] === 'SUBQUERY' || node['class'] === 'CONSTANT') return node;
  const inTree = (tree: Tree): Tree => (Array.isArray(tree) ? tree.map(inTree) : isNode(tree) ? bareUnions(tree) : tree);
  const copy: TreeNode = Object.fromEntries(Object.entries(node).map(([key, value]) => [key, key === 'cast_type' ? value : inTree(value)]));
  const distinct: Tree[] = copy['setop_all'] === true ? [] : [{ type: 'DISTINCT_MODIFIER', distinct_on_targets: [] }];
  const modifiers = [...distinct, ...listAt(copy, 'modifiers')];
  if (!isUnion(copy) || modifiers.length === 0) return copy;
  const from: TreeNode = {
    type: 'SUBQUERY',
    alias: '_union',
    sample: null,
    subquery: { node: { ...copy, setop_all: true, modifiers: [] }, named_param_map: [] },
    column_name_alias: [],
  };
  return { ...selectTree({ items: [star()], from }), modifiers };
}
