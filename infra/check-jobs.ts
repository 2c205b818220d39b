import { spawnSync } from 'node:child_process';
import { extname, join } from 'node:path';
import { FanlakeError } from '../functions/core/errors.ts';
import type { Job } from '../functions/core/job.ts';
import { type UploadJob, uploadJobs } from '../functions/core/job-of-key.ts';

const program = join(import.meta.dirname, `query-faults${extname(import.meta.filename)}`);

/** Faults by the jobs' JSON: a process of tests or of several stacks checks the same jobs once. */
const known = new Map<string, readonly string[]>();

function queryFaults(jobs: readonly Job[]): readonly string[] {
  const input = JSON.stringify(jobs);
  const before = known.get(input);
  if (before !== undefined) return before;
  const { status, stdout, stderr, error } = spawnSync(process.execPath, [program], { input, encoding: 'utf8' });
  if (status !== 0) throw new Error(`The jobs' queries can't be checked: ${error?.message ?? stderr.trim()}`);
  const faults = JSON.parse(stdout) as readonly string[];
  known.set(input, faults);
  return faults;
}

/**
 * The jobs that uploads can be of, when all jobs can run: what is wrong with one never deploys.
 * @throws FanlakeError `job.invalid` with all faults of the queries, or of the first pair of prefixes that overlap
 */
export function checkJobs(jobs: readonly Job[]): readonly UploadJob[] {
  const found = uploadJobs(jobs);
  const faults = queryFaults(jobs);
  if (faults.length > 0) throw new FanlakeError('job.invalid', `These jobs can't be deployed:\n${faults.join('\n')}`, { faults });
  return found;
}
