import type { EpochId } from '../core/keys.ts';
import { parseDataFileKey } from '../core/keys.ts';
import { whyKept } from '../core/orphan.ts';
import type { ListedObject } from '../core/ports.ts';
import { appIdOf } from '../core/table-log/member-actions.ts';
import { inOrder } from '../protocol/documents.ts';
import { LogReader } from './log-reader.ts';
import { lookAtRun, type RunLook, type RunStores } from './run-left.ts';

export interface SweepOptions {
  /** Files that were stored at this moment or later stay, in milliseconds since 1970 UTC. */
  readonly beforeMs: number;
  /** Whether nothing is deleted. */
  readonly dryRun: boolean;
  /** Runs of whose work nothing counts: it would be gone already if this weren't a dry run. */
  readonly asGone?: ReadonlySet<string>;
  /** Whether to stop as soon as may be; what is done is done. */
  readonly isOver: () => boolean;
}

/** What was deleted, or would be. */
export interface Swept {
  readonly files: number;
  readonly bytes: number;
  /** Whether it was stopped before it had seen all. */
  readonly unfinished: boolean;
}

/** A file that may be an orphan. */
interface Candidate extends EpochId {
  readonly key: string;
  readonly size: number;
  readonly pending: boolean;
}

/** Files that are looked up in the log together: the log is read once for so many, and they take some 100 MB at most. */
const batchFiles = 200_000;

/**
 * Deletes the data files of a table that nobody needs (protocol.md, Orphans): old ones of ours that the log doesn't name, of runs of which the work root has
 * nothing left. The order is what makes it safe: file, work root, ledger, log. Whoever commits a file has its part before its log entry; a part that is gone when
 * the work root is looked at can't be committed later, and what was committed before is in the log that is read afterwards.
 * @throws FanlakeError `table.*` when the log can't be read as a whole, and then nothing more is deleted; `store.*`
 */
export async function sweepTable(stores: RunStores, table: string, options: SweepOptions): Promise<Swept> {
  let swept: Swept = { files: 0, bytes: 0, unfinished: false };
  let batch = new Map<string, Candidate>();
  const flush = async (): Promise<void> => {
    const orphans = batch.size === 0 ? [] : await findOrphans(stores, table, batch, options);
    batch = new Map();
    if (orphans === null) {
      swept = { ...swept, unfinished: true };
      return;
    }
    if (!options.dryRun) await inOrder(orphans, ({ key }) => stores.lake.delete(key));
    swept = { ...swept, files: swept.files + orphans.length, bytes: orphans.reduce((sum, { size }) => sum + size, swept.bytes) };
  };
  let next: string | undefined;
  do {
    if (swept.unfinished || options.isOver()) return { ...swept, unfinished: true };
    const page = await stores.lake.list({ prefix: `${table}/`, ...(next === undefined ? {} : { next }) });
    for (const object of page.objects) addIfOld(batch, table, object, options.beforeMs);
    next = page.next;
    if (batch.size >= batchFiles) await flush();
  } while (next !== undefined);
  await flush();
  return swept;
}

function addIfOld(batch: Map<string, Candidate>, table: string, { key, size, modifiedMs }: ListedObject, beforeMs: number): void {
  const file = modifiedMs < beforeMs ? parseDataFileKey(table, key) : null;
  if (file === null) return;
  const { run, epoch, pending, mark } = file;
  batch.set(mark, { key, size, run, epoch, pending });
}

/** Those of some files that nobody needs; null when it is over before that can be told. */
async function findOrphans(
  stores: RunStores,
  table: string,
  batch: Map<string, Candidate>,
  options: SweepOptions,
): Promise<readonly Candidate[] | null> {
  const runs = new Set([...batch.values()].map(({ run }) => run));
  const transactions = new Set<string>();
  const log = new LogReader(stores.lake, table);
  const listener = {
    onFile: (mark: string) => void batch.delete(mark),
    onTransaction: (appId: string) => {
      if (runs.has(appId.slice(0, appId.lastIndexOf('/')))) transactions.add(appId);
    },
  };
  // what the log names already needs no look at its run
  const hasLog = await log.readAll(listener);
  const holds = (look: RunLook) => (id: EpochId) => look.manifests.has(id.epoch) || transactions.has(appIdOf(id.run, id.epoch));
  for (const [run, files] of Map.groupBy(batch, ([, { run }]) => run)) {
    if (options.isOver()) return null;
    const left = await lookAtRun(stores, table, run, options.asGone?.has(run) === true);
    for (const [mark, { pending }] of files) if (whyKept(left, { hasLog, holds: holds(left) }, pending) !== null) batch.delete(mark);
  }
  if (batch.size > 0) await log.readOn(listener);
  return [...batch.values()];
}
