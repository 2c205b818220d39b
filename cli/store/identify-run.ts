import type { Job } from '../../functions/core/job.ts';
import type { ObjectVersion } from '../../functions/core/ports.ts';
import { runId } from '../../functions/core/run-id.ts';
import { type FoundRun, lookUpRun } from '../../functions/protocol/look-up-run.ts';
import type { Place } from './place.ts';

/** What names a run. */
export interface WantedRun {
  readonly job: Job;
  /** Key or path of the table. */
  readonly table: string;
  readonly objects: readonly ObjectVersion[];
  /** A new run though the same one is committed. */
  readonly again: boolean;
}

/** The id of the run that a command means, and what the store knows of it. */
export async function identifyRun(
  { stores }: Place,
  { job, table, objects, again }: WantedRun,
): Promise<{ run: string; found: FoundRun | null }> {
  for (let repetition = again ? 1 : 0; ; repetition++) {
    const run = runId({ job: job.name, table, objects, again: repetition });
    const found = await lookUpRun(stores, table, run);
    // `--again` goes on with the repetition that isn't committed yet, so that it can be repeated after a kill
    if (!again || found?.outcome?.outcome !== 'COMMITTED') return { run, found };
  }
}
