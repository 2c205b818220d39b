/** A DuckDB parse tree (`json_serialize_sql`) as data. Numbers are kept as their source text, marked: see `parseTree`. */
export type Tree = null | boolean | string | Tree[] | TreeNode;

export interface TreeNode {
  [key: string]: Tree;
}

// JSON.parse rounds numbers beyond 2^53 (`query_location` is 2^64 - 1) and drops the point of 10.0: either makes the tree unreadable for DuckDB.
const markInJson = '"\\u0000n';
const token = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;

/**
 * The tree of a JSON text, every digit of its numbers kept.
 * @returns null when the text can't be kept exactly (a constant such as 1e400, which DuckDB prints as `Infinity`)
 */
export function parseTree(json: string): Tree | null {
  if (json.includes(markInJson)) return null;
  const marked = json.replace(token, (text) => (text.startsWith('"') ? text : `${markInJson}${text}"`));
  try {
    return JSON.parse(marked) as Tree;
  } catch {
    return null;
  }
}

/** The JSON text of a tree, as `json_deserialize_sql` takes it. */
export function printTree(tree: Tree): string {
  return JSON.stringify(tree).replace(/"\\u0000n([^"]*)"/g, '$1');
}

export function isNode(tree: Tree | undefined): tree is TreeNode {
  return typeof tree === 'object' && tree !== null && !Array.isArray(tree);
}

/** The node at a key, or null. */
export function nodeAt(node: TreeNode, key: string): TreeNode | null {
  const found = node[key];
  return isNode(found) ? found : null;
}

/** The list at a key; empty when there is none. */
export function listAt(node: TreeNode, key: string): readonly Tree[] {
  const found = node[key];
  return Array.isArray(found) ? found : [];
}

/** The text at a key; '' when there is none. */
export function textAt(node: TreeNode, key: string): string {
  const found = node[key];
  return typeof found === 'string' ? found : '';
}

/** What a node holds, without the insides of constants and types, in which no query or expression stands. */
export function childrenOf(node: TreeNode): readonly TreeNode[] {
  if (node['class'] === 'CONSTANT') return [];
  const found: TreeNode[] = [];
  const take = (tree: Tree): void => {
    if (Array.isArray(tree)) tree.forEach(take);
    else if (isNode(tree)) found.push(tree);
  };
  for (const [key, value] of Object.entries(node)) if (key !== 'cast_type') take(value);
  return found;
}

/** The node and everything below it. */
export function* walk(node: TreeNode): Generator<TreeNode> {
  yield node;
  for (const child of childrenOf(node)) yield* walk(child);
}

/** An entry of WITH: its name in lower case, its query, and the names that it gives to the query's columns. */
export interface WithEntry {
  readonly name: string;
  readonly query: TreeNode;
  readonly aliases: readonly Tree[];
}

/** A query's `WITH` entries in order. */
export function ctesOf(query: TreeNode): readonly WithEntry[] {
  const map = nodeAt(query, 'cte_map');
  if (map === null) return [];
  return listAt(map, 'map').flatMap((entry) => {
    const inner = isNode(entry) ? nodeAt(entry, 'value') : null;
    const wrapped = inner === null ? null : nodeAt(inner, 'query');
    const found = wrapped === null ? null : nodeAt(wrapped, 'node');
    if (!isNode(entry) || inner === null || found === null) return [];
    return [{ name: textAt(entry, 'key').toLowerCase(), query: found, aliases: listAt(inner, 'aliases') }];
  });
}

/** The queries of a serialized text, one for each statement. */
export function statementsOf(tree: Tree): readonly TreeNode[] {
  if (!isNode(tree)) return [];
  return listAt(tree, 'statements').flatMap((statement) => {
    const node = isNode(statement) ? nodeAt(statement, 'node') : null;
    return node === null ? [] : [node];
  });
}

/** Names compare without case, as in DuckDB. */
export function sameName(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase();
}
