import { FanlakeError } from '../functions/core/errors.ts';
import type { FanlakeProps } from './fanlake-props.ts';
import { leastWorkDays } from './sizes.ts';

/** SQS takes names of 80 characters; the longest ending of ours is `-undeliverable`. */
const longestPrefix = 66;

/** @throws FanlakeError `usage` when settings contradict each other or what the protocol needs */
export function checkSettings({ landingBucket, lakeBucket, workDays, maxConcurrency = {}, splitBytes }: FanlakeProps): void {
  if (landingBucket !== undefined && lakeBucket !== undefined && landingBucket.bucketName === lakeBucket.bucketName)
    throw new FanlakeError(
      'usage',
      `Fanlake can't be deployed with one bucket for uploads and for tables: each file that it writes would be announced as an upload. Give landingBucket and lakeBucket different buckets.`,
    );
  if (workDays !== undefined && !(Number.isInteger(workDays) && workDays >= leastWorkDays))
    throw new FanlakeError(
      'usage',
      `Fanlake can't be deployed with workDays ${workDays}: a run may take 7 days and a message of it live for 14, and its plan must outlive both. Give ${leastWorkDays} or more.`,
    );
  for (const [queue, concurrency] of Object.entries(maxConcurrency)) {
    if (Number.isInteger(concurrency) && concurrency >= 2 && concurrency <= 1_000) continue;
    throw new FanlakeError(
      'usage',
      `Fanlake can't be deployed with maxConcurrency.${queue} ${concurrency}: Lambda takes 2 to 1000 for a queue.`,
    );
  }
  if (splitBytes !== undefined && !(Number.isSafeInteger(splitBytes) && splitBytes >= 1))
    throw new FanlakeError('usage', `Fanlake can't be deployed with splitBytes ${splitBytes}: give a whole number of bytes from 1.`);
}

/**
 * @param prefix the deployment's name, in front of all names
 * @throws FanlakeError `usage` when names of queues would be too long
 */
export function checkPrefix(prefix: string): void {
  if (prefix.length <= longestPrefix) return;
  throw new FanlakeError(
    'usage',
    `Fanlake can't be deployed as '${prefix}': queues are named after it, and it may have ${longestPrefix} characters, not ${prefix.length}. Give the stack or the construct a shorter name.`,
  );
}
