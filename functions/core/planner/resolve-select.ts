import type { Column } from '../layout.ts';
import { expandStar } from './expand-star.ts';
import { besideSubquery, expressionKey, has, isNull, nameParts, replaceIn, wholeNumber } from './expression.ts';
import { type FromTable, isMeantByName } from './from-tables.ts';
import { NotStaged } from './not-staged.ts';
import { isNode, listAt, nodeAt, sameName, type TreeNode, textAt } from './statement-tree.ts';

/** One key of ORDER BY: as it was written but for its expression, which is resolved, or the item of the SELECT that it is. */
export interface SortKey {
  readonly order: TreeNode;
  readonly expression: TreeNode;
  /** Set when the key is an item of the SELECT list. */
  readonly item: number | null;
}

/** A SELECT whose expressions name columns of its FROM clause and nothing else: no alias, no ordinal, no `*`. */
export interface ResolvedSelect {
  readonly items: readonly TreeNode[];
  readonly where: TreeNode | null;
  readonly groups: readonly TreeNode[];
  /** Sets of groups by their numbers; null where nothing says GROUP BY. */
  readonly sets: readonly (readonly number[])[] | null;
  readonly having: TreeNode | null;
  readonly qualify: TreeNode | null;
  /** `all`: DISTINCT; expressions: DISTINCT ON. */
  readonly distinct: 'no' | 'all' | readonly TreeNode[];
  readonly sort: readonly SortKey[];
  readonly limit: number | null;
  readonly offset: number;
}

/** What names can stand for in a SELECT. */
export interface SelectScope {
  /** Columns of its FROM clause. */
  readonly from: readonly Column[];
  /** The tables of its FROM clause; null where they are not known. */
  readonly tables: readonly FromTable[] | null;
  readonly isAggregate: (node: TreeNode) => boolean;
}

/**
 * Resolves names as DuckDB binds them: a column beats an alias, but for a bare name in ORDER BY; the last of equal aliases wins; whole numbers in GROUP BY and
 * ORDER BY are places in the SELECT list (tried on DuckDB 1.5.5, docs/decisions.md).
 * @throws NotStaged for what is not known to be resolved alike
 */
export function resolveSelect(select: TreeNode, scope: SelectScope): ResolvedSelect {
  const resolver = new Resolver(scope);
  const items = resolver.items(select);
  const where = resolver.optional(nodeAt(select, 'where_clause'));
  const { groups, sets } = resolver.groups(select, items);
  const having = resolver.having(nodeAt(select, 'having'), groups);
  const qualify = resolver.optional(nodeAt(select, 'qualify'));
  return { items, where, groups, sets, having, qualify, ...resolver.modifiers(select, items) };
}

const columnsFirst = (): boolean => false;

class Resolver {
  private readonly scope: SelectScope;
  private readonly columns: ReadonlySet<string>;
  private readonly aliases = new Map<string, { readonly expression: TreeNode; readonly item: number }>();

  constructor(scope: SelectScope) {
    this.scope = scope;
    this.columns = new Set(scope.from.map(({ name }) => name.toLowerCase()));
  }

  items(select: TreeNode): readonly TreeNode[] {
    const items: TreeNode[] = [];
    for (const item of listAt(select, 'select_list')) {
      if (!isNode(item)) continue;
      for (const expanded of item['class'] === 'STAR' ? expandStar(item, this.scope.tables) : [item]) {
        const expression = this.resolve(expanded);
        const alias = textAt(expanded, 'alias') || (nameParts(expanded).at(-1) ?? '');
        if (alias !== '') this.aliases.set(alias.toLowerCase(), { expression, item: items.length });
        items.push(expression);
      }
    }
    return items;
  }

  optional(expression: TreeNode | null): TreeNode | null {
    return expression === null ? null : this.resolve(expression);
  }

  groups(select: TreeNode, items: readonly TreeNode[]): Pick<ResolvedSelect, 'groups' | 'sets'> {
    if (select['aggregate_handling'] === 'FORCE_AGGREGATES') {
      const groups = groupsOfAll(items.filter((item) => !containsAny(item, this.scope.isAggregate)));
      return { groups, sets: groups.length === 0 ? null : [groups.map((_, index) => index)] };
    }
    const groups = listAt(select, 'group_expressions').flatMap((group) => (isNode(group) ? [this.group(group, items)] : []));
    const sets = listAt(select, 'group_sets').map((set) =>
      (Array.isArray(set) ? set : []).map((index) => Number(String(index).replace('\u0000n', ''))),
    );
    return { groups, sets: groups.length === 0 && sets.length === 0 ? null : sets };
  }

  having(having: TreeNode | null, groups: readonly TreeNode[]): TreeNode | null {
    if (having === null) return null;
    const grouped = new Set(groups.map(expressionKey));
    return this.resolve(having, (column) => !grouped.has(expressionKey(column)));
  }

  modifiers(select: TreeNode, items: readonly TreeNode[]): Pick<ResolvedSelect, 'distinct' | 'sort' | 'limit' | 'offset'> {
    let distinct: ResolvedSelect['distinct'] = 'no';
    let sort: readonly SortKey[] = [];
    let [limit, offset]: [number | null, number] = [null, 0];
    for (const modifier of listAt(select, 'modifiers')) {
      if (!isNode(modifier)) continue;
      if (modifier['type'] === 'DISTINCT_MODIFIER') distinct = this.distinct(modifier, items);
      else if (modifier['type'] === 'ORDER_MODIFIER') sort = this.sort(modifier, items);
      else if (modifier['type'] === 'LIMIT_MODIFIER') {
        limit = this.rows(nodeAt(modifier, 'limit'));
        offset = this.rows(nodeAt(modifier, 'offset')) ?? 0;
      } else throw new NotStaged('takes a share of its rows (LIMIT ... %)', 'LIMIT with a number of rows');
    }
    return { distinct, sort, limit, offset };
  }

  private distinct(modifier: TreeNode, items: readonly TreeNode[]): ResolvedSelect['distinct'] {
    const targets = listAt(modifier, 'distinct_on_targets').flatMap((target) => (isNode(target) ? [target] : []));
    return targets.length === 0 ? 'all' : targets.map((target) => this.keyOf(target, items).expression);
  }

  private sort(modifier: TreeNode, items: readonly TreeNode[]): readonly SortKey[] {
    return listAt(modifier, 'orders').flatMap((order): readonly SortKey[] => {
      const key = isNode(order) ? nodeAt(order, 'expression') : null;
      if (!isNode(order) || key === null) return [];
      if (key['class'] === 'STAR') return items.map((expression, item) => ({ order, expression, item }));
      return [{ order, ...this.keyOf(key, items) }];
    });
  }

  private rows(expression: TreeNode | null): number | null {
    if (expression === null || isNull(expression)) return null;
    const count = wholeNumber(expression);
    if (count === null) throw new NotStaged('computes how many rows it gives (LIMIT or OFFSET)', 'a whole number behind LIMIT and OFFSET');
    return count;
  }

  /** A bare name is an item's first, a bare whole number an item's place. */
  private keyOf(key: TreeNode, items: readonly TreeNode[]): { readonly expression: TreeNode; readonly item: number | null } {
    const place = this.place(key, items);
    if (place !== null) return place;
    const parts = nameParts(key);
    const alias = parts.length === 1 ? this.aliases.get(String(parts[0]).toLowerCase()) : undefined;
    if (alias !== undefined) return alias;
    const expression = this.resolve(key);
    const item = items.findIndex((other) => expressionKey(other) === expressionKey(expression));
    return { expression, item: item < 0 ? null : item };
  }

  private group(group: TreeNode, items: readonly TreeNode[]): TreeNode {
    const place = this.place(group, items);
    if (place !== null) return place.expression;
    return this.resolve(group);
  }

  private place(key: TreeNode, items: readonly TreeNode[]): { readonly expression: TreeNode; readonly item: number } | null {
    const place = wholeNumber(key);
    const expression = place === null ? undefined : items[place - 1];
    return place === null || expression === undefined ? null : { expression, item: place - 1 };
  }

  /** @param preferAlias whether an alias goes before the column of its name */
  private resolve(expression: TreeNode, preferAlias: (column: TreeNode) => boolean = columnsFirst): TreeNode {
    return replaceIn(expression, (node, bound) => {
      if (node['class'] === 'SUBQUERY') return besideSubquery(node, (beside) => this.resolve(beside, preferAlias));
      // what an aggregate takes is columns, and what grouping() does
      const takesColumns = node['type'] === 'GROUPING_FUNCTION' || this.scope.isAggregate(node);
      if (preferAlias !== columnsFirst && takesColumns) return this.resolve(node);
      if (node['class'] === 'STAR') throw new NotStaged('uses COLUMNS(...) or * inside an expression', 'the columns by their names');
      if (node['class'] === 'POSITIONAL_REFERENCE') throw new NotStaged('names columns by their place (#1)', 'the columns by their names');
      const [first = '', ...rest] = nameParts(node);
      if (first === '' || bound.has(first.toLowerCase())) return null;
      if (rest.length > 0) return this.unqualified(node, [first, ...rest], bound);
      const alias = this.aliases.get(first.toLowerCase())?.expression;
      if (alias === undefined) return null;
      return !this.columns.has(first.toLowerCase()) || preferAlias(node) ? alias : null;
    });
  }

  /**
   * `t.x` is `x` where `t` is a table and no other one has `x`; it may be a field of a struct only where `t` has no `x`. It stays `t.x` where what is left would
   * be a lambda's parameter, or a column of the table that has the struct's name.
   */
  private unqualified(node: TreeNode, [first = '', ...rest]: readonly string[], bound: ReadonlySet<string>): TreeNode | null {
    const tables = this.scope.tables ?? [];
    const table = tables.find(({ name }) => sameName(name, first));
    const [column = '', field = ''] = rest;
    if (table === undefined || bound.has(column.toLowerCase())) return null;
    if (this.columns.has(first.toLowerCase()) && !hasColumn(table, column)) return null;
    if (tables.some((other) => sameName(other.name, column) && hasColumn(other, field))) return null;
    return isMeantByName(tables, table, column) ? { ...node, column_names: rest } : null;
  }
}

const hasColumn = ({ columns }: FromTable, column: string): boolean => columns.some((name) => sameName(name, column));

/**
 * What GROUP BY ALL groups by: to DuckDB only items that read a column are groups, and without one there is no grouping. Beside one, others change nothing.
 * @param items without aggregates
 */
function groupsOfAll(items: readonly TreeNode[]): readonly TreeNode[] {
  if (items.some(readsOwnColumn)) return items;
  if (items.some((item) => has(item, (node) => node['class'] === 'SUBQUERY')))
    throw new NotStaged('groups by nothing but a subquery (GROUP BY ALL)', 'GROUP BY with columns, or leave it away');
  return [];
}

/** Whether a column stands in an expression outside of subqueries. */
function readsOwnColumn(expression: TreeNode): boolean {
  let found = false;
  replaceIn(expression, (inner, bound) => {
    if (inner['class'] === 'SUBQUERY') {
      const beside = nodeAt(inner, 'child');
      found ||= beside !== null && readsOwnColumn(beside);
      return inner;
    }
    const [first = ''] = nameParts(inner);
    found ||= first !== '' && !bound.has(first.toLowerCase());
    return null;
  });
  return found;
}

function containsAny(node: TreeNode, test: (node: TreeNode) => boolean): boolean {
  let found = false;
  replaceIn(node, (inner) => {
    if (inner['class'] === 'SUBQUERY') return inner;
    if (test(inner)) found = true;
    return null;
  });
  return found;
}
