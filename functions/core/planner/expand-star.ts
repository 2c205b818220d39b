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
  const isPlain = star['columns'] !== true && star['expr'] === null && listAt(star, 'qualified_exclude_list').length === 0;
  if (!isPlain) throw new NotStaged('uses COLUMNS(...)', 'the columns by their names');
  if (tables === null) throw new NotStaged('selects * from tables without names of their own', 'the columns by their names');
  const relation = textAt(star, 'relation_name');
  const excluded = new Set(listAt(star, 'exclude_list').map((name) => String(name).toLowerCase()));
  const replaced = replacements(star);
  const renamed = newNames(star);
  return (relation === '' ? columnsOfAll(tables) : columnsOf(relation, tables))
    .filter(([, column]) => !excluded.has(column.toLowerCase()))
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
