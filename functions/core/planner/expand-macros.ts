import { named, nameParts, replaceIn } from './expression.ts';
import { type FunctionCatalog, functionKind, type Macro } from './functions.ts';
import { isNode, listAt, type Tree, type TreeNode, textAt } from './statement-tree.ts';

/** A query in which calls of macros that aggregate are what they stand for: `geomean(x)` is `exp(avg(ln(x)))`. Aggregates of them have the macro's name beside their own. */
export function expandMacros(node: TreeNode, catalog: FunctionCatalog): TreeNode {
  if (node['class'] === 'CONSTANT') return node;
  const inTree = (tree: Tree): Tree => (Array.isArray(tree) ? tree.map(inTree) : isNode(tree) ? expandMacros(tree, catalog) : tree);
  const copy: TreeNode = Object.fromEntries(Object.entries(node).map(([key, value]) => [key, key === 'cast_type' ? value : inTree(value)]));
  const expression = expressionOf(copy, catalog);
  if (expression === null) return copy;
  return ofMacro(expandMacros(named(expression, textAt(copy, 'alias')), catalog), textAt(copy, 'function_name'));
}

function ofMacro(expression: TreeNode, macro: string): TreeNode {
  return replaceIn(expression, (node) =>
    node['class'] === 'FUNCTION' && node['macro'] !== macro ? ofMacro({ ...node, macro }, macro) : null,
  );
}

/** The name by which a query calls a function: that of the macro that it came with, or its own. */
export const calledAs = (call: TreeNode): string => textAt(call, 'macro') || textAt(call, 'function_name').toLowerCase();

/** What a call stands for; null where it isn't one of a macro that aggregates. */
function expressionOf(call: TreeNode, catalog: FunctionCatalog): TreeNode | null {
  const name = call['class'] === 'FUNCTION' ? textAt(call, 'function_name').toLowerCase() : '';
  if (name === '' || catalog.aggregates.has(name) || functionKind(catalog, name) !== 'aggregate') return null;
  const args = listAt(call, 'children').filter(isNode);
  const macro = catalog.macros.get(name)?.find(({ parameters }) => parameters.length === args.length);
  return macro === undefined ? null : withArguments(macro, args);
}

function withArguments({ parameters, body }: Macro, args: readonly TreeNode[]): TreeNode | null {
  const [expression] = listAt(body, 'select_list');
  if (!isNode(expression)) return null;
  const values = new Map(parameters.map((name, index) => [name.toLowerCase(), args[index]]));
  return replaceIn(expression, (node) => {
    const [first = '', ...rest] = nameParts(node);
    return rest.length > 0 ? null : (values.get(first.toLowerCase()) ?? null);
  });
}
