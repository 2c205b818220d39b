import { type RowTreatment, readsOfInput } from './rowwise.ts';
import { tableRef } from './select-tree.ts';
import { ctesOf, isNode, listAt, nodeAt, type Tree, type TreeNode, textAt } from './statement-tree.ts';

/** A query whose FROM clause has another one in it that looks at several rows at once. */
export interface InnerQuery {
  /** By itself, with the WITH entries that it can name. */
  readonly query: TreeNode;
  /** The query around it, which reads its answer as `input`. */
  readonly outer: TreeNode;
}

/** The query, in FROM or behind a name of WITH, that must be answered before the one around it begins; null where FROM gives rows of the input one by one. */
export function findInnerQuery(select: TreeNode, treatmentOf: (query: TreeNode) => RowTreatment): InnerQuery | null {
  const from = nodeAt(select, 'from_table');
  const leaf = from === null ? null : leftmost(from);
  if (from === null || leaf === null) return null;
  const found = leaf['type'] === 'SUBQUERY' ? subqueryIn(select, leaf) : entryNamed(select, leaf);
  if (found === null || readsOfInput(found.query) !== 1 || treatmentOf(found.query).rowwise) return null;
  const table = tableRef('input', textAt(leaf, 'alias') || found.name);
  // those of FROM take the places of the first ones of WITH
  const own = listAt(leaf, 'column_name_alias');
  const renamed = { ...table, column_name_alias: [...own, ...found.aliases.slice(own.length)] };
  return { query: found.query, outer: { ...select, from_table: replaceLeftmost(from, renamed), cte_map: found.rest } };
}

interface Found {
  readonly query: TreeNode;
  readonly name: string;
  /** Names that WITH gives to its columns. */
  readonly aliases: readonly Tree[];
  /** The WITH entries that are left for the query around it. */
  readonly rest: TreeNode;
}

function subqueryIn(select: TreeNode, leaf: TreeNode): Found | null {
  const wrapped = nodeAt(leaf, 'subquery');
  const query = wrapped === null ? null : nodeAt(wrapped, 'node');
  if (query === null) return null;
  return { query: withEntries(query, entriesOf(select)), name: 'input', aliases: [], rest: { map: withoutInput(select, []) } };
}

/** An entry of WITH; those before it are its own, those that don't read the input may be the outer one's too. */
function entryNamed(select: TreeNode, leaf: TreeNode): Found | null {
  const name = textAt(leaf, 'table_name').toLowerCase();
  const index = ctesOf(select).findIndex((entry) => entry.name === name);
  const entry = ctesOf(select)[index];
  if (entry === undefined) return null;
  const { query, aliases } = entry;
  return { query: withEntries(query, entriesOf(select).slice(0, index)), name, aliases, rest: { map: withoutInput(select, [name]) } };
}

export function entriesOf(query: TreeNode): TreeNode[] {
  const map = nodeAt(query, 'cte_map');
  return map === null ? [] : listAt(map, 'map').flatMap((entry) => (isNode(entry) ? [entry] : []));
}

/** The entries that can stay: those without the input, which are read but once. */
export function withoutInput(select: TreeNode, without: readonly string[]): TreeNode[] {
  const reads = ctesOf(select).map(({ query }, index) => readsOfInput(withEntries(query, entriesOf(select).slice(0, index))));
  return entriesOf(select).filter((entry, index) => !without.includes(textAt(entry, 'key').toLowerCase()) && reads[index] === 0);
}

/** A query that may name other entries besides its own. */
export const withEntries = (query: TreeNode, entries: readonly TreeNode[]): TreeNode => ({
  ...query,
  cte_map: { map: [...entries, ...entriesOf(query)] },
});

/** The leftmost table of a FROM clause, through its joins: the one that gives the rows. */
function leftmost(from: TreeNode): TreeNode | null {
  if (from['type'] !== 'JOIN') return from;
  const left = nodeAt(from, 'left');
  return left === null ? null : leftmost(left);
}

function replaceLeftmost(from: TreeNode, table: TreeNode): TreeNode {
  const left = from['type'] === 'JOIN' ? nodeAt(from, 'left') : null;
  return left === null ? table : { ...from, left: replaceLeftmost(left, table) };
}
