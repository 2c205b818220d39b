import type { Context } from 'aws-lambda';
import { FanlakeError } from '../core/errors.ts';
import { awsStorage } from '../lambda/aws-storage.ts';
import { positiveNumber } from '../runtime/environment.ts';
import { sweepLake } from './sweep-lake.ts';

const dayMs = 24 * 60 * 60_000;
/** How often the schedule calls (infra/sweep-schedule.ts): each time another table is the first. */
const sweepEveryMs = 7 * dayMs;
/** What a batch of deletions under way may still take. */
const marginMs = 60_000;

const { settings, stores, log } = awsStorage(['workDays']);
const expiryMs = positiveNumber('workDays', settings.workDays) * dayMs;

/** Sweeps all tables; called by a schedule. What isn't done in the function's time is left to the next sweep, which begins with another table. */
export async function handler(_event: unknown, invocation: Context): Promise<void> {
  log.begin(invocation);
  const nowMs = Date.now();
  const isOver = () => invocation.getRemainingTimeInMillis() < marginMs;
  const sweeps = await sweepLake(
    stores,
    { beforeMs: nowMs - expiryMs, dryRun: false, isOver },
    ({ table, files, bytes, unfinished, error }) =>
      error === null
        ? log.info('table swept', { table, files, bytes, unfinished })
        : log.warn('table not swept', { table, code: error.code }),
    Math.floor(nowMs / sweepEveryMs),
  );
  const failed = sweeps.filter(({ error }) => error !== null);
  if (failed.length === 0) return;
  // the alarm sweep-failed tells of it
  throw new FanlakeError(
    'store.failed',
    `Tables that couldn't be swept: ${failed.map(({ table, error }) => `${table} (${error?.code})`).join(', ')}.`,
  );
}
