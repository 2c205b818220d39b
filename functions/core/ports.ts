/**
 * The seams between what Fanlake decides and where it runs. Each port has an adapter for AWS, one for this machine and a simulated one;
 * one contract suite (test/contract) runs against all of them.
 */

/** A half-open range of bytes, `[start, end)`. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/** One version of one object: what a run pins. `version` is opaque: two equal ones mean the same bytes. */
export interface ObjectVersion {
  readonly key: string;
  readonly version: string;
  readonly size: number;
}

export interface StoredObject extends ObjectVersion {
  readonly body: Uint8Array;
}

/** An object as a listing names it. */
export interface ListedObject extends ObjectVersion {
  /** When it was stored, in milliseconds since 1970 UTC, by the store's clock. */
  readonly modifiedMs: number;
}

export interface ObjectPage {
  readonly objects: readonly ListedObject[];
  /** Names directly below the prefix that end in the delimiter, when a delimiter was given. */
  readonly prefixes: readonly string[];
  /** Pass it back to get the next page; absent on the last. */
  readonly next?: string;
}

export interface KeyPage {
  readonly keys: readonly string[];
  readonly prefixes: readonly string[];
  readonly next?: string;
}

export interface ListOptions {
  readonly prefix: string;
  /** Only keys that sort after this one (UTF-8 byte order). Not with a delimiter: stores differ in whether a folder counts that begins before it. */
  readonly startAfter?: string;
  /** '/' folds everything below the next slash into `prefixes`. */
  readonly delimiter?: '/';
  /** Names a page's most entries, 1 to 1,000. Default 1,000. */
  readonly limit?: number;
  readonly next?: string;
}

/** A local file that holds bytes of one object: position p of the file is byte `origin + p` of the object. */
export interface StagedFile {
  readonly path: string;
  readonly origin: number;
  /** Bytes of the object that the file holds from `origin` on. */
  readonly length: number;
  /** Brings more of the object to the same file, so that it holds the range too; the answer takes this one's place. Throws as `stage` does. */
  extend(range: ByteRange): Promise<StagedFile>;
  /**
   * Call when everything was read. Throws `input.changed` if the object may have changed while it was read; deletes what staging made.
   */
  release(): Promise<void>;
}

/** What to store: bytes, or a complete local file, which the store may take over (it is gone or may be gone afterwards). */
export type ObjectBody = Uint8Array | string | { readonly path: string };

export interface ObjectStore {
  /** The object's bytes, or those of a range of it, or null when there is none. */
  get(key: string, range?: ByteRange): Promise<StoredObject | null>;
  /** Bytes of one pinned version. Throws `input.gone` or `input.changed`. */
  read(object: ObjectVersion, range: ByteRange): Promise<Uint8Array>;
  /**
   * Brings bytes of a pinned version to a local file: a remote store downloads them into the `scratch` folder, a local one answers with the
   * object's own file. Throws `input.gone` or `input.changed`.
   */
  stage(object: ObjectVersion, range: ByteRange, scratch: string): Promise<StagedFile>;
  head(key: string): Promise<ObjectVersion | null>;
  /** Stores unconditionally. */
  put(key: string, body: ObjectBody): Promise<ObjectVersion>;
  /** Stores if no object has the key; null when there is one. At most one of any number of concurrent creators wins. */
  create(key: string, body: ObjectBody): Promise<ObjectVersion | null>;
  /** Stores if the object's version is still `version` (compare and swap); null when it isn't or the object is gone. */
  replace(key: string, version: string, body: ObjectBody): Promise<ObjectVersion | null>;
  /** One page in key order (UTF-8 bytes). */
  list(options: ListOptions): Promise<ObjectPage>;
  /** The same without versions: cheaper where a version costs a look at each object. */
  listKeys(options: ListOptions): Promise<KeyPage>;
  /** Copies an object of this store; false when there is none. The target is overwritten. */
  copy(from: string, to: string): Promise<boolean>;
  /** Deletes; no error when there is none. */
  delete(key: string): Promise<void>;
  /** Where a person or another tool finds the object or prefix: a path or an s3 URL. */
  locate(key: string): string;
}

/** A message that didn't go out; the sender sends it again. */
export interface FailedSend {
  readonly index: number;
  readonly reason: string;
}

export interface Queue<Message> {
  /**
   * Sends any number of messages, in batches of ten; re-sends what failed a few times. Answers the ones that never went out, by index.
   * @param delayMs until they can be received
   */
  send(messages: readonly Message[], delayMs?: number): Promise<readonly FailedSend[]>;
}

/** One receipt of a message by a handler. A handler that returns acknowledges it; one that throws gives it back. */
export interface Delivery<Message> {
  readonly body: Message;
  /** 1 on the first receipt. */
  readonly receiveCount: number;
  /** How long ago it was sent, in milliseconds; absent where nothing is old. */
  readonly ageMs?: number;
  /** Keeps the message invisible to others for `ms` from now. */
  extend(ms: number): Promise<void>;
  /** Gives it back so that it is received again in `ms`; the handler returns afterwards, and it is not acknowledged. */
  retryIn(ms: number): Promise<void>;
}

export interface Clock {
  /** Milliseconds since 1970 UTC. */
  now(): number;
  sleep(ms: number): Promise<void>;
}

/** Where randomness comes from, so that a simulation can decide it. */
export interface Nonces {
  /** 12 lower-case hexadecimal characters, unlike any other. */
  next(): string;
}

/** An event for whoever listens outside of Fanlake. */
export interface Announcement {
  /** Such as `Fanlake Run Ended`. */
  readonly type: string;
  readonly detail: Readonly<Record<string, unknown>>;
}

export interface Announcer {
  /** Throws `store.failed` when it didn't go out. */
  announce(announcement: Announcement): Promise<void>;
}

/** The three roots. */
export interface Stores {
  readonly landing: ObjectStore;
  readonly work: ObjectStore;
  readonly lake: ObjectStore;
}
