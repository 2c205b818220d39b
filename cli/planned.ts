import type { Job } from '../functions/core/job.ts';
import type { ObjectVersion } from '../functions/core/ports.ts';
import { bytes, counted } from './render/numbers.ts';

/** What a command says of the run that it is about to begin. */
export function planned(job: Job, objects: readonly ObjectVersion[]): string {
  const inputBytes = objects.reduce((sum, { size }) => sum + size, 0);
  return `${job.name}: ${counted(objects.length, 'object')}, ${bytes(inputBytes)}`;
}
