import type { SideTable } from '../side-table.ts';
import { type FunctionCatalog, functionKind, notEmpty } from './functions.ts';
import { outerAggregate, reasonOfSideRows } from './side-reads.ts';
import { childrenOf, ctesOf, isNode, listAt, nodeAt, sameName, type Tree, type TreeNode, textAt } from './statement-tree.ts';
import { reasonOfVolatile } from './unsound.ts';

/** Whether a query treats each row of `input` by itself, and if not, what doesn't. */
export interface RowTreatment {
  readonly rowwise: boolean;
  /** In plain words, to stand after "the query"; null when row by row. */
  readonly reason: string | null;
  /** Whether a row that passes the filters may give more or fewer than one row. */
  readonly changesRowCount: boolean;
  /** Whether a row may be left out (WHERE). */
  readonly filters: boolean;
}

/** What each name stands for at a place of the query: how often `input` is read by it, and the query behind it. */
type Scope = ReadonlyMap<string, { readonly reads: number; readonly query: TreeNode; readonly scope: Scope }>;

interface Walk {
  readonly catalog: FunctionCatalog;
  readonly sides: readonly SideTable[];
  /** Set when a row may become several. */
  multiplies: boolean;
  /** Set when a row may be left out. */
  filters: boolean;
}

/**
 * Decides whether a query may be run over any cut of the input and the answers put together. Anything that isn't known to treat rows one by
 * one counts as not doing so.
 * @param sides tables of which every task has all rows
 */
export function treatmentOfRows(query: TreeNode, catalog: FunctionCatalog, sides: readonly SideTable[] = []): RowTreatment {
  const walk: Walk = { catalog, sides, multiplies: false, filters: false };
  const reads = readsOfInput(query);
  const reason =
    reads === 0
      ? 'does not read input'
      : reads > 1
        ? 'reads input more than once'
        : (reasonOfQuery(query, new Map(), walk) ?? reasonOfSideRows(query, sides));
  return { rowwise: reason === null, reason, changesRowCount: walk.multiplies, filters: walk.filters };
}

/** How often a query reads `input`, WITH entries counted at each use. */
export const readsOfInput = (query: TreeNode): number => countReads(query, new Map());

function scopeInside(node: TreeNode, outer: Scope): Scope {
  const entries = ctesOf(node);
  if (entries.length === 0) return outer;
  const scope = new Map(outer);
  for (const { name, query } of entries) {
    const before = new Map(scope);
    // A recursive entry sees itself, which reads nothing of the input anew.
    if (query['type'] === 'RECURSIVE_CTE_NODE') before.set(name, { reads: 0, query, scope: new Map() });
    scope.set(name, { reads: countReads(query, before), query, scope: before });
  }
  return scope;
}

/** How often a tree reads `input`, WITH entries counted at each use. */
function countReads(node: TreeNode, outer: Scope): number {
  if (node['type'] === 'BASE_TABLE') {
    const name = textAt(node, 'table_name').toLowerCase();
    return outer.get(name)?.reads ?? (name === 'input' ? 1 : 0);
  }
  const scope = scopeInside(node, outer);
  // each of its rows is one branch's: what one task gives for its rows is what it gives for them among all
  if (isUnionAll(node)) return branchesOf(node).reduce((most, branch) => Math.max(most, countReads(branch, scope)), 0);
  const map = nodeAt(node, 'cte_map');
  return childrenOf(node).reduce((sum, child) => sum + (child === map ? 0 : countReads(child, scope)), 0);
}

function isUnionAll(node: TreeNode): boolean {
  return node['type'] === 'SET_OPERATION_NODE' && node['setop_all'] === true && textAt(node, 'setop_type').startsWith('UNION');
}

const branchesOf = (node: TreeNode): readonly TreeNode[] =>
  [nodeAt(node, 'left'), nodeAt(node, 'right')].filter((branch): branch is TreeNode => branch !== null);

/** Judges UNION ALL: by its branches, and by what is done to all of their rows. */
function reasonOfUnion(node: TreeNode, outer: Scope, walk: Walk): string | null {
  for (const modifier of listAt(node, 'modifiers')) return reasonOfModifier(modifier);
  walk.multiplies = true;
  const scope = scopeInside(node, outer);
  const entry = reasonOfEntries(node, scope);
  if (entry !== null) return entry;
  for (const branch of branchesOf(node)) {
    if (countReads(branch, scope) === 0) return 'adds rows that are not of input (UNION ALL)';
    const reason = reasonOfQuery(branch, scope, walk);
    if (reason !== null) return `${reason} in a branch of UNION ALL`;
  }
  return null;
}

function reasonOfModifier(modifier: Tree): string {
  return (isNode(modifier) ? modifierReasons[textAt(modifier, 'type')] : undefined) ?? 'changes the set of its rows';
}

const modifierReasons: Readonly<Record<string, string>> = {
  ORDER_MODIFIER: 'sorts (ORDER BY)',
  LIMIT_MODIFIER: 'limits its rows (LIMIT or OFFSET)',
  LIMIT_PERCENT_MODIFIER: 'limits its rows (LIMIT)',
  DISTINCT_MODIFIER: 'removes duplicates (DISTINCT)',
};

function reasonOfQuery(query: TreeNode, outer: Scope, walk: Walk): string | null {
  if (isUnionAll(query)) return reasonOfUnion(query, outer, walk);
  if (query['type'] === 'SET_OPERATION_NODE') return `combines queries (${textAt(query, 'setop_type').replaceAll('_', ' ')})`;
  if (query['type'] === 'RECURSIVE_CTE_NODE') return 'is recursive (WITH RECURSIVE)';
  if (query['type'] !== 'SELECT_NODE') return `has a part that is not known to treat rows one by one (${textAt(query, 'type')})`;
  const clause = reasonOfClauses(query);
  if (clause !== null) return clause;
  if (query['where_clause'] !== null) walk.filters = true;
  const scope = scopeInside(query, outer);
  const entry = reasonOfEntries(query, scope);
  if (entry !== null) return entry;
  const from = nodeAt(query, 'from_table');
  const map = nodeAt(query, 'cte_map');
  for (const child of childrenOf(query)) {
    const reason = child === map || child === from ? null : reasonOfExpression(child, scope, walk);
    if (reason !== null) return reason;
  }
  return from === null ? 'does not read input' : reasonOfSource(from, scope, walk);
}

/** Judges the WITH entries that don't read the input: each task answers them for itself. */
function reasonOfEntries(query: TreeNode, scope: Scope): string | null {
  const beside = ctesOf(query).filter(({ name }) => scope.get(name)?.reads === 0);
  return beside.map((entry) => reasonOfVolatile(entry.query)).find((reason) => reason !== null) ?? null;
}

/** Judges the clauses that only stand where rows are looked at together. */
function reasonOfClauses(select: TreeNode): string | null {
  for (const modifier of listAt(select, 'modifiers')) return reasonOfModifier(modifier);
  if (notEmpty(select['group_expressions']) || notEmpty(select['group_sets'])) return 'groups rows (GROUP BY)';
  if (select['aggregate_handling'] !== 'STANDARD_HANDLING') return 'groups rows (GROUP BY ALL)';
  if (select['having'] !== null) return 'filters groups (HAVING)';
  if (select['qualify'] !== null) return 'looks at several rows at once (QUALIFY)';
  return select['sample'] === null ? null : 'takes a sample (SAMPLE)';
}

function reasonOfExpression(node: TreeNode, scope: Scope, walk: Walk): string | null {
  if (node['class'] === 'SUBQUERY') return reasonOfSubquery(node, scope, walk);
  if (node['class'] === 'WINDOW') return `looks at several rows at once (the window function ${textAt(node, 'function_name')})`;
  if (node['class'] === 'FUNCTION') {
    const name = textAt(node, 'function_name');
    const kind = functionKind(walk.catalog, name);
    if (kind === 'aggregate') return `aggregates rows (${name === 'count_star' ? 'count(*)' : name})`;
    if (kind === 'unnest') walk.multiplies = true;
    else if (kind !== 'scalar') return `calls a function that is not known to treat rows one by one (${name})`;
  }
  for (const child of childrenOf(node)) {
    const reason = reasonOfExpression(child, scope, walk);
    if (reason !== null) return reason;
  }
  return null;
}

/** A subquery that doesn't read the input depends on its own row only, whatever it does inside, ... */
function reasonOfSubquery(node: TreeNode, scope: Scope, walk: Walk): string | null {
  if (countReads(node, scope) > 0) return 'reads input in a subquery';
  // ... but an aggregate in it over a column of the outer query belongs to that one: `(SELECT sum(i.x))` sums over all rows
  const aggregate = outerAggregate(node, walk.catalog, walk.sides);
  if (aggregate !== null) return `aggregates in a subquery (${aggregate})`;
  const volatile = reasonOfVolatile(node);
  if (volatile !== null) return volatile;
  const argument = nodeAt(node, 'child');
  return argument === null ? null : reasonOfExpression(argument, scope, walk);
}

/** What to write for PIVOT, which must know all values before it has columns. */
export const rowsToColumns = "turns rows into columns (PIVOT); write an aggregate for each of them, such as sum(v) FILTER (k = 'a') AS a";
const columnsToRows = "turns columns into rows (UNPIVOT); write unnest(['a', 'b']) AS name, unnest([a, b]) AS value";

/** Judges what stands in FROM; `input` is read once in there. */
function reasonOfSource(ref: TreeNode, scope: Scope, walk: Walk): string | null {
  if (ref['sample'] !== null && ref['sample'] !== undefined) return 'takes a sample (SAMPLE)';
  if (ref['type'] === 'BASE_TABLE') {
    const name = textAt(ref, 'table_name');
    const cte = scope.get(name.toLowerCase());
    if (cte !== undefined) return reasonOfQuery(cte.query, cte.scope, walk);
    return sameName(name, 'input') ? null : 'does not read input';
  }
  if (ref['type'] === 'SUBQUERY') {
    const wrapped = nodeAt(ref, 'subquery');
    const query = wrapped === null ? null : nodeAt(wrapped, 'node');
    return query === null ? 'has a part that is not known to treat rows one by one' : reasonOfQuery(query, scope, walk);
  }
  if (ref['type'] === 'JOIN') return reasonOfJoin(ref, scope, walk);
  if (ref['type'] === 'PIVOT') return listAt(ref, 'unpivot_names').length > 0 ? columnsToRows : rowsToColumns;
  return `has a part that is not known to treat rows one by one (${textAt(ref, 'type')})`;
}

/** What a join with `input` on its left does to its rows, where each of them looks at a right side that doesn't depend on other rows. */
const joinsOfInput: Readonly<Record<string, 'multiplies' | 'filters' | 'keeps'>> = {
  'REGULAR INNER': 'multiplies',
  'REGULAR LEFT': 'multiplies',
  'CROSS INNER': 'multiplies',
  'REGULAR SEMI': 'filters',
  'REGULAR ANTI': 'filters',
  'ASOF INNER': 'filters',
  'ASOF LEFT': 'keeps',
};

/** The others, by name, with what to write. */
const refusedJoins: Readonly<Record<string, string>> = {
  RIGHT: "keeps the other table's rows without a match (RIGHT JOIN), which no task knows; write FROM input LEFT JOIN ...",
  FULL: "keeps the other table's rows without a match (FULL JOIN), which no task knows; write FROM input LEFT JOIN ...",
  POSITIONAL: 'joins by the place of rows (POSITIONAL JOIN), which no task knows; write a join by a column',
  NATURAL: 'joins by all names that both tables have (NATURAL JOIN); write the columns: JOIN ... USING (...)',
};

function reasonOfJoin(join: TreeNode, scope: Scope, walk: Walk): string | null {
  const [left, right] = [nodeAt(join, 'left'), nodeAt(join, 'right')];
  const [how, type] = [textAt(join, 'ref_type'), textAt(join, 'join_type')];
  const kind = `${how} ${type}`;
  const refused = refusedJoins[type] ?? refusedJoins[how];
  if (refused !== undefined) return refused;
  const treatment = joinsOfInput[kind];
  if (left === null || right === null || treatment === undefined)
    return `joins input in a way that is not known to treat rows one by one (${kind})`;
  if (treatment === 'multiplies') walk.multiplies = true;
  if (treatment === 'filters') walk.filters = true;
  const isLeft = countReads(left, scope) > 0;
  const volatile = reasonOfVolatile({ ...join, [isLeft ? 'left' : 'right']: null });
  if (volatile !== null) return volatile;
  if (isLeft) return reasonOfSource(left, scope, walk);
  // each pair of rows has one of input, whichever side that is on
  if (kind === 'REGULAR INNER' || kind === 'CROSS INNER') return insideJoin(reasonOfSource(right, scope, walk));
  const name = how === 'ASOF' ? 'ASOF JOIN' : `${type} JOIN`;
  return `has input on the right of ${name}, where each task sees some of its rows only; write FROM input ${name} ...`;
}

/** A query that looks at several rows at once is answered before the one around it only where it stands first in FROM. */
function insideJoin(reason: string | null): string | null {
  if (reason === null || reason.includes('; write ')) return reason;
  return `${reason} on the right of a join; write it on the left: FROM (SELECT ... FROM input ...) JOIN ...`;
}
