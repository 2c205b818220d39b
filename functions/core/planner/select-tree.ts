import type { TreeNode } from './statement-tree.ts';

/** A table in FROM. */
export const tableRef = (name: string, alias = ''): TreeNode => ({
  type: 'BASE_TABLE',
  alias,
  sample: null,
  schema_name: '',
  table_name: name,
  column_name_alias: [],
  catalog_name: '',
  at_clause: null,
});

/** `*`, or `t.*` of one table. */
export const star = (table = ''): TreeNode => ({
  class: 'STAR',
  type: 'STAR',
  alias: '',
  relation_name: table,
  exclude_list: [],
  replace_list: [],
  columns: false,
  expr: null,
  qualified_exclude_list: [],
  rename_list: [],
});

/** The parts of a SELECT that the planner writes. */
export interface SelectParts {
  readonly items: readonly TreeNode[];
  readonly from: TreeNode;
  readonly where?: TreeNode | null;
  readonly qualify?: TreeNode | null;
  /** The WITH clause (`cte_map`). Default: none. */
  readonly ctes?: TreeNode | null;
  /** Expressions of GROUP BY, by which all rows are grouped. Default: no grouping. */
  readonly groups?: readonly TreeNode[];
  /** Sets of groups by their numbers. Default: one of all. */
  readonly sets?: readonly (readonly number[])[];
}

/** A SELECT as DuckDB's parser gives it. */
export function selectTree({ items, from, where = null, qualify = null, ctes = null, groups = [], sets }: SelectParts): TreeNode {
  const all = groups.length === 0 ? [] : [groups.map((_, index) => index)];
  return {
    type: 'SELECT_NODE',
    modifiers: [],
    cte_map: ctes ?? { map: [] },
    select_list: [...items],
    from_table: from,
    where_clause: where,
    group_expressions: [...groups],
    group_sets: (sets ?? all).map((set) => set.map((index) => `\u0000n${index}`)),
    aggregate_handling: 'STANDARD_HANDLING',
    having: null,
    sample: null,
    qualify,
  };
}

/** A query node as the tree of a whole statement. */
export const statementTree = (query: TreeNode): TreeNode => ({ error: false, statements: [{ node: query, named_param_map: [] }] });
