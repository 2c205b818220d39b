import { FanlakeError } from '../core/errors.ts';
import { dataFileMarksIn, logPrefix } from '../core/keys.ts';
import type { ObjectStore } from '../core/ports.ts';
import type { Action } from '../core/table-log/actions.ts';
import { decodeEntry } from '../core/table-log/log-entry.ts';
import { entryName } from '../core/table-log/log-names.ts';
import { logReading } from '../core/table-log/log-reading.ts';
import { storedActions } from '../protocol/read-log.ts';

/** Who hears what a log names. Each may come more than once. */
export interface LogListener {
  /** A data file that an action of whatever kind names, by its mark. */
  readonly onFile: (mark: string) => void;
  readonly onTransaction: (appId: string) => void;
}

/** Entries that are read at once: one may have a hundred megabytes. */
const parallelEntries = 8;

/**
 * Reads all that a table's log names, holding a few entries at a time: every entry that is there, also those behind a checkpoint, and the newest checkpoint
 * where the entries don't tell everything. Removed files are named as live ones are.
 */
export class LogReader {
  private readonly lake: ObjectStore;
  private readonly table: string;
  /** Stored versions of the entries of the first look. */
  private seen: ReadonlyMap<string, string> | null = null;

  constructor(lake: ObjectStore, table: string) {
    this.lake = lake;
    this.table = table;
  }

  /**
   * @returns whether there is a log
   * @throws FanlakeError `table.corrupt`, `table.unsupported` when not all that it names can be told; `store.*`
   */
  async readAll(listener: LogListener): Promise<boolean> {
    this.seen = await this.list();
    const { entries, checkpoint } = logReading([...this.seen.keys()], this.lake.locate(this.table));
    if (checkpoint !== null)
      for await (const action of storedActions(this.lake, this.table, checkpoint)) tell(action, this.placeOf(action), listener);
    await this.readEntries(entries.map(entryName), listener);
    return entries.length > 0 || checkpoint !== null;
  }

  /**
   * Reads what was committed since `readAll`.
   * @throws FanlakeError `store.failed` when the log is no longer the one that was read; whatever `readAll` throws
   */
  async readOn(listener: LogListener): Promise<void> {
    const seen = this.seen ?? new Map<string, string>();
    const now = await this.list();
    logReading([...now.keys()], this.lake.locate(this.table));
    const newest = [...seen].filter(([name]) => isEntry(name)).at(-1);
    if (newest !== undefined && now.get(newest[0]) !== newest[1]) throw this.changed();
    const added = [...now.keys()].filter((name) => isEntry(name) && !seen.has(name));
    await this.readEntries(added, listener);
  }

  /** Names in the log folder with their stored versions, in order. */
  private async list(): Promise<ReadonlyMap<string, string>> {
    const prefix = logPrefix(this.table);
    const found = new Map<string, string>();
    let next: string | undefined;
    do {
      const page = await this.lake.list({ prefix, ...(next === undefined ? {} : { next }) });
      for (const { key, version } of page.objects) found.set(key.slice(prefix.length), version);
      next = page.next;
    } while (next !== undefined);
    return found;
  }

  private async readEntries(names: readonly string[], listener: LogListener): Promise<void> {
    for (let start = 0; start < names.length; start += parallelEntries) {
      await Promise.all(names.slice(start, start + parallelEntries).map((name) => this.readEntry(name, listener)));
    }
  }

  private async readEntry(name: string, { onFile, onTransaction }: LogListener): Promise<void> {
    const object = await this.lake.get(`${logPrefix(this.table)}${name}`);
    if (object === null) throw this.changed();
    const text = Buffer.from(object.body).toString('utf8');
    for (const mark of dataFileMarksIn(text)) onFile(mark);
    for (const action of decodeEntry(text, name)) if ('txn' in action) onTransaction(action.txn.appId);
  }

  private placeOf(action: Action): string {
    if ('other' in action && action.other.name === 'sidecar') {
      throw new FanlakeError(
        'table.unsupported',
        `The log of ${this.lake.locate(this.table)} keeps its files in sidecars of a checkpoint (v2Checkpoint), which Fanlake doesn't read.`,
        { features: ['v2Checkpoint'] },
      );
    }
    if ('add' in action) return action.add.path;
    if ('remove' in action) return action.remove.path;
    return 'other' in action ? JSON.stringify(action.other.value) : '';
  }

  private changed(): FanlakeError {
    return new FanlakeError(
      'store.failed',
      `The log of ${this.lake.locate(this.table)} was replaced or cleaned up while it was read. Sweep again.`,
    );
  }
}

const isEntry = (name: string): boolean => /^\d{20}\.json$/.test(name);

function tell(action: Action, place: string, { onFile, onTransaction }: LogListener): void {
  for (const mark of dataFileMarksIn(place)) onFile(mark);
  if ('txn' in action) onTransaction(action.txn.appId);
}
