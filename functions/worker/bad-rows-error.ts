import { FanlakeError } from '../core/errors.ts';
import type { BadRecord } from '../core/piece.ts';

/** Most offenders that the message and the receipt name. */
const namedOffenders = 5;

/** More rows that can't be taken than the job allows. Carries the first ones for quarantine. */
export class BadRowsError extends FanlakeError {
  readonly records: readonly BadRecord[];

  constructor(records: readonly BadRecord[], found: number, allowed: number) {
    const first = records.slice(0, namedOffenders);
    super('rows.bad', badRowsMessage(first, found, allowed), {
      found,
      allowed,
      first: first.map(({ objectKey, offset, column, reason }) => ({ object: objectKey, offset, column, reason })),
    });
    this.records = records;
  }
}

function badRowsMessage(first: readonly BadRecord[], found: number, allowed: number): string {
  const places = first.map(({ objectKey, offset, column, reason }) => {
    const where = column === null ? '' : `, column '${column}'`;
    return `  ${objectKey}, byte ${offset}${where}: ${reason}`;
  });
  const rows = found === 1 ? '1 row' : `${found} rows`;
  const more = found > first.length ? [`  and ${found - first.length} more`] : [];
  return [
    `${rows} can't be taken, and the job allows ${allowed}:`,
    ...places,
    ...more,
    "Correct the input, declare the columns as they are (a job's input.columns), or have such rows set aside (the job's limits.maxBadRows).",
  ].join('\n');
}
