import type { Decision } from '../core/decision.ts';
import { FanlakeError } from '../core/errors.ts';
import type { Job } from '../core/job.ts';
import type { Plan } from '../core/plan.ts';
import type { Task } from '../core/task.ts';
import type { RunContext } from './context.ts';
import { readDecision, readOutcome, readPlan } from './documents.ts';
import { fulfilDuties } from './duties.ts';
import { hasLostParts } from './gather-fold.ts';
import { commitUnknown, partialOutcome, remainderLost } from './in-the-table.ts';
import { type FoundRun, lookUpRun } from './look-up-run.ts';
import { hasLostPages, openNextEpoch, openRemainder, remainderOf } from './open-next-epoch.ts';
import { startEpoch } from './start-epoch.ts';

/** What a command asks for that names job and input. */
export interface Asked {
  readonly job: Job;
  /** Bytes of a split; null: nothing said. */
  readonly splitBytes: number | null;
  /** Plans an epoch of the run over the whole input, and starts it. */
  readonly plan: (run: string, epoch: number) => Promise<Plan>;
}

/**
 * How a run that isn't committed goes on. `under way`: its newest epoch isn't over, and what it lacks is sent again. `decided`: that one is to be ended first. `next`: the
 * next epoch is opened with what the plan has. `anew`: the next epoch is planned as it was asked for.
 */
export interface WayOn {
  readonly kind: 'under way' | 'decided' | 'next' | 'anew';
  /** The epoch that is under way then. */
  readonly epoch: number;
  /** What that is planned with. */
  readonly job: Job;
  /** Goes it; everything of it can be repeated. Answers the plan of that epoch. */
  readonly go: () => Promise<Plan>;
}

/**
 * Goes on with a run that isn't committed: with its newest epoch, or where that has ended with the next one. Whoever does this dies with nothing lost only where it is
 * repeated: a message of a queue that comes again, or a command whose process does the work itself.
 * @param asked null: with job and input as they were planned
 * @returns the plan of the epoch that is under way now
 * @throws FanlakeError as `findWayOn`
 */
export async function takeUpRun(context: RunContext, found: FoundRun, asked: Asked | null): Promise<Plan> {
  return (await findWayOn(context, found, asked)).go();
}

/**
 * Finds how a run that isn't committed goes on, and opens nothing.
 * @param asked null: with job and input as they were planned
 * @throws FanlakeError where going on could load rows twice, or needs what is gone; `run.cancelled`, `job.invalid`, `commit.unknown`, `run.unknown`
 */
export async function findWayOn(context: RunContext, found: FoundRun, asked: Asked | null): Promise<WayOn> {
  if (found.outcome !== null) return wayToNext(context, found, asked);
  const { plan, table, epoch } = found;
  const decision = await readDecision(context.stores.lake, table, found);
  if (plan === null) return wayWithoutPlan(context, found, decision, asked);
  // the plan pins the job: going on with it would load what the older declaration says
  if (decision === null && asked !== null && rowsOf(asked.job) !== rowsOf(plan.job)) throw begunOtherwise(found);
  const isUnderWay = decision === null || decision.kind === 'commit';
  const go = async () => {
    await (isUnderWay ? startEpoch(context, plan, false) : fulfilDuties(context, decision));
    return plan;
  };
  return { kind: isUnderWay ? 'under way' : 'decided', epoch, job: plan.job, go };
}

/** An epoch is opened only behind the outcome of the one before it: what was decided is seen to first. */
async function wayWithoutPlan(context: RunContext, found: FoundRun, decision: Decision | null, asked: Asked | null): Promise<WayOn> {
  if (decision?.kind === 'commit') throw await commitUnknown(context.stores.lake, decision);
  if (decision !== null) await fulfilDuties(context, decision);
  if (decision?.kind === 'cancel' && asked !== null) {
    throw new FanlakeError(
      'run.cancelled',
      `Run ${found.run} was cancelled. To load the same objects after all: ${found.epoch === 0 ? 'the same command with --again' : `fanlake retry ${found.run}`}.`,
    );
  }
  return wayToNext(context, (await lookUpRun(context.stores, found.table, found.run)) ?? found, asked);
}

function begunOtherwise({ run, plan }: FoundRun): FanlakeError {
  return new FanlakeError(
    'job.invalid',
    `Run ${run} over the same objects was begun with another declaration of job '${plan?.job.name}', and isn't over. Undo the change to finish it, ` +
      `or end it ('fanlake cancel ${run}') and load the objects with --again.`,
    { run },
  );
}

/** A job without what doesn't change the rows that a task makes, to be compared with another. */
export const rowsOf = ({ limits: _limits, ...job }: Job): string => JSON.stringify(job);

/** The epoch after one that failed or is partial. Parts are taken over only if the job would make the same ones again. */
async function wayToNext(context: RunContext, newest: FoundRun, asked: Asked | null): Promise<WayOn> {
  const found = await asItStands(context, newest);
  const { plan, outcome, run } = found;
  // it may be in the table though its outcome says FAILED
  if (outcome?.error?.code === 'commit.unknown') {
    const { message, details } = outcome.error;
    // an older version's didn't say the way back
    const again = message.includes('--again') ? '' : ' Look into the table (fanlake query); to load the objects as another run: --again';
    throw new FanlakeError('commit.unknown', `${message}${again}`, details);
  }
  const partial = outcome?.outcome === 'PARTIAL';
  const { isPlanLost, remainder } = await leftOfPlan(context, found);
  if (isPlanLost && (partial || (await isCommittedInPart(context, found)))) throw remainderLost(found);
  if (isPlanLost && asked === null) {
    throw new FanlakeError('run.unknown', `The plan of run ${run} has expired. Run its job over the input again: ${commandAnew(newest)}`);
  }
  const changed = plan === null || isPlanLost || (await mustPlanAnew(context, plan, found, asked));
  // where nothing is in the table the input may as well be cut in another way
  const cutAnew = !partial && asked !== null && isOtherSize(asked, plan) && !(await isCommittedInPart(context, found));
  if (plan !== null && !cutAnew && (!changed || (partial && asked === null))) {
    const next = { ...plan, job: asked?.job ?? plan.job };
    const open = () => openNextEpoch(context, next, new Map(), found.epoch + 1);
    const go = () => (remainder !== null ? openRemainder(context, next, remainder, found.epoch + 1) : open());
    return { kind: 'next', epoch: found.epoch + 1, job: next.job, go };
  }
  if (partial || (await isCommittedInPart(context, found))) {
    throw await remainderStuck(context, found);
  }
  if (asked !== null) return { kind: 'anew', epoch: found.epoch + 1, job: asked.job, go: () => asked.plan(run, found.epoch + 1) };
  throw new FanlakeError('job.invalid', `Run ${run} needs a new plan. Run its job over the input again: ${commandAnew(newest)}`);
}

/** The same command finds a run that was cancelled, and leaves it at that. */
const commandAnew = ({ outcome }: FoundRun): string => `fanlake run <job> --input ...${outcome?.outcome === 'CANCELLED' ? ' --again' : ''}`;

/** A run with plan and outcome of the epoch that it stands behind: one that was cancelled before it was planned has changed nothing. */
async function asItStands({ stores }: RunContext, found: FoundRun): Promise<FoundRun> {
  const { run, table } = found;
  let { epoch, plan, outcome } = found;
  while (plan === null && outcome?.outcome === 'CANCELLED' && epoch > 0) {
    epoch -= 1;
    outcome = await readOutcome(stores.lake, table, { run, epoch });
    plan = await readPlan(stores.work, { run, epoch });
  }
  return outcome === null ? found : { ...found, plan, outcome };
}

/** Whether nobody can go on with the plan that a run stands behind; the tasks that are missing where that was committed in part. */
async function leftOfPlan(
  { stores }: RunContext,
  { plan, outcome }: FoundRun,
): Promise<{ readonly isPlanLost: boolean; readonly remainder: readonly Task[] | null }> {
  if (plan === null || (await hasLostPages(stores.work, plan))) return { isPlanLost: true, remainder: null };
  if (outcome?.outcome !== 'PARTIAL') return { isPlanLost: false, remainder: null };
  const remainder = await remainderOf(stores.work, plan);
  return { isPlanLost: remainder === null, remainder };
}

/** Whether the epoch behind one that has ended can't go on with its plan. */
async function mustPlanAnew({ stores }: RunContext, plan: Plan, { outcome }: FoundRun, asked: Asked | null): Promise<boolean> {
  // a plan for a table that has changed since can only conflict again; where files went, their tasks are done again
  const isOtherTable = outcome?.error?.code === 'commit.conflict' && outcome.error.details['lost'] === undefined;
  // what is left of a PARTIAL can only be loaded as it was planned, and the table may fit again
  if (plan.error !== null || (isOtherTable && !plan.remainder)) return true;
  if (asked !== null && rowsOf(asked.job) !== rowsOf(plan.job)) return true;
  // a side input that was mended or replaced is pinned anew
  if (asked !== null && outcome?.error?.details['side'] !== undefined) return true;
  return outcome?.outcome !== 'PARTIAL' && (await hasLostParts(stores.work, plan));
}

const isOtherSize = ({ splitBytes }: Asked, plan: Plan | null): boolean =>
  splitBytes !== null && plan?.splitBytes !== undefined && splitBytes !== plan.splitBytes;

/** Whether an epoch of the run is in the table, also one behind which others failed: then the whole input must never be planned again. */
async function isCommittedInPart({ stores }: RunContext, { table, run }: FoundRun): Promise<boolean> {
  return (await partialOutcome(stores.lake, table, run)) !== null;
}

/** Why the missing ranges of a run that is committed in part can't be loaded. */
async function remainderStuck({ stores }: RunContext, found: FoundRun): Promise<FanlakeError> {
  const { run, plan } = found;
  if (plan !== null && (await hasLostParts(stores.work, plan))) return remainderLost(found);
  return new FanlakeError(
    'job.invalid',
    `Run ${run} is committed in part with another declaration of its job. Undo the change to load the missing ranges: fanlake retry ${run}`,
  );
}
