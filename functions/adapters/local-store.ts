import fs from 'node:fs';
import path from 'node:path';
import { FanlakeError } from '../core/errors.ts';
import type {
  ByteRange,
  KeyPage,
  ListedObject,
  ListOptions,
  ObjectBody,
  ObjectPage,
  ObjectStore,
  ObjectVersion,
  StagedFile,
  StoredObject,
} from '../core/ports.ts';
import type { WalkEntry } from './key-walk.ts';
import { isErrno, storeError } from './local-errors.ts';
import { LocalListing } from './local-listing.ts';
import { lockPathFor, underLock } from './local-lock.ts';
import { pathOfKey } from './local-paths.ts';
import { clampRange, readFileRange, sameState, stateAt } from './local-reading.ts';
import { sweepFolder } from './local-sweep.ts';
import { type FileState, placeNew, placeOver, type Source, syncFolder, type Temporary, writeTemporary } from './local-writing.ts';

const maxTornReads = 5;

/**
 * Objects as the files of a folder. What it promises holds between processes and when any of them is killed at any instant: an object is there
 * whole or not at all, `create` has one winner, `replace` loses no update. A key that begins with '/' names a file anywhere on this machine.
 */
export class LocalStore implements ObjectStore {
  readonly #root: string;
  readonly #durable: boolean;
  readonly #listing: LocalListing;

  /**
   * @param root the folder; made when the first object is stored
   * @param options.durable whether an object survives a power failure once it is stored (fsync; default true)
   */
  constructor(root: string, options: { readonly durable?: boolean } = {}) {
    this.#root = path.resolve(root);
    this.#listing = new LocalListing(this.#root);
    this.#durable = options.durable ?? true;
  }

  async get(key: string, range?: ByteRange): Promise<StoredObject | null> {
    return this.#attempt('read', `read "${key}"`, key, async (file) => {
      for (let torn = 0; torn < maxTornReads; torn += 1) {
        const found = await readFileRange(file, range);
        if (found === null) return null;
        if (sameState(found.before, found.after)) return { ...describe(key, found.before), body: found.body };
      }
      throw new FanlakeError('input.changed', `can't read "${key}" (${file}): it is being written to; wait until it is complete`, { key });
    });
  }

  async read(object: ObjectVersion, range: ByteRange): Promise<Uint8Array> {
    return this.#attempt('read', `read "${object.key}"`, object.key, async (file) => {
      const found = await readFileRange(file, range, (state) => versionOf(state) === object.version);
      requireVersion(object, file, found?.before ?? null);
      requireVersion(object, file, found?.after ?? null);
      return found?.body ?? new Uint8Array(0);
    });
  }

  async stage(object: ObjectVersion, range: ByteRange, scratch: string): Promise<StagedFile> {
    return this.#attempt('read', `read "${object.key}"`, object.key, (file) => {
      const check = () => requireVersion(object, file, stateAt(file));
      check();
      fs.closeSync(fs.openSync(file, 'r'));
      const end = clampRange(range, object.size).end;
      return {
        path: fs.realpathSync.native(file),
        origin: 0,
        length: end,
        extend: (more) => this.stage(object, { start: 0, end: Math.max(end, more.end) }, scratch),
        release: () => this.#attempt('read', `read "${object.key}"`, object.key, check),
      };
    });
  }

  async head(key: string): Promise<ObjectVersion | null> {
    return this.#attempt('read', `look at "${key}"`, key, (file) => {
      const state = stateAt(file);
      return state && describe(key, state);
    });
  }

  async put(key: string, body: ObjectBody): Promise<ObjectVersion> {
    return this.#attempt('write', `store "${key}"`, key, async (file) => describe(key, await this.#overwrite(file, body)));
  }

  async create(key: string, body: ObjectBody): Promise<ObjectVersion | null> {
    return this.#attempt('write', `create "${key}"`, key, async (file) => {
      // also without this look only one wins: it saves the others from writing
      if (stateAt(file) !== null) return null;
      const state = await this.#store(file, body, (temporary) => (placeNew(temporary, file) ? temporary.state : null));
      return state && describe(key, state);
    });
  }

  async replace(key: string, version: string, body: ObjectBody): Promise<ObjectVersion | null> {
    return this.#attempt('write', `replace "${key}"`, key, async (file) => {
      const isCurrent = (state: FileState | null) => state !== null && versionOf(state) === version;
      if (!isCurrent(stateAt(file))) return null;
      const state = await this.#store(file, body, (temporary) =>
        underLock(this.#lockOf(file), () => {
          const existing = stateAt(file);
          return isCurrent(existing) ? placeOver(temporary, file, existing) : null;
        }),
      );
      return state && describe(key, state);
    });
  }

  async list(options: ListOptions): Promise<ObjectPage> {
    const { entries, next } = await this.#listing.page(options);
    const objects = entries.flatMap(describeEntry);
    return { objects, prefixes: prefixesOf(entries), ...(next === undefined ? {} : { next }) };
  }

  async listKeys(options: ListOptions): Promise<KeyPage> {
    const { entries, next } = await this.#listing.page(options);
    const keys = entries.flatMap((entry) => ('key' in entry ? [entry.key] : []));
    return { keys, prefixes: prefixesOf(entries), ...(next === undefined ? {} : { next }) };
  }

  async copy(from: string, to: string): Promise<boolean> {
    const source = pathOfKey(this.#root, from);
    return this.#attempt('write', `copy "${from}" to "${to}"`, to, async (file) => {
      if (stateAt(source) === null) return false;
      try {
        await this.#overwrite(file, { copyOf: source });
      } catch (thrown) {
        if (isErrno(thrown, 'ENOENT') && stateAt(source) === null) return false;
        throw thrown;
      }
      return true;
    });
  }

  async delete(key: string): Promise<void> {
    await this.#attempt('write', `delete "${key}"`, key, async (file) => {
      if (stateAt(file) === null) return;
      await underLock(this.#lockOf(file), () => fs.rmSync(file, { force: true }));
      if (this.#durable) await syncFolder(path.dirname(file));
    });
  }

  locate(key: string): string {
    return path.resolve(this.#root, key);
  }

  /**
   * Deletes what killed processes left half-written below the root.
   * @param olderThanMs spares younger files: their writers may be alive
   * @returns how many files were deleted
   */
  async sweepTemporaries(olderThanMs: number): Promise<number> {
    return sweepFolder(this.#root, olderThanMs);
  }

  async #overwrite(file: string, source: Source): Promise<FileState> {
    return this.#store(file, source, (temporary) => {
      if (placeNew(temporary, file)) return temporary.state;
      return underLock(this.#lockOf(file), () => placeOver(temporary, file, stateAt(file)));
    });
  }

  async #store<T>(file: string, source: Source, place: (temporary: Temporary) => T | Promise<T>): Promise<T> {
    const temporary = await writeTemporary(file, source, this.#durable);
    let placed: T;
    try {
      placed = await place(temporary);
    } finally {
      fs.rmSync(temporary.path, { force: true });
    }
    if (this.#durable && placed !== null) await syncFolder(path.dirname(file));
    return placed;
  }

  #lockOf(file: string): () => string {
    return () => lockPathFor(this.#root, file);
  }

  async #attempt<T>(doing: 'read' | 'write', attempt: string, key: string, action: (file: string) => T | Promise<T>): Promise<T> {
    const file = pathOfKey(this.#root, key);
    try {
      return await action(file);
    } catch (thrown) {
      throw storeError(thrown, doing, attempt, file);
    }
  }
}

/** Size, time in nanoseconds and inode: another file, or the same one written to, has another version. */
function versionOf(state: FileState): string {
  return `${state.size.toString(36)}-${state.mtimeNs.toString(36)}-${state.inode.toString(36)}`;
}

function describe(key: string, state: FileState): ObjectVersion {
  return { key, version: versionOf(state), size: state.size };
}

function requireVersion(object: ObjectVersion, file: string, state: FileState | null): void {
  const { key, version } = object;
  if (state === null) {
    throw new FanlakeError(
      'input.gone',
      `can't read "${key}" (${file}): it is gone since the run was planned; put it back, or start a run without it`,
      { key },
    );
  }
  if (versionOf(state) !== version) {
    const message = `can't read "${key}" (${file}): it changed since the run was planned (${object.size} bytes then, ${state.size} now); start a new run for what it holds now`;
    throw new FanlakeError('input.changed', message, { key, planned: version, found: versionOf(state) });
  }
}

/** One that was deleted since its name was read isn't listed. */
function describeEntry(entry: WalkEntry): readonly ListedObject[] {
  if (!('key' in entry)) return [];
  try {
    const state = stateAt(entry.path);
    return state === null ? [] : [{ ...describe(entry.key, state), modifiedMs: Number(state.mtimeNs / 1_000_000n) }];
  } catch (thrown) {
    throw storeError(thrown, 'read', `list "${entry.key}"`, entry.path);
  }
}

function prefixesOf(entries: readonly WalkEntry[]): readonly string[] {
  return entries.flatMap((entry) => ('prefix' in entry ? [entry.prefix] : []));
}
