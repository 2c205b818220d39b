import type { SideTable } from '../side-table.ts';
import { has, nameParts } from './expression.ts';
import { type FunctionCatalog, functionKind } from './functions.ts';
import { childrenOf, isNode, listAt, nodeAt, sameName, type TreeNode, textAt, walk } from './statement-tree.ts';

/** A table of a FROM clause: the name that it goes by there, and its columns as far as they are known, in lower case. */
interface KnownTable {
  readonly name: string;
  readonly columns: ReadonlySet<string>;
}

/**
 * The first aggregate in a subquery that may belong to the query around it: one that reads columns, and surely none of its own FROM clause. DuckDB gives
 * `(SELECT sum(i.x) FROM side)` to the outer query, where it sums over all rows; `(SELECT sum(side.y) FROM side)` is the subquery's own.
 */
export function outerAggregate(
  node: TreeNode,
  catalog: FunctionCatalog,
  sides: readonly SideTable[],
  tables: readonly KnownTable[] = [],
): string | null {
  if (node['class'] === 'FUNCTION' && functionKind(catalog, textAt(node, 'function_name')) === 'aggregate') {
    const read = [...walk(node)].map(nameParts).filter((parts) => parts.length > 0);
    // the parameters of a lambda look like columns
    const isOwn = !has(node, (inner) => inner['class'] === 'LAMBDA') && read.some((parts) => isOfTables(parts, tables));
    if (read.length > 0 && !isOwn) return textAt(node, 'function_name');
  }
  const inside = node['type'] === 'SELECT_NODE' ? tablesIn(nodeAt(node, 'from_table'), sides) : tables;
  for (const child of childrenOf(node)) {
    const found = outerAggregate(child, catalog, sides, inside);
    if (found !== null) return found;
  }
  return null;
}

function isOfTables(parts: readonly string[], tables: readonly KnownTable[]): boolean {
  const [first = '', second] = parts.map((part) => part.toLowerCase());
  return tables.some(({ name, columns }) => (second === undefined ? columns.has(first) : name === first && columns.has(second)));
}

function tablesIn(ref: TreeNode | null, sides: readonly SideTable[]): readonly KnownTable[] {
  if (ref === null) return [];
  if (ref['type'] === 'JOIN') return [...tablesIn(nodeAt(ref, 'left'), sides), ...tablesIn(nodeAt(ref, 'right'), sides)];
  const renamed = listAt(ref, 'column_name_alias').map(String);
  const own = ref['type'] === 'SUBQUERY' ? columnsOfSubquery(ref) : columnsOfSide(ref, sides);
  const columns = new Set([...renamed, ...(renamed.length > 0 ? [] : own)].map((name) => name.toLowerCase()));
  return [{ name: (textAt(ref, 'alias') || textAt(ref, 'table_name')).toLowerCase(), columns }];
}

const columnsOfSide = (ref: TreeNode, sides: readonly SideTable[]): readonly string[] =>
  sides.filter(({ name }) => isSide(ref, name)).flatMap(({ columns }) => columns.map(({ name }) => name));

const isSide = (ref: TreeNode, name: string): boolean => ref['type'] === 'BASE_TABLE' && sameName(textAt(ref, 'table_name'), name);

function columnsOfSubquery(ref: TreeNode): readonly string[] {
  const wrapped = nodeAt(ref, 'subquery');
  const query = wrapped === null ? null : nodeAt(wrapped, 'node');
  if (query === null) return [];
  return listAt(query, 'select_list').flatMap((item) => (isNode(item) ? [textAt(item, 'alias') || (nameParts(item).at(-1) ?? '')] : []));
}

/** Whether a tree names a side table. */
export function readsSide(node: TreeNode, sides: readonly SideTable[]): boolean {
  for (const inner of walk(node)) if (sides.some(({ name }) => isSide(inner, name))) return true;
  return false;
}

/**
 * What makes the rows that tasks take of a side table differ from task to task, in plain words to stand after "the query"; null where all take the same.
 * @param query one that treats the rows of `input` one by one
 */
export function reasonOfSideRows(query: TreeNode, sides: readonly SideTable[]): string | null {
  if (sides.length === 0) return null;
  for (const node of walk(query)) {
    const sampled = node['sample'] !== null && node['sample'] !== undefined;
    const modifiers = listAt(node, 'modifiers').flatMap((modifier) => (isNode(modifier) ? [textAt(modifier, 'type')] : []));
    const cut = modifiers.some((type) => type.startsWith('LIMIT')) && !modifiers.includes('ORDER_MODIFIER');
    if (!(sampled || cut) || !readsSide(node, sides)) continue;
    return sampled
      ? 'takes a sample of a side table (SAMPLE)'
      : 'takes any rows of a side table (LIMIT or OFFSET without ORDER BY); write an ORDER BY that says which';
  }
  return null;
}
