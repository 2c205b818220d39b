import { FanlakeError } from '../errors.ts';
import type { Action } from './actions.ts';
import { checkConflicts } from './conflicts.ts';
import { actionsOf, appIdOf, type CommitMember, type CommitStamp, commitInfo, creationFor } from './member-actions.ts';
import { applyEntry, type LogEntry, type Snapshot } from './snapshot.ts';

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

/**
 * The application id of the transaction that shuts an epoch out whose commit is decided and of which files or parts are gone. A decision can't be taken back, and another reducer that has looked
 * before the files went may be about to put its entry: only the log says who was first. Whoever finds this in it, that reducer included, since its version is taken then, knows
 * that the epoch never comes in; and whoever finds the epoch's own transaction knows that this one comes too late.
 */
const shutOutIdOf = (run: string, epoch: number): string => `${appIdOf(run, epoch)}/shut-out`;

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
  const creation: Action[] = [];
  let table = snapshot;
  const seen = new Set<string>();
  // what is only shut out comes last: it makes no table for the others
  for (const member of [...members.filter(({ lost }) => lost === null), ...members.filter(({ lost }) => lost !== null)]) {
    const appId = appIdOf(member.run, member.epoch);
    const version = committedIn(appId, snapshot, entries);
    if (version !== undefined) {
      committed.push({ member, version });
      continue;
    }
    // A member that is named twice is committed once.
    if (seen.has(appId)) continue;
    seen.add(appId);
    const made = unwritable === null ? creationFor(member, table.metaData, stamp) : [];
    const into = made.length === 0 ? table : { ...applyEntry(table, snapshot.version + 1, made), version: snapshot.version };
    const actions = judge(member, into, entries, putting);
    if (actions instanceof FanlakeError) {
      refused.push({ member, error: actions });
      continue;
    }
    if (member.lost !== null) shuttingOut.push({ member, error: member.lost });
    else committing.push(member);
    table = into;
    creation.push(...made);
    theirs.push(...actions);
  }
  const isNothing = committing.length + shuttingOut.length === 0;
  const actions = isNothing ? [] : [commitInfo(committing, table.metaData?.partitionColumns ?? [], stamp), ...creation, ...theirs];
  return { version: snapshot.version + 1, actions, committing, shuttingOut, committed, refused };
}
