import { expressionKey, NamedExpressions, nameParts, readsBound, readsColumns, replaceIn, withComparedNamed } from './expression.ts';
import { withEntries } from './inner-query.ts';
import { NotStaged } from './not-staged.ts';
import type { ResolvedSelect } from './resolve-select.ts';
import { isNode, listAt, nodeAt, type TreeNode } from './statement-tree.ts';

/**
 * The expressions of an aggregated SELECT as ones over its groups and aggregates (`a0`, `a1`...), and those of its rows that these are made of (`x0`, `x1`...).
 */
export class GroupedExpressions {
  readonly rows = new NamedExpressions('x');
  readonly aggregates = new NamedExpressions('a');
  /** Names of the groups' columns. */
  readonly groups: readonly string[];
  readonly sets: readonly (readonly number[])[];
  private readonly groupByKey = new Map<string, TreeNode>();
  private readonly isAggregate: (node: TreeNode) => boolean;
  private readonly entries: readonly TreeNode[];

  /** @param entries of WITH, which subqueries may name */
  constructor(
    { groups, sets }: Pick<ResolvedSelect, 'groups' | 'sets'>,
    isAggregate: (node: TreeNode) => boolean,
    entries: readonly TreeNode[],
  ) {
    this.isAggregate = isAggregate;
    this.entries = entries;
    this.groups = groups.map((group) => {
      const column = this.rows.take(group);
      this.groupByKey.set(expressionKey(group), column);
      return String(nameParts(column)[0]);
    });
    this.sets = sets ?? [];
  }

  /** @throws NotStaged for what is neither grouped nor aggregated */
  rewrite(expression: TreeNode): TreeNode {
    return replaceIn(expression, (node, bound) => {
      const group = readsBound(node, bound) ? undefined : this.groupByKey.get(expressionKey(node));
      if (group !== undefined) return group;
      if (node['class'] === 'FUNCTION' && this.isAggregate(node)) return this.aggregate(node);
      if (node['type'] === 'GROUPING_FUNCTION')
        return this.aggregates.take(this.overRows(node, (child) => this.groupByKey.get(expressionKey(child)) ?? notGrouped(child)));
      if (node['class'] === 'SUBQUERY') return this.aggregates.take(this.subquery(node));
      const [first] = nameParts(node);
      if (first !== undefined && !bound.has(first.toLowerCase())) return notGrouped(node);
      return null;
    });
  }

  /** One whose value is the same for all groups: each task finds it where the tables are, beside the input. */
  private subquery(node: TreeNode): TreeNode {
    if (nodeAt(node, 'child') !== null)
      throw new NotStaged('has IN, ANY or ALL (SELECT ...) beside its aggregates', 'it in WHERE, or around a subquery that groups');
    const wrapped = nodeAt(node, 'subquery');
    const query = wrapped === null ? null : nodeAt(wrapped, 'node');
    return query === null ? node : { ...node, subquery: { ...wrapped, node: withEntries(query, this.entries) } };
  }

  private aggregate(node: TreeNode): TreeNode {
    return this.aggregates.take(this.overRows(withComparedNamed(node), (child) => (readsColumns(child) ? this.rows.take(child) : child)));
  }

  private overRows(node: TreeNode, replace: (child: TreeNode) => TreeNode): TreeNode {
    const sorted = nodeAt(node, 'order_bys');
    const filter = nodeAt(node, 'filter');
    return {
      ...node,
      alias: '',
      children: listAt(node, 'children').flatMap((child) => (isNode(child) ? [replace(child)] : [])),
      ...(filter === null ? {} : { filter: replace(filter) }),
      ...(sorted === null ? {} : { order_bys: { ...sorted, orders: ordersOf(sorted, replace) } }),
    };
  }
}

function ordersOf(sorted: TreeNode, replace: (child: TreeNode) => TreeNode): TreeNode[] {
  return listAt(sorted, 'orders').flatMap((order) => {
    const expression = isNode(order) ? nodeAt(order, 'expression') : null;
    return isNode(order) && expression !== null ? [{ ...order, expression: replace(expression) }] : [];
  });
}

/** What is a function without parentheses is a column to the parser. */
const called: Readonly<Record<string, string>> = {
  current_timestamp: 'now()',
  current_date: 'today()',
  current_time: 'get_current_time()',
  localtime: 'current_localtime()',
  localtimestamp: 'current_localtimestamp()',
};

function notGrouped(node: TreeNode): never {
  const name = nameParts(node).join('.');
  throw new NotStaged(`takes ${name || 'a value'} from a group, and it is neither grouped nor aggregated`, called[name.toLowerCase()]);
}
