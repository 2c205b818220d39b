import { isPlanningMistake } from '../../functions/coordinator/draft-plan.ts';
import { planRun } from '../../functions/coordinator/plan-run.ts';
import { type Plan, taskSizing, tasksOf } from '../../functions/core/plan.ts';
import type { ObjectVersion } from '../../functions/core/ports.ts';
import type { Receipt } from '../../functions/core/receipt.ts';
import { takeUpRun } from '../../functions/protocol/take-up-run.ts';
import { identifyRun, type WantedRun } from '../store/identify-run.ts';
import { type OnProgress, waitForOutcome } from '../store/wait-for-outcome.ts';
import { dropRows } from './drop-rows.ts';
import type { LocalFanlake } from './local-fanlake.ts';
import { engineShare, machineCores } from './machine.ts';

export interface LocalRun extends WantedRun {
  readonly splitBytes: number | null;
  /** Worker processes at most; null: the cores. */
  readonly workers: number | null;
}

/** How often the store is looked at for what another process may have decided. */
const pollMs = 500;

/**
 * Runs a job over some objects to its end: plans it, or goes on with what an earlier command left, and waits for the outcome.
 * @throws FanlakeError for mistakes found before a plan exists, and when this machine can't go on
 */
export async function runJob(fanlake: LocalFanlake, request: LocalRun, onProgress: OnProgress): Promise<Receipt> {
  const { run, found } = await identifyRun(fanlake.home, request);
  if (found?.outcome?.outcome === 'COMMITTED') return { ...found.outcome, outcome: 'ALREADY_COMMITTED' };
  if (found?.outcome?.outcome === 'CANCELLED') return found.outcome;
  prepareWorkers(fanlake, request);
  const { job, splitBytes } = request;
  const planEpoch = (id: string, epoch: number) => planFor(fanlake, request, id, epoch);
  const plan = await (found === null ? planEpoch(run, 0) : takeUpRun(fanlake.context, found, { job, splitBytes, plan: planEpoch }));
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
function prepareWorkers(fanlake: LocalFanlake, { objects, splitBytes, workers }: LocalRun): void {
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

function planFor(fanlake: LocalFanlake, { job, table, objects, splitBytes }: LocalRun, run: string, epoch: number): Promise<Plan> {
  return planRun(fanlake.context, { job, run, epoch, table, objects, splitBytes }, (error) =>
    isPlanningMistake(error) ? 'throw' : 'record',
  );
}

/** Waits for the outcome of an epoch that this process works on, or of the one that follows it after a broken chain. */
export async function waitForEnd(fanlake: LocalFanlake, plan: Plan, onProgress: OnProgress): Promise<Receipt> {
  const receipt = await waitForOutcome(fanlake.home.stores, plan, {
    count: async (current) => {
      const tasks = current.tasks + fanlake.mergeTasksOf(current);
      return { finished: Math.max(0, tasks - fanlake.openTasks), tasks };
    },
    isIdle: () => fanlake.openTasks === 0,
    pause: () => fanlake.nextEvent(pollMs),
    onProgress,
  });
  if (receipt.outcome === 'COMMITTED' && plan.staged === true) await dropRows(fanlake.home.stores.work, plan.run);
  return receipt;
}
