import { type Job, parseJob } from '../../../functions/core/job.ts';
import { type Plan, planFormat } from '../../../functions/core/plan.ts';
import { queryOfNothing } from '../../../functions/core/query.ts';

/** A plan of one object into the table `visits`, for tests that need no more. */
export function planOf({
  tasks,
  bytes,
  limits,
  ...more
}: { readonly tasks: number; readonly bytes: number; readonly limits: Partial<Job['limits']> } & Partial<Plan>): Plan {
  const job = parseJob({ name: 'visits', input: { format: 'text' }, table: { name: 'visits' }, limits });
  return {
    format: planFormat,
    run: 'visits-00000000000000000000',
    epoch: 0,
    nonce: '000000000000',
    createdMs: 0,
    tasks,
    inline: null,
    job,
    table: { key: 'visits', format: 'delta', partitionBy: [], columns: [{ name: 'line', type: 'VARCHAR', castTo: null }] },
    query: queryOfNothing(job),
    columns: [],
    layouts: [{ format: 'text', compression: 'none', bomBytes: 0, dataStart: 0, keys: [] }],
    input: { objects: 1, bytes },
    reuse: [],
    remainder: false,
    requests: {},
    error: null,
    ...more,
  };
}
