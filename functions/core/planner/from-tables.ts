import type { Column } from '../layout.ts';
import { selectTree, star } from './select-tree.ts';
import { listAt, nodeAt, sameName, type TreeNode, textAt } from './statement-tree.ts';

/** A table of a FROM clause. */
export interface FromTable {
  /** The name that it goes by there; '' for a subquery without one, which is then the only table. */
  readonly name: string;
  readonly columns: readonly string[];
  /** Columns of it that JOIN ... USING has made one with those of a table further left, in lower case. */
  readonly merged: ReadonlySet<string>;
}

interface Leaf {
  readonly ref: TreeNode;
  readonly merged: ReadonlySet<string>;
}

/** The tables of a FROM clause from left to right, without those that only filter (SEMI and ANTI JOIN). */
function leavesOf(ref: TreeNode, merged: ReadonlySet<string>): readonly Leaf[] {
  const [left, right] = ref['type'] === 'JOIN' ? [nodeAt(ref, 'left'), nodeAt(ref, 'right')] : [null, null];
  if (left === null || right === null) return [{ ref, merged }];
  const own = leavesOf(left, merged);
  if (['SEMI', 'ANTI'].includes(textAt(ref, 'join_type'))) return own;
  const using = listAt(ref, 'using_columns').map((name) => String(name).toLowerCase());
  return [...own, ...leavesOf(right, new Set([...merged, ...using]))];
}

function nameOf(ref: TreeNode): string {
  const call = nodeAt(ref, 'function');
  return textAt(ref, 'alias') || textAt(ref, 'table_name') || (call === null ? '' : textAt(call, 'function_name'));
}

/**
 * The tables of a FROM clause with their columns.
 * @param describe names and types of what a SELECT gives
 * @returns null where one can't be named, or two have one name
 */
export async function tablesOfFrom(
  from: TreeNode,
  ctes: TreeNode | null,
  describe: (select: TreeNode) => Promise<readonly Column[]>,
): Promise<readonly FromTable[] | null> {
  const leaves = leavesOf(from, new Set());
  const names = leaves.map(({ ref }) => nameOf(ref).toLowerCase());
  if ((names.includes('') && names.length > 1) || new Set(names).size < names.length) return null;
  const tables: FromTable[] = [];
  for (const { ref, merged } of leaves) {
    const columns = await describe(selectTree({ items: [star(nameOf(ref))], from, ctes }));
    tables.push({ name: nameOf(ref), columns: columns.map(({ name }) => name), merged });
  }
  return tables;
}

/** Whether a table's column is the one that its bare name stands for: no other table has it, or USING has made the others one with it. */
export function isMeantByName(tables: readonly FromTable[], table: FromTable, column: string): boolean {
  const others = tables.filter((other) => other !== table && other.columns.some((name) => sameName(name, column)));
  const key = column.toLowerCase();
  return !table.merged.has(key) && others.every(({ merged }) => merged.has(key));
}
