import { childrenOf, isNode, listAt, nodeAt, type Tree, type TreeNode, textAt, walk } from './statement-tree.ts';

/** A reference to a column by its name alone. */
export const columnRef = (name: string): TreeNode => ({ class: 'COLUMN_REF', type: 'COLUMN_REF', alias: '', column_names: [name] });

/** An expression as an item of a SELECT, under a name. */
export const named = (expression: TreeNode, alias: string): TreeNode => ({ ...expression, alias });

/** The parts of a column's name, as they are written; empty for any other expression. */
export const nameParts = (expression: TreeNode): readonly string[] =>
  expression['class'] === 'COLUMN_REF' ? listAt(expression, 'column_names').map(String) : [];

/** Equal for expressions that are written alike: places are ignored, macros that they came with, the case of names, and a name given to the whole. */
export function expressionKey(expression: TreeNode): string {
  return JSON.stringify(named(expression, ''), (key, value: Tree) => {
    if (key === 'query_location' || key === 'macro') return undefined;
    if (key === 'column_names' && Array.isArray(value)) return value.map((name) => String(name).toLowerCase());
    return key === 'function_name' && typeof value === 'string' ? value.toLowerCase() : value;
  });
}

/**
 * The names that a lambda gives to its parameters, in lower case. The arrow of JSON (`j -> '$.a'`) is the same kind of node: there no name of the left side
 * stands on the right.
 */
function parametersOf(lambda: TreeNode): readonly string[] {
  const [left, right] = [nodeAt(lambda, 'lhs'), nodeAt(lambda, 'expr')];
  if (left === null || right === null) return [];
  const namesIn = (node: TreeNode): readonly string[] => [...walk(node)].flatMap((inner) => nameParts(inner).slice(0, 1)).map(lower);
  const used = new Set(namesIn(right));
  const names = namesIn(left);
  return names.some((name) => used.has(name)) ? names : [];
}

const lower = (text: string): string => text.toLowerCase();

/** Answers what takes a node's place; null to look into it. `bound` are the names of lambdas' parameters at its place, in lower case. */
export type Replacement = (node: TreeNode, bound: ReadonlySet<string>) => TreeNode | null;

/**
 * A copy of an expression in which what `replace` answers takes the place of nodes, from the outermost on. It takes their alias too, which is the name of a
 * field in `{'a': x}`.
 */
export function replaceIn(node: TreeNode, replace: Replacement, bound: ReadonlySet<string> = new Set()): TreeNode {
  const replaced = replace(node, bound);
  if (replaced !== null) return 'alias' in node ? named(replaced, textAt(node, 'alias')) : replaced;
  if (node['class'] === 'CONSTANT') return node;
  const inner = node['class'] === 'LAMBDA' ? new Set([...bound, ...parametersOf(node)]) : bound;
  const inTree = (tree: Tree): Tree => {
    if (Array.isArray(tree)) return tree.map(inTree);
    return isNode(tree) ? replaceIn(tree, replace, inner) : tree;
  };
  return Object.fromEntries(Object.entries(node).map(([key, value]) => [key, key === 'cast_type' ? value : inTree(value)]));
}

/** A subquery as it is, with `change` made to what stands beside it: `x` in `x IN (SELECT ...)`. */
export function besideSubquery(subquery: TreeNode, change: (expression: TreeNode) => TreeNode): TreeNode {
  const beside = nodeAt(subquery, 'child');
  return beside === null ? subquery : { ...subquery, child: change(beside) };
}

/** Whether a node, or one below it, is of a kind. Queries in an expression are not looked into. */
export function has(node: TreeNode, isOfKind: (node: TreeNode) => boolean): boolean {
  if (isOfKind(node)) return true;
  return node['class'] !== 'SUBQUERY' && childrenOf(node).some((child) => has(child, isOfKind));
}

/** Whether an expression names one of a lambda's parameters, so that it means nothing outside of the lambda. */
export const readsBound = (node: TreeNode, bound: ReadonlySet<string>): boolean =>
  bound.size > 0 && has(node, (inner) => bound.has(nameParts(inner)[0]?.toLowerCase() ?? ''));

/** Whether an expression's value may differ from row to row. */
export const readsColumns = (node: TreeNode): boolean =>
  has(node, (inner) => ['COLUMN_REF', 'SUBQUERY', 'STAR', 'POSITIONAL_REFERENCE'].includes(textAt(inner, 'class')));

/** Whether an expression is NULL as a constant, which is also what LIMIT ALL is. */
export const isNull = (node: TreeNode): boolean => node['class'] === 'CONSTANT' && nodeAt(node, 'value')?.['is_null'] === true;

/** The whole number that a constant stands for, one beyond those that are exact as the largest of them; null for any other expression. */
export function wholeNumber(node: TreeNode): number | null {
  const value = node['class'] === 'CONSTANT' ? nodeAt(node, 'value') : null;
  const text = value === null ? '' : textAt(value, 'value').replace('\u0000n', '');
  const type = value === null ? null : nodeAt(value, 'type');
  return type !== null && /INT/.test(textAt(type, 'id')) && /^\d+$/.test(text) ? Math.min(Number(text), Number.MAX_SAFE_INTEGER) : null;
}

/**
 * A row without names of its fields, as in `(a, b)`, as a struct with some: only that can be handed on, and both compare alike. As texts they differ, so it is for
 * what is compared and not seen.
 */
export function withFieldNames(expression: TreeNode): TreeNode {
  if (expression['class'] !== 'FUNCTION' || textAt(expression, 'function_name') !== 'row') return expression;
  const fields = listAt(expression, 'children').flatMap((child, index) => (isNode(child) ? [named(child, `f${index}`)] : []));
  return { ...expression, function_name: 'struct_pack', children: fields };
}

/** Aggregates that compare their second argument and don't give it. */
const choosing = /^(arg_?(min|max)(_null|_nulls_last)?|(min|max)_by)$/;

/** A call of an aggregate or a window function whose rows have names of their fields wherever it but compares them. */
export function withComparedNamed(call: TreeNode): TreeNode {
  const name = textAt(call, 'function_name').toLowerCase();
  const isCompared = (argument: number): boolean =>
    name === 'count' || name === 'approx_count_distinct' || (argument === 1 && choosing.test(name));
  const compared = (node: Tree): Tree => (isNode(node) ? withFieldNames(node) : node);
  const order = (node: Tree): Tree => {
    const expression = isNode(node) ? nodeAt(node, 'expression') : null;
    return isNode(node) && expression !== null ? { ...node, expression: withFieldNames(expression) } : node;
  };
  const sorted = nodeAt(call, 'order_bys');
  return {
    ...call,
    children: listAt(call, 'children').map((child, index) => (isCompared(index) ? compared(child) : child)),
    ...(sorted === null ? {} : { order_bys: { ...sorted, orders: listAt(sorted, 'orders').map(order) } }),
    ...(call['class'] === 'WINDOW'
      ? {
          partitions: listAt(call, 'partitions').map(compared),
          orders: listAt(call, 'orders').map(order),
          arg_orders: listAt(call, 'arg_orders').map(order),
        }
      : {}),
  };
}

/** Expressions that get names of their own, equal ones one name: what a query hands up to the next. */
export class NamedExpressions {
  private readonly prefix: string;
  private readonly known = new Map<string, TreeNode>();

  constructor(prefix: string) {
    this.prefix = prefix;
  }

  /** The column that stands for an expression from now on. */
  take(expression: TreeNode): TreeNode {
    const key = expressionKey(expression);
    const found = this.known.get(key) ?? named(expression, `${this.prefix}${this.known.size}`);
    this.known.set(key, found);
    return columnRef(textAt(found, 'alias'));
  }

  /** The expressions as items of a SELECT. */
  get items(): readonly TreeNode[] {
    return [...this.known.values()];
  }

  get names(): readonly string[] {
    return this.items.map((item) => textAt(item, 'alias'));
  }
}
