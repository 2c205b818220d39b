import { named, withFieldNames } from './expression.ts';
import type { ResolvedSelect } from './resolve-select.ts';
import type { TreeNode } from './statement-tree.ts';

/** Names of the columns that only ORDER BY needs. */
export function hiddenKeys({ sort }: ResolvedSelect): readonly string[] {
  return sort.flatMap(({ item }, index) => (item === null ? [`o${index}`] : []));
}

/** A SELECT's items with their names in its relation: those of the list (`c0`...), keys that are none of them (`o0`...), targets of DISTINCT ON (`d0`...). */
export function itemsOf({ items, sort, distinct }: ResolvedSelect): readonly TreeNode[] {
  return [
    ...items.map((item, index) => named(item, `c${index}`)),
    ...sort.flatMap(({ expression, item }, index) => (item === null ? [named(withFieldNames(expression), `o${index}`)] : [])),
    ...(typeof distinct === 'string' ? [] : distinct.map((target, index) => named(withFieldNames(target), `d${index}`))),
  ];
}
