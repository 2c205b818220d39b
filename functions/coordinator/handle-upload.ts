import { type EpochId, planKey } from '../core/keys.ts';
import type { Plan } from '../core/plan.ts';
import { tableKeyOf, type Upload, uploadRun } from '../core/upload.ts';
import { readDecision, readOutcome } from '../protocol/documents.ts';
import { fulfilDuties } from '../protocol/duties.ts';
import { announceOutcome, readLedger } from '../protocol/ledger.ts';
import type { PlanRequest } from './draft-plan.ts';
import { type CoordinatorContext, planRun, recordUnlessStore } from './plan-run.ts';

/** The epoch that an upload is in. */
export interface HandledUpload {
  readonly run: string;
  readonly epoch: number;
  /** Null when the epoch was decided before: then nothing is left to plan. */
  readonly plan: Plan | null;
  /** Its commit was decided and never written down as ended, and its plan is gone: nobody can tell whether it is in the table. */
  readonly isLost: boolean;
}

/** What is to be planned for an upload. */
export function uploadRequest(upload: Upload, epoch: number): PlanRequest {
  const { job, object } = upload;
  return { job, run: uploadRun(upload), epoch, table: tableKeyOf(job), objects: [object], splitBytes: null };
}

/**
 * One delivery of an upload event (protocol.md, Coordinator): what is decided gets its two duties and is otherwise left alone, since only a
 * command opens a new epoch; else the run is planned and started. An object that can't be planned gets an empty plan with its error.
 * Repeating it is harmless.
 * @throws FanlakeError that may pass (`retryable`, or storage that is full or denied): the event is to be delivered again
 */
export async function handleUpload(context: CoordinatorContext, upload: Upload): Promise<HandledUpload> {
  const { lake } = context.stores;
  const request = uploadRequest(upload, 0);
  const { run, table } = request;
  const newest = (await readLedger(lake, table, run)).at(-1);
  if (newest !== undefined) {
    const { epoch, ended } = newest;
    if (ended) await announceOwnEnd(context, table, { run, epoch });
    const decision = ended ? null : await readDecision(lake, table, { run, epoch });
    if (decision !== null) await fulfilDuties(context, decision);
    const isLost = decision?.kind === 'commit' && (await context.stores.work.head(planKey({ run, epoch }))) === null;
    return { run, epoch, plan: null, isLost };
  }
  const plan = await planRun(context, request, recordUnlessStore);
  return { run, epoch: plan.epoch, plan, isLost: false };
}

/**
 * An upload that couldn't be planned was ended by its event, and one that was cancelled before it had a monitor may have been: should that not have been announced,
 * the event comes again for it.
 */
async function announceOwnEnd(context: CoordinatorContext, table: string, id: EpochId): Promise<void> {
  if (context.announce === null) return;
  const outcome = await readOutcome(context.stores.lake, table, id);
  const isUnplanned = outcome?.outcome === 'FAILED' && outcome.tasks.planned === 0;
  if (outcome !== null && (isUnplanned || outcome.outcome === 'CANCELLED')) await announceOutcome(context, outcome, false);
}

/**
 * Plans an upload anew, as the epoch behind one that ended in `commit.conflict`: its files don't fit the table that another run made or changed
 * meanwhile. Whoever finds that epoch planned goes on with it; repeating it is harmless.
 */
export async function planUploadAgain(context: CoordinatorContext, upload: Upload, epoch: number): Promise<HandledUpload> {
  const request = uploadRequest(upload, epoch);
  const { lake } = context.stores;
  // its job loads into another table since: there it is a run of its own, which an event that comes late finds only by its first epoch
  const ledger = await readLedger(lake, request.table, request.run);
  if (!ledger.some((before) => before.epoch === epoch - 1)) return handleUpload(context, upload);
  // its plan may be gone since: another one would do again what is in the table
  const decision = await readDecision(lake, request.table, { run: request.run, epoch });
  if (decision !== null) {
    await fulfilDuties(context, decision);
    return { run: request.run, epoch, plan: null, isLost: false };
  }
  const plan = await planRun(context, request, recordUnlessStore);
  return { run: plan.run, epoch: plan.epoch, plan, isLost: false };
}
