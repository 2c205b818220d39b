import type { Column } from '../layout.ts';
import { named } from './expression.ts';
import { selectTree } from './select-tree.ts';
import type { SqlBinder } from './sql-binder.ts';
import type { TreeNode } from './statement-tree.ts';

const noTable: TreeNode = { type: 'EMPTY', alias: '', sample: null };

/** The text of an expression by itself. */
export async function printExpression(binder: SqlBinder, expression: TreeNode): Promise<string> {
  const text = await binder.print(selectTree({ items: [named(expression, '')], from: noTable }));
  return text.replace(/^SELECT /, '');
}

/** The type of an expression without columns, as DESCRIBE prints it. */
export async function typeOfConstant(binder: SqlBinder, sql: string): Promise<string> {
  const [column] = await binder.describe(`SELECT ${sql}`, { name: '_nothing', columns: [{ name: 'x', type: 'BOOLEAN' }] });
  return column?.type ?? '';
}

/** A relation's columns by their names. */
export const typesOf = (columns: readonly Column[]): ReadonlyMap<string, string> => new Map(columns.map(({ name, type }) => [name, type]));
