/** A key of JSON objects that no column holds, and how many values of it were passed over. */
export interface IgnoredKey {
  /** Its path: `a`, `s.a` in a struct, `l[].a` in a list's structs, `m{}.a` in a map's; a key that isn't a plain name is in double quotes, as in JSON. */
  readonly key: string;
  readonly values: number;
}

/** Values of JSON that were not read, because the plan's columns don't have their keys. */
export interface Ignored {
  /** All of them. */
  readonly values: number;
  /** The keys that have most of them, at most `mostIgnoredKeys`, in the order of their names. */
  readonly keys: readonly IgnoredKey[];
}

/** Keys that are named. */
export const mostIgnoredKeys = 100;

export const nothingIgnored: Ignored = { values: 0, keys: [] };

/** The sum, with the keys that have most values. */
export function addIgnored(all: Iterable<Ignored>): Ignored {
  const counts = new Map<string, number>();
  let total = 0;
  for (const { values, keys } of all) {
    total += values;
    for (const { key, values: more } of keys) counts.set(key, (counts.get(key) ?? 0) + more);
  }
  const byName = (a: IgnoredKey, b: IgnoredKey): number => (a.key < b.key ? -1 : 1);
  const keys = [...counts].map(([key, values]) => ({ key, values })).sort((a, b) => b.values - a.values || byName(a, b));
  return { values: total, keys: keys.slice(0, mostIgnoredKeys).sort(byName) };
}
