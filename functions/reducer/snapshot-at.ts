import { logPrefix } from '../core/keys.ts';
import type { ObjectStore, ObjectVersion } from '../core/ports.ts';
import { newestCheckpoint, parseLogName, versionName } from '../core/table-log/log-names.ts';
import { applyEntries, emptySnapshot, type Snapshot } from '../core/table-log/snapshot.ts';
import { inOrder } from '../protocol/documents.ts';
import { readCheckpoint, readEntry } from '../protocol/read-log.ts';

export interface SnapshotLimits {
  /** Live files, tombstones and transactions together. */
  readonly actions: number;
  /** Bytes of the checkpoint before, decompressed, and of the entries behind it: each at most so many. */
  readonly bytes: number;
}

/** The table at a version, or why it isn't read. */
export type SnapshotAt = { readonly snapshot: Snapshot } | { readonly skipped: string };

/** With the protocol and the metadata, as in a checkpoint. */
const actionsOf = ({ transactions, files, removed }: Snapshot): number => 2 + transactions.size + (files?.size ?? 0) + (removed?.size ?? 0);

/**
 * The table as it was at a version, with its files: the newest checkpoint before it, and the entries behind.
 * @param hint a version whose checkpoint is said to be there (`_last_checkpoint`), from which on the log is listed
 * @throws FanlakeError `table.corrupt`, `table.unsupported`
 */
export async function snapshotAt(
  lake: ObjectStore,
  table: string,
  version: number,
  hint: number | null,
  limits: SnapshotLimits,
): Promise<SnapshotAt> {
  const near = hint === null || hint > version ? null : await listLog(lake, table, versionName(hint));
  const isEnough = near !== null && newestCheckpoint(namesOf(near, table), version) !== null;
  const objects = isEnough ? near : await listLog(lake, table, '');
  const checkpoint = newestCheckpoint(namesOf(objects, table), version);
  if (checkpoint?.version === version) return { skipped: 'it is there' };
  const base = checkpoint === null ? emptySnapshot(true) : await readCheckpoint(lake, table, checkpoint, { keepFiles: true, most: limits });
  if (base === null) return tooLarge(limits);
  const entries = objects.filter(({ key }) => {
    const name = parseLogName(key.slice(logPrefix(table).length));
    return name.kind === 'entry' && name.version > base.version && name.version <= version;
  });
  if (entries.length < version - base.version) return { skipped: `entries between version ${base.version} and ${version} are gone` };
  if (entries.reduce((sum, { size }) => sum + size, 0) > limits.bytes) return tooLarge(limits);
  return follow(
    lake,
    table,
    base,
    entries.map(({ size }) => size),
    limits,
  );
}

const namesOf = (objects: readonly ObjectVersion[], table: string): readonly string[] =>
  objects.map(({ key }) => key.slice(logPrefix(table).length));

function tooLarge({ actions, bytes }: SnapshotLimits): SnapshotAt {
  const most = `${actions} files, tombstones and transactions, and ${bytes} bytes of log`;
  return { skipped: `the table is too large: ${most} are the most that a checkpoint of ours is made of` };
}

/** Entries that are read and taken at once. */
const entriesAtOnce = 200;
const bytesAtOnce = 64 * 2 ** 20;

async function follow(
  lake: ObjectStore,
  table: string,
  base: Snapshot,
  sizes: readonly number[],
  limits: SnapshotLimits,
): Promise<SnapshotAt> {
  let snapshot = base;
  for (const count of pagesOf(sizes)) {
    const versions = Array.from({ length: count }, (_, index) => snapshot.version + 1 + index);
    const entries = await inOrder(versions, (version) => readEntry(lake, table, version));
    const present = entries.filter((entry) => entry !== null);
    if (present.length < count) return { skipped: 'entries of its log were deleted meanwhile' };
    snapshot = applyEntries(snapshot, present);
    if (actionsOf(snapshot) > limits.actions) return tooLarge(limits);
  }
  return { snapshot };
}

/** How many of the entries are taken each time: an entry of 100,000 files has 100 MB. */
function pagesOf(sizes: readonly number[]): readonly number[] {
  const pages: number[] = [];
  let [count, bytes] = [0, 0];
  for (const size of sizes) {
    if (count > 0 && (count === entriesAtOnce || bytes + size > bytesAtOnce)) {
      pages.push(count);
      [count, bytes] = [0, 0];
    }
    count += 1;
    bytes += size;
  }
  return count > 0 ? [...pages, count] : pages;
}

async function listLog(lake: ObjectStore, table: string, from: string): Promise<readonly ObjectVersion[]> {
  const prefix = logPrefix(table);
  const objects: ObjectVersion[] = [];
  let next: string | undefined;
  do {
    const page = await lake.list({ prefix, startAfter: `${prefix}${from}`, ...(next === undefined ? {} : { next }) });
    for (const object of page.objects) objects.push(object);
    next = page.next;
  } while (next !== undefined);
  return objects;
}
