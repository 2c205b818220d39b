import { FanlakeError } from './errors.ts';
import type { Fold } from './part.ts';
import type { Plan } from './plan.ts';

/**
 * What keeps the run from being committed, or null when everything adds up: `read = filtered + quarantined + passed`, and the bytes covered
 * are the input's. `read` is the record machine's count and the others are the engine's, so this compares two counts.
 * @param incomplete when some tasks failed within the job's limit: then the bytes can't add up, and the chain alone tells
 */
export function checkAccounting(plan: Plan, fold: Fold, incomplete: boolean): FanlakeError | null {
  const { read, filtered, quarantined, passed } = fold.rows;
  if (read !== filtered + quarantined + passed) {
    return new FanlakeError(
      'run.unaccounted',
      `Run ${plan.run} is not committed: the records read (${read}) are not those filtered (${filtered}), quarantined (${quarantined}) and passed (${passed}). ` +
        'This is a defect of Fanlake, and nothing was written; please report it with the input that shows it.',
      { ...fold.rows },
    );
  }
  const expected = plan.input.bytes;
  if (!incomplete && fold.bytesCovered !== expected) {
    return new FanlakeError(
      'run.unaccounted',
      `Run ${plan.run} is not committed: ${fold.bytesCovered} bytes of the input's ${expected} were covered. ` +
        'This is a defect of Fanlake, and nothing was written; please report it with the input that shows it.',
      { covered: fold.bytesCovered, input: expected },
    );
  }
  return null;
}

/** The error of a run with more bad rows than its job allows, or null. */
export function checkBadRows(plan: Plan, fold: Fold): FanlakeError | null {
  const allowed = plan.job.limits.maxBadRows;
  if (fold.rows.quarantined <= allowed) return null;
  return new FanlakeError(
    'rows.bad',
    `Run ${plan.run} found ${fold.rows.quarantined} rows that can't be taken, and its job allows ${allowed}. ` +
      `See them with 'fanlake quarantine ${plan.run}'; mend the input or the job's columns, or allow more with the job's limits.maxBadRows.`,
    { found: fold.rows.quarantined, allowed },
  );
}
