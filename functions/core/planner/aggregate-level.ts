import type { AggregateCall, Decomposed, TypedSql } from './aggregate-call.ts';
import { decompose } from './aggregates.ts';
import { columnRef, expressionKey, NamedExpressions, nameParts, readsBound, readsColumns, replaceIn } from './expression.ts';
import { NotStaged } from './not-staged.ts';
import { printExpression, typeOfConstant, typesOf } from './print-parts.ts';
import { selectTree, tableRef } from './select-tree.ts';
import type { SqlBinder } from './sql-binder.ts';
import { type Exchange, rowCount, type StageBuilder } from './stage-builder.ts';
import { isNode, listAt, nodeAt, type TreeNode, textAt, walk } from './statement-tree.ts';

/** Aggregates that take a value as often as once, also where no DISTINCT says so. */
const blindToRepeats: ReadonlySet<string> = new Set(['approx_count_distinct']);

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

  constructor(groups: readonly TreeNode[], sets: readonly (readonly number[])[] | null, isAggregate: (node: TreeNode) => boolean) {
    this.isAggregate = isAggregate;
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
      if (node['class'] === 'SUBQUERY') throw new NotStaged('has a subquery beside its aggregates');
      const [first] = nameParts(node);
      if (first !== undefined && !bound.has(first.toLowerCase())) return notGrouped(node);
      return null;
    });
  }

  private aggregate(node: TreeNode): TreeNode {
    return this.aggregates.take(this.overRows(node, (child) => (readsColumns(child) ? this.rows.take(child) : child)));
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

function notGrouped(node: TreeNode): never {
  throw new NotStaged(`takes ${nameParts(node).join('.') || 'a value'} from a group, and it is neither grouped nor aggregated`);
}

/** `count(*)` */
const countOfRows: TreeNode = {
  class: 'FUNCTION',
  type: 'FUNCTION',
  alias: '',
  function_name: 'count_star',
  schema: '',
  children: [],
  filter: null,
  order_bys: { type: 'ORDER_MODIFIER', orders: [] },
  distinct: false,
  is_operator: false,
  export_state: false,
  catalog: '',
};

/** One aggregate of the query. */
interface Aggregate {
  readonly name: string;
  /** Over the rows' columns. */
  readonly sql: string;
  /** Null when it needs its rows, or is `grouping(...)`. */
  readonly decomposed: Decomposed | null;
  readonly isGrouping: boolean;
  /** Columns of the rows that it reads. */
  readonly reads: readonly string[];
  readonly isBlindToRepeats: boolean;
}

/**
 * Makes the current relation (the rows' columns) the one of groups and aggregates: partial aggregates first where all of them decompose; without repeated
 * rows where none matters; else on whole groups, whose rows meet in one task.
 * @param isInputRowByRow whether each row of the relation is one of the input
 * @throws NotStaged
 */
export async function aggregateLevel(
  builder: StageBuilder,
  binder: SqlBinder,
  grouped: GroupedExpressions,
  isInputRowByRow: boolean,
): Promise<void> {
  const aggregates = await aggregatesOf(binder, grouped, typesOf(await builder.columns()));
  const whole = aggregates.filter(({ decomposed, isGrouping }) => decomposed === null && !isGrouping);
  const { sets, groups } = grouped;
  // rows that share a group of any set must meet
  const keys = sets.length === 0 ? groups : groups.filter((_, index) => sets.every((set) => set.includes(index)));
  const canFold = whole.every(({ isBlindToRepeats }) => isBlindToRepeats);
  const exchange = canFold ? foldedExchange(grouped, aggregates, whole) : rowsExchange(grouped, aggregates);
  await builder.exchange({ ...exchange, keys }, isInputRowByRow);
}

async function aggregatesOf(
  binder: SqlBinder,
  grouped: GroupedExpressions,
  types: ReadonlyMap<string, string>,
): Promise<readonly Aggregate[]> {
  // all rows may be one group of which nothing is asked
  if (grouped.groups.length + grouped.aggregates.items.length === 0) grouped.aggregates.take(countOfRows);
  const items = grouped.aggregates.items;
  const relation = { name: '_rows', columns: [...types].map(([name, type]) => ({ name, type })) };
  const groups = grouped.groups.map(columnRef);
  const direct = selectTree({ items: [...groups, ...items], from: tableRef('_rows'), groups, sets: grouped.sets });
  const results = typesOf(await binder.describe(await binder.print(direct), relation));
  const found: Aggregate[] = [];
  for (const item of items) {
    const name = textAt(item, 'alias');
    const sql = await printExpression(binder, item);
    const isGrouping = item['type'] === 'GROUPING_FUNCTION';
    const call = isGrouping ? null : await callOf(binder, item, types, results.get(name) ?? '');
    const decomposed = call === null ? null : decompose(call);
    if (decomposed !== null && 'refused' in decomposed)
      throw new NotStaged(`has an aggregate that they can't compute together: ${decomposed.refused.replace(/\.$/, '')}`);
    const reads = [...new Set([...walk(item)].flatMap((node) => nameParts(node).slice(0, 1)))];
    found.push({
      name,
      sql,
      decomposed,
      isGrouping,
      reads,
      isBlindToRepeats: call !== null && (call.distinct || blindToRepeats.has(call.name)),
    });
  }
  return found;
}

async function callOf(binder: SqlBinder, item: TreeNode, types: ReadonlyMap<string, string>, type: string): Promise<AggregateCall> {
  const typed = async (node: TreeNode): Promise<TypedSql> => {
    const [column] = nameParts(node);
    if (column !== undefined) return { sql: column, type: types.get(column) ?? '' };
    const sql = await printExpression(binder, node);
    return { sql, type: await typeOfConstant(binder, sql) };
  };
  const args: TypedSql[] = [];
  for (const child of listAt(item, 'children')) if (isNode(child)) args.push(await typed(child));
  const orderBy: AggregateCall['orderBy'][number][] = [];
  const sorted = nodeAt(item, 'order_bys');
  for (const order of sorted === null ? [] : listAt(sorted, 'orders')) {
    const expression = isNode(order) ? nodeAt(order, 'expression') : null;
    if (!isNode(order) || expression === null) continue;
    // the engine's defaults: ascending, NULLs last
    const direction = order['type'] === 'DESCENDING' ? 'DESC' : 'ASC';
    const nulls = textAt(order, 'null_order').includes('FIRST') ? 'FIRST' : 'LAST';
    orderBy.push({ ...(await typed(expression)), direction, nulls });
  }
  const filter = nodeAt(item, 'filter');
  return {
    name: textAt(item, 'function_name').toLowerCase(),
    args,
    distinct: item['distinct'] === true,
    filter: filter === null ? null : await printExpression(binder, filter),
    orderBy,
    type,
  };
}

type WithoutKeys = Omit<Exchange, 'keys'>;

/** Each task folds its rows: one row for each group, and for each value that an aggregate must see once. */
function foldedExchange({ groups, sets }: GroupedExpressions, aggregates: readonly Aggregate[], whole: readonly Aggregate[]): WithoutKeys {
  const seen = [...new Set(whole.flatMap(({ reads }) => reads))].filter((column) => !groups.includes(column));
  const by = [...groups, ...seen];
  const partials: string[] = [];
  const combines: string[] = [];
  const finals: string[] = [];
  for (const { name, sql, decomposed } of aggregates) {
    if (decomposed === null) {
      finals.push(`${sql} AS ${name}`);
      continue;
    }
    const columns = decomposed.partials.map((_, index) => `${name}_${index}`);
    partials.push(...decomposed.partials.map((partial, index) => `${partial} AS ${columns[index]}`));
    combines.push(...decomposed.combine(columns).map((combined, index) => `${combined} AS ${columns[index]}`));
    finals.push(`${decomposed.final(columns)} AS ${name}`);
  }
  const groupBy = by.length === 0 ? '' : ` GROUP BY ${by.join(', ')}`;
  return {
    rows: (relation) => `SELECT ${[...by, ...partials, `count(*) AS ${rowCount}`].join(', ')} FROM ${relation}${groupBy}`,
    combine: `SELECT ${[...by, ...combines, `sum(${rowCount})::BIGINT AS ${rowCount}`].join(', ')} FROM parts${groupBy}`,
    merged: `SELECT ${[...groups, ...finals].join(', ')} FROM parts${groupingOf(groups, sets)}`,
    rowByRow: false,
    counted: rowCount,
  };
}

function rowsExchange({ groups, sets }: GroupedExpressions, aggregates: readonly Aggregate[]): WithoutKeys {
  const items = [...groups, ...aggregates.map(({ name, sql }) => `${sql} AS ${name}`)];
  return {
    rows: (relation) => `SELECT * FROM ${relation}`,
    combine: null,
    merged: `SELECT ${items.join(', ')} FROM parts${groupingOf(groups, sets)}`,
    rowByRow: true,
    counted: null,
  };
}

function groupingOf(groups: readonly string[], sets: readonly (readonly number[])[]): string {
  const isOneOfAll = sets.length === 1 && sets[0]?.length === groups.length;
  if (sets.length === 0 || isOneOfAll) return groups.length === 0 ? '' : ` GROUP BY ${groups.join(', ')}`;
  return ` GROUP BY GROUPING SETS (${sets.map((set) => `(${set.map((index) => groups[index]).join(', ')})`).join(', ')})`;
}
