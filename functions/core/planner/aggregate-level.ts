import type { AggregateCall, Decomposed, TypedSql } from './aggregate-call.ts';
import { decompose } from './aggregates.ts';
import { columnRef, nameParts } from './expression.ts';
import type { GroupedExpressions } from './grouped-expressions.ts';
import { NotStaged } from './not-staged.ts';
import { printExpression, typeOfConstant, typesOf } from './print-parts.ts';
import { selectTree, tableRef } from './select-tree.ts';
import type { SqlBinder } from './sql-binder.ts';
import { type Exchange, rowCount, type StageBuilder } from './stage-builder.ts';
import { isNode, listAt, nodeAt, type TreeNode, textAt, walk } from './statement-tree.ts';
import { refuseNameless } from './stored-type.ts';

/** Aggregates that take a value as often as once, also where no DISTINCT says so. */
const blindToRepeats: ReadonlySet<string> = new Set(['approx_count_distinct']);

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
  readonly isSubquery: boolean;
  /** Columns of the rows that it reads. */
  readonly reads: readonly string[];
  readonly isBlindToRepeats: boolean;
}

/**
 * Makes the current relation (the rows' columns) the one of groups and aggregates: partial aggregates first where all of them decompose; without repeated
 * rows where none matters; else on whole groups, whose rows meet in one task.
 * @param rows of the relation: whether each is one of the input, and whether all of them are there
 * @throws NotStaged
 */
export async function aggregateLevel(
  builder: StageBuilder,
  binder: SqlBinder,
  grouped: GroupedExpressions,
  rows: { readonly areOfInput: boolean; readonly areAll: boolean },
): Promise<void> {
  const columns = await builder.columns();
  refuseNameless(columns);
  const aggregates = await aggregatesOf(binder, grouped, typesOf(columns));
  const whole = aggregates.filter(({ decomposed, isGrouping }) => decomposed === null && !isGrouping);
  const { sets, groups } = grouped;
  // rows that share a group of any set must meet
  const keys = sets.length === 0 ? groups : groups.filter((_, index) => sets.every((set) => set.includes(index)));
  const canFold = whole.every(({ isBlindToRepeats }) => isBlindToRepeats);
  const exchange = canFold ? foldedExchange(grouped, aggregates, whole, !rows.areAll) : rowsExchange(grouped, aggregates);
  await builder.exchange({ ...exchange, keys }, rows.areOfInput);
}

async function aggregatesOf(
  binder: SqlBinder,
  grouped: GroupedExpressions,
  types: ReadonlyMap<string, string>,
): Promise<readonly Aggregate[]> {
  // all rows may be one group of which nothing is asked
  if (grouped.groups.length + grouped.aggregates.items.length === 0) grouped.aggregates.take(countOfRows);
  const items = grouped.aggregates.items;
  for (const item of items) if (item['class'] === 'SUBQUERY') await refuseCorrelated(binder, item);
  const relation = { name: '_rows', columns: [...types].map(([name, type]) => ({ name, type })) };
  const groups = grouped.groups.map(columnRef);
  const direct = selectTree({ items: [...groups, ...items], from: tableRef('_rows'), groups, sets: grouped.sets });
  const results = typesOf(await binder.describe(await binder.print(direct), relation));
  const found: Aggregate[] = [];
  for (const item of items) {
    const name = textAt(item, 'alias');
    const sql = await printExpression(binder, item);
    const isGrouping = item['type'] === 'GROUPING_FUNCTION';
    const isSubquery = item['class'] === 'SUBQUERY';
    const call = isGrouping || isSubquery ? null : await callOf(binder, item, types, results.get(name) ?? '');
    const decomposed = isSubquery ? ofAnyPart(sql) : call === null ? null : decompose(call);
    if (decomposed !== null && 'refused' in decomposed)
      throw new NotStaged(`has an aggregate that they can't compute together: ${decomposed.refused.replace(/\.$/, '')}`);
    const reads = [...new Set([...walk(item)].flatMap((node) => nameParts(node).slice(0, 1)))];
    found.push({
      name,
      sql,
      decomposed,
      isGrouping,
      isSubquery,
      reads,
      isBlindToRepeats: call !== null && (call.distinct || blindToRepeats.has(call.name)),
    });
  }
  return found;
}

/** A value that every task finds alike. */
const ofAnyPart = (sql: string): Decomposed => ({
  partials: [sql],
  combine: ([p]) => [`any_value(${p})`],
  final: ([p]) => `any_value(${p})`,
  promise: 'exact',
});

/** @throws NotStaged where a subquery means nothing by itself */
async function refuseCorrelated(binder: SqlBinder, subquery: TreeNode): Promise<void> {
  try {
    await typeOfConstant(binder, await printExpression(binder, subquery));
  } catch {
    throw new NotStaged(
      'has a subquery beside its aggregates that depends on the group',
      'it around a subquery that groups: SELECT ... FROM (SELECT ... GROUP BY ...)',
    );
  }
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

/**
 * Each task folds its rows: one row for each group, and for each value that an aggregate must see once.
 * @param counts whether it hands on how many rows each stands for
 */
function foldedExchange(
  { groups, sets }: GroupedExpressions,
  aggregates: readonly Aggregate[],
  whole: readonly Aggregate[],
  counts: boolean,
): WithoutKeys {
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
  if (counts) {
    partials.push(`count(*) AS ${rowCount}`);
    combines.push(`sum(${rowCount})::BIGINT AS ${rowCount}`);
  }
  const groupBy = by.length === 0 ? '' : ` GROUP BY ${by.join(', ')}`;
  return {
    rows: (relation) => `SELECT ${[...by, ...partials].join(', ')} FROM ${relation}${groupBy}`,
    combine: `SELECT ${[...by, ...combines].join(', ')} FROM parts${groupBy}`,
    merged: `SELECT ${[...groups, ...finals].join(', ')} FROM parts${groupingOf(groups, sets)}`,
    rowByRow: false,
    counted: counts ? rowCount : null,
  };
}

function rowsExchange({ groups, sets }: GroupedExpressions, aggregates: readonly Aggregate[]): WithoutKeys {
  // a group of all rows is there without a row too, which then would have to hand the value on
  const isGrouped = groups.length > 0 && sets.every((set) => set.length > 0);
  const handedOn = aggregates.filter(({ isSubquery }) => isSubquery && isGrouped);
  const valueBehind = (aggregate: Aggregate): string => (handedOn.includes(aggregate) ? `any_value(${aggregate.name})` : aggregate.sql);
  const items = [...groups, ...aggregates.map((aggregate) => `${valueBehind(aggregate)} AS ${aggregate.name}`)];
  return {
    rows: (relation) => `SELECT ${['*', ...handedOn.map(({ name, sql }) => `${sql} AS ${name}`)].join(', ')} FROM ${relation}`,
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
