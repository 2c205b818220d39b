import type { CsvDialect } from '../core/records/csv-dialect.ts';
import { CsvMachine, type RecordKind, type RecordProblem } from '../core/records/csv-machine.ts';

/** A record of a head: bytes `[start, end)` of it. */
export interface HeadRecord {
  readonly start: number;
  readonly end: number;
  readonly fields: number;
  readonly problem: RecordProblem | null;
  readonly kind: RecordKind;
}

/**
 * The whole records of a head.
 * @param from where the first begins
 * @param complete whether the object ends with the head; else what stands behind its last line end is left out
 */
export function headRecords(head: Uint8Array, from: number, complete: boolean, dialect: CsvDialect): readonly HeadRecord[] {
  const records: HeadRecord[] = [];
  const machine = new CsvMachine(dialect, { offset: from }, (start, end, fields, problem, kind) => {
    records.push({ start, end, fields, problem, kind });
  });
  machine.feed(head.subarray(from));
  if (complete) machine.finish();
  return records;
}
