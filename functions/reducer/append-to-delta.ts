import { type ErrorReport, FanlakeError } from '../core/errors.ts';
import { uuidOf } from '../core/run-id.ts';
import { type AppendPlan, type CommitMember, planAppend } from '../core/table-log/append.ts';
import { encodeEntry } from '../core/table-log/log-entry.ts';
import { schemaOf } from '../core/table-log/schema.ts';
import { checkWritable } from '../core/table-log/writable.ts';
import type { CommitCandidate, CommitResult, ReducerContext } from './commit-candidate.ts';

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
    run: plan.run,
    epoch: plan.epoch,
    seenVersion: decision.version,
    schema: schemaOf(plan.table.columns),
    partitionColumns: plan.table.partitionBy,
    files: fold.files,
    lost,
    sources: [...new Set(fold.chain.map(({ key }) => key))],
  };
}

async function putEntry(
  context: ReducerContext,
  table: string,
  members: readonly CommitMember[],
): Promise<ReadonlyMap<CommitMember, CommitResult>> {
  const startedMs = context.clock.now();
  const log = context.logs.of(table);
  const path = context.stores.lake.locate(table);
  const oldest = Math.min(...members.map(({ seenVersion }) => seenVersion));
  for (;;) {
    const snapshot = await log.refresh();
    const unwritable = whyUnwritable(() => checkWritable(snapshot, 'append', path));
    const entries = await log.entriesSince(oldest, snapshot.version);
    const stamp = {
      nowMs: context.clock.now(),
      txnId: context.nonces.next(),
      tableId: uuidOf(context.nonces.next()),
      engineVersion: context.engineVersion,
    };
    const plan = planAppend(snapshot, entries, members, stamp);
    // what is in the table already is committed, whatever others made of the table since
    if (unwritable !== null) return refusedBut(plan, unwritable);
    if (plan.actions.length === 0) return resultsOf(plan);
    if (context.clock.now() - startedMs > maxAttemptMs) {
      throw new FanlakeError('store.failed', `The commit to ${path} took more than 15 minutes and is begun anew.`);
    }
    if (await log.put(plan.version, encodeEntry(plan.actions))) return resultsOf(plan);
    // the version is taken, by another writer or by our own retried put: what is there now decides
  }
}

function whyUnwritable(check: () => void): ErrorReport | null {
  try {
    check();
    return null;
  } catch (thrown) {
    if (!(thrown instanceof FanlakeError)) throw thrown;
    return thrown.toReport();
  }
}

/** Where nothing can be put: what is committed is, what is refused anyway keeps its error, and the rest is refused with this one. */
function refusedBut(plan: AppendPlan, error: ErrorReport): ReadonlyMap<CommitMember, CommitResult> {
  const results = new Map(resultsOf(plan));
  for (const member of [...plan.committing, ...plan.shuttingOut.map((one) => one.member)]) results.set(member, { kind: 'refused', error });
  return results;
}

function resultsOf(plan: AppendPlan): ReadonlyMap<CommitMember, CommitResult> {
  const results = new Map<CommitMember, CommitResult>();
  for (const member of plan.committing) results.set(member, { kind: 'committed', version: plan.version });
  for (const { member, version } of plan.committed) results.set(member, { kind: 'committed', version });
  for (const { member, error } of [...plan.refused, ...plan.shuttingOut]) results.set(member, { kind: 'refused', error: error.toReport() });
  return results;
}
