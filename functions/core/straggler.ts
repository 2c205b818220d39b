import type { DonePart, Part } from './part.ts';

/** What finished attempts of a stage tell about those that haven't finished. */
export interface MeasuredAttempts {
  /** How many were looked at. */
  readonly count: number;
  readonly longestMs: number;
  /** The most bytes of input that one of them read. */
  readonly mostBytes: number;
  /** When the last of them began, in milliseconds since 1970 UTC. */
  readonly lastBeganMs: number;
}

/**
 * @param bytesOf what a part's task read; of a map task's part it says so itself
 * @returns null when no part tells when its attempt began: a dead letter's doesn't, nor one of an older version
 */
export function measureAttempts(
  parts: Iterable<Part>,
  bytesOf: (part: DonePart) => number = ({ bytesCovered }) => bytesCovered,
): MeasuredAttempts | null {
  let [count, longestMs, mostBytes, lastBeganMs] = [0, 0, 0, 0];
  for (const part of parts) {
    if (part.beganMs === undefined) continue;
    count += 1;
    longestMs = Math.max(longestMs, part.seconds * 1_000);
    lastBeganMs = Math.max(lastBeganMs, part.beganMs);
    if (part.kind === 'done') mostBytes = Math.max(mostBytes, bytesOf(part));
  }
  return count === 0 ? null : { count, longestMs, mostBytes, lastBeganMs };
}

/** How often tasks of an epoch, or its message to the reducer, were sent again, and when the last time; null when never. */
export interface Resends {
  readonly count: number;
  readonly lastMs: number | null;
}

/** A stage that is under way. */
export interface StageProgress {
  readonly createdMs: number;
  readonly tasks: number;
  /** Tasks with a part, one at least of `tasks` being without. */
  readonly finished: number;
  readonly resends: Resends;
}

/** While nothing is measured, tasks without a part are late when their epoch is so old: most of them only wait for their turn. */
const unmeasuredLateMs = 15 * 60_000;

/** Longer than queues, cold starts and the return of a killed function's message (30 s) take, however short the tasks are. */
const leastLateMs = 2 * 60_000;

/** How many times as long as the longest measured attempt one may take that isn't late. */
const lateFactor = 3;

/** Whether so much of a stage has finished that its attempts tell what is usual. */
export const isMeasurable = ({ finished, tasks }: StageProgress): boolean => finished * 2 >= tasks;

/** Nothing of the stage is late before this, whatever its attempts tell: so long nobody needs to look at them. */
export function soonestLateMs(stage: StageProgress): number {
  const { createdMs, resends } = stage;
  if (!isMeasurable(stage)) return lateFromMs(stage, null, 0);
  return Math.max(createdMs, resends.lastMs ?? createdMs) + leastLateMs * 2 ** resends.count;
}

/**
 * When a task without a part counts as late and is sent again: its message may be lost with its worker, or the worker hangs. The rule is MapReduce's backup
 * task near a stage's end (Dean and Ghemawat, OSDI 2004, 3.6) with a threshold like that of Spark's speculation (spark.speculation.quantile and .multiplier):
 * once half of the stage has finished, a task is late when it has had its turn and three times what the longest measured attempt took, or more if it is
 * larger than all of those. Unlike their masters nobody here knows which tasks have begun, so the turn of the last is reckoned from how long the finished ones
 * waited for theirs. Each time that tasks were sent again doubles the wait: a queue is never flooded, whatever was measured.
 * @param measured a sample of the stage's attempts
 * @param bytes of input that the task reads
 * @returns milliseconds since 1970 UTC
 */
export function lateFromMs(stage: StageProgress, measured: MeasuredAttempts | null, bytes: number): number {
  const { createdMs, tasks, finished, resends } = stage;
  const spacing = 2 ** resends.count;
  if (measured === null || !isMeasurable(stage)) return createdMs + unmeasuredLateMs * spacing;
  // the sample's last is not the stage's last, and what hasn't finished has its turn behind what has
  const turnMs = Math.max(0, measured.lastBeganMs - createdMs) * (1 + 1 / measured.count) * (tasks / finished);
  const larger = measured.mostBytes === 0 ? 1 : Math.max(1, bytes / measured.mostBytes);
  const usualMs = Math.max(leastLateMs, lateFactor * measured.longestMs);
  const allowedMs = Math.max(leastLateMs, lateFactor * measured.longestMs * larger);
  const firstMs = createdMs + turnMs + allowedMs;
  return resends.lastMs === null ? firstMs : Math.max(firstMs, resends.lastMs + Math.max(usualMs * spacing, allowedMs));
}

/** The message of the `commits` queue that hands an epoch on comes again by itself until the epoch has ended, so another is of use only should that be lost. */
export const commitLateMs = 15 * 60_000;

/**
 * When the monitor hands an epoch to the reducer: at once where it hasn't yet, then after pauses that double, so that whatever keeps the reducer from its end,
 * and for how long, few messages wait for it.
 * @returns milliseconds since 1970 UTC
 */
export function commitAgainFromMs({ count, lastMs }: Resends): number {
  return lastMs === null ? 0 : lastMs + commitLateMs * 2 ** (count - 1);
}

/** So many of the items, spread over them, the last one among them; all when there are no more. */
export function spreadOver<Item>(items: readonly Item[], most: number): readonly Item[] {
  if (items.length <= most) return items;
  return items.filter((_, index) => Math.floor(((index + 1) * most) / items.length) > Math.floor((index * most) / items.length));
}
