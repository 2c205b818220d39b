import type { Column } from '../layout.ts';
import type { SideTable } from '../side-table.ts';
import type { StagedQuery } from '../staged-query.ts';
import { aggregateLevel } from './aggregate-level.ts';
import { expandMacros } from './expand-macros.ts';
import { has, named } from './expression.ts';
import { tablesOfFrom } from './from-tables.ts';
import { type FunctionCatalog, functionKind } from './functions.ts';
import { GroupedExpressions } from './grouped-expressions.ts';
import { entriesOf, findInnerQuery, withEntries, withoutInput } from './inner-query.ts';
import { withInputNamed } from './input-name.ts';
import { NotStaged } from './not-staged.ts';
import { distinctLevel, distinctOnLevel, type SortColumn, sortLevel } from './order-level.ts';
import { type ResolvedSelect, resolveSelect, type SelectScope } from './resolve-select.ts';
import { type RowTreatment, readsOfInput, treatmentOfRows } from './rowwise.ts';
import { hiddenKeys, itemsOf } from './select-columns.ts';
import { selectTree, star, tableRef } from './select-tree.ts';
import { reasonOfSideRows } from './side-reads.ts';
import type { SqlBinder } from './sql-binder.ts';
import { StageBuilder } from './stage-builder.ts';
import { ctesOf, listAt, nodeAt, sameName, type TreeNode, textAt } from './statement-tree.ts';
import { type Branch, unionStages } from './union-stages.ts';
import { bareUnions } from './union-tree.ts';
import { refuseUnorderedLists, refuseUnsound } from './unsound.ts';
import { hasWindow, WindowedExpressions, windowLevel } from './window-level.ts';

export interface StagePlanner {
  /** Knows the side tables. */
  readonly binder: SqlBinder;
  readonly catalog: FunctionCatalog;
  readonly sides: readonly SideTable[];
}

/**
 * Plans a query that looks at several rows at once in stages: its clauses from the inside to the outside, each as one SELECT over the answer of the one before, and
 * wherever rows of several tasks must meet, an exchange.
 * @param input its columns, with the virtual ones that the query names behind them
 * @param output what the query is bound to, against which the answer is checked
 * @throws NotStaged with the reason
 */
export async function stageQuery(
  planner: StagePlanner,
  query: TreeNode,
  input: { readonly columns: readonly Column[]; readonly virtual: readonly Column[] },
  output: readonly Column[],
): Promise<StagedQuery> {
  refuseUnsound(query);
  const builder = new StageBuilder(planner.binder, [...input.columns, ...input.virtual]);
  await new Planning(planner, builder).plan(expandMacros(bareUnions(query), planner.catalog), input, false);
  const columns = await builder.columns();
  const differs = columns.length !== output.length || columns.some(({ type }, index) => type !== output[index]?.type);
  const staged = builder.finish();
  if (staged === null)
    throw new NotStaged('has a clause that changes nothing (such as GROUP BY ALL without a column)', 'it without that clause');
  if (differs) throw new NotStaged(`gives other types in stages (${typesIn(columns)}) than in one task (${typesIn(output)})`);
  return staged;
}

const typesIn = (columns: readonly Column[]): string => columns.map(({ type }) => type).join(', ');

interface Source {
  readonly columns: readonly Column[];
  /** Columns that `*` leaves out. */
  readonly virtual: readonly Column[];
}

/** Where a SELECT stands. */
interface Place {
  /** Whether the builder's relation is still the input. */
  readonly overInput: boolean;
  /** Whether another query reads its answer. */
  readonly isInner: boolean;
}

/** Where a SELECT reads from. */
interface From {
  readonly table: TreeNode;
  readonly ctes: TreeNode | null;
  readonly where: TreeNode | null;
  /** Whether each row of it is a row of `input`, or none. */
  readonly isInputRowByRow: boolean;
}

class Planning implements StagePlanner {
  readonly binder: SqlBinder;
  readonly catalog: FunctionCatalog;
  readonly sides: readonly SideTable[];
  private readonly builder: StageBuilder;
  /** Whether the builder's rows come from groups or from the first rows of an order: all of them may meet in one task. */
  private isOfGroups = false;

  constructor({ binder, catalog, sides }: StagePlanner, builder: StageBuilder) {
    this.binder = binder;
    this.catalog = catalog;
    this.sides = sides;
    this.builder = builder;
  }

  private treatmentOf(rows: TreeNode): RowTreatment {
    return treatmentOfRows(rows, this.catalog, this.sides);
  }

  private readonly isAggregate = (node: TreeNode): boolean =>
    node['class'] === 'FUNCTION' && functionKind(this.catalog, textAt(node, 'function_name')) === 'aggregate';

  /**
   * Makes the builder's relation the query's answer, with columns `c0`, `c1`...
   * @returns whether the query asks for an order of its rows that they don't have, because another query reads them
   */
  async plan(query: TreeNode, source: Source, isInner: boolean): Promise<boolean> {
    if (readsOfInput(query) > 1) throw new NotStaged('reads input more than once');
    if (query['setop_type'] === 'UNION') return this.planUnion(query, source);
    if (query['setop_type'] === 'UNION_BY_NAME')
      throw new NotStaged('combines by their names what it makes of several rows (UNION ALL BY NAME)', 'UNION ALL');
    if (query['type'] !== 'SELECT_NODE') throw new NotStaged(`combines queries (${textAt(query, 'setop_type').replaceAll('_', ' ')})`);
    const inner = findInnerQuery(query, (inner) => this.treatmentOf(inner));
    if (inner === null) return this.planSelect(query, source, { overInput: true, isInner });
    if (inner.query['type'] === 'RECURSIVE_CTE_NODE') throw new NotStaged('is recursive (WITH RECURSIVE)');
    // its answer takes the place of the input
    const output = await this.outputOf(inner.query, source);
    // rows that are taken one by one stay in their order
    const keepsOrder = nodeAt(inner.outer, 'from_table')?.['type'] === 'BASE_TABLE' && this.treatmentOf(inner.outer).rowwise;
    const isOrderLost = await this.plan(inner.query, source, isInner || !keepsOrder);
    if (isOrderLost && !keepsOrder) refuseUnorderedLists(inner.outer);
    const aliases = output.map(({ name }, index) => `c${index} AS "${name.replaceAll('"', '""')}"`).join(', ');
    await this.builder.select((relation) => `SELECT ${aliases} FROM ${relation}`);
    const isOwnLost = await this.planSelect(inner.outer, { columns: output, virtual: [] }, { overInput: false, isInner });
    return isOwnLost || (isOrderLost && keepsOrder);
  }

  /** UNION ALL of branches that each read the input. */
  private async planUnion(query: TreeNode, source: Source): Promise<boolean> {
    const output = await this.outputOf(query, source);
    const branches: Branch[] = [];
    const plannings: Planning[] = [];
    for (const branch of [nodeAt(query, 'left'), nodeAt(query, 'right')]) {
      const own = branch === null ? null : withEntries(branch, entriesOf(query));
      if (own === null || readsOfInput(own) === 0) throw new NotStaged('adds rows that are not of input (UNION ALL)');
      const builder = new StageBuilder(this.binder, [...source.columns, ...source.virtual]);
      const planning = new Planning(this, builder);
      await planning.plan(own, source, true);
      branches.push(builder.branch());
      plannings.push(planning);
    }
    this.isOfGroups = plannings.every(({ isOfGroups }) => isOfGroups);
    this.builder.become(
      unionStages(
        branches,
        output.map(({ type }) => type),
      ),
    );
    return false;
  }

  private async outputOf(query: TreeNode, source: Source): Promise<readonly Column[]> {
    const text = await this.binder.print(query);
    return this.binder.describe(text, { name: 'input', columns: [...source.columns, ...source.virtual] });
  }

  private async planSelect(select: TreeNode, source: Source, { overInput, isInner }: Place): Promise<boolean> {
    if (select['sample'] !== null) throw new NotStaged('takes a sample (SAMPLE)');
    const from = this.fromOf(select, overInput);
    const all = resolveSelect(select, {
      ...(await this.scopeOf(select, source)),
      isAggregate: this.isAggregate,
    });
    // rows that another query takes have no order, unless it decides which they are
    const isOrderLost = isInner && all.sort.length > 0 && all.limit === null && all.offset === 0 && typeof all.distinct === 'string';
    const resolved = isOrderLost ? { ...all, sort: [] } : all;
    const keys = resolved.sort.map(({ expression }) => expression);
    const targets = typeof resolved.distinct === 'string' ? [] : resolved.distinct;
    const parts = [...resolved.items, ...keys, ...targets, ...[resolved.having, resolved.qualify].filter((node) => node !== null)];
    // HAVING by itself makes one group of all rows
    const isAggregated = resolved.sets !== null || resolved.having !== null || parts.some((part) => has(part, this.isAggregate));
    const before = { ...from, where: resolved.where };
    if (isAggregated) await this.planAggregated(resolved, before);
    else await this.planEnd(resolved, await this.planWindows(resolved, before));
    return isOrderLost;
  }

  private fromOf(select: TreeNode, overInput: boolean): Omit<From, 'where'> {
    const table = nodeAt(select, 'from_table');
    if (table === null) throw new NotStaged('does not read input');
    if (readsOfInput(select) > 1) throw new NotStaged('reads input more than once');
    const ctes = nodeAt(select, 'cte_map');
    const rows = selectTree({ items: [star()], from: table, ctes });
    if (readsOfInput(rows) === 0 && readsOfInput(select) > 0)
      throw new NotStaged('reads input in a subquery, not in FROM', 'FROM input JOIN ...');
    const treatment = this.treatmentOf(rows);
    if (treatment.reason !== null) throw new NotStaged(treatment.reason);
    return { table, ctes, isInputRowByRow: overInput && !treatment.changesRowCount };
  }

  /** What names of columns stand for in a SELECT. */
  private async scopeOf(select: TreeNode, { columns }: Source): Promise<Omit<SelectScope, 'isAggregate'>> {
    const from = nodeAt(select, 'from_table') ?? tableRef('input');
    const ctes = nodeAt(select, 'cte_map');
    if (from['type'] === 'BASE_TABLE' && sameName(textAt(from, 'table_name'), 'input') && listAt(from, 'column_name_alias').length === 0) {
      const name = textAt(from, 'alias') || 'input';
      return { from: columns, tables: [{ name, columns: columns.map((column) => column.name), merged: new Set() }] };
    }
    const describe = async (some: TreeNode): Promise<readonly Column[]> =>
      this.binder.describe(await this.binder.print(some), { name: 'input', columns });
    return { from: await describe(selectTree({ items: [star()], from, ctes })), tables: await tablesOfFrom(from, ctes, describe) };
  }

  /**
   * A SELECT straight over FROM.
   * @returns whether each of its rows is still one of the input
   */
  private async selectFrom(items: readonly TreeNode[], { table, ctes, where, isInputRowByRow }: From): Promise<boolean> {
    const some = items.length === 0 ? [named(one, 'x')] : items;
    const select = selectTree({ items: some, from: table, where, ctes });
    const treatment = this.treatmentOf(select);
    if (treatment.reason !== null) throw new NotStaged(treatment.reason);
    await this.builder.select((relation) => this.binder.print(withInputNamed(select, relation)));
    return isInputRowByRow && !treatment.changesRowCount;
  }

  private async planAggregated(resolved: ResolvedSelect, from: From): Promise<void> {
    const grouped = new GroupedExpressions(resolved, this.isAggregate, withoutInput({ cte_map: from.ctes }, []));
    const rewrite = (node: TreeNode): TreeNode => grouped.rewrite(node);
    const rewriteOrNull = (node: TreeNode | null): TreeNode | null => (node === null ? null : rewrite(node));
    const after: ResolvedSelect = {
      ...resolved,
      items: resolved.items.map(rewrite),
      where: rewriteOrNull(resolved.having),
      having: null,
      qualify: rewriteOrNull(resolved.qualify),
      distinct: typeof resolved.distinct === 'string' ? resolved.distinct : resolved.distinct.map(rewrite),
      sort: resolved.sort.map((key) => ({ ...key, expression: rewrite(key.expression) })),
    };
    for (const item of grouped.aggregates.items) {
      const reason = reasonOfSideRows(item, this.sides);
      if (reason !== null) throw new NotStaged(reason);
    }
    const areOfInput = await this.selectFrom(grouped.rows.items, from);
    await aggregateLevel(this.builder, this.binder, grouped, { areOfInput, areAll: areOfInput && isWholeInput(from) });
    this.isOfGroups = true;
    const behind: From = { table: tableRef('input'), ctes: null, where: after.where, isInputRowByRow: false };
    return this.planEnd(after, await this.planWindows(after, behind));
  }

  /**
   * Makes the relation that of the SELECT list (`c0`...), of keys that are no item of it (`o0`...) and of what DISTINCT ON names (`d0`...).
   * @returns whether each of its rows is still one of the input
   */
  private async planWindows(resolved: ResolvedSelect, from: From): Promise<boolean> {
    const items = itemsOf(resolved);
    const { qualify } = resolved;
    if (qualify === null && !items.some(hasWindow)) return this.selectFrom(items, from);
    const windowed = new WindowedExpressions();
    const rewritten = items.map((item) => named(windowed.rewrite(item), textAt(item, 'alias')));
    const rest = { items: rewritten, qualify: qualify === null ? null : windowed.rewrite(qualify) };
    const isInputRowByRow = await this.selectFrom(windowed.rows.items, from);
    await windowLevel(this.builder, this.binder, windowed, rest, isInputRowByRow, this.isOfGroups);
    return false;
  }

  /** DISTINCT, ORDER BY, LIMIT. */
  private async planEnd(resolved: ResolvedSelect, isInputRowByRow: boolean): Promise<void> {
    const columns = resolved.items.map((_, index) => `c${index}`);
    const keys = resolved.sort.map(({ order, item }, index): SortColumn => ({ order, column: item === null ? `o${index}` : `c${item}` }));
    if (resolved.distinct === 'all') {
      if (keys.some(({ column }) => !columns.includes(column)))
        throw new NotStaged('sorts by what DISTINCT leaves out', 'ORDER BY with columns of the SELECT list');
      await distinctLevel(this.builder, columns, isInputRowByRow);
    } else if (resolved.distinct !== 'no') {
      const targets = resolved.distinct.map((_, index) => `d${index}`);
      const all = [...columns, ...hiddenKeys(resolved)];
      await distinctOnLevel(this.builder, this.binder, all, targets, keys, isInputRowByRow);
    }
    this.isOfGroups ||= resolved.distinct !== 'no' || resolved.limit !== null;
    if (resolved.limit !== null || resolved.offset > 0 || keys.length > 0) {
      if (keys.length === 0)
        throw new NotStaged('takes any rows (LIMIT or OFFSET without ORDER BY)', 'an ORDER BY that says which rows are the first');
      const { limit, offset } = resolved;
      await sortLevel(this.builder, this.binder, columns, keys, { limit, offset }, isInputRowByRow && resolved.distinct === 'no');
    }
  }
}

/** Whether a SELECT takes all rows of the table `input` by that name, which no WITH entry has. */
function isWholeInput({ table, ctes, where }: From): boolean {
  const isInput = table['type'] === 'BASE_TABLE' && sameName(textAt(table, 'table_name'), 'input') && table['sample'] === null;
  return isInput && where === null && ctesOf({ cte_map: ctes }).every(({ name }) => !sameName(name, 'input'));
}

const one: TreeNode = {
  class: 'CONSTANT',
  type: 'VALUE_CONSTANT',
  alias: '',
  value: { type: { id: 'INTEGER', type_info: null }, is_null: false, value: '\u0000n1' },
};
