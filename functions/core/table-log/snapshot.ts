import { FanlakeError } from '../errors.ts';
import type { Action, AddFile, MetaData, Protocol, RemoveFile, Transaction } from './actions.ts';
import { decodeDataPath } from './data-path.ts';

/** What a table is at a version: the fold of its log (Delta protocol, "Action Reconciliation"). */
export interface Snapshot {
  /** -1 for a table that doesn't exist yet. */
  readonly version: number;
  readonly protocol: Protocol | null;
  readonly metaData: MetaData | null;
  /** The last transaction of each application, by its id. */
  readonly transactions: ReadonlyMap<string, Transaction>;
  /** The data files by their place in the table (decoded path); null when the fold doesn't keep them. */
  readonly files: ReadonlyMap<string, AddFile> | null;
  /** Removed files that VACUUM may not have deleted yet, which a checkpoint must keep; null when the fold doesn't keep files. */
  readonly removed: ReadonlyMap<string, RemoveFile> | null;
}

/** One log entry, decoded. */
export interface LogEntry {
  readonly version: number;
  readonly actions: readonly Action[];
}

/**
 * The table before its first entry.
 * @param keepFiles whether folds on it keep the lists of files (a commit of appends doesn't need them)
 */
export function emptySnapshot(keepFiles = false): Snapshot {
  return {
    version: -1,
    protocol: null,
    metaData: null,
    transactions: new Map(),
    files: keepFiles ? new Map() : null,
    removed: keepFiles ? new Map() : null,
  };
}

/** A snapshot under construction: of a log that is longer than what one wants to hold at once. */
export class SnapshotFold {
  private version: number;
  private protocol: Protocol | null;
  private metaData: MetaData | null;
  private readonly transactions: Map<string, Transaction>;
  private readonly files: Map<string, AddFile> | null;
  private readonly removed: Map<string, RemoveFile> | null;

  constructor(base: Snapshot) {
    this.version = base.version;
    this.protocol = base.protocol;
    this.metaData = base.metaData;
    this.transactions = new Map(base.transactions);
    this.files = base.files === null ? null : new Map(base.files);
    this.removed = base.removed === null ? null : new Map(base.removed);
  }

  /**
   * Takes the next entries.
   * @param entries in order of version, the first being the one behind what was taken before
   * @throws RangeError for an entry that doesn't follow the one before
   * @throws FanlakeError `table.corrupt` for a file path that can't be read, when files are kept
   */
  follow(entries: Iterable<LogEntry>): void {
    for (const { version, actions } of entries) {
      if (version !== this.version + 1) throw new RangeError(`entry ${version} of a table's log doesn't follow version ${this.version}`);
      this.take(version, actions);
    }
  }

  /** Takes the actions that lead to a version, whatever was before. */
  take(version: number, actions: Iterable<Action>): void {
    const adds: AddFile[] = [];
    for (const action of actions) {
      if ('protocol' in action) this.protocol = action.protocol;
      else if ('metaData' in action) this.metaData = action.metaData;
      else if ('txn' in action) this.transactions.set(action.txn.appId, action.txn);
      else if ('add' in action) adds.push(action.add);
      else if ('remove' in action) this.remove(action.remove);
    }
    // The lines of an entry have no order. Within one a file is removed and added again only when its new add is what remains.
    for (const add of adds) this.add(add);
    this.version = version;
  }

  private add(file: AddFile): void {
    if (this.files === null) return;
    const path = decodeDataPath(file.path);
    this.files.set(path, file);
    this.removed?.delete(path);
  }

  private remove(file: RemoveFile): void {
    if (this.files === null) return;
    const path = decodeDataPath(file.path);
    this.files.delete(path);
    this.removed?.set(path, file);
  }

  /** The snapshot so far; nothing may be taken behind that. */
  end(): Snapshot {
    const { version, protocol, metaData, transactions, files, removed } = this;
    return { version, protocol, metaData, transactions, files, removed };
  }
}

/**
 * The snapshot after further entries.
 * @param entries in order of version, the first being `base.version + 1`
 * @throws RangeError for an entry that doesn't follow the one before
 * @throws FanlakeError `table.corrupt` for a file path that can't be read, when files are kept
 */
export function applyEntries(base: Snapshot, entries: Iterable<LogEntry>): Snapshot {
  const fold = new SnapshotFold(base);
  fold.follow(entries);
  return fold.end();
}

/** The snapshot after one entry more. Copies the snapshot: for many entries use `applyEntries`. */
export function applyEntry(base: Snapshot, version: number, actions: readonly Action[]): Snapshot {
  return applyEntries(base, [{ version, actions }]);
}

/**
 * The snapshot that a checkpoint is.
 * @param actions of all its rows (`decodeCheckpointRow`), in any order
 * @throws FanlakeError `table.unsupported` for one with sidecars
 */
export function snapshotOfCheckpoint(version: number, actions: Iterable<Action>, keepFiles = false): Snapshot {
  const fold = new SnapshotFold(emptySnapshot(keepFiles));
  fold.take(version, withoutSidecars(version, actions));
  return fold.end();
}

function* withoutSidecars(version: number, actions: Iterable<Action>): Generator<Action> {
  for (const action of actions) {
    if ('other' in action && action.other.name === 'sidecar') {
      const found = `the table's checkpoint of version ${version} keeps its files in sidecars (v2Checkpoint)`;
      throw new FanlakeError('table.unsupported', `${found}, which Fanlake doesn't read. Use a table without the feature v2Checkpoint.`, {
        features: ['v2Checkpoint'],
      });
    }
    yield action;
  }
}
