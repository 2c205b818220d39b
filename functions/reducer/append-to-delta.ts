import { FanlakeError } from '../core/errors.ts';
import { uuidOf } from '../core/run-id.ts';
import { type AppendPlan, planAppend } from '../core/table-log/append.ts';
import { encodeEntry } from '../core/table-log/log-entry.ts';
import type { CommitMember } from '../core/table-log/member-actions.ts';
import type { LogEntry, Snapshot } from '../core/table-log/snapshot.ts';
import type { TableLog } from '../protocol/table-log.ts';
import type { CommitCandidate, CommitResult, ReducerContext } from './commit-candidate.ts';
import { appendingOf, permanent, whyUnwritable } from './fits-table.ts';

/** An attempt at a commit that is older doesn't put any more: its version number may have been cleaned up and be free again. */
const maxAttemptMs = 15 * 60_000;

/**
 * Steps 3 to 5 of a commit: one conditional put of a log entry makes the rows of all members visible. On a lost race the entry is built anew
 * over what the winner wrote. Members without files need no entry.
 */
export async function appendToDelta(
  context: ReducerContext,
  candidates: readonly CommitCandidate[],
): Promise<ReadonlyMap<CommitCandidate, CommitResult>> {
  const results = new Map<CommitCandidate, CommitResult>();
  const members = new Map<CommitMember, CommitCandidate>();
  for (const candidate of candidates) {
    if (candidate.fold.files.length === 0 && candidate.lost === null) results.set(candidate, { kind: 'committed', version: null });
    else members.set(memberOf(candidate), candidate);
  }
  if (members.size === 0) return results;
  // all of a batch go into one table
  const table = candidates[0]?.plan.table.key ?? '';
  for (const [member, result] of await putEntry(context, table, [...members.keys()])) {
    const candidate = members.get(member);
    if (candidate !== undefined) results.set(candidate, result);
  }
  return results;
}

function memberOf({ plan, fold, decision, lost }: CommitCandidate): CommitMember {
  return {
    ...appendingOf(plan, decision.version),
    files: fold.files,
    lost,
    sources: [...new Set(fold.chain.map(({ key }) => key))],
  };
}

type Results = ReadonlyMap<CommitMember, CommitResult>;

async function putEntry(context: ReducerContext, table: string, members: readonly CommitMember[]): Promise<Results> {
  const startedMs = context.clock.now();
  const log = context.logs.of(table);
  const path = context.stores.lake.locate(table);
  const oldest = Math.min(...members.map(({ seenVersion }) => seenVersion));
  for (;;) {
    const read = await readSince(log, oldest);
    if (read instanceof FanlakeError) return new Map(members.map((member) => [member, unreadable(read)]));
    const stamp = {
      nowMs: context.clock.now(),
      txnId: context.nonces.next(),
      tableId: uuidOf(context.nonces.next()),
      engineVersion: context.engineVersion,
    };
    const plan = planAppend(read.snapshot, read.entries, members, { stamp, unwritable: whyUnwritable(read.snapshot, path) });
    if (plan.actions.length === 0) return resultsOf(plan);
    if (context.clock.now() - startedMs > maxAttemptMs) {
      throw new FanlakeError('store.failed', `The commit to ${path} took more than 15 minutes and is begun anew.`);
    }
    if (await log.put(plan.version, encodeEntry(plan.actions))) return resultsOf(plan);
    // the version is taken, by another writer or by our own retried put: what is there now decides
  }
}

/** The table now, and its entries since a version; or why its log can't be read, which stays so until somebody mends it. */
async function readSince(
  log: TableLog,
  oldest: number,
): Promise<{ readonly snapshot: Snapshot; readonly entries: readonly LogEntry[] } | FanlakeError> {
  try {
    const snapshot = await log.refresh();
    return { snapshot, entries: await log.changesSince(oldest, snapshot.version) };
  } catch (thrown) {
    return permanent(thrown);
  }
}

const unreadable = (error: FanlakeError): CommitResult => ({
  kind: 'hindered',
  error,
  state: "Whether its rows are in the table can't be told, and loading its objects again could double them.",
  way: 'Mend the table and look into it (fanlake query); are its rows missing, load its objects as another run: --again',
});

function resultsOf(plan: AppendPlan): Results {
  const results = new Map<CommitMember, CommitResult>();
  for (const member of plan.committing) results.set(member, { kind: 'committed', version: plan.version });
  for (const { member, version } of plan.committed) results.set(member, { kind: 'committed', version });
  for (const { member, error } of [...plan.refused, ...plan.shuttingOut]) results.set(member, { kind: 'refused', error: error.toReport() });
  return results;
}
