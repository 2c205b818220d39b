import type { ListOptions, ObjectStore } from '../../functions/core/ports.ts';

/** Keys as S3 sorts them: by their bytes in UTF-8. The oracle of listings; the stores have their own way. */
export function inKeyOrder(keys: readonly string[]): string[] {
  return [...keys].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
}

export interface Listing {
  readonly keys: readonly string[];
  readonly prefixes: readonly string[];
  readonly pageSizes: readonly number[];
}

/** More pages than any listing of these tests has: one that never ends is an error and not a test that hangs. */
const maxPages = 3000;

/** All pages of a listing, one after the other, and that `listKeys` says the same. */
export async function listAll(store: ObjectStore, options: ListOptions): Promise<Listing> {
  const keys: string[] = [];
  const prefixes: string[] = [];
  const pageSizes: number[] = [];
  let next: string | undefined;
  do {
    const page = await store.list({ ...options, ...(next === undefined ? {} : { next }) });
    keys.push(...page.objects.map((object) => object.key));
    prefixes.push(...page.prefixes);
    pageSizes.push(page.objects.length + page.prefixes.length);
    next = page.next;
    if (pageSizes.length > maxPages) throw new Error(`a listing doesn't end: ${JSON.stringify(options)}`);
  } while (next !== undefined);
  return { keys, prefixes, pageSizes };
}

/** The same with `listKeys`. */
export async function listAllKeys(store: ObjectStore, options: ListOptions): Promise<Omit<Listing, 'pageSizes'>> {
  const keys: string[] = [];
  const prefixes: string[] = [];
  let next: string | undefined;
  do {
    const page = await store.listKeys({ ...options, ...(next === undefined ? {} : { next }) });
    keys.push(...page.keys);
    prefixes.push(...page.prefixes);
    next = page.next;
  } while (next !== undefined);
  return { keys, prefixes };
}

/** What a listing must give for these keys, by the definition of S3's ListObjectsV2. */
export function expectedListing(keys: readonly string[], { prefix, startAfter, delimiter }: ListOptions): Omit<Listing, 'pageSizes'> {
  const bytesAfter = (key: string) => startAfter === undefined || Buffer.compare(Buffer.from(key), Buffer.from(startAfter)) > 0;
  const matching = inKeyOrder(keys.filter((key) => key.startsWith(prefix) && bytesAfter(key)));
  if (delimiter === undefined) return { keys: matching, prefixes: [] };
  const folded = (key: string) => key.indexOf(delimiter, prefix.length);
  return {
    keys: matching.filter((key) => folded(key) < 0),
    prefixes: [...new Set(matching.filter((key) => folded(key) >= 0).map((key) => key.slice(0, folded(key) + 1)))],
  };
}

/** A thousand keys that a naive order gets wrong: folders beside names that sort before and after a slash, characters beyond the basic plane. */
export function nastyKeys(): string[] {
  const stems = [
    'a',
    'a b',
    'a!',
    'a-',
    'a.b',
    'a0',
    'a=FR',
    'a%2F',
    'A',
    'ä',
    'a\u0301',
    '\u{1F600}',
    '\uFFFD',
    '\uE000',
    '~',
    "'",
    '"',
    '#',
    '日本',
    '{x}',
    'a+b',
  ];
  const keys = new Set<string>();
  for (const stem of stems) {
    for (const child of stems) {
      keys.add(`${stem}/${child}`);
      keys.add(`${stem}.d/${child}/${stem}`);
      keys.add(`${stem} ${child}`);
    }
  }
  // on a disk a name can't be a file and a folder
  const folders = new Set([...keys].flatMap((key) => key.split('/').map((_, index, parts) => parts.slice(0, index + 1).join('/'))));
  for (const key of keys) folders.delete(key);
  return [...keys].filter((key) => !folders.has(key) && ![...keys].some((other) => other.startsWith(`${key}/`))).slice(0, 1000);
}
