import type { ErrorReport } from '../core/errors.ts';
import type { Plan } from '../core/plan.ts';
import type { UploadMessage } from '../core/task.ts';
import { uploadRun } from '../core/upload.ts';
import { noteAsked } from '../protocol/asked-epoch.ts';
import { sendAll } from '../protocol/send.ts';
import { tasksOfPage } from '../protocol/start-epoch.ts';
import type { ReducerContext } from './commit-candidate.ts';

/** Times that an upload is planned again by itself. */
const maxReplans = 3;

/**
 * Has an upload planned again whose files didn't fit the table in the end, since another run made or changed the table meanwhile: what lands has nobody who
 * would type the command. Behind its outcome, and harmless when repeated: whoever finds the next epoch planned goes on with that.
 */
export async function askForUploadAgain(context: ReducerContext, plan: Plan, error: ErrorReport): Promise<void> {
  const message = await messageFor(context, plan, error);
  if (message !== null && context.uploads !== null) await sendAll(context.uploads, [message]);
}

/**
 * Notes that an upload is about to be planned again, as `cancel` must know until it is. To be called before the outcome is written that tells of the conflict: whoever sees that
 * can cancel what follows on it.
 */
export async function noteUploadAgain(context: ReducerContext, plan: Plan, error: ErrorReport): Promise<void> {
  const message = await messageFor(context, plan, error);
  if (message !== null) await noteAsked(context.stores.work, { run: plan.run, epoch: message.epoch }, 'conflict');
}

/** Null for what isn't planned again by itself. */
async function messageFor({ uploads, stores }: ReducerContext, plan: Plan, error: ErrorReport): Promise<UploadMessage | null> {
  if (uploads === null || error.code !== 'commit.conflict' || plan.epoch >= maxReplans || plan.input.objects !== 1) return null;
  // behind a PARTIAL: its rest alone is missing, and the whole input would be in the table twice
  if (plan.remainder) return null;
  const object = (await tasksOfPage(stores.work, plan, 0))?.[0]?.splits[0]?.object;
  // a run that a command asked for: its user is told
  if (object === undefined || uploadRun({ job: plan.job, object }) !== plan.run) return null;
  return { kind: 'upload', job: plan.job.name, object, epoch: plan.epoch + 1 };
}
