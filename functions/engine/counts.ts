import { hideFromStars } from '../core/planner/columns.ts';
import { makePrintable } from '../core/planner/printable-tree.ts';
import { isNode, listAt, nodeAt, parseTree, printTree, sameName, statementsOf, textAt } from '../core/planner/statement-tree.ts';
import { withoutAliases } from '../core/planner/where-aliases.ts';
import type { BoundQuery } from '../core/query.ts';
import type { Engine, PlanOperator } from './session.ts';
import { literal } from './sql-text.ts';

/** Operators under which each scan is read to its end, and whose rows mean what they say. */
const plainOperators = new Set(['COPY_TO_FILE', 'BATCH_COPY_TO_FILE', 'PROJECTION', 'FILTER', 'UNNEST', 'UNION', 'STREAMING_WINDOW']);
/** Operators that read what is below them to its end before they give a row. */
const gatheringOperators = new Set(['HASH_GROUP_BY', 'PERFECT_HASH_GROUP_BY', 'UNGROUPED_AGGREGATE', 'ORDER_BY', 'TOP_N']);
/** Joins that read both sides to their ends where neither is empty: with a side that is, they may stop early. */
const wholeJoins = new Set(['HASH_JOIN', 'ASOF_JOIN', 'PIECEWISE_MERGE_JOIN', 'NESTED_LOOP_JOIN', 'CROSS_PRODUCT']);
const textScan = /^READ_(CSV|JSON)/;
const parquetScan = /^READ_PARQUET/;

function isScan({ name }: PlanOperator): boolean {
  return textScan.test(name) || parquetScan.test(name);
}

function* operators(plan: PlanOperator): Generator<PlanOperator> {
  yield plan;
  for (const child of plan.children) yield* operators(child);
}

function readsAll(operator: PlanOperator): boolean {
  const { name, children } = operator;
  if (wholeJoins.has(name)) return children.length === 2 && children.every(({ rows }) => rows > 0);
  return isScan(operator) || plainOperators.has(name) || gatheringOperators.has(name);
}

/**
 * Rows that the scans of text files gave, from the profile of the statement that read them; null when the plan's shape leaves any doubt: an
 * operator that may stop a scan early, a scan that was optimized away, a filter inside a scan.
 */
export function scannedRows(plan: PlanOperator | null, textScans: number): number | null {
  const [root] = plan?.children ?? [];
  if (root === undefined) return null;
  const all = [...operators(root)];
  if (!all.every(readsAll)) return null;
  const scans = all.filter(({ name }) => textScan.test(name));
  if (scans.length !== textScans || scans.some(({ info }) => Object.keys(info).some((key) => /filter/i.test(key)))) return null;
  return scans.reduce((sum, { rows }) => sum + rows, 0);
}

/** Rows that went into the lowest UNNEST of each branch, which is behind the filters; null in doubt. */
export function rowsBeforeUnnest(plan: PlanOperator | null): number | null {
  const [root] = plan?.children ?? [];
  if (root === undefined || ![...operators(root)].every((operator) => isScan(operator) || plainOperators.has(operator.name))) return null;
  const lowest = [...operators(root)].filter(
    (op) => op.name === 'UNNEST' && ![...operators(op)].some((below) => below !== op && below.name === 'UNNEST'),
  );
  if (lowest.length === 0) return null;
  return lowest.reduce((sum, { children }) => sum + (children[0]?.rows ?? 0), 0);
}

/**
 * The query with its output replaced by a count: the rows of `input` that its WHERE lets pass. Null without one, and where no single WHERE decides that (a
 * join, a subquery in FROM, a set operation): such a query filters no rows, it makes others of them.
 */
export async function countOfPassed(engine: Engine, query: BoundQuery, virtual: readonly string[]): Promise<string | null> {
  const [row] = await engine.rows(`SELECT json_serialize_sql(${literal(query.sql)}::VARCHAR)::VARCHAR AS tree`);
  const tree = parseTree(String(row?.['tree']));
  const [select] = tree === null ? [] : statementsOf(tree);
  const from = select === undefined ? null : nodeAt(select, 'from_table');
  if (select?.['type'] !== 'SELECT_NODE' || from?.['type'] !== 'BASE_TABLE' || !sameName(textAt(from, 'table_name'), 'input')) return null;
  if (from['sample'] !== null || select['where_clause'] === null || !isNode(tree)) return null;
  hideFromStars(select, virtual);
  const [counting] = await engine.rows("SELECT json_serialize_sql('SELECT count(*) AS n')::VARCHAR AS tree");
  const [count] = statementsOf(parseTree(String(counting?.['tree'])));
  if (count === undefined) return null;
  select['where_clause'] = withoutAliases(select, query.reads);
  select['select_list'] = [...listAt(count, 'select_list')];
  select['modifiers'] = [];
  select['group_expressions'] = [];
  select['group_sets'] = [];
  select['aggregate_handling'] = 'STANDARD_HANDLING';
  select['having'] = null;
  select['qualify'] = null;
  select['sample'] = null;
  makePrintable(tree);
  const [printed] = await engine.rows(`SELECT json_deserialize_sql(${literal(printTree(tree))}::JSON)::VARCHAR AS sql`);
  return String(printed?.['sql']);
}
