import { FanlakeError } from '../errors.ts';
import type { Column } from '../layout.ts';
import { virtualColumns } from '../query.ts';
import { childrenOf, isNode, listAt, nodeAt, sameName, type Tree, type TreeNode, textAt, walk } from './statement-tree.ts';

/** The names that a query mentions anywhere as a column (or the table or struct of one), in lower case. */
function mentioned(query: TreeNode): ReadonlySet<string> {
  const names = new Set<string>();
  for (const node of walk(query)) {
    for (const key of ['column_names', 'using_columns']) {
      for (const name of listAt(node, key)) if (typeof name === 'string') names.add(name.toLowerCase());
    }
  }
  return names;
}

/** The virtual columns that a query names, as far as the input has no columns of these names. */
export function virtualColumnsIn(query: TreeNode, input: readonly Column[]): readonly string[] {
  const names = mentioned(query);
  return virtualColumns.filter((name) => names.has(name) && !input.some((column) => sameName(column.name, name)));
}

function hasClass(query: TreeNode, kind: string): boolean {
  for (const node of walk(query)) if (node['class'] === kind) return true;
  return false;
}

/** The names that `input` goes by in FROM clauses. */
function aliasesOfInput(query: TreeNode): ReadonlySet<string> {
  const names = new Set<string>();
  for (const node of walk(query)) {
    if (node['type'] !== 'BASE_TABLE' || !sameName(textAt(node, 'table_name'), 'input')) continue;
    names.add((textAt(node, 'alias') || 'input').toLowerCase());
  }
  return names;
}

/** Whether columns are read that nothing names: those that two tables have in common, those that PIVOT groups by. */
function readsUnnamed(query: TreeNode): boolean {
  for (const node of walk(query)) if (node['ref_type'] === 'NATURAL' || node['type'] === 'PIVOT') return true;
  return false;
}

function renamesColumns(query: TreeNode): boolean {
  for (const node of walk(query)) if (node['type'] === 'BASE_TABLE' && listAt(node, 'column_name_alias').length > 0) return true;
  return false;
}

/** The input columns (virtual ones too) that a query may read: never too few. */
export function columnsRead(query: TreeNode, input: readonly Column[]): readonly string[] {
  const names = mentioned(query);
  const whole =
    hasClass(query, 'STAR') ||
    hasClass(query, 'POSITIONAL_REFERENCE') ||
    renamesColumns(query) ||
    readsUnnamed(query) ||
    [...aliasesOfInput(query)].some((alias) => wholeRow(query, alias));
  const excluded = whole ? excludedByOnlyStar(query) : new Set<string>();
  const real = input
    .map((column) => column.name)
    .filter((name) => names.has(name.toLowerCase()) || (whole && !excluded.has(name.toLowerCase())));
  return [...real, ...virtualColumnsIn(query, input)];
}

/** Whether a query names the table itself as a value, which is the row as a struct. */
function wholeRow(query: TreeNode, alias: string): boolean {
  for (const node of walk(query)) {
    const [first, ...rest] = listAt(node, 'column_names');
    if (rest.length === 0 && typeof first === 'string' && sameName(first, alias)) return true;
  }
  return false;
}

/** What the query's one `*` leaves out; nothing when there are several or other ways to name all columns. */
function excludedByOnlyStar(query: TreeNode): ReadonlySet<string> {
  const stars = [...walk(query)].filter((node) => node['class'] === 'STAR');
  const [star] = stars;
  if (star === undefined || stars.length > 1 || hasClass(query, 'POSITIONAL_REFERENCE') || renamesColumns(query) || readsUnnamed(query))
    return new Set();
  return new Set(listAt(star, 'exclude_list').flatMap((name) => (typeof name === 'string' ? [name.toLowerCase()] : [])));
}

/** The tables directly below a FROM clause, through its joins. */
function tablesOf(ref: TreeNode | null): readonly TreeNode[] {
  if (ref === null) return [];
  if (ref['type'] !== 'JOIN') return [ref];
  return [...tablesOf(nodeAt(ref, 'left')), ...tablesOf(nodeAt(ref, 'right'))];
}

function inputIn(select: TreeNode): TreeNode | null {
  const found = tablesOf(nodeAt(select, 'from_table')).find(
    (ref) => ref['type'] === 'BASE_TABLE' && sameName(textAt(ref, 'table_name'), 'input'),
  );
  return found ?? null;
}

function* starsOf(node: TreeNode): Generator<TreeNode> {
  if (node['class'] === 'STAR') yield node;
  if (node['class'] === 'SUBQUERY') return;
  for (const child of childrenOf(node)) yield* starsOf(child);
}

/**
 * Leaves virtual columns out of every `*` that stands for the columns of `input`, so that only their names bring them. Changes the tree.
 * @returns whether it changed anything
 * @throws FanlakeError `query.unsupported` for a pattern of columns, which can't leave out any
 */
export function hideFromStars(query: TreeNode, virtual: readonly string[]): boolean {
  let changed = false;
  for (const select of walk(query)) {
    const table = select['type'] === 'SELECT_NODE' ? inputIn(select) : null;
    if (table === null) continue;
    const alias = textAt(table, 'alias') || 'input';
    for (const star of listAt(select, 'select_list').flatMap((item) => (isNode(item) ? [...starsOf(item)] : []))) {
      const relation = textAt(star, 'relation_name');
      if (relation !== '' && !sameName(relation, alias)) continue;
      if (star['expr'] !== null) {
        throw new FanlakeError(
          'query.unsupported',
          `the query can't be used: COLUMNS(...) together with ${virtual.join(' and ')}. Name the columns instead.`,
        );
      }
      const excluded: Tree[] = [...listAt(star, 'exclude_list')];
      const missing = virtual.filter((name) => !excluded.some((other) => typeof other === 'string' && sameName(other, name)));
      star['exclude_list'] = [...excluded, ...missing];
      changed = changed || missing.length > 0;
    }
  }
  return changed;
}

type Passed = readonly { readonly output: string; readonly input: string | null }[];

/** @param table the name that the query gives to `input`; before a dot another name is a struct's */
function passedBy(item: TreeNode, input: readonly Column[], table: string): Passed | null {
  const alias = textAt(item, 'alias');
  if (item['class'] === 'COLUMN_REF') {
    const parts = listAt(item, 'column_names').map(String);
    const last = parts.at(-1) ?? '';
    const column =
      parts.length === 1 || (parts.length === 2 && sameName(parts[0] ?? '', table))
        ? input.find(({ name }) => sameName(name, last))
        : undefined;
    return [{ output: alias || last, input: column?.name ?? null }];
  }
  if (item['class'] !== 'STAR') return [{ output: alias, input: null }];
  if (
    item['columns'] === true ||
    item['expr'] !== null ||
    listAt(item, 'qualified_exclude_list').length > 0 ||
    listAt(item, 'rename_list').length > 0
  )
    return null;
  const replaced = listAt(item, 'replace_list').flatMap((entry) => (isNode(entry) ? [textAt(entry, 'key').toLowerCase()] : []));
  const excluded = listAt(item, 'exclude_list').map((name) => String(name).toLowerCase());
  return input
    .filter(({ name }) => !excluded.includes(name.toLowerCase()))
    .map(({ name }) => ({ output: name, input: replaced.includes(name.toLowerCase()) ? null : name }));
}

/**
 * Which output columns are input columns unchanged: output name to input name. Empty for anything but a plain SELECT from `input` itself.
 * @param output the bound names, against which the answer is checked
 */
export function passedThrough(query: TreeNode, input: readonly Column[], output: readonly Column[]): Readonly<Record<string, string>> {
  const from = nodeAt(query, 'from_table');
  if (query['type'] !== 'SELECT_NODE' || from?.['type'] !== 'BASE_TABLE' || !sameName(textAt(from, 'table_name'), 'input')) return {};
  if (listAt(from, 'column_name_alias').length > 0) return {};
  const table = textAt(from, 'alias') || 'input';
  const items = listAt(query, 'select_list').map((item) => (isNode(item) ? passedBy(item, input, table) : null));
  if (items.includes(null)) return {};
  const passed = items.flatMap((item) => item ?? []);
  if (passed.length !== output.length) return {};
  return Object.fromEntries(output.flatMap(({ name }, index) => (passed[index]?.input == null ? [] : [[name, passed[index].input]])));
}
