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
} from '../../../functions/core/ports.ts';

/** The process died: nothing that catches errors of ours may take it for one. */
export class Crash extends Error {}

export type CrashMoment = 'before' | 'after';

/** Decides at which store call of the world the process dies. */
export class CrashPlan {
  private calls = 0;
  private readonly at: number;
  private readonly moment: CrashMoment;

  /** @param at number of the call from 1; 0 for none */
  constructor(at: number, moment: CrashMoment) {
    this.at = at;
    this.moment = moment;
  }

  get happened(): boolean {
    return this.at > 0 && this.calls >= this.at;
  }

  async through<Result>(call: () => Promise<Result>): Promise<Result> {
    this.calls += 1;
    const dies = this.calls === this.at;
    if (dies && this.moment === 'before') throw new Crash('before a store call');
    const result = await call();
    if (dies) throw new Crash('after a store call');
    return result;
  }
}

/** A real store of which one call of the world kills its process, before or after the call has taken effect. */
export class CrashingStore implements ObjectStore {
  private readonly store: ObjectStore;
  private readonly plan: CrashPlan;

  constructor(store: ObjectStore, plan: CrashPlan) {
    this.store = store;
    this.plan = plan;
  }

  get = (key: string, range?: ByteRange): Promise<StoredObject | null> => this.plan.through(() => this.store.get(key, range));
  read = (object: ObjectVersion, range: ByteRange): Promise<Uint8Array> => this.plan.through(() => this.store.read(object, range));
  stage = (object: ObjectVersion, range: ByteRange, scratch: string): Promise<StagedFile> =>
    this.plan.through(() => this.store.stage(object, range, scratch));
  head = (key: string): Promise<ObjectVersion | null> => this.plan.through(() => this.store.head(key));
  put = (key: string, body: ObjectBody): Promise<ObjectVersion> => this.plan.through(() => this.store.put(key, body));
  create = (key: string, body: ObjectBody): Promise<ObjectVersion | null> => this.plan.through(() => this.store.create(key, body));
  replace = (key: string, version: string, body: ObjectBody): Promise<ObjectVersion | null> =>
    this.plan.through(() => this.store.replace(key, version, body));
  list = (options: ListOptions): Promise<ObjectPage> => this.plan.through(() => this.store.list(options));
  listKeys = (options: ListOptions): Promise<KeyPage> => this.plan.through(() => this.store.listKeys(options));
  copy = (from: string, to: string): Promise<boolean> => this.plan.through(() => this.store.copy(from, to));
  delete = (key: string): Promise<void> => this.plan.through(() => this.store.delete(key));
  locate = (key: string): string => this.store.locate(key);
}
