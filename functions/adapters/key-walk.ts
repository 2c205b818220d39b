import { isUtf8 } from 'node:buffer';
import fs from 'node:fs';
import path from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { FanlakeError } from '../core/errors.ts';
import { isErrno } from './local-errors.ts';
import { folderOfPrefix, isReservedName } from './local-paths.ts';

/*
 * Keys are compared as strings of bytes (one character a byte, "latin1"): JavaScript's order of such strings is the order of the bytes, which
 * for UTF-8 is not the order of JavaScript's own strings beyond the basic plane. A folder `a` sorts as `a/`, which gives the order of whole keys:
 * `a!` < `a.b` < `a/b` < `a0`.
 */
export function toByteOrder(key: string): string {
  return Buffer.from(key, 'utf8').toString('latin1');
}

/** What a listing names: a file, or a folder that isn't opened. */
export type WalkEntry = { readonly key: string; readonly path: string } | { readonly prefix: string };

interface Level {
  /** '' or the folder's key with its slash, in byte order. */
  readonly key: string;
  readonly path: string;
  /** Device and inode, to notice links that lead back. */
  readonly identity: string;
  /** Files' names, and folders' with a slash, in byte order. */
  readonly names: readonly string[];
  position: number;
}

export interface WalkOptions {
  readonly root: string;
  readonly prefix: string;
  /** Passes over keys below this one (in byte order). */
  readonly minimum: string;
  readonly foldFolders: boolean;
}

/** Entries between turns of the event loop while a huge folder is read. */
const namesPerTurn = 8192;

/** A walk over the files of a tree in key order, which reads a folder when it gets there and passes over those that can't hold a key it looks for. */
export class KeyWalk {
  readonly #options: WalkOptions;
  readonly #prefix: string;
  readonly #levels: Level[] = [];
  #peeked: WalkEntry | undefined;
  #begun = false;

  constructor(options: WalkOptions) {
    this.#options = options;
    this.#prefix = toByteOrder(options.prefix);
  }

  /** Up to `limit` entries, and whether there are more. */
  async take(limit: number): Promise<{ readonly entries: readonly WalkEntry[]; readonly more: boolean }> {
    if (!this.#begun) {
      this.#begun = true;
      const base = folderOfPrefix(this.#options.root, this.#options.prefix);
      await this.#enter(toByteOrder(base.folderKey), base.path);
    }
    const entries: WalkEntry[] = this.#peeked === undefined ? [] : [this.#peeked];
    this.#peeked = undefined;
    // one more than asked for tells whether this page is the last
    while (entries.length <= limit) {
      const level = this.#levels.at(-1);
      if (level === undefined) return { entries, more: false };
      const step = this.#step(level);
      // most steps are names at hand, and a listing has a thousand of them
      const entry = step instanceof Promise ? await step : step;
      if (entry !== null) entries.push(entry);
    }
    this.#peeked = entries.pop();
    return { entries, more: true };
  }

  #step(level: Level): WalkEntry | null | Promise<WalkEntry | null> {
    const name = level.names[level.position];
    if (name === undefined) {
      this.#levels.pop();
      return null;
    }
    level.position += 1;
    const key = level.key + name;
    const file = `${level.path}${level.path.endsWith('/') ? '' : '/'}${fromByteOrder(name, level.path)}`;
    if (name.endsWith('/')) {
      if (!this.#options.foldFolders) return this.#enter(key, file);
      return this.#folded(fromByteOrder(key, level.path));
    }
    return { key: fromByteOrder(key, level.path), path: file };
  }

  /** The entry of a folder, if it holds anything. */
  async #folded(prefix: string): Promise<WalkEntry | null> {
    const inside = new KeyWalk({ ...this.#options, prefix, foldFolders: false });
    return (await inside.take(1)).entries.length > 0 ? { prefix } : null;
  }

  async #enter(key: string, folder: string): Promise<null> {
    try {
      const stat = fs.statSync(folder, { bigint: true });
      const identity = `${stat.dev}:${stat.ino}`;
      if (this.#levels.some((level) => level.identity === identity)) return null;
      const names = await this.#read(key, folder);
      names.sort();
      this.#levels.push({ key, path: folder, identity, names, position: 0 });
    } catch (thrown) {
      // it isn't there, or went since its name was read
      if (!isErrno(thrown, 'ENOENT', 'ENOTDIR', 'ELOOP')) throw thrown;
    }
    return null;
  }

  async #read(key: string, folder: string): Promise<string[]> {
    const names: string[] = [];
    const directory = fs.opendirSync(folder, { encoding: 'latin1', bufferSize: 1024 });
    try {
      for (let count = 1; ; count += 1) {
        const found = directory.readSync();
        if (found === null) return names;
        if (count % namesPerTurn === 0) await nextTurn();
        if (isReservedName(found.name)) continue;
        const name = listedName(found, folder);
        if (name !== null && this.#mayHold(key + name)) names.push(name);
      }
    } finally {
      directory.closeSync();
    }
  }

  /** Whether the file of this key, or any below this folder, may be asked for. */
  #mayHold(key: string): boolean {
    const { minimum } = this.#options;
    if (!key.endsWith('/')) return key.startsWith(this.#prefix) && key >= minimum;
    return (key.startsWith(this.#prefix) || this.#prefix.startsWith(key)) && (key >= minimum || minimum.startsWith(key));
  }
}

/** A file's name, a folder's with a slash, null for what is neither. */
function listedName(found: fs.Dirent, folder: string): string | null {
  if (found.isFile()) return found.name;
  if (found.isDirectory()) return `${found.name}/`;
  if (!found.isSymbolicLink()) return null;
  try {
    const stat = fs.statSync(path.join(folder, fromByteOrder(found.name, folder)), { throwIfNoEntry: false });
    return stat?.isFile() ? found.name : stat?.isDirectory() ? `${found.name}/` : null;
  } catch (thrown) {
    if (isErrno(thrown, 'ELOOP', 'ENOTDIR')) return null;
    throw thrown;
  }
}

function fromByteOrder(key: string, folder: string): string {
  // most names are plain, and a listing has a thousand of them
  if (/^[ -~]*$/.test(key)) return key;
  const bytes = Buffer.from(key, 'latin1');
  if (!isUtf8(bytes)) {
    const shown = JSON.stringify(bytes.toString('utf8'));
    throw new FanlakeError('store.name', `can't list ${folder}: the name ${shown} isn't valid UTF-8; rename it`, { path: folder });
  }
  return bytes.toString('utf8');
}
