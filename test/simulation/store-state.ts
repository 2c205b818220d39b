import { FanlakeError } from '../../functions/core/errors.ts';
import type { KeyPage, ListOptions, ObjectPage, ObjectVersion, StoredObject } from '../../functions/core/ports.ts';
import type { StoreCall } from './calls.ts';

export interface StateObject {
  readonly body: Buffer;
  readonly version: string;
  /** When it was written. */
  readonly modifiedMs: number;
}

/** A store as S3 promises it: strongly consistent, create-if-absent, replace-if-match (Amazon S3 User Guide, Data consistency model; Conditional writes). */
export class StoreState {
  readonly objects: Map<string, StateObject>;
  /** How often each key was written: an object's version is named after the number of its write. */
  private readonly writes: Map<string, number>;
  /** Earlier versions, by key and version, where they are kept. */
  private readonly past: Map<string, Buffer> | null;
  /** The keys in the order of their bytes, once somebody has asked for them. */
  private sorted: string[] | null = null;

  constructor(isVersioned: boolean, from?: StoreState) {
    this.objects = new Map(from?.objects);
    this.writes = new Map(from?.writes);
    this.past = isVersioned ? new Map(from?.past) : null;
  }

  clone(): StoreState {
    return new StoreState(this.past !== null, this);
  }

  /** Does what a call asks for and gives its answer. */
  apply(call: StoreCall, nowMs: number): unknown {
    switch (call.kind) {
      case 'get':
        return this.get(call.key, call.range?.start ?? 0, call.range?.end ?? Number.POSITIVE_INFINITY);
      case 'read':
      case 'stage':
        return this.pinned(call.object).subarray(call.range.start, call.range.end);
      case 'head':
        return this.head(call.key);
      case 'put':
        return this.write(call.key, call.body, nowMs);
      case 'create':
        return this.objects.has(call.key) ? null : this.write(call.key, call.body, nowMs);
      case 'replace':
        return this.objects.get(call.key)?.version === call.version ? this.write(call.key, call.body, nowMs) : null;
      case 'delete':
        this.remove(call.key);
        return undefined;
      case 'copy':
        return this.copy(call.from, call.to, nowMs);
      case 'list':
        return this.list(call.options);
      case 'listKeys':
        return this.listKeys(call.options);
    }
  }

  head(key: string): ObjectVersion | null {
    const found = this.objects.get(key);
    return found === undefined ? null : { key, version: found.version, size: found.body.length };
  }

  /** As if it had never been written. */
  forget(key: string): void {
    this.remove(key);
    this.writes.delete(key);
  }

  private remove(key: string): void {
    if (this.objects.delete(key)) this.sorted?.splice(firstFrom(this.sorted, key), 1);
  }

  keys(): readonly string[] {
    this.sorted ??= [...this.objects.keys()].sort(inByteOrder);
    return this.sorted;
  }

  private get(key: string, start: number, end: number): StoredObject | null {
    const found = this.objects.get(key);
    return found === undefined
      ? null
      : { key, version: found.version, size: found.body.length, body: new Uint8Array(found.body.subarray(start, end)) };
  }

  private pinned({ key, version }: ObjectVersion): Buffer {
    const found = this.objects.get(key);
    if (found?.version === version) return found.body;
    const past = this.past?.get(`${version} ${key}`);
    if (past !== undefined) return past;
    throw found === undefined
      ? new FanlakeError('input.gone', `Reading ${key}: the object is gone.`)
      : new FanlakeError('input.changed', `Reading ${key}: the object has changed.`);
  }

  private write(key: string, body: Buffer, nowMs: number): ObjectVersion {
    if (!this.objects.has(key)) this.sorted?.splice(firstFrom(this.sorted, key), 0, key);
    const number = (this.writes.get(key) ?? 0) + 1;
    // as s3Version names the version ids of a versioned bucket, and etags
    const version = this.past === null ? `"w${number}"` : `version-id:w${number}`;
    this.writes.set(key, number);
    this.objects.set(key, { body, version, modifiedMs: nowMs });
    this.past?.set(`${version} ${key}`, body);
    return { key, version, size: body.length };
  }

  private copy(from: string, to: string, nowMs: number): boolean {
    const found = this.objects.get(from);
    if (found === undefined) return false;
    this.write(to, found.body, nowMs);
    return true;
  }

  private list(options: ListOptions): ObjectPage {
    const { keys, ...rest } = this.listKeys(options);
    const objects = keys.flatMap((key) => {
      const object = this.head(key);
      return object === null ? [] : [{ ...object, modifiedMs: this.objects.get(key)?.modifiedMs ?? 0 }];
    });
    return { objects, ...rest };
  }

  private listKeys({ prefix, startAfter = '', delimiter, limit = 1_000, next }: ListOptions): KeyPage {
    const most = Math.min(limit, 1_000);
    const keys: string[] = [];
    const prefixes: string[] = [];
    const all = this.keys();
    const from = inByteOrder(prefix, startAfter) > 0 ? prefix : startAfter;
    for (let at = firstFrom(all, from); at < all.length; at++) {
      const key = all[at] ?? '';
      if (!key.startsWith(prefix)) break;
      if (key === startAfter) continue;
      const slash = delimiter === undefined ? -1 : key.indexOf(delimiter, prefix.length);
      const entry = slash < 0 ? key : key.slice(0, slash + 1);
      if (next !== undefined && inByteOrder(entry, next) <= 0) continue;
      if (slash >= 0 && prefixes.at(-1) === entry) continue;
      if (keys.length + prefixes.length === most) return { keys, prefixes, next: lastOf(keys, prefixes) };
      (slash < 0 ? keys : prefixes).push(entry);
    }
    return { keys, prefixes };
  }
}

/** The place of the first key that is at least `key`, in the order of bytes. */
function firstFrom(keys: readonly string[], key: string): number {
  let [low, high] = [0, keys.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (inByteOrder(keys[middle] ?? '', key) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

function lastOf(keys: readonly string[], prefixes: readonly string[]): string {
  const [key = '', prefix = ''] = [keys.at(-1), prefixes.at(-1)];
  return inByteOrder(key, prefix) > 0 ? key : prefix;
}

const surrogate = /[\ud800-\udfff]/;

function inByteOrder(a: string, b: string): number {
  if (a === b) return 0;
  // the order of UTF-16 units, which `<` compares, is that of UTF-8 bytes as long as there are no surrogates
  if (surrogate.test(a) || surrogate.test(b)) return Buffer.compare(Buffer.from(a), Buffer.from(b));
  return a < b ? -1 : 1;
}
