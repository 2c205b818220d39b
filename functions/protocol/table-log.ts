import { FanlakeError } from '../core/errors.ts';
import { logPrefix } from '../core/keys.ts';
import type { ObjectStore, ObjectVersion } from '../core/ports.ts';
import {
  entryName,
  lastCheckpointName,
  lastCheckpointVersion,
  newestCheckpoint,
  parseLogName,
  versionName,
} from '../core/table-log/log-names.ts';
import { emptySnapshot, type LogEntry, type Snapshot, SnapshotFold } from '../core/table-log/snapshot.ts';
import { inOrder, listAll } from './documents.ts';
import { type ReadEntry, readCheckpoint, readEntry } from './read-log.ts';

/** Entries that are read and taken at once. */
const entriesAtOnce = 16;

interface Listed {
  readonly names: readonly string[];
  /** Versions behind the known one. */
  readonly entries: readonly number[];
  /** The stored version of the known one's entry; null when that is gone. */
  readonly knownTag: string | null;
}

/** Where reading begins, and the versions of the entries that are there. */
interface Begun {
  readonly snapshot: Snapshot;
  readonly entries: readonly number[];
}

function entriesIn(names: readonly string[]): readonly number[] {
  return names.flatMap((name) => {
    const object = parseLogName(name);
    return object.kind === 'entry' ? [object.version] : [];
  });
}

/** Whether the entries are all there, from the first one on. */
const isWhole = (entries: readonly number[]): boolean => entries.length > 0 && entries.every((version, index) => version === index);

/** A Delta table's log in a store: reads what came since the last look, and puts new entries. */
export class TableLog {
  readonly table: string;
  private readonly lake: ObjectStore;
  private readonly keepFiles: boolean;
  private snapshot: Snapshot;
  /** The stored version of the snapshot's newest entry, where it was read: another one means another table under the same name. */
  private newestTag: string | null = null;
  private refreshing: Promise<unknown> = Promise.resolve();

  /** @param keepFiles whether snapshots hold the list of live files; appending doesn't need it */
  constructor(lake: ObjectStore, table: string, keepFiles = false) {
    this.lake = lake;
    this.table = table;
    this.keepFiles = keepFiles;
    this.snapshot = emptySnapshot(keepFiles);
  }

  /** The table as it was at the last look. */
  get known(): Snapshot {
    return this.snapshot;
  }

  /** The table as it is now; version -1 when there is none. May be asked for by several at once. */
  refresh(): Promise<Snapshot> {
    // one after the other: each goes on from the snapshot that the one before left
    const result = this.refreshing.then(() => this.readOn());
    this.refreshing = result.catch(() => {});
    return result;
  }

  private async readOn(): Promise<Snapshot> {
    const known = this.snapshot.version;
    const versions = await this.listVersions(known);
    let { entries } = versions;
    if (known >= 0 && this.isOtherTable(versions)) {
      this.snapshot = emptySnapshot(this.keepFiles);
      this.newestTag = null;
      return this.readOn();
    }
    if (known < 0) {
      const begun = await this.begin(versions);
      this.snapshot = begun.snapshot;
      entries = begun.entries;
    } else if (known >= 0 && entries[0] !== undefined && entries[0] > known + 1) {
      // entries that we haven't seen were cleaned up meanwhile: begin anew from the checkpoint
      this.snapshot = emptySnapshot(this.keepFiles);
      return this.readOn();
    }
    const wanted = entries.filter((version) => version > this.snapshot.version);
    const fold = new SnapshotFold(this.snapshot);
    let tag: string | null = null;
    for await (const read of this.pages(wanted)) {
      fold.follow(read);
      tag = read.at(-1)?.tag ?? tag;
    }
    this.snapshot = fold.end();
    this.newestTag = tag ?? this.newestTag ?? versions.knownTag ?? (await this.tagOf(this.snapshot.version));
    return this.snapshot;
  }

  /** The entries with versions in `(after, upTo]` that the store still has. */
  async entriesSince(after: number, upTo: number): Promise<readonly LogEntry[]> {
    const entries: LogEntry[] = [];
    for await (const entry of this.entries(after, upTo)) entries.push(entry);
    return entries;
  }

  /** The same without the files that they add and remove, which may be millions. */
  async changesSince(after: number, upTo: number): Promise<readonly LogEntry[]> {
    const changes: LogEntry[] = [];
    for await (const { version, actions } of this.entries(after, upTo)) {
      changes.push({ version, actions: actions.filter((action) => !('add' in action || 'remove' in action)) });
    }
    return changes;
  }

  /** Puts an entry if its version is free; false when another writer has it. */
  async put(version: number, entry: string): Promise<boolean> {
    return (await this.lake.create(`${logPrefix(this.table)}${entryName(version)}`, entry)) !== null;
  }

  /** The table was deleted, and perhaps made anew, since the snapshot was read. */
  private isOtherTable({ knownTag, entries }: Listed): boolean {
    if (knownTag === null) return this.newestTag !== null || entries.length === 0;
    return this.newestTag !== null && this.newestTag !== knownTag;
  }

  /** @param known version of the snapshot; its own entry is listed with those behind it, to see whether it is still the same */
  private async listVersions(known: number): Promise<Listed> {
    const prefix = logPrefix(this.table);
    const newest = known < 0 ? null : `${prefix}${entryName(known)}`;
    // from a key on that sorts just before the newest known one
    const objects =
      newest === null ? (await this.listLog()).map((key) => ({ key, version: null })) : await this.listAfter(newest.slice(0, -1));
    const knownTag = objects.find(({ key }) => key === newest)?.version ?? null;
    const names = objects.map(({ key }) => this.nameOf(key));
    return { names, entries: entriesIn(names).filter((version) => version > known), knownTag };
  }

  /** The keys of the log; of one with more than a page of them those from the checkpoint on that `_last_checkpoint` names. */
  private async listLog(): Promise<readonly string[]> {
    const prefix = logPrefix(this.table);
    const page = await this.lake.listKeys({ prefix });
    if (page.next === undefined) return page.keys;
    const last = await this.lake.get(`${prefix}${lastCheckpointName}`);
    const version = last === null ? null : lastCheckpointVersion(Buffer.from(last.body).toString('utf8'));
    if (version !== null) {
      const keys = (await this.listAfter(`${prefix}${versionName(version)}`)).map(({ key }) => key);
      if (newestCheckpoint(keys.map((key) => key.slice(prefix.length))) !== null) return keys;
    }
    return listAll(this.lake, prefix);
  }

  private nameOf(key: string): string {
    return key.slice(logPrefix(this.table).length);
  }

  private async listAfter(startAfter: string): Promise<readonly ObjectVersion[]> {
    const objects: ObjectVersion[] = [];
    let next: string | undefined;
    do {
      const page = await this.lake.list({ prefix: logPrefix(this.table), startAfter, ...(next === undefined ? {} : { next }) });
      objects.push(...page.objects);
      next = page.next;
    } while (next !== undefined);
    return objects;
  }

  private async *entries(after: number, upTo: number): AsyncGenerator<LogEntry> {
    const versions = Array.from({ length: Math.max(0, upTo - after) }, (_, index) => after + 1 + index);
    for await (const page of this.pages(versions)) yield* page;
  }

  /** Entries that the store has, a few at a time: of a long log nobody can hold all. */
  private async *pages(versions: readonly number[]): AsyncGenerator<readonly ReadEntry[]> {
    for (let start = 0; start < versions.length; start += entriesAtOnce) {
      const page = versions.slice(start, start + entriesAtOnce);
      const entries = await inOrder(page, (version) => readEntry(this.lake, this.table, version));
      yield entries.filter((entry) => entry !== null);
    }
  }

  /** Where reading begins: the newest checkpoint, or nothing. One that can't be read is passed over where all entries are there from the first one on. */
  private async begin({ names, entries }: Listed): Promise<Begun> {
    const nothing = emptySnapshot(this.keepFiles);
    try {
      const checkpoint = newestCheckpoint(names);
      const read = checkpoint === null ? null : await readCheckpoint(this.lake, this.table, checkpoint, { keepFiles: this.keepFiles });
      if (read !== null) return { snapshot: read, entries };
    } catch (thrown) {
      if (!(thrown instanceof FanlakeError) || thrown.retryable) throw thrown;
      // of a long log those in front of the checkpoint weren't listed
      const all = entriesIn((await listAll(this.lake, logPrefix(this.table))).map((key) => this.nameOf(key)));
      if (!isWhole(all)) throw thrown;
      return { snapshot: nothing, entries: all };
    }
    if (isWhole(entries) || entries.length === 0) return { snapshot: nothing, entries };
    throw new FanlakeError(
      'table.corrupt',
      `The log of ${this.lake.locate(this.table)} doesn't begin at version 0 and has no checkpoint that can be read. Repair the table with the tool that wrote it.`,
    );
  }

  /** The stored version of a version's entry, where only a checkpoint was read. */
  private async tagOf(version: number): Promise<string | null> {
    return version < 0 ? null : ((await this.lake.head(`${logPrefix(this.table)}${entryName(version)}`))?.version ?? null);
  }
}
