import { isUtf8 } from 'node:buffer';
import { FanlakeError } from '../core/errors.ts';
import type { CsvLayout } from '../core/layout.ts';
import type { CsvDialect } from '../core/records/csv-dialect.ts';
import { extraFieldsAreNull, splitFields } from './csv-fields.ts';
import { type DialectHints, guessDialect } from './guess-dialect.ts';
import { cleanNames, guessHeader } from './guess-header.ts';
import { type HeadRecord, headRecords } from './head-records.ts';
import type { HeadLayout, ObjectHead } from './object-head.ts';
import { describeProblem } from './sift-csv.ts';

/** Records that are looked at to tell a header from data. */
const headerSampleRecords = 200;

function textOf(head: Uint8Array, record: HeadRecord): string {
  return Buffer.from(head.buffer, head.byteOffset + record.start, record.end - record.start).toString();
}

/** The number of fields of most records. */
function usualFields(rows: readonly HeadRecord[]): number {
  const counts = new Map<number, number>();
  for (const row of rows) if (row.problem === null) counts.set(row.fields, (counts.get(row.fields) ?? 0) + 1);
  return [...counts].sort((a, b) => b[1] - a[1])[0]?.[0] ?? rows[0]?.fields ?? 0;
}

function checkHeader(object: ObjectHead, header: HeadRecord, dialect: CsvDialect): void {
  const { key, head } = object;
  if (!isUtf8(head.subarray(header.start, header.end))) {
    throw new FanlakeError(
      'input.encoding',
      `'${key}' can't be read as CSV: the names in its first line are not UTF-8. Convert it to UTF-8, for example with iconv -f windows-1252 -t utf-8.`,
      { key },
    );
  }
  if (header.problem !== null) {
    throw new FanlakeError(
      'input.format',
      `'${key}' can't be read as CSV: its first record, which names the columns, is irregular: ` +
        `${describeProblem(header.problem, dialect, header.end - header.start)}. ` +
        "Mend it, or describe the file in the job's input.format (delimiter, quote, newline, header).",
      { key, offset: header.start },
    );
  }
}

/** The bytes of the regular records, each with its line end. */
function sampleOf(head: Uint8Array, rows: readonly HeadRecord[], layout: CsvLayout): Pick<HeadLayout, 'sample' | 'sampleRecords'> {
  const { dialect, fields, nullStrings } = layout;
  const parts: Uint8Array[] = [];
  let sampleRecords = 0;
  for (const row of rows) {
    const bytes = head.subarray(row.start, row.end);
    if (row.problem !== null || row.fields < fields.length || !isUtf8(bytes)) continue;
    if (row.fields > fields.length && !extraFieldsAreNull(splitFields(textOf(head, row), dialect), fields.length, nullStrings)) continue;
    sampleRecords += 1;
    parts.push(bytes);
    if (!textOf(head, row).endsWith(dialect.newline)) parts.push(Buffer.from(dialect.newline));
  }
  return { sample: Buffer.concat(parts), sampleRecords };
}

/** The layout of delimited text: how it is written (guess-dialect.ts), whether it has a header and what its columns are called (guess-header.ts). Null when no record is whole. */
export function readCsvHead(object: ObjectHead, bomBytes: 0 | 3, firstDelimiter: string, hints: DialectHints): HeadLayout | null {
  const { head, complete, compression, options } = object;
  const dialect = guessDialect(head, bomBytes, complete, options, hints, firstDelimiter);
  const records = headRecords(head, bomBytes, complete, dialect);
  const rows = records.filter((record) => record.kind === 'row');
  const headEnd = records[records.length - 1]?.end ?? bomBytes;
  const base = { format: 'csv', compression, bomBytes, dialect, nullStrings: options?.nullStrings ?? [''] } as const;
  const [first] = rows;
  if (first === undefined) {
    if (!complete) return null;
    return { layout: { ...base, dataStart: bomBytes, fields: [], header: false }, headEnd, sample: new Uint8Array(0), sampleRecords: 0 };
  }
  const regular = rows.slice(1, headerSampleRecords).filter((row) => row.problem === null);
  const split = (row: HeadRecord) => splitFields(textOf(head, row), dialect).map((field) => field.text);
  const header = options?.header ?? (first.problem === null && guessHeader([first, ...regular].map(split)));
  if (header) checkHeader(object, first, dialect);
  const names = header ? split(first) : Array.from({ length: usualFields(rows) }, () => '');
  const layout: CsvLayout = { ...base, dataStart: header ? first.end : bomBytes, fields: cleanNames(names), header };
  return { layout, headEnd, ...sampleOf(head, header ? rows.slice(1) : rows, layout) };
}
