import { type Tree, type TreeNode, textAt, walk } from './statement-tree.ts';

/** What the engine's catalog says of a function's name (lower case). Built from `duckdb_functions()`, see engine/function-catalog.ts. */
export interface FunctionCatalog {
  readonly scalars: ReadonlySet<string>;
  readonly aggregates: ReadonlySet<string>;
  /** Macros; those of one name differ in their parameters. */
  readonly macros: ReadonlyMap<string, readonly Macro[]>;
}

export interface Macro {
  readonly parameters: readonly string[];
  /** A SELECT of the expression that it stands for. */
  readonly body: TreeNode;
}

/** How a function treats rows: one by one, several into one, one into several, by a query of its own, or not known. */
export type FunctionKind = 'scalar' | 'aggregate' | 'unnest' | 'query' | 'unknown';

/** Names that the parser gives to syntax (`CASE`-like ones have their own class). */
const unnestNames = new Set(['unnest', 'unlist']);

/** Whether an expression is UNNEST, which makes several rows of one. */
export const isUnnest = (node: TreeNode): boolean =>
  node['class'] === 'FUNCTION' && unnestNames.has(textAt(node, 'function_name').toLowerCase());

/** The kind of a function; a macro's is that of what its body does (`geomean(x)` is `exp(avg(ln(x)))`: an aggregate). */
export function functionKind(catalog: FunctionCatalog, name: string, depth = 0): FunctionKind {
  const wanted = name.toLowerCase();
  if (unnestNames.has(wanted)) return 'unnest';
  if (catalog.aggregates.has(wanted)) return 'aggregate';
  const macros = catalog.macros.get(wanted);
  // A macro may call a scalar function of its own name (`current_database`).
  if (macros !== undefined && depth < 8 && !(depth > 0 && catalog.scalars.has(wanted))) return macroKind(catalog, macros, depth);
  return catalog.scalars.has(wanted) ? 'scalar' : 'unknown';
}

function macroKind(catalog: FunctionCatalog, macros: readonly Macro[], depth: number): FunctionKind {
  const kinds = new Set<FunctionKind>();
  for (const { body } of macros) {
    for (const node of walk(body)) {
      if (node['class'] === 'SUBQUERY') kinds.add('query');
      if (node['class'] === 'WINDOW') kinds.add('aggregate');
      if (node['class'] === 'FUNCTION') kinds.add(functionKind(catalog, textAt(node, 'function_name'), depth + 1));
    }
  }
  for (const kind of ['query', 'unknown', 'aggregate', 'unnest'] as const) if (kinds.has(kind)) return kind;
  return 'scalar';
}

/** Whether a value of the tree is a non-empty list. */
export function notEmpty(tree: Tree | undefined): boolean {
  return Array.isArray(tree) && tree.length > 0;
}
