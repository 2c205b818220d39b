import { FanlakeError } from '../errors.ts';
import { didYouMean } from '../nearest.ts';
import type { SideTable } from '../side-table.ts';
import { type FunctionCatalog, functionKind } from './functions.ts';
import { childrenOf, ctesOf, nodeAt, sameName, type TreeNode, textAt } from './statement-tree.ts';

const tableFunctions = new Set(['unnest', 'range', 'generate_series']);

const forbiddenFunctions: Readonly<Record<string, string>> = {
  getenv: 'it reads the environment',
  getvariable: 'it depends on the session',
  current_setting: "it reads the engine's settings",
  current_query: 'it depends on the session',
  current_query_id: 'it depends on the session',
  current_connection_id: 'it depends on the session',
  current_transaction_id: 'it depends on the session',
  txid_current: 'it depends on the session',
  current_database: 'it depends on the session',
  current_schema: 'it depends on the session',
  current_schemas: 'it depends on the session',
  in_search_path: 'it depends on the session',
  stats: 'it depends on how the engine holds the data',
  sleep_ms: 'it only takes time',
  pg_sleep: 'it only takes time',
  write_log: 'it writes',
  nextval: 'it changes a sequence, and tasks do not share one',
  currval: 'it reads a sequence, and tasks do not share one',
  setseed: 'it changes the state of random()',
  json_execute_serialized_sql: 'it runs SQL that is not checked',
  query: 'it runs SQL that is not checked',
  query_table: 'it reads a table by a computed name',
};

const knownRefs = new Set([
  'SELECT_NODE',
  'SET_OPERATION_NODE',
  'RECURSIVE_CTE_NODE',
  'SUBQUERY',
  'JOIN',
  'EXPRESSION_LIST',
  'PIVOT',
  'EMPTY',
  'ORDER_MODIFIER',
  'LIMIT_MODIFIER',
  'LIMIT_PERCENT_MODIFIER',
  'DISTINCT_MODIFIER',
  'ORDER_DEFAULT',
  'ASCENDING',
  'DESCENDING',
]);

const knownClasses = new Set([
  'CONSTANT',
  'COLUMN_REF',
  'FUNCTION',
  'COMPARISON',
  'CONJUNCTION',
  'OPERATOR',
  'BETWEEN',
  'CASE',
  'CAST',
  'COLLATE',
  'SUBQUERY',
  'LAMBDA',
  'LAMBDA_REF',
  'POSITIONAL_REFERENCE',
  'STAR',
  'WINDOW',
  'DEFAULT',
]);

function forbid(what: string, why: string): never {
  throw new FanlakeError(
    'query.forbidden',
    `the query can't be used: ${what}: ${why}. A query reads the table 'input', the side inputs of its job, and nothing else.`,
    {
      what,
    },
  );
}

/** What the whole query is checked against. */
interface Rules {
  readonly catalog: FunctionCatalog;
  readonly sides: readonly SideTable[];
}

function checkTable(node: TreeNode, scope: ReadonlySet<string>, sides: readonly SideTable[]): void {
  const name = textAt(node, 'table_name');
  const schema = textAt(node, 'schema_name');
  const qualified = [textAt(node, 'catalog_name'), schema, name].filter((part) => part !== '').join('.');
  if (schema !== '' || textAt(node, 'catalog_name') !== '') forbid(`it reads '${qualified}'`, 'tables have no schema here');
  const names = ['input', ...sides.map((side) => side.name)];
  if (names.some((known) => sameName(known, name)) || scope.has(name.toLowerCase())) return;
  if (/[./\\*]/.test(name)) forbid(`it reads the file '${name}'`, 'files are read through the job, so that each row is accounted for');
  const others = sides.length === 0 ? '' : `; there are ${names.join(', ')}`;
  forbid(
    `it reads '${name}'`,
    `there is no such table here${didYouMean(name, [...names.slice(sides.length === 0 ? 1 : 0), ...scope])}${others}`,
  );
}

function checkTableFunction(node: TreeNode): void {
  const call = nodeAt(node, 'function');
  const name = call === null ? '' : textAt(call, 'function_name').toLowerCase();
  if (!tableFunctions.has(name))
    forbid(`it calls the table function '${name}'`, `only ${[...tableFunctions].join(', ')} may stand in FROM`);
}

function checkFunction(node: TreeNode, catalog: FunctionCatalog): void {
  const name = textAt(node, 'function_name').toLowerCase();
  const why = forbiddenFunctions[name];
  if (why !== undefined) forbid(`it calls '${name}'`, why);
  if (functionKind(catalog, name) === 'query') forbid(`it calls '${name}'`, "it reads the engine's catalog");
}

function checkNode(node: TreeNode, scope: ReadonlySet<string>, { catalog, sides }: Rules): void {
  const kind = node['class'];
  const type = node['type'];
  if (typeof kind === 'string') {
    if (kind === 'PARAMETER') forbid('it has a parameter', 'a job has no values for parameters; write the value');
    if (!knownClasses.has(kind)) throw unsupported(kind);
    if (kind === 'FUNCTION') checkFunction(node, catalog);
    return;
  }
  if (typeof type !== 'string') return;
  if (type === 'BASE_TABLE') checkTable(node, scope, sides);
  else if (type === 'TABLE_FUNCTION') checkTableFunction(node);
  else if (type === 'SHOW_REF') forbid('it is DESCRIBE, SHOW or SUMMARIZE', 'a job needs a SELECT');
  else if (!knownRefs.has(type)) throw unsupported(type);
}

function unsupported(what: string): FanlakeError {
  return new FanlakeError(
    'query.unsupported',
    `the query can't be used: it has syntax that is not known to be safe (${what}). Write it another way.`,
  );
}

/**
 * Makes sure that a query reads only the table `input`, its job's side tables and its own WITH entries, and calls nothing that reads, writes or depends on the session.
 * What isn't known is refused.
 * @throws FanlakeError `query.forbidden`, `query.unsupported`
 */
export function checkSafe(query: TreeNode, catalog: FunctionCatalog, sides: readonly SideTable[] = []): void {
  checkBelow(query, new Set(), { catalog, sides });
}

function checkBelow(node: TreeNode, outer: ReadonlySet<string>, rules: Rules): void {
  const scope = new Set(outer);
  if (node['type'] === 'RECURSIVE_CTE_NODE') scope.add(textAt(node, 'cte_name').toLowerCase());
  checkNode(node, scope, rules);
  const ctes = ctesOf(node);
  for (const cte of ctes) {
    if (cte.name === 'input') forbid("it names a WITH entry 'input'", 'that is the name of the input table');
    if (rules.sides.some(({ name }) => sameName(name, cte.name)))
      forbid(`it names a WITH entry '${cte.name}'`, 'that is the name of a side input');
    checkBelow(cte.query, scope, rules);
    scope.add(cte.name);
  }
  const map = nodeAt(node, 'cte_map');
  for (const child of childrenOf(node)) if (child !== map || ctes.length === 0) checkBelow(child, scope, rules);
}
