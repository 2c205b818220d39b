import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Job, parseJob } from '../core/job.ts';
import { jobsFile } from '../runtime/environment.ts';

/**
 * The jobs that were deployed with the functions.
 * @throws FanlakeError `job.invalid` when one of them is none, which synth would have refused
 */
export function bundledJobs(folder: string | undefined = process.env['LAMBDA_TASK_ROOT']): readonly Job[] {
  const declared = JSON.parse(readFileSync(join(folder ?? '.', jobsFile), 'utf8')) as readonly unknown[];
  return declared.map((declaration) => parseJob(declaration));
}
