import { FanlakeError } from '../core/errors.ts';

/** Of the time that a function has, what is kept for giving its messages back: a tenth, within these bounds. */
const leastMarginMs = 1_000;
const mostMarginMs = 10_000;
/** How long work that was told to stop is waited for. */
const stoppingMs = 2_000;

/** The milliseconds that work may take of those that a function has left. */
export function workMs(remainingMs: number): number {
  return Math.max(0, remainingMs - Math.min(mostMarginMs, Math.max(leastMarginMs, remainingMs / 10)));
}

export interface Deadline {
  /** Milliseconds that the work may take. */
  readonly ms: number;
  /** Tells the work to stop. */
  readonly stop: () => void;
  /** What to do with work that doesn't stop: in a function's process it would go on in the middle of the next invocation. */
  readonly stuck: () => void | Promise<void>;
}

/**
 * Ends work inside a function's own time, so that the function can still say so. Work that comes to its end after all, once it was told to stop, counts.
 * @throws FanlakeError `task.timeout` when the work doesn't stop; whatever the work throws
 */
export async function withinDeadline<Result>(work: Promise<Result>, { ms, stop, stuck }: Deadline): Promise<Result> {
  const inTime = await settledIn(work, ms);
  if (!inTime) {
    stop();
    if (!(await settledIn(work, stoppingMs))) {
      await stuck();
      const seconds = Math.round(ms / 1000);
      throw new FanlakeError('task.timeout', `The work was not done in ${seconds} s, which is what the function has for it.`, { seconds });
    }
  }
  return work;
}

/** Whether work ends, well or not, within so many milliseconds. */
async function settledIn(work: Promise<unknown>, ms: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), ms);
  });
  const settled = work.then(
    () => true,
    () => true,
  );
  const isSettled = await Promise.race([settled, late]);
  clearTimeout(timer);
  return isSettled;
}
