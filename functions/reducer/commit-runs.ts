import type { CommitDecision } from '../core/decision.ts';
import { asFanlakeError, type ErrorReport, FanlakeError } from '../core/errors.ts';
import type { EpochId } from '../core/keys.ts';
import { addRequests, type Fold, type RequestCounts, subtractRequests } from '../core/part.ts';
import type { Plan } from '../core/plan.ts';
import { type OutcomeWord, receiptOf } from '../core/receipt.ts';
import type { CommitMessage } from '../core/task.ts';
import { inOrder, readDecision, readOutcome, readPlan } from '../protocol/documents.ts';
import { fulfilDuties } from '../protocol/duties.ts';
import { gatherFold } from '../protocol/gather-fold.ts';
import { commitUnknown, remainderLost } from '../protocol/in-the-table.ts';
import { announceOutcome, decideOrFind, writeOutcome } from '../protocol/ledger.ts';
import { appendToDelta } from './append-to-delta.ts';
import { appendToHive } from './append-to-hive.ts';
import { checkpointIfDue } from './checkpoint-table.ts';
import type { CommitCandidate, CommitResult, ReducerContext } from './commit-candidate.ts';
import { judge } from './judge.ts';
import { filesGone, filesLost, lostFiles } from './lost-files.ts';
import { askForUploadAgain } from './plan-upload-again.ts';

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
        await endRun(context, member, result, requestsBefore, messages.length);
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
    const error = await commitUnknown(stores.lake, candidate.decision, 'parts that it took over are');
    seen.set(candidate, { kind: 'refused', error: error.toReport() });
  }
  return seen;
}

/** The version that decisions name, or why the table can't be committed to whatever is done. */
type SeenTable = { readonly version: number } | { readonly error: ErrorReport };

async function lookAtTable(context: ReducerContext, table: string): Promise<SeenTable> {
  try {
    return { version: (await context.logs.of(table).refresh()).version };
  } catch (thrown) {
    return { error: permanentReport(thrown) };
  }
}

/** The report of an error that concerns the run or its table and stays; others are thrown, so that the message comes again. */
function permanentReport(thrown: unknown): ErrorReport {
  const error = asFanlakeError(thrown);
  if (!error.retryable && (error.code.startsWith('table.') || error.code.startsWith('plan.'))) return error.toReport();
  throw thrown;
}

/** Steps 1 and 2: judges the run and decides it. Null when it isn't to be committed, with its duties done. */
async function decideRun(context: ReducerContext, { run, epoch, table }: CommitMessage, seen: SeenTable): Promise<CommitCandidate | null> {
  const judged = await judgeRun(context, { run, epoch }, seen);
  if (judged === 'plan gone') await completeEnd(context, { run, epoch, table });
  if (judged === 'plan gone' || judged === 'incomplete') return null;
  const { decision, isNew } =
    judged.kind === 'commit'
      ? await decideOrFind(context, { kind: 'commit', run, epoch, table, version: judged.version })
      : await decideOrFind(context, { kind: 'fail', run, epoch, table, error: judged.error });
  if (!isNew && decision.kind === 'commit' && (await isOver(context, decision))) return null;
  if (decision.kind !== 'commit') {
    await fulfilDuties(context, decision);
    return null;
  }
  // decided before, to commit: then its parts are whole, whatever is found wrong now
  if (judged.kind === 'fail') throw new FanlakeError('store.failed', `Run ${run} is decided to commit, but: ${judged.error.message}`);
  const { plan, fold } = judged;
  const loss = judged.kind === 'lost' ? judged : { lost: null, incomplete: false };
  return { plan, fold, decision, partial: fold.failed.length > 0, lost: loss.lost, incomplete: loss.incomplete };
}

/**
 * Whether a commit has come to its end, whatever that was: then nothing of the epoch may go into the table any more, since the next epoch may have. What
 * whoever ended it may have died before is done once more.
 */
async function isOver(context: ReducerContext, decision: CommitDecision): Promise<boolean> {
  const outcome = await readOutcome(context.stores.lake, decision.table, decision);
  if (outcome === null) return false;
  const plan = outcome.error === null ? null : await readPlan(context.stores.work, decision);
  if (plan !== null && outcome.error !== null) await askForUploadAgain(context, plan, outcome.error);
  await announceOutcome(context, outcome, false);
  return true;
}

/** What is left of an epoch whose plan is gone: its end may not have been announced, or not been written down. */
async function completeEnd(context: ReducerContext, { run, epoch, table }: Omit<CommitMessage, 'kind'>): Promise<void> {
  const outcome = await readOutcome(context.stores.lake, table, { run, epoch });
  if (outcome !== null) return announceOutcome(context, outcome, false);
  const decision = await readDecision(context.stores.lake, table, { run, epoch });
  if (decision !== null) await fulfilDuties(context, decision);
}

type JudgedRun =
  | { readonly kind: 'commit'; readonly plan: Plan; readonly fold: Fold; readonly version: number }
  /** Its data files or parts went: it fails, unless its commit was decided when they were there, and may be in the table. */
  | (Pick<CommitCandidate, 'plan' | 'fold' | 'incomplete'> & {
      readonly kind: 'lost';
      readonly lost: FanlakeError;
      readonly error: ErrorReport;
    })
  | { readonly kind: 'fail'; readonly error: ErrorReport };

/** `incomplete`: a message from before a crash; somebody else sees to the run. `plan gone`: one from before the work root expired, which ended long ago. */
async function judgeRun(context: ReducerContext, id: EpochId, seen: SeenTable): Promise<JudgedRun | 'incomplete' | 'plan gone'> {
  try {
    const plan = await readPlan(context.stores.work, id);
    if (plan === null) return 'plan gone';
    const { fold, complete, lost } = await gatherFold(context.stores.work, plan);
    if (lost) {
      const expired = partsExpired(plan);
      return { kind: 'lost', plan, fold, lost: expired, incomplete: true, error: expired.toReport() };
    }
    if (!complete && plan.error === null) return 'incomplete';
    const verdict = judge(plan, fold);
    if (verdict.kind === 'fail') return verdict;
    const gone = await lostFiles(context.stores.lake, plan, fold.files, context.clock.now());
    if (gone.length > 0) {
      return { kind: 'lost', plan, fold, lost: filesGone(plan, gone), incomplete: false, error: filesLost(plan, gone).toReport() };
    }
    return 'error' in seen ? { kind: 'fail', error: seen.error } : { kind: 'commit', plan, fold, version: seen.version };
  } catch (thrown) {
    return { kind: 'fail', error: permanentReport(thrown) };
  }
}

/** Nobody else would ever find it complete. */
function partsExpired(plan: Plan): FanlakeError {
  const { run, epoch, job, remainder } = plan;
  if (remainder) return remainderLost(plan);
  return new FanlakeError(
    'run.unknown',
    `Run ${run}, epoch ${epoch}, takes over parts of an earlier epoch that have expired with the work root. Run job '${job.name}' over its input again: fanlake run`,
  );
}

/** Step 6: the outcome. */
async function endRun(
  context: ReducerContext,
  { plan, fold, partial }: CommitCandidate,
  result: CommitResult,
  requestsBefore: RequestCounts,
  sharers: number,
): Promise<void> {
  const { lake } = context.stores;
  const receipt = receiptOf(plan, fold, lake.locate(plan.table.key));
  const outcome: OutcomeWord = result.kind === 'refused' ? 'FAILED' : partial ? 'PARTIAL' : 'COMMITTED';
  const written = result.kind === 'committed';
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
