import type { DataFile } from '../data-file.ts';
import { FanlakeError } from '../errors.ts';
import type { Action, AddFile, MetaData } from './actions.ts';
import { type Appending, checkConflicts } from './conflicts.ts';
import { encodeDataPath } from './data-path.ts';
import type { DeltaStruct } from './delta-types.ts';
import { partitionValueOf } from './partition-value.ts';
import { decodeSchema, encodeSchema } from './schema.ts';
import { applyEntry, type LogEntry, type Snapshot } from './snapshot.ts';
import { ourProtocol } from './writable.ts';

/** A finished epoch of a run that is to be committed by `append`. */
export interface CommitMember extends Appending {
  readonly files: readonly DataFile[];
  /** Keys of the objects that its rows come from, for the files' tags. */
  readonly sources: readonly string[];
  /** Why it can't be committed any more, unless it is: what it is made of is gone. */
  readonly lost: FanlakeError | null;
}

/** What a commit needs that isn't decided here. */
export interface CommitStamp {
  /** Milliseconds since 1970 UTC. */
  readonly nowMs: number;
  /** Unlike any other, so that a 412 on our own retried put can be told from another's entry. */
  readonly txnId: string;
  /** A UUID, used when the entry creates the table. */
  readonly tableId: string;
  /** Fanlake's version. */
  readonly engineVersion: string;
}

/** How an entry is put. */
export interface Putting {
  readonly stamp: CommitStamp;
  /** Why nothing can be put (`checkWritable`), or null. What is in the table already is committed all the same, whatever others made of the table since. */
  readonly unwritable: FanlakeError | null;
}

export interface AppendPlan {
  /** The version of the entry to put if absent. */
  readonly version: number;
  /** Its actions; empty when nothing is to be committed. */
  readonly actions: readonly Action[];
  readonly committing: readonly CommitMember[];
  /** Members that the entry shuts out, since their files are gone: refused once it is put. */
  readonly shuttingOut: readonly RefusedMember[];
  /** Members that an earlier entry has; `version` is that entry's, null when only a checkpoint tells. */
  readonly committed: readonly { readonly member: CommitMember; readonly version: number | null }[];
  /** Members whose outcome is FAILED with this error: `commit.conflict`, `commit.unknown`, `table.partitions` for a value that Delta can't carry, or why nothing can be put. */
  readonly refused: readonly RefusedMember[];
}

export interface RefusedMember {
  readonly member: CommitMember;
  readonly error: FanlakeError;
}

/** The application id of an epoch's transaction: it is in the log once at most. */
export function appIdOf(run: string, epoch: number): string {
  return `${run}/e${epoch}`;
}

/**
 * The application id of the transaction that shuts an epoch out whose commit is decided and of which files or parts are gone. A decision can't be taken back, and another reducer that has looked
 * before the files went may be about to put its entry: only the log says who was first. Whoever finds this in it, that reducer included, since its version is taken then, knows
 * that the epoch never comes in; and whoever finds the epoch's own transaction knows that this one comes too late.
 */
const shutOutIdOf = (run: string, epoch: number): string => `${appIdOf(run, epoch)}/shut-out`;

/** The most that the sources of one run take in each file's tags, in characters of JSON. */
const maxSourcesLength = 1000;

/** As many sources as fit, and how many there are in all. */
function sourceTags(sources: readonly string[]): Record<string, string> {
  const shown: string[] = [];
  let length = 2;
  for (const source of sources) {
    length += JSON.stringify(source).length + 1;
    if (length > maxSourcesLength && shown.length > 0) break;
    shown.push(source);
  }
  const tags = { 'fanlake.sources': JSON.stringify(shown) };
  return shown.length === sources.length ? tags : { ...tags, 'fanlake.sourceCount': String(sources.length) };
}

/** The file's lake partition as the log carries it: a value for each of the table's partition columns. */
function partitionValues(file: DataFile, table: DeltaStruct, partitionColumns: readonly string[]): Record<string, string | null> {
  return Object.fromEntries(
    partitionColumns.map((column) => {
      const field = table.fields.find(({ name }) => name === column);
      const found = file.partition.find((value) => value.column === column);
      if (field === undefined || found === undefined) {
        throw new FanlakeError('internal', `the data file '${file.path}' has no value of the partition column '${column}'`, {
          path: file.path,
        });
      }
      return [column, partitionValueOf(field.type, found.value, column)] as const;
    }),
  );
}

function addOf(file: DataFile, member: CommitMember, table: DeltaStruct): AddFile {
  return {
    path: encodeDataPath(file.path),
    partitionValues: partitionValues(file, table, member.partitionColumns),
    size: file.sizeBytes,
    modificationTime: file.modifiedMs,
    dataChange: true,
    stats: file.stats,
    tags: { 'fanlake.run': member.run, 'fanlake.epoch': String(member.epoch), ...sourceTags(member.sources) },
  };
}

function commitInfo(members: readonly CommitMember[], partitionColumns: readonly string[], stamp: CommitStamp): Action {
  const files = members.flatMap((member) => member.files);
  const sum = (figure: (file: DataFile) => number) => String(files.reduce((total, file) => total + figure(file), 0));
  return {
    commitInfo: {
      timestamp: stamp.nowMs,
      operation: 'WRITE',
      operationParameters: { mode: 'Append', partitionBy: JSON.stringify(partitionColumns) },
      operationMetrics: {
        numFiles: String(files.length),
        numOutputRows: sum((file) => file.rows),
        numOutputBytes: sum((file) => file.sizeBytes),
      },
      isBlindAppend: true,
      engineInfo: `fanlake/${stamp.engineVersion}`,
      txnId: stamp.txnId,
    },
  };
}

function newTable(first: CommitMember, stamp: CommitStamp): readonly Action[] {
  const metaData: MetaData = {
    id: stamp.tableId,
    format: { provider: 'parquet', options: {} },
    schemaString: encodeSchema(first.schema),
    partitionColumns: first.partitionColumns,
    createdTime: stamp.nowMs,
    configuration: {},
  };
  return [{ protocol: ourProtocol }, { metaData }];
}

/** The version of the entry that has the transaction, null when only the snapshot tells, undefined when it isn't committed. */
function committedIn(appId: string, snapshot: Snapshot, entries: readonly LogEntry[]): number | null | undefined {
  const entry = entries.find(({ actions }) => actions.some((action) => 'txn' in action && action.txn.appId === appId));
  if (entry !== undefined) return entry.version;
  return snapshot.transactions.has(appId) ? null : undefined;
}

function unknown(member: CommitMember, snapshot: Snapshot): FanlakeError {
  const found = `the table's log entries since version ${member.seenVersion} are gone, and its transactions are forgotten after a time`;
  return new FanlakeError(
    'commit.unknown',
    `whether epoch ${member.epoch} of run ${member.run} is in the table can't be told: ${found} (delta.setTransactionRetentionDuration). Look into the table (fanlake query); are its rows missing, load its objects as another run: fanlake run <job> --input ... --again`,
    { run: member.run, epoch: member.epoch, seenVersion: member.seenVersion, tableVersion: snapshot.version },
  );
}

/** The error of an epoch that another reducer has shut out, and of which this one has all. */
function shutOut({ run, epoch }: CommitMember): FanlakeError {
  return new FanlakeError(
    'commit.conflict',
    `Run ${run}, epoch ${epoch}, was to be committed, and files of it were gone meanwhile. Nothing of it is in the table. Type: fanlake retry ${run}`,
    { lost: [] },
  );
}

/** Whether the entries after the member's version are all at hand, or the snapshot's transactions can stand for them. */
function canTell(member: CommitMember, snapshot: Snapshot, entries: readonly LogEntry[]): boolean {
  const atHand = new Set(entries.map(({ version }) => version));
  for (let version = member.seenVersion + 1; version <= snapshot.version; version++) {
    if (!atHand.has(version)) return snapshot.metaData?.configuration['delta.setTransactionRetentionDuration'] === undefined;
  }
  return true;
}

/** A member's own lines of the entry. */
function actionsOf(member: CommitMember, table: MetaData, stamp: CommitStamp): readonly Action[] {
  const schema = decodeSchema(table.schemaString);
  return [
    { txn: { appId: appIdOf(member.run, member.epoch), version: 1, lastUpdated: stamp.nowMs } },
    ...member.files.map((file) => ({ add: addOf(file, member, schema) })),
  ];
}

/** A member's actions, or why it can't be committed. */
function judge(
  member: CommitMember,
  table: Snapshot,
  entries: readonly LogEntry[],
  { stamp, unwritable }: Putting,
): readonly Action[] | FanlakeError {
  if (!canTell(member, table, entries)) return unknown(member, table);
  const shutOutId = shutOutIdOf(member.run, member.epoch);
  if (committedIn(shutOutId, table, entries) !== undefined) return member.lost ?? shutOut(member);
  if (unwritable !== null) return unwritable;
  if (member.lost !== null) return [{ txn: { appId: shutOutId, version: 1, lastUpdated: stamp.nowMs } }];
  const conflict = checkConflicts(member, table, entries);
  if (conflict !== null || table.metaData === null) return conflict ?? new FanlakeError('internal', 'a table without metadata');
  try {
    return actionsOf(member, table.metaData, stamp);
  } catch (thrown) {
    if (thrown instanceof FanlakeError && !thrown.retryable) return thrown;
    throw thrown;
  }
}

/**
 * Plans the log entry that appends finished runs to a table: which of them go into it, which are there already, which can't (one that can't
 * doesn't hinder the others). Call it again with the newer snapshot and entries after another's entry took the version.
 * @param snapshot the table now (files aren't needed)
 * @param entries those after the smallest `seenVersion`, up to the snapshot's version, as far as the store still has them
 */
export function planAppend(
  snapshot: Snapshot,
  entries: readonly LogEntry[],
  members: readonly CommitMember[],
  putting: Putting,
): AppendPlan {
  const { stamp, unwritable } = putting;
  const committing: CommitMember[] = [];
  const committed: { member: CommitMember; version: number | null }[] = [];
  const refused: RefusedMember[] = [];
  const shuttingOut: RefusedMember[] = [];
  const theirs: Action[] = [];
  let creation: readonly Action[] = [];
  let table = snapshot;
  const seen = new Set<string>();
  for (const member of members) {
    const appId = appIdOf(member.run, member.epoch);
    const version = committedIn(appId, snapshot, entries);
    if (version !== undefined) {
      committed.push({ member, version });
      continue;
    }
    // A member that is named twice is committed once.
    if (seen.has(appId)) continue;
    seen.add(appId);
    if (table.metaData === null && unwritable === null) {
      creation = newTable(member, stamp);
      table = { ...applyEntry(table, snapshot.version + 1, creation), version: snapshot.version };
    }
    const actions = judge(member, table, entries, putting);
    if (actions instanceof FanlakeError) refused.push({ member, error: actions });
    else if (member.lost !== null) shuttingOut.push({ member, error: member.lost });
    else committing.push(member);
    if (!(actions instanceof FanlakeError)) theirs.push(...actions);
  }
  const isNothing = committing.length + shuttingOut.length === 0;
  const actions = isNothing ? [] : [commitInfo(committing, table.metaData?.partitionColumns ?? [], stamp), ...creation, ...theirs];
  return { version: snapshot.version + 1, actions, committing, shuttingOut, committed, refused };
}
