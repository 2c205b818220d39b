/**
 * Where `keys` keeps what it carries from one call to the next: offsets from its `state` parameter, i32 but for `hash`. A line begins with all of them 0
 * but `child`, which is the root, and `top`, which is the stack's address.
 */
export const keyState = {
  /** 0: outside of strings, 1: in a string that is a value, 2: behind a backslash in it. */
  mode: 0,
  /** The node of the object or list around the next byte. */
  node: 4,
  inObject: 8,
  /** A string that begins now is a key. */
  keyNext: 12,
  /** The node of the value that comes next. */
  child: 16,
  /** How many brackets are open of a value of which nothing is asked. */
  passedOver: 20,
  top: 24,
  /** Why a call stopped: see `keyEvent`. */
  event: 28,
  /** Address of the byte behind the last one that was taken. */
  at: 32,
  /** The key's bytes are `[keyStart, keyEnd)`. */
  keyStart: 36,
  keyEnd: 40,
  root: 44,
  stack: 48,
  /** Set when a line's value begins with an n: it is null, or no JSON. */
  nullLine: 52,
  /** i64 */
  hash: 56,
} as const;

/**
 * `unknown`: a key that the table doesn't have; `escaped`: a key with a backslash, which is for the caller to look up: both are for the caller to settle,
 * who sets `child`. `cut`: the bytes end in a key, which is to be given again from `at` on.
 */
export const keyEvent = { none: 0, unknown: 1, escaped: 2, cut: 3 } as const;

/** Classes of bytes outside of strings. */
export const byteClass = { other: 0, quote: 1, comma: 2, open: 3, close: 4, newline: 5, n: 6, fraction: 7 } as const;

/**
 * A key's hash begins with its node, so that one table serves all nodes: each 16 bytes (the last ones filled up with zeros) are xored in as two halves, each
 * followed by a multiplication; then the length. The factors are odd numbers of which about half of the bits are set.
 */
export const hashFactors = { node: 0x9e3779b97f4a7c15n, low: 0xbf58476d1ce4e5b9n, high: 0x94d049bb133111ebn } as const;
export const hashShift = 29n;

/** What a node is. Of `any`, nothing is asked: text, JSON, numbers. `whole`: a whole number, of which is asked whether it is written as one. */
export const nodeKind = { any: 0, struct: 1, map: 2, list: 3, whole: 4 } as const;
/** Bytes of a node: its kind; the node of the elements of a list or the values of a map; of a whole number, whether it was ever written otherwise. */
export const nodeBytes = 8;
/** Bytes of an entry: i64 hash (0: free), i32 node of the value, i32 how often the key was found. */
export const entryBytes = 16;
