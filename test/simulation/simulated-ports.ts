import { FanlakeError } from '../../functions/core/errors.ts';
import type {
  Announcement,
  Announcer,
  ByteRange,
  Clock,
  FailedSend,
  KeyPage,
  ListOptions,
  ObjectBody,
  ObjectPage,
  ObjectStore,
  ObjectVersion,
  Queue,
  StagedFile,
  StoredObject,
} from '../../functions/core/ports.ts';
import type { AnyQueueName, Caller, RootName, StoreCall } from './calls.ts';

/** Files of a machine, by path: a map is one. */
export interface Disk {
  get(path: string): Buffer | undefined;
  set(path: string, bytes: Buffer): unknown;
  delete(path: string): unknown;
  keys(): Iterable<string>;
}

/** A store whose every request is a call that somebody else answers. */
export class SimulatedStore implements ObjectStore {
  private readonly root: RootName;
  private readonly caller: Caller;
  private readonly disk: Disk;
  private staged = 0;

  constructor(root: RootName, caller: Caller, disk: Disk) {
    this.root = root;
    this.caller = caller;
    this.disk = disk;
  }

  get(key: string, range?: ByteRange): Promise<StoredObject | null> {
    return this.ask<StoredObject | null>({ root: this.root, kind: 'get', key, ...(range === undefined ? {} : { range }) });
  }

  read(object: ObjectVersion, range: ByteRange): Promise<Uint8Array> {
    return this.ask<Uint8Array>({ root: this.root, kind: 'read', object, range });
  }

  async stage(object: ObjectVersion, range: ByteRange, scratch: string): Promise<StagedFile> {
    const body = await this.ask<Uint8Array>({ root: this.root, kind: 'stage', object, range });
    const path = `${scratch}/staged-${this.staged++}`;
    this.disk.set(path, Buffer.from(body));
    return {
      path,
      origin: range.start,
      length: body.length,
      extend: ({ start, end }) => this.stage(object, { start: Math.min(start, range.start), end: Math.max(end, range.end) }, scratch),
      release: async () => {
        this.disk.delete(path);
      },
    };
  }

  head(key: string): Promise<ObjectVersion | null> {
    return this.ask<ObjectVersion | null>({ root: this.root, kind: 'head', key });
  }

  async put(key: string, body: ObjectBody): Promise<ObjectVersion> {
    return this.ask<ObjectVersion>({ root: this.root, kind: 'put', key, body: this.bytesOf(body) });
  }

  async create(key: string, body: ObjectBody): Promise<ObjectVersion | null> {
    return this.ask<ObjectVersion | null>({ root: this.root, kind: 'create', key, body: this.bytesOf(body) });
  }

  async replace(key: string, version: string, body: ObjectBody): Promise<ObjectVersion | null> {
    return this.ask<ObjectVersion | null>({ root: this.root, kind: 'replace', key, version, body: this.bytesOf(body) });
  }

  list(options: ListOptions): Promise<ObjectPage> {
    return this.ask<ObjectPage>({ root: this.root, kind: 'list', options });
  }

  listKeys(options: ListOptions): Promise<KeyPage> {
    return this.ask<KeyPage>({ root: this.root, kind: 'listKeys', options });
  }

  copy(from: string, to: string): Promise<boolean> {
    return this.ask<boolean>({ root: this.root, kind: 'copy', from, to });
  }

  async delete(key: string): Promise<void> {
    await this.ask<undefined>({ root: this.root, kind: 'delete', key });
  }

  locate(key: string): string {
    return `${this.root}:${key}`;
  }

  private async ask<Answer>(call: StoreCall): Promise<Answer> {
    return (await this.caller.call(call)) as Answer;
  }

  private bytesOf(body: ObjectBody): Buffer {
    if (typeof body === 'string') return Buffer.from(body);
    if (body instanceof Uint8Array) return Buffer.from(body);
    const file = this.disk.get(body.path);
    if (file === undefined) throw new Error(`no file ${body.path} on the simulated disk`);
    return file;
  }
}

export class SimulatedQueue<Message> implements Queue<Message> {
  private readonly name: AnyQueueName;
  private readonly caller: Caller;

  constructor(name: AnyQueueName, caller: Caller) {
    this.name = name;
    this.caller = caller;
  }

  async send(messages: readonly Message[], delayMs = 0): Promise<readonly FailedSend[]> {
    if (messages.length === 0) return [];
    const bodies = messages.map((message) => JSON.stringify(message));
    return (await this.caller.call({ kind: 'send', queue: this.name, bodies, delayMs })) as readonly FailedSend[];
  }
}

export class SimulatedClock implements Clock {
  private readonly caller: Caller;

  constructor(caller: Caller) {
    this.caller = caller;
  }

  now(): number {
    return this.caller.now();
  }

  async sleep(ms: number): Promise<void> {
    await this.caller.call({ kind: 'sleep', ms });
  }
}

export class SimulatedAnnouncer implements Announcer {
  private readonly caller: Caller;

  constructor(caller: Caller) {
    this.caller = caller;
  }

  async announce({ type, detail }: Announcement): Promise<void> {
    await this.caller.call({ kind: 'announce', type, detail: JSON.stringify(detail) });
  }
}

/** What an adapter throws when the SDK's own retries didn't help. */
export const storeFailed = (what: string): FanlakeError => new FanlakeError('store.failed', `simulated: ${what}`);
