import type { CommitDecision } from '../core/decision.ts';
import type { ErrorReport } from '../core/errors.ts';
import { addRequests, type Fold, type RequestCounts, subtractRequests } from '../core/part.ts';
import type { Plan } from '../core/plan.ts';
import { type OutcomeWord, receiptOf } from '../core/receipt.ts';
import type { CommitMessage } from '../core/task.ts';
import type { RunContext } from '../protocol/context.ts';
import { readPlan } from '../protocol/documents.ts';
import { fulfilDuties } from '../protocol/duties.ts';
import { gatherFold } from '../protocol/gather-fold.ts';
import { decide, writeOutcome } from '../protocol/ledger.ts';
import type { TableLogs } from '../protocol/table-logs.ts';
import { appendToDelta } from './append-to-delta.ts';
import { appendToHive } from './append-to-hive.ts';
import { judge } from './judge.ts';

export interface ReducerContext extends RunContext {
  /** Logs of the tables seen so far, so that a busy table's log is read once. */
  readonly logs: TableLogs;
  /** Requests of this process so far. */
  readonly requests: () => RequestCounts;
  readonly engineVersion: string;
}

/** A run that is to be committed. */
export interface CommitCandidate {
  readonly plan: Plan;
  readonly fold: Fold;
  readonly partial: boolean;
  readonly decision: CommitDecision;
}

/** How a candidate came out: in the table at a version (null: nothing to write, or only a checkpoint tells), or refused. */
export type CommitResult =
  | { readonly kind: 'committed'; readonly version: number | null }
  | { readonly kind: 'refused'; readonly error: ErrorReport };

/**
 * Commits a batch of finished runs: one log entry for all that go into the same table (protocol.md, Commit). Repeatable at every step.
 * @returns the indexes of messages that must come again, with what went wrong
 */
export async function commitRuns(
  context: ReducerContext,
  messages: readonly CommitMessage[],
): Promise<readonly { readonly index: number; readonly error: unknown }[]> {
  const byTable = Map.groupBy(messages.keys(), (index) => messages[index]?.table ?? '');
  const failed: { index: number; error: unknown }[] = [];
  for (const indexes of byTable.values()) {
    try {
      await commitTable(context, distinct(indexes.flatMap((index) => messages[index] ?? [])));
    } catch (error) {
      failed.push(...indexes.map((index) => ({ index, error })));
    }
  }
  return failed;
}

/** Each epoch once: messages come more than once. */
function distinct(messages: readonly CommitMessage[]): readonly CommitMessage[] {
  return [...new Map(messages.map((message) => [`${message.run}/e${message.epoch}`, message])).values()];
}

async function commitTable(context: ReducerContext, messages: readonly CommitMessage[]): Promise<void> {
  const requestsBefore = context.requests();
  const candidates: CommitCandidate[] = [];
  for (const message of messages) {
    const candidate = await decideRun(context, message);
    if (candidate !== null) candidates.push(candidate);
  }
  for (const format of ['delta', 'parquet'] as const) {
    const members = candidates.filter(({ plan }) => plan.table.format === format);
    if (members.length === 0) continue;
    const results = await (format === 'delta' ? appendToDelta(context, members) : appendToHive(context, members));
    for (const [member, result] of results) await endRun(context, member, result, requestsBefore, messages.length);
  }
}

/** Steps 1 and 2: judges the run and decides it. Null when it isn't to be committed, with its duties done. */
async function decideRun(context: ReducerContext, { run, epoch, table }: CommitMessage): Promise<CommitCandidate | null> {
  const plan = await readPlan(context.stores.work, { run, epoch });
  // expired together with the work root: then it ended long ago
  if (plan === null) return null;
  const { fold, complete } = await gatherFold(context.stores.work, plan);
  // a message from before a crash, or parts that have expired
  if (!complete && plan.error === null) return null;
  const verdict = judge(plan, fold);
  const version = await seenVersion(context, plan);
  const decision =
    verdict.kind === 'commit'
      ? await decide(context, { kind: 'commit', run, epoch, table, version })
      : await decide(context, { kind: 'fail', run, epoch, table, error: verdict.error });
  if (decision.kind !== 'commit') {
    await fulfilDuties(context, decision);
    return null;
  }
  return { plan, fold, decision, partial: fold.failed.length > 0 };
}

async function seenVersion(context: ReducerContext, plan: Plan): Promise<number> {
  if (plan.table.format === 'parquet') return -1;
  return (await context.logs.of(plan.table.key).refresh()).version;
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
}

/** A run's share of the requests that a batch of runs took together, rounded up. */
function sharedRequests(before: RequestCounts, after: RequestCounts, sharers: number): RequestCounts {
  const taken = Object.entries(subtractRequests(after, before));
  return Object.fromEntries(taken.map(([kind, count]) => [kind, Math.ceil(count / sharers)]));
}
