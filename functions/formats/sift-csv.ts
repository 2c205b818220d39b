import type { CsvLayout } from '../core/layout.ts';
import type { ByteSource } from '../core/records/byte-source.ts';
import type { CsvDialect } from '../core/records/csv-dialect.ts';
import type { RecordProblem } from '../core/records/csv-machine.ts';
import { eachRecord } from '../core/records/csv-scan.ts';
import { extraFieldsAreNull, splitFields } from './csv-fields.ts';
import { readRange } from './file-source.ts';
import type { SiftOutput } from './sift-output.ts';
import { givesBlankRows } from './text-scan.ts';

const newlineNames: Readonly<Record<CsvDialect['newline'], string>> = { '\n': 'LF', '\r\n': 'CR LF', '\r': 'CR' };

/** A problem of syntax as a sentence. */
export function describeProblem(problem: RecordProblem, dialect: CsvDialect, lengthBytes: number): string {
  switch (problem) {
    case 'text-after-quote':
      return 'there is text between the closing quote of a field and the next delimiter';
    case 'newline':
      return `it holds a line end other than ${newlineNames[dialect.newline]}, which ends the records of this file`;
    case 'comment':
      return 'a comment stands behind a field of spaces';
    case 'unterminated-quote':
      return `a quote is opened and never closed, so that everything from here to the end of the file (${lengthBytes} bytes) is one record`;
  }
}

/** Why a record with this number of fields doesn't fit, as a sentence. */
export function describeFieldCount(fields: number, columns: number): string {
  const plural = (count: number, word: string) => `${count} ${word}${count === 1 ? '' : 's'}`;
  return `it has ${plural(fields, 'field')}, and the file has ${plural(columns, 'column')}`;
}

/** Tells regular records from others over `[from, to)`. */
export function siftCsv(source: ByteSource, layout: CsvLayout, from: number, to: number, output: SiftOutput): void {
  const { dialect, nullStrings } = layout;
  const columns = layout.fields.length;
  const blankIsRow = givesBlankRows(layout);
  eachRecord(source, dialect, from, to, (start, end, fields, problem, kind) => {
    if (problem !== null) return output.addBad(start, end, describeProblem(problem, dialect, end - start));
    if (kind === 'comment') return;
    if (kind === 'blank') {
      if (blankIsRow) output.addGood(start, end);
      return;
    }
    const fits =
      fields === columns ||
      (fields > columns && extraFieldsAreNull(splitFields(readRange(source, start, end).toString(), dialect), columns, nullStrings));
    if (fits) output.addGood(start, end);
    else output.addBad(start, end, describeFieldCount(fields, columns));
  });
}
