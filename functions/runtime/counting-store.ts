import type { RequestCounts } from '../core/part.ts';
import type {
  ByteRange,
  KeyPage,
  ListOptions,
  ObjectBody,
  ObjectPage,
  ObjectStore,
  ObjectVersion,
  StagedFile,
  StoredObject,
} from '../core/ports.ts';

/** Counts of one process, by kind of request. */
export class RequestCounter {
  private readonly counts: Record<string, number> = {};

  add(kind: string, count = 1): void {
    this.counts[kind] = (this.counts[kind] ?? 0) + count;
  }

  /** A copy, so that two of them can be compared. */
  now(): RequestCounts {
    return { ...this.counts };
  }
}

/** A store that counts what is asked of it: requests are money, and every receipt names them. */
export class CountingStore implements ObjectStore {
  private readonly store: ObjectStore;
  private readonly counter: RequestCounter;

  constructor(store: ObjectStore, counter: RequestCounter) {
    this.store = store;
    this.counter = counter;
  }

  get(key: string, range?: ByteRange): Promise<StoredObject | null> {
    this.counter.add('store.get');
    return this.store.get(key, range);
  }

  read(object: ObjectVersion, range: ByteRange): Promise<Uint8Array> {
    this.counter.add('store.get');
    return this.store.read(object, range);
  }

  stage(object: ObjectVersion, range: ByteRange, scratch: string): Promise<StagedFile> {
    this.counter.add('store.get');
    return this.store.stage(object, range, scratch);
  }

  head(key: string): Promise<ObjectVersion | null> {
    this.counter.add('store.head');
    return this.store.head(key);
  }

  put(key: string, body: ObjectBody): Promise<ObjectVersion> {
    this.counter.add('store.put');
    return this.store.put(key, body);
  }

  create(key: string, body: ObjectBody): Promise<ObjectVersion | null> {
    this.counter.add('store.put');
    return this.store.create(key, body);
  }

  replace(key: string, version: string, body: ObjectBody): Promise<ObjectVersion | null> {
    this.counter.add('store.put');
    return this.store.replace(key, version, body);
  }

  list(options: ListOptions): Promise<ObjectPage> {
    this.counter.add('store.list');
    return this.store.list(options);
  }

  listKeys(options: ListOptions): Promise<KeyPage> {
    this.counter.add('store.list');
    return this.store.listKeys(options);
  }

  copy(from: string, to: string): Promise<boolean> {
    this.counter.add('store.copy');
    return this.store.copy(from, to);
  }

  delete(key: string): Promise<void> {
    this.counter.add('store.delete');
    return this.store.delete(key);
  }

  locate(key: string): string {
    return this.store.locate(key);
  }
}
