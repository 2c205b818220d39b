import path from 'node:path';
import type { ListOptions } from '../core/ports.ts';
import { KeyWalk, toByteOrder, type WalkEntry } from './key-walk.ts';
import { storeError } from './local-errors.ts';

const maxPageEntries = 1000;
/** Listings whose next page may be asked for: each keeps the names of the folders it is in. */
const maxOpenWalks = 4;

export interface WalkPage {
  readonly entries: readonly WalkEntry[];
  readonly next?: string;
}

/**
 * Listings of a folder in pages. A page's token names the place where the next one begins, so that any process can go on from it; the one that gave
 * it out goes on with the names it has read: what was there when the listing began is listed, what came later may be missing from later pages.
 */
export class LocalListing {
  readonly #root: string;
  readonly #walks = new Map<string, KeyWalk>();

  constructor(root: string) {
    this.#root = root;
  }

  /** @throws FanlakeError `usage` for a prefix that isn't the beginning of a plain path, `input.denied`, `store.name`, `store.failed` */
  async page({ prefix, delimiter, startAfter, limit, next }: ListOptions): Promise<WalkPage> {
    const listing = JSON.stringify([prefix, delimiter]);
    const known = next === undefined ? undefined : this.#walks.get(listing + next);
    this.#walks.delete(listing + next);
    // no key holds a NUL: with one behind it, it names the next string of bytes
    const minimum = next === undefined ? (startAfter === undefined ? '' : `${toByteOrder(startAfter)}\0`) : fromToken(next);
    const walk = known ?? new KeyWalk({ root: this.#root, prefix, minimum, foldFolders: delimiter !== undefined });
    try {
      const { entries, more } = await walk.take(Math.min(Math.max(limit ?? maxPageEntries, 1), maxPageEntries));
      const last = entries.at(-1);
      if (!more || last === undefined) return { entries };
      const token = toToken(firstAfter(last));
      this.#keep(listing + token, walk);
      return { entries, next: token };
    } catch (thrown) {
      throw storeError(thrown, 'read', `list "${prefix}"`, path.resolve(this.#root, prefix));
    }
  }

  #keep(token: string, walk: KeyWalk): void {
    this.#walks.set(token, walk);
    const oldest = this.#walks.keys().next();
    if (this.#walks.size > maxOpenWalks && !oldest.done) this.#walks.delete(oldest.value);
  }
}

/** The least string of bytes behind an entry and, if it is a folder, behind all that begins with it ('0' follows '/'). */
function firstAfter(entry: WalkEntry): string {
  return 'key' in entry ? `${toByteOrder(entry.key)}\0` : `${toByteOrder(entry.prefix.slice(0, -1))}0`;
}

function toToken(minimum: string): string {
  return Buffer.from(minimum, 'latin1').toString('base64url');
}

function fromToken(token: string): string {
  return Buffer.from(token, 'base64url').toString('latin1');
}
