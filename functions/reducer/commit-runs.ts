import type { CommitDecision, Decision } from '../core/decision.ts';
import type { EpochId } from '../core/keys.ts';
import { addRequests, type RequestCounts, subtractRequests } from '../core/part.ts';
import type { Plan } from '../core/plan.ts';
import { type OutcomeWord, receiptOf } from '../core/receipt.ts';
import type { CommitMessage } from '../core/task.ts';
import { inOrder, readDecision, readOutcome, readOwnPlan } from '../protocol/documents.ts';
import { fulfilDuties } from '../protocol/duties.ts';
import { commitUnknown, partsExpired } from '../protocol/in-the-table.ts';
import { announceOutcome, decideOrFind, writeOutcome } from '../protocol/ledger.ts';
import { appendToDelta } from './append-to-delta.ts';
import { appendToHive } from './append-to-hive.ts';
import { checkpointIfDue } from './checkpoint-table.ts';
import type { CommitCandidate, CommitResult, ReducerContext } from './commit-candidate.ts';
import { endHindered, endPlanless, endUnjudged } from './hindered-commit.ts';
import { judgeRun, lookAtTable, type SeenTable } from './judge-run.ts';
import { askForUploadAgain, noteUploadAgain } from './plan-upload-again.ts';

/** A message that must come again, and what went wrong. */
export interface FailedMessage {
  readonly index: number;
  readonly error: unknown;
}

/**
 * Commits a batch of finished runs: one log entry for all that go into the same table (protocol.md, Commit). Repeatable at every step. A run
 * that can't be decided keeps no other from being committed.
 */
export async function commitRuns(context: ReducerContext, messages: readonly CommitMessage[]): Promise<readonly FailedMessage[]> {
  const byTable = Map.groupBy(messages.keys(), (index) => messages[index]?.table ?? '');
  const failed: FailedMessage[] = [];
  const committed: CommittedVersion[] = [];
  for (const [table, indexes] of byTable) {
    const epochs = Map.groupBy(indexes, (index) => epochOf(messages[index]));
    const fail = (epoch: string, error: unknown) => failed.push(...(epochs.get(epoch) ?? []).map((index) => ({ index, error })));
    try {
      const distinct = [...epochs.values()].flatMap(([first]) => (first === undefined ? [] : (messages[first] ?? [])));
      const versions = await commitTable(context, table, distinct, fail);
      for (const version of versions) committed.push({ table, version });
    } catch (error) {
      for (const epoch of epochs.keys()) fail(epoch, error);
    }
  }
  // last of all: should the process die over one, every run has its outcome
  for (const { table, version } of committed) await checkpointIfDue(context, table, version);
  return failed;
}

interface CommittedVersion {
  readonly table: string;
  readonly version: number;
}

const epochOf = (message: EpochId | undefined): string => `${message?.run}/e${message?.epoch}`;

/** @returns the versions of the table's log that the runs are in */
async function commitTable(
  context: ReducerContext,
  table: string,
  messages: readonly CommitMessage[],
  fail: (epoch: string, error: unknown) => void,
): Promise<ReadonlySet<number>> {
  const requestsBefore = context.requests();
  const seen = await lookAtTable(context, table);
  const decided = await inOrder(messages, async (message) => {
    try {
      return await decideRun(context, message, seen);
    } catch (error) {
      fail(epochOf(message), error);
      return null;
    }
  });
  const candidates = decided.filter((candidate): candidate is CommitCandidate => candidate !== null);
  const versions = new Set<number>();
  for (const format of ['delta', 'parquet'] as const) {
    const members = candidates.filter(({ plan }) => plan.table.format === format);
    if (members.length === 0) continue;
    const results = await withFigures(
      context,
      await (format === 'delta' ? appendToDelta(context, members) : appendToHive(context, members)),
    );
    for (const result of results.values()) if (result.kind === 'committed' && result.version !== null) versions.add(result.version);
    await inOrder([...results], async ([member, result]) => {
      try {
        const end = result.kind === 'hindered' ? endHindered(context, member, result) : result;
        await endRun(context, member, end, requestsBefore, messages.length);
      } catch (error) {
        // the others need not be ended and announced once more for it
        fail(epochOf(member.plan), error);
      }
    });
  }
  return versions;
}

/** What is in the table, and of which nobody can tell any more how much it is, ends as what a person must look at. */
async function withFigures(
  { stores }: ReducerContext,
  results: ReadonlyMap<CommitCandidate, CommitResult>,
): Promise<ReadonlyMap<CommitCandidate, CommitResult>> {
  const seen = new Map(results);
  for (const [candidate, { kind }] of results) {
    if (kind !== 'committed' || !candidate.incomplete) continue;
    const error = await commitUnknown(stores.lake, candidate.decision, partsExpired);
    seen.set(candidate, { kind: 'refused', error: error.toReport() });
  }
  return seen;
}

/** Steps 1 and 2: judges the run and decides it. Null when it isn't to be committed, with its duties done. */
async function decideRun(context: ReducerContext, { run, epoch, table }: CommitMessage, seen: SeenTable): Promise<CommitCandidate | null> {
  const judged = await judgeRun(context, { run, epoch }, seen);
  if (judged === 'plan gone') await completeEnd(context, { run, epoch, table });
  if (judged === 'plan gone' || judged === 'incomplete') return null;
  // before the decision: whoever finds that may write the outcome
  if (judged.kind === 'unfit') await noteUploadAgain(context, judged.plan, judged.error);
  const { decision, isNew } =
    judged.kind === 'commit'
      ? await decideOrFind(context, { kind: 'commit', run, epoch, table, version: judged.version })
      : await decideOrFind(context, { kind: 'fail', run, epoch, table, error: judged.error });
  if (!isNew && decision.kind === 'commit' && (await isOver(context, decision))) return null;
  if (decision.kind !== 'commit') {
    await endUncommitted(context, decision, 'plan' in judged ? judged.plan : null);
    return null;
  }
  // decided before, to commit: then its parts are whole, whatever is found wrong now, and its table may be mended by now, or never have needed to be read
  if (judged.kind === 'fail') {
    await endUnjudged(context, decision, judged.error);
    return null;
  }
  const { plan, fold } = judged;
  const loss = judged.kind === 'lost' ? judged : { lost: null, incomplete: false };
  const { mergeTasks } = judged;
  return { plan, fold, mergeTasks, decision, partial: fold.failed.length > 0, lost: loss.lost, incomplete: loss.incomplete };
}

/** The duties of whoever finds an epoch decided otherwise; an upload whose files don't fit the table is planned again besides. */
async function endUncommitted(context: ReducerContext, decision: Exclude<Decision, CommitDecision>, plan: Plan | null): Promise<void> {
  await fulfilDuties(context, decision);
  if (decision.kind === 'fail' && plan !== null) await askForUploadAgain(context, plan, decision.error);
}

/**
 * Whether a commit has come to its end, whatever that was: then nothing of the epoch may go into the table any more, since the next epoch may have. What
 * whoever ended it may have died before is done once more.
 */
async function isOver(context: ReducerContext, decision: CommitDecision): Promise<boolean> {
  const outcome = await readOutcome(context.stores.lake, decision.table, decision);
  if (outcome === null) return false;
  const plan = outcome.error === null ? null : await readOwnPlan(context.stores.work, decision);
  if (plan !== null && outcome.error !== null) await askForUploadAgain(context, plan, outcome.error);
  await announceOutcome(context, outcome, false);
  return true;
}

/** What is left of an epoch whose plan is gone: its end may not have been announced, or not been written down. */
async function completeEnd(context: ReducerContext, { run, epoch, table }: Omit<CommitMessage, 'kind'>): Promise<void> {
  const outcome = await readOutcome(context.stores.lake, table, { run, epoch });
  if (outcome !== null) return announceOutcome(context, outcome, false);
  const decision = await readDecision(context.stores.lake, table, { run, epoch });
  if (decision?.kind === 'commit') await endPlanless(context, decision);
  else if (decision !== null) await fulfilDuties(context, decision);
}

/** Step 6: the outcome. */
async function endRun(
  context: ReducerContext,
  { plan, fold, mergeTasks, partial }: CommitCandidate,
  result: Exclude<CommitResult, { kind: 'hindered' }>,
  requestsBefore: RequestCounts,
  sharers: number,
): Promise<void> {
  const { lake } = context.stores;
  const receipt = receiptOf(plan, fold, mergeTasks, lake.locate(plan.table.key));
  const outcome: OutcomeWord = result.kind === 'refused' ? 'FAILED' : partial ? 'PARTIAL' : 'COMMITTED';
  const written = result.kind === 'committed';
  if (result.kind === 'refused') await noteUploadAgain(context, plan, result.error);
  await writeOutcome(context, plan.table.key, {
    ...receipt,
    state: 'ended',
    outcome,
    rows: written ? receipt.rows : { ...receipt.rows, written: 0 },
    table: {
      ...receipt.table,
      version: written ? result.version : null,
      files: written ? fold.files.length : 0,
      bytes: written ? fold.files.reduce((sum, file) => sum + file.sizeBytes, 0) : 0,
    },
    requests: addRequests(receipt.requests, sharedRequests(requestsBefore, context.requests(), sharers)),
    seconds: Math.max(0, context.clock.now() - plan.createdMs) / 1000,
    error: result.kind === 'refused' ? result.error : partial ? (fold.failed[0]?.error ?? null) : null,
  });
  if (result.kind === 'refused') await askForUploadAgain(context, plan, result.error);
}

/** A run's share of the requests that a batch of runs took together, rounded up. */
function sharedRequests(before: RequestCounts, after: RequestCounts, sharers: number): RequestCounts {
  const taken = Object.entries(subtractRequests(after, before));
  return Object.fromEntries(taken.map(([kind, count]) => [kind, Math.ceil(count / sharers)]));
}
