import type { Job } from './job.ts';
import type { ObjectVersion } from './ports.ts';
import { runId } from './run-id.ts';

/** One version of one object that landed, with its job. */
export interface Upload {
  readonly job: Job;
  readonly object: ObjectVersion;
}

/** The table's key in the lake root that a job's rows go to, or its path. */
export const tableKeyOf = (job: Job): string => job.table.path ?? job.table.name;

/** The run of an upload: the same for every delivery of its event. */
export const uploadRun = ({ job, object }: Upload): string => runId({ job: job.name, table: tableKeyOf(job), objects: [object], again: 0 });
