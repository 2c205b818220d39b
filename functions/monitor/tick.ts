import { FanlakeError } from '../core/errors.ts';
import { groupCount, groupSize } from '../core/keys.ts';
import type { Plan } from '../core/plan.ts';
import type { ObjectStore } from '../core/ports.ts';
import type { Receipt } from '../core/receipt.ts';
import { commitAgainFromMs, commitLateMs } from '../core/straggler.ts';
import type { MonitorMessage } from '../core/task.ts';
import { finishedTasks, foldedGroups, foldIfFull, sendCommit } from '../protocol/barrier.ts';
import { beginNextStage, resumeStage } from '../protocol/climb.ts';
import type { RunContext } from '../protocol/context.ts';
import { isOtherVersion, readDecision, readOutcome, readPlan, tableOfOther } from '../protocol/documents.ts';
import { fulfilDuties } from '../protocol/duties.ts';
import { announceOutcome, decide } from '../protocol/ledger.ts';
import { noteResend, readResends } from '../protocol/resends.ts';
import { isLast, mapStage, readStage, type Stage } from '../protocol/stages.ts';
import { type OpenGroup, resendLate } from './resend-late.ts';

const firstTickMs = 15_000;
const lastTickMs = 10 * 60_000;

/** How long after its nth tick the monitor looks again: 15 s growing to 10 min. */
export function nextTickMs(tick: number): number {
  return Math.min(firstTickMs * 2 ** Math.max(0, tick - 1), lastTickMs);
}

/**
 * One look at an epoch (protocol.md, Monitor): completes groups that a crash left full but unfolded, sends again what is late, enforces the
 * deadline, does the two duties.
 * @returns whether the epoch needs no monitor any more
 */
export async function watchEpoch(context: RunContext, message: MonitorMessage): Promise<boolean> {
  const plan = await readPlan(context.stores.work, message).catch((thrown: unknown) => {
    if (isOtherVersion(thrown)) return thrown;
    throw thrown;
  });
  if (plan === null) return true;
  if (plan instanceof FanlakeError) return watchOtherVersion(context, message, plan);
  const table = plan.table.key;
  const outcome = await readOutcome(context.stores.lake, table, message);
  if (outcome !== null) {
    if (isEndOfMonitors(outcome)) await announceOutcome(context, outcome, false);
    return true;
  }
  const decision = (await readDecision(context.stores.lake, table, message)) ?? (await enforceDeadline(context, plan));
  if (decision !== null && decision.kind !== 'commit') {
    await fulfilDuties(context, decision);
    return true;
  }
  if (decision === null) await sweepStage(context, plan, await newestStage(context.stores.work, plan));
  // whoever decided it not long ago did so for a message that it still has
  else if (context.clock.now() >= decision.atMs + commitLateMs) await handOn(context, plan);
  return false;
}

/**
 * An epoch that another version of Fanlake has planned: seen to its end, and nothing is decided for it here, since that version may still be at work (a deploy replaces one function
 * after the other). Its messages that nobody can do end it as dead letters.
 * @throws FanlakeError `plan.version` as long as it isn't decided
 */
async function watchOtherVersion(context: RunContext, message: MonitorMessage, error: FanlakeError): Promise<boolean> {
  const table = tableOfOther(error);
  if (table === null) throw error;
  const outcome = await readOutcome(context.stores.lake, table, message);
  if (outcome !== null) {
    if (isEndOfMonitors(outcome)) await announceOutcome(context, outcome, false);
    return true;
  }
  const decision = await readDecision(context.stores.lake, table, message);
  if (decision === null) throw error;
  await fulfilDuties(context, decision);
  return decision.kind !== 'commit';
}

/**
 * Whether a monitor has perhaps written that outcome, so that no other message announces it should the announcement have failed, or the monitor have died before it. What a reducer has
 * decided is announced by the message of the `commits` queue.
 */
function isEndOfMonitors({ outcome, error }: Receipt): boolean {
  return outcome === 'CANCELLED' || (outcome === 'FAILED' && (error?.code === 'run.deadline' || error?.code === 'run.unknown'));
}

async function enforceDeadline(context: RunContext, plan: Plan) {
  const { deadlineMinutes } = plan.job.limits;
  if (context.clock.now() - plan.createdMs < deadlineMinutes * 60_000) return null;
  const message = `Run ${plan.run} was not done within ${deadlineMinutes} minutes (limits.deadlineMinutes). Type: fanlake retry ${plan.run}`;
  const error = new FanlakeError('run.deadline', message, { deadlineMinutes }).toReport();
  return decide(context, { kind: 'fail', run: plan.run, epoch: plan.epoch, table: plan.table.key, error });
}

/** The stage that is under way: one begins only when the one before it is complete. */
async function newestStage(work: ObjectStore, plan: Plan): Promise<Stage> {
  let newest = mapStage(plan);
  while (!isLast(plan, newest)) {
    const next = await readStage(work, plan, newest.stage + 1);
    if (next === null) break;
    newest = next;
  }
  return newest;
}

async function sweepStage(context: RunContext, plan: Plan, stage: Stage): Promise<void> {
  const { work } = context.stores;
  await resumeStage(context, plan, stage);
  const folded = await foldedGroups(work, plan, stage.stage);
  let isComplete = folded.size === groupCount(stage.tasks);
  const open: OpenGroup[] = [];
  for (let group = 0; group < groupCount(stage.tasks); group++) {
    if (folded.has(group)) continue;
    const finished = await finishedTasks(work, plan, stage.stage, group);
    if (finished.size === groupSize(group, stage.tasks)) isComplete = (await foldIfFull(context, plan, stage, group)) || isComplete;
    else open.push({ group, finished });
  }
  if (open.length > 0) await resendLate(context, plan, stage, open, folded);
  if (isComplete && !(await beginNextStage(context, plan, stage, true))) await handOn(context, plan);
}

/**
 * Hands the epoch to the reducer, unless that was done not long ago. Noted behind the message: who dies in between does it once more. An epoch is handed on behind one of its
 * stages only, so the notes lie with the first, whichever that is.
 */
async function handOn(context: RunContext, plan: Plan): Promise<void> {
  const { work } = context.stores;
  const { stage } = mapStage(plan);
  const sent = await readResends(work, plan, stage, 'commits');
  const nowMs = context.clock.now();
  if (nowMs < commitAgainFromMs(sent)) return;
  await sendCommit(context, plan);
  await noteResend(work, plan, stage, 'commits', sent.count, { atMs: nowMs, tasks: 0 });
}
