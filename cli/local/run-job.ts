import { isPlanningMistake } from '../../functions/coordinator/draft-plan.ts';
import { planRun } from '../../functions/coordinator/plan-run.ts';
import type { Decision } from '../../functions/core/decision.ts';
import { FanlakeError } from '../../functions/core/errors.ts';
import type { Job } from '../../functions/core/job.ts';
import { planKey } from '../../functions/core/keys.ts';
import { type Plan, taskSizing, tasksOf } from '../../functions/core/plan.ts';
import type { ObjectVersion } from '../../functions/core/ports.ts';
import type { Receipt } from '../../functions/core/receipt.ts';
import { runId } from '../../functions/core/run-id.ts';
import { readDecision, readOutcome, readPlan } from '../../functions/protocol/documents.ts';
import { fulfilDuties } from '../../functions/protocol/duties.ts';
import { openNextEpoch, openRemainder } from '../../functions/protocol/open-next-epoch.ts';
import { startEpoch } from '../../functions/protocol/start-epoch.ts';
import { type FoundRun, lookUpRun } from './find-run.ts';
import { commitUnknown, partialOutcome } from './in-the-table.ts';
import type { LocalFanlake } from './local-fanlake.ts';
import { engineShare, machineCores } from './machine.ts';

export interface RunRequest {
  readonly job: Job;
  /** Key or path of the table. */
  readonly table: string;
  readonly objects: readonly ObjectVersion[];
  readonly splitBytes: number | null;
  /** Worker processes at most; null: the cores. */
  readonly workers: number | null;
  /** A new run though the same one is committed. */
  readonly again: boolean;
}

/** What a command shows while it waits. */
export interface RunProgress {
  readonly plan: Plan;
  /** Tasks of the epoch that are done or failed. */
  readonly finished: number;
}

export type OnProgress = (progress: RunProgress) => void;

/** How often the store is looked at for what another process may have decided. */
const pollMs = 500;

/** A full commit: nothing is left to do for this run. */
const isCommitted = (receipt: Receipt): boolean => receipt.outcome === 'COMMITTED';

/** The id of the run that a command means, and what the store knows of it. */
export async function identifyRun(
  fanlake: LocalFanlake,
  { job, table, objects, again }: RunRequest,
): Promise<{ run: string; found: FoundRun | null }> {
  for (let repetition = again ? 1 : 0; ; repetition++) {
    const run = runId({ job: job.name, table, objects, again: repetition });
    const found = await lookUpRun(fanlake.home, table, run);
    // `--again` goes on with the repetition that isn't committed yet, so that it can be repeated after a kill
    if (!again || found?.outcome == null || !isCommitted(found.outcome)) return { run, found };
  }
}

/**
 * Runs a job over some objects to its end: plans it, or goes on with what an earlier command left, and waits for the outcome.
 * @throws FanlakeError for mistakes found before a plan exists, and when this machine can't go on
 */
export async function runJob(fanlake: LocalFanlake, request: RunRequest, onProgress: OnProgress): Promise<Receipt> {
  const { run, found } = await identifyRun(fanlake, request);
  const { outcome } = found ?? { outcome: null };
  if (outcome !== null && isCommitted(outcome)) return { ...outcome, outcome: 'ALREADY_COMMITTED' };
  if (outcome?.outcome === 'CANCELLED') return outcome;
  const epoch = found?.epoch ?? 0;
  prepareWorkers(fanlake, request);
  const plan =
    found === null
      ? await planEpoch(fanlake, request, run, 0)
      : outcome === null
        ? await resume(fanlake, found, request)
        : await planNext(fanlake, found, request, epoch + 1);
  startWorkers(fanlake, plan, request.workers);
  return waitForEnd(fanlake, plan, onProgress);
}

/** Starts a pool that fits the plan. */
export function startWorkers(fanlake: LocalFanlake, plan: Plan, workers: number | null): void {
  const count = workerCount(plan.tasks, workers);
  fanlake.start(count, engineShare(count));
}

/** Never more workers than tasks, so that a single task gets the whole machine. */
function workerCount(tasks: number, workers: number | null): number {
  return Math.max(1, Math.min(workers ?? machineCores(), tasks));
}

/** Starts the workers that there will most likely be while the run is planned: a process takes as long to load as a plan to make. */
function prepareWorkers(fanlake: LocalFanlake, { objects, splitBytes, workers }: RunRequest): void {
  const count = workerCount(likelyTasks(objects, splitBytes, workerCount(Number.POSITIVE_INFINITY, workers)), workers);
  fanlake.prepare(count, engineShare(count));
}

const isCut = ({ key }: ObjectVersion): boolean => !/\.(gz|zst|json|parquet|pq)$/i.test(key);

/** Tasks, as far as names and sizes tell, and as far as `enough`. */
function likelyTasks(objects: readonly ObjectVersion[], splitBytes: number | null, enough: number): number {
  const splits = objects.map((object) => ({ object, layout: 0, start: 0, end: object.size }));
  let tasks = 0;
  for (const { splits: of } of tasksOf(splits, taskSizing(splitBytes), 0)) {
    const [only] = of;
    tasks += splitBytes === null || only === undefined || !isCut(only.object) ? 1 : Math.ceil(only.object.size / splitBytes);
    if (tasks >= enough) break;
  }
  return tasks;
}

function planEpoch(fanlake: LocalFanlake, { job, table, objects, splitBytes }: RunRequest, run: string, epoch: number): Promise<Plan> {
  return planRun(fanlake.context, { job, run, epoch, table, objects, splitBytes }, (error) =>
    isPlanningMistake(error) ? 'throw' : 'record',
  );
}

/** Goes on with an epoch that an earlier command left: sends what has no part yet, or sees to what was decided. */
export async function resume(fanlake: LocalFanlake, found: FoundRun, request: RunRequest | null): Promise<Plan> {
  const { plan, table } = found;
  const decision = await readDecision(fanlake.home.stores.lake, table, found);
  if (plan === null) return resumeWithoutPlan(fanlake, found, decision, request);
  // the plan pins the job: going on with it would load what the older declaration says
  if (decision === null && request !== null && rowsOf(request.job) !== rowsOf(plan.job)) throw begunOtherwise(found);
  if (decision !== null && decision.kind !== 'commit') await fulfilDuties(fanlake.context, decision);
  else await startEpoch(fanlake.context, plan, false);
  return plan;
}

/** An epoch is opened only behind the outcome of the one before it: what was decided is seen to first. */
async function resumeWithoutPlan(
  fanlake: LocalFanlake,
  found: FoundRun,
  decision: Decision | null,
  request: RunRequest | null,
): Promise<Plan> {
  if (decision?.kind === 'commit') throw await commitUnknown(fanlake.home, decision);
  if (decision !== null) await fulfilDuties(fanlake.context, decision);
  if (decision?.kind === 'cancel' && request !== null) {
    throw new FanlakeError(
      'run.cancelled',
      `Run ${found.run} was cancelled. To load the same objects after all: ${found.epoch === 0 ? 'the same command with --again' : `fanlake retry ${found.run}`}.`,
    );
  }
  const now = await lookUpRun(fanlake.home, found.table, found.run);
  return planNext(fanlake, now ?? found, request, found.epoch + 1);
}

function begunOtherwise({ run, plan }: FoundRun): FanlakeError {
  return new FanlakeError(
    'job.invalid',
    `Run ${run} over the same objects was begun with another declaration of job '${plan?.job.name}', and isn't over. Undo the change to finish it, ` +
      `or end it ('fanlake cancel ${run}') and load the objects with --again.`,
    { run },
  );
}

/** A job without what doesn't change the rows that a task makes. */
const rowsOf = ({ limits: _limits, ...job }: Job): string => JSON.stringify(job);

/** Opens the epoch after one that failed or is partial. Parts are taken over only if the job would make the same ones again. */
export async function planNext(fanlake: LocalFanlake, found: FoundRun, request: RunRequest | null, epoch: number): Promise<Plan> {
  const { plan, outcome } = found;
  // it may be in the table though its outcome says FAILED
  if (outcome?.error?.code === 'commit.unknown') {
    const again = `Look into the table (fanlake query); to load the objects as another run: --again`;
    throw new FanlakeError('commit.unknown', `${outcome.error.message} ${again}`, outcome.error.details);
  }
  const partial = outcome?.outcome === 'PARTIAL';
  if (plan === null && (partial || (await isCommittedInPart(fanlake, found)))) throw remainderLost(found);
  if (plan === null && request === null) {
    throw new FanlakeError('run.unknown', `The plan of run ${found.run} has expired: run the job over its input again.`);
  }
  // a plan for a table that has changed since can only conflict again
  const stale = plan?.error !== null || outcome?.error?.code === 'commit.conflict';
  const changed = plan === null || stale || (request !== null && rowsOf(request.job) !== rowsOf(plan.job));
  if (plan !== null && (!changed || (partial && request === null))) {
    const job = request?.job ?? plan.job;
    const next = { ...plan, job };
    return partial ? openRemainder(fanlake.context, next) : openNextEpoch(fanlake.context, next, new Map());
  }
  if (partial || (await isCommittedInPart(fanlake, found))) {
    throw new FanlakeError(
      'job.invalid',
      `Run ${found.run} is committed in part with another declaration of its job. Undo the change to load the missing ranges: fanlake retry ${found.run}`,
    );
  }
  if (request === null)
    throw new FanlakeError(
      'job.invalid',
      `Run ${found.run} needs a new plan. Run its job over the input again: fanlake run <job> --input ...`,
    );
  return planEpoch(fanlake, request, found.run, epoch);
}

/** Whether an epoch of the run is in the table, also one behind which others failed: then the whole input must never be planned again. */
async function isCommittedInPart({ home }: LocalFanlake, { table, run }: FoundRun): Promise<boolean> {
  return (await partialOutcome(home, table, run)) !== null;
}

/** Loading the whole input again would double what is in the table, and only the plan's chain tells where the records of a missing range begin. */
function remainderLost({ run }: FoundRun): FanlakeError {
  return new FanlakeError(
    'run.unknown',
    `Run ${run} is committed in part, and its plan is gone (the work folder expired or was deleted), so its missing ranges can't be loaded by themselves. ` +
      `They are named by 'fanlake status ${run}': put their records into a file of their own and load that.`,
    { run },
  );
}

/** Waits for the outcome of an epoch, or of the one that follows it after a broken chain. */
export async function waitForEnd(fanlake: LocalFanlake, first: Plan, onProgress: OnProgress): Promise<Receipt> {
  const { lake, work } = fanlake.home.stores;
  let plan = first;
  for (;;) {
    const outcome = await readOutcome(lake, plan.table.key, plan);
    onProgress({ plan, finished: Math.max(0, plan.tasks - (outcome === null ? fanlake.openTasks : 0)) });
    if (outcome !== null) return outcome;
    const decision = await readDecision(lake, plan.table.key, plan);
    if (decision?.kind === 'fail' && decision.error.code === 'chain') {
      const next = await readPlan(work, { run: plan.run, epoch: plan.epoch + 1 });
      if (next !== null) {
        plan = next;
        continue;
      }
    }
    if (fanlake.openTasks === 0 && (await work.head(planKey(plan))) === null) throw workGone(fanlake, plan);
    await fanlake.nextEvent(pollMs);
  }
}

function workGone(fanlake: LocalFanlake, { run }: Plan): FanlakeError {
  const where = fanlake.home.stores.work.locate('');
  return new FanlakeError(
    'store.failed',
    `The plan of run ${run} went from ${where} while it ran, and its outcome isn't there. Run the same command again.`,
  );
}
