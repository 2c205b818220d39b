import type { CsvDialect } from '../../../../functions/core/records/csv-dialect.ts';
import { CsvMachine, type RecordKind, type RecordProblem } from '../../../../functions/core/records/csv-machine.ts';

export interface SeenRecord {
  readonly start: number;
  readonly end: number;
  readonly fields: number;
  readonly problem: RecordProblem | null;
  readonly kind: RecordKind;
}

/** Every record of the bytes from `offset` on, fed to the machine in pieces of `pieceBytes`. */
export function machineRecords(dialect: CsvDialect, bytes: Uint8Array, offset = 0, pieceBytes = bytes.length + 1): SeenRecord[] {
  const records: SeenRecord[] = [];
  const machine = new CsvMachine(dialect, { offset }, (start, end, fields, problem, kind) => {
    records.push({ start, end, fields, problem, kind });
  });
  for (let at = offset; at < bytes.length; at += pieceBytes) machine.feed(bytes.subarray(at, at + pieceBytes));
  machine.finish();
  return records;
}
