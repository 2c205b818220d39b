import type { CsvDialect } from '../core/records/csv-dialect.ts';

/** One field of a record: its text without quotes and escapes. */
export interface CsvField {
  readonly text: string;
  readonly quoted: boolean;
}

/** A position in a record, moved along field by field. */
class FieldReader {
  private readonly text: string;
  private readonly dialect: CsvDialect;
  private at = 0;
  /** The record is used up: its end or a comment was reached. */
  ended = false;

  constructor(text: string, dialect: CsvDialect) {
    this.text = text;
    this.dialect = dialect;
  }

  next(): CsvField {
    const { quote } = this.dialect;
    // the engine takes one space before a quote for nothing, and no more than one
    const opener = this.text[this.at] === ' ' && !this.text.startsWith(this.dialect.delimiter, this.at) ? this.at + 1 : this.at;
    if (quote !== '' && this.text[opener] === quote) {
      this.at = opener + 1;
      return { text: this.inside(), quoted: true };
    }
    return { text: this.unquoted(), quoted: false };
  }

  private inside(): string {
    const { quote, escape: escaping } = this.dialect;
    let text = '';
    for (; this.at < this.text.length; this.at++) {
      const char = this.text[this.at] ?? '';
      const following = this.text[this.at + 1];
      // behind an escape of its own any character stands for itself: `\n` is an n
      if (char === escaping && following !== undefined && (escaping !== quote || following === quote)) {
        text += following;
        this.at += 1;
      } else if (char === quote) {
        const gap = this.spacesToQuote();
        if (gap === 0) {
          this.at += 1;
          this.unquoted();
          return text;
        }
        text += ' '.repeat(gap);
        this.at += gap + 1;
      } else {
        text += char;
      }
    }
    this.ended = true;
    return text;
  }

  /** Spaces between a closing quote and another one, which opens again where quotes are doubled: `"a" "b"` is `a b`. Else 0. */
  private spacesToQuote(): number {
    const { quote, escape: escaping } = this.dialect;
    let end = this.at + 1;
    while (this.text[end] === ' ' && !this.text.startsWith(this.dialect.delimiter, end)) end += 1;
    return escaping === quote && this.text[end] === quote ? end - this.at - 1 : 0;
  }

  private unquoted(): string {
    const { delimiter, comment } = this.dialect;
    const delimited = this.text.indexOf(delimiter, this.at);
    const commented = comment === '' ? -1 : this.text.indexOf(comment, this.at);
    const start = this.at;
    if (delimited >= 0 && (commented < 0 || delimited < commented)) {
      this.at = delimited + delimiter.length;
      return this.text.slice(start, delimited);
    }
    this.ended = true;
    return commented < 0 ? this.text.slice(start) : this.text.slice(start, commented);
  }
}

/** The last record of a file may have no newline, or the first half of CRLF. */
function withoutNewline(record: string, { newline }: CsvDialect): string {
  if (record.endsWith(newline)) return record.slice(0, -newline.length);
  return newline === '\r\n' && record.endsWith('\r') ? record.slice(0, -1) : record;
}

/**
 * The fields of one regular record, as the engine's strict reader sees them (formats.md, section 2). What stands between a closing quote and the
 * delimiter is dropped.
 * @param record its text, with or without its newline
 */
export function splitFields(record: string, dialect: CsvDialect): readonly CsvField[] {
  const text = withoutNewline(record, dialect);
  const reader = new FieldReader(text, dialect);
  const fields = [reader.next()];
  while (!reader.ended) fields.push(reader.next());
  return fields;
}

/**
 * Whether the engine takes a record with more fields than columns: it drops extra fields that are NULL, as after a trailing delimiter, without
 * an error (DuckDB 1.5.5 with `allow_quoted_nulls=false`).
 */
export function extraFieldsAreNull(fields: readonly CsvField[], columns: number, nullStrings: readonly string[]): boolean {
  return fields.slice(columns).every((field) => !field.quoted && (field.text === '' || nullStrings.includes(field.text)));
}
