import type { FanlakeError } from './errors.ts';
import type { Job } from './job.ts';
import type { EpochId } from './keys.ts';
import { inputOf, type PlanDraft } from './plan.ts';
import type { ObjectVersion } from './ports.ts';

/** What was to be planned. */
export interface Unplanned extends EpochId {
  readonly job: Job;
  /** Key or path of the table. */
  readonly table: string;
  readonly objects: readonly ObjectVersion[];
}

/** The empty plan of an input that can't be planned: its run fails with the error. */
export function unplannable({ job, run, epoch, table, objects }: Unplanned, error: FanlakeError): Omit<PlanDraft, 'requests'> {
  return {
    run,
    epoch,
    job,
    table: { key: table, format: job.table.format, partitionBy: job.table.partitionBy, columns: [] },
    query: {
      sql: job.query,
      output: [],
      rowwise: true,
      reason: null,
      reads: [],
      passThrough: {},
      changesRowCount: false,
      filters: false,
      staged: null,
    },
    columns: [],
    layouts: [],
    input: inputOf(objects),
    reuse: [],
    remainder: false,
    error: error.toReport(),
  };
}
