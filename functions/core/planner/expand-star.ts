import type { FromTable } from './from-tables.ts';
import { NotStaged } from './not-staged.ts';
import { isNode, listAt, nodeAt, sameName, type TreeNode, textAt } from './statement-tree.ts';

/** A column of a table. */
type Starred = readonly [table: string, column: string];

/** Columns that `*` stands for: of what USING has made one only the leftmost. */
function columnsOfAll(tables: readonly FromTable[]): readonly Starred[] {
  return tables.flatMap(({ name, columns, merged }) =>
    columns.filter((column) => !merged.has(column.toLowerCase())).map((column): Starred => [name, column]),
  );
}

function columnsOf(relation: string, tables: readonly FromTable[]): readonly Starred[] {
  const table = tables.find(({ name }) => sameName(name, relation));
  if (table === undefined) throw new NotStaged(`selects ${relation}.*`, 'the columns by their names');
  return table.columns.map((column): Starred => [table.name, column]);
}

/**
 * The items of a SELECT that `*` or `t.*` stands for, with EXCLUDE, REPLACE and RENAME done.
 * @param tables null where they are not known
 * @throws NotStaged
 */
export function expandStar(star: TreeNode, tables: readonly FromTable[] | null): readonly TreeNode[] {
  if (star['columns'] === true || star['expr'] !== null) throw new NotStaged('uses COLUMNS(...)', 'the columns by their names');
  if (tables === null) throw new NotStaged('selects * from tables without names of their own', 'the columns by their names');
  const relation = textAt(star, 'relation_name');
  const excluded = new Set(listAt(star, 'exclude_list').map((name) => String(name).toLowerCase()));
  const excludedOfTables = columnsLeftOut(star, tables);
  const replaced = replacements(star);
  const renamed = newNames(star);
  return (relation === '' ? columnsOfAll(tables) : columnsOf(relation, tables))
    .filter(([table, column]) => !excluded.has(column.toLowerCase()) && !excludedOfTables.has(keyOf(table, column)))
    .map(([table, column]) => {
      const key = column.toLowerCase();
      const value = replaced.get(key) ?? {
        class: 'COLUMN_REF',
        type: 'COLUMN_REF',
        column_names: table === '' ? [column] : [table, column],
      };
      return { ...value, alias: renamed.get(key) ?? column };
    });
}

const keyOf = (table: string, column: string): string => JSON.stringify([table.toLowerCase(), column.toLowerCase()]);

/**
 * What EXCLUDE names with its table.
 * @throws NotStaged where that table's column stands for one of another table too, which `*` then gives in its place
 */
function columnsLeftOut(star: TreeNode, tables: readonly FromTable[]): ReadonlySet<string> {
  const keys = listAt(star, 'qualified_exclude_list').flatMap((entry) => {
    if (!isNode(entry)) return [];
    const [table, column] = [textAt(entry, 'table'), textAt(entry, 'column')];
    const isShared = tables.some(({ name, merged }) => !sameName(name, table) && merged.has(column.toLowerCase()));
    const isLeftmost = tables.some(({ name, merged }) => sameName(name, table) && !merged.has(column.toLowerCase()));
    if (isShared && isLeftmost)
      throw new NotStaged(`leaves ${table}.${column} out of *, which USING has made one with another`, 'the columns by their names');
    return [keyOf(table, column)];
  });
  return new Set(keys);
}

function replacements(star: TreeNode): ReadonlyMap<string, TreeNode> {
  const entries = listAt(star, 'replace_list').flatMap((entry) => {
    const value = isNode(entry) ? nodeAt(entry, 'value') : null;
    return isNode(entry) && value !== null ? [[textAt(entry, 'key').toLowerCase(), value] as const] : [];
  });
  return new Map(entries);
}

/** @throws NotStaged where the old name is one of a certain table */
function newNames(star: TreeNode): ReadonlyMap<string, string> {
  const entries = listAt(star, 'rename_list').flatMap((entry) => {
    const from = isNode(entry) ? nodeAt(entry, 'key') : null;
    if (!isNode(entry) || from === null) return [];
    if (textAt(from, 'table') !== '') throw new NotStaged('uses * with RENAME of a table', 'the columns by their names');
    return [[textAt(from, 'column').toLowerCase(), textAt(entry, 'value')] as const];
  });
  return new Map(entries);
}
