import type { Job } from '../functions/core/job.ts';
import type { ObjectVersion } from '../functions/core/ports.ts';
import type { JobOptions } from './job-request.ts';
import type { Home } from './local/home.ts';
import { listInput } from './local/input-list.ts';
import type { Shell } from './shell.ts';
import { listObjects } from './stack/list-objects.ts';
import type { Stack } from './stack/stack.ts';

/** The files of this machine that `--input` names. */
export function inputAtHome(home: Home, job: Job, { input = [] }: JobOptions, { currentFolder }: Shell): Promise<readonly ObjectVersion[]> {
  const { include, exclude } = job.input;
  return listInput(home, { paths: input, include, exclude, currentFolder });
}

/** The objects of a stack's landing bucket that `--input` names. */
export function inputOnStack(
  stack: Stack,
  job: Job,
  { input = [] }: JobOptions,
  { currentFolder }: Shell,
): Promise<readonly ObjectVersion[]> {
  const { include, exclude, prefix } = job.input;
  return listObjects(stack, { paths: input, include, exclude, prefix, currentFolder });
}
