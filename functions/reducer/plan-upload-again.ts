import type { ErrorReport } from '../core/errors.ts';
import type { Plan } from '../core/plan.ts';
import { uploadRun } from '../core/upload.ts';
import { sendAll } from '../protocol/send.ts';
import { tasksOfPage } from '../protocol/start-epoch.ts';
import type { ReducerContext } from './commit-candidate.ts';

/** Times that an upload is planned again by itself. */
const maxReplans = 3;

/**
 * Has an upload planned again whose files didn't fit the table in the end, since another run made or changed the table meanwhile: what lands has nobody who
 * would type the command. Behind its outcome, and harmless when repeated: whoever finds the next epoch planned goes on with that.
 */
export async function askForUploadAgain({ uploads, stores }: ReducerContext, plan: Plan, error: ErrorReport): Promise<void> {
  if (uploads === null || error.code !== 'commit.conflict' || plan.epoch >= maxReplans || plan.input.objects !== 1) return;
  // behind a PARTIAL: its rest alone is missing, and the whole input would be in the table twice
  if (plan.remainder) return;
  const object = (await tasksOfPage(stores.work, plan, 0))?.[0]?.splits[0]?.object;
  // a run that a command asked for: its user is told
  if (object === undefined || uploadRun({ job: plan.job, object }) !== plan.run) return;
  await sendAll(uploads, [{ kind: 'upload', job: plan.job.name, object, epoch: plan.epoch + 1 }]);
}
