import { parquetReadObjects } from 'hyparquet';
import { FanlakeError } from '../core/errors.ts';
import { logPrefix } from '../core/keys.ts';
import type { ObjectStore } from '../core/ports.ts';
import type { Action } from '../core/table-log/actions.ts';
import { decodeCheckpointRow, decodeEntry } from '../core/table-log/log-entry.ts';
import { entryName, newestCheckpoint, parseLogName } from '../core/table-log/log-names.ts';
import { applyEntries, emptySnapshot, type LogEntry, type Snapshot, snapshotOfCheckpoint } from '../core/table-log/snapshot.ts';
import { inOrder, listAll } from './documents.ts';

/** A Delta table's log in a store: reads what came since the last look, and puts new entries. */
export class TableLog {
  readonly table: string;
  private readonly lake: ObjectStore;
  private readonly keepFiles: boolean;
  private snapshot: Snapshot;
  private refreshing: Promise<unknown> = Promise.resolve();

  /** @param keepFiles whether snapshots hold the list of live files; appending doesn't need it */
  constructor(lake: ObjectStore, table: string, keepFiles = false) {
    this.lake = lake;
    this.table = table;
    this.keepFiles = keepFiles;
    this.snapshot = emptySnapshot(keepFiles);
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
    if (known < 0 && versions.entries[0] !== undefined && versions.entries[0] > 0) {
      this.snapshot = await this.readCheckpoint(versions.names);
    } else if (known >= 0 && versions.entries[0] !== undefined && versions.entries[0] > known + 1) {
      // entries that we haven't seen were cleaned up meanwhile: begin anew from the checkpoint
      this.snapshot = emptySnapshot(this.keepFiles);
      return this.readOn();
    }
    const wanted = versions.entries.filter((version) => version > this.snapshot.version);
    this.snapshot = applyEntries(this.snapshot, await this.readEntries(wanted));
    return this.snapshot;
  }

  /** The entries with versions in `(after, upTo]` that the store still has. */
  async entriesSince(after: number, upTo: number): Promise<readonly LogEntry[]> {
    return this.readEntries(Array.from({ length: Math.max(0, upTo - after) }, (_, index) => after + 1 + index));
  }

  /** Puts an entry if its version is free; false when another writer has it. */
  async put(version: number, entry: string): Promise<boolean> {
    return (await this.lake.create(`${logPrefix(this.table)}${entryName(version)}`, entry)) !== null;
  }

  private async listVersions(known: number): Promise<{ names: readonly string[]; entries: readonly number[] }> {
    const prefix = logPrefix(this.table);
    const keys = known < 0 ? await listAll(this.lake, prefix) : await this.listAfter(`${prefix}${entryName(known)}`);
    const names = keys.map((key) => key.slice(prefix.length));
    const entries = names.flatMap((name) => {
      const object = parseLogName(name);
      return object.kind === 'entry' ? [object.version] : [];
    });
    return { names, entries };
  }

  private async listAfter(startAfter: string): Promise<readonly string[]> {
    const keys: string[] = [];
    let next: string | undefined;
    do {
      const page = await this.lake.listKeys({ prefix: logPrefix(this.table), startAfter, ...(next === undefined ? {} : { next }) });
      keys.push(...page.keys);
      next = page.next;
    } while (next !== undefined);
    return keys;
  }

  private async readEntries(versions: readonly number[]): Promise<readonly LogEntry[]> {
    const entries = await inOrder(versions, async (version): Promise<LogEntry | null> => {
      const name = entryName(version);
      const object = await this.lake.get(`${logPrefix(this.table)}${name}`);
      return object === null ? null : { version, actions: decodeEntry(Buffer.from(object.body).toString('utf8'), name) };
    });
    return entries.filter((entry): entry is LogEntry => entry !== null);
  }

  private async readCheckpoint(names: readonly string[]): Promise<Snapshot> {
    const checkpoint = newestCheckpoint(names);
    if (checkpoint === null) {
      throw new FanlakeError(
        'table.corrupt',
        `The log of ${this.lake.locate(this.table)} doesn't begin at version 0 and has no checkpoint that can be read. Repair the table with the tool that wrote it.`,
      );
    }
    const actions: Action[] = [];
    for (const name of checkpoint.names) {
      const object = await this.lake.get(`${logPrefix(this.table)}${name}`);
      if (object === null) throw new FanlakeError('table.corrupt', `The checkpoint ${name} of ${this.lake.locate(this.table)} is gone.`);
      const { buffer, byteOffset, byteLength } = object.body;
      const file = buffer.slice(byteOffset, byteOffset + byteLength) as ArrayBuffer;
      for (const row of await parquetReadObjects({ file })) {
        const action = decodeCheckpointRow(row, name);
        if (action !== null) actions.push(action);
      }
    }
    return snapshotOfCheckpoint(checkpoint.version, actions, this.keepFiles);
  }
}
