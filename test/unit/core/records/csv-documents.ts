import fc from 'fast-check';
import type { CsvDialect } from '../../../../functions/core/records/csv-dialect.ts';

export interface CsvDocument {
  readonly name: string;
  readonly dialect: CsvDialect;
  readonly text: string;
  readonly dataStart: number;
}

export const latin1 = (text: string) => Buffer.from(text, 'latin1');

const base: CsvDialect = { delimiter: ',', quote: '"', escape: '"', comment: '', newline: '\n' };
const crlf: CsvDialect = { ...base, newline: '\r\n' };
const backslash: CsvDialect = { ...base, escape: '\\' };

/** Documents as programs write them: every record is quoted well, so the kernel alone decides. */
export const wellWrittenDocument = fc
  .record({
    dialect: fc.constantFrom(base, crlf, backslash),
    rows: fc.array(
      fc.array(fc.constantFrom('', 'a', 'b,c', 'd\ne', '"', '\r\n', 'x "y" z', '\\', '\n,\n', 'q"\n"r', 'long '.repeat(20)), {
        minLength: 1,
        maxLength: 4,
      }),
      {
        minLength: 1,
        maxLength: 30,
      },
    ),
  })
  .map(({ dialect, rows }): CsvDocument => {
    const field = (value: string) => {
      const escaped = dialect.escape === '\\' ? value.replaceAll('\\', '\\\\').replaceAll('"', '\\"') : value.replaceAll('"', '""');
      return /[",\r\n\\]/.test(value) ? `"${escaped}"` : value;
    };
    return { name: 'clean', dialect, dataStart: 0, text: rows.map((row) => row.map(field).join(',') + dialect.newline).join('') };
  });
