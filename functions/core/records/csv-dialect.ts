/**
 * How a delimited text file is written: what the engine's CSV reader is told, and what decides where records start. Every field is given;
 * nothing is detected later, because a split may look different from the whole.
 */
export interface CsvDialect {
  /** 1 to 4 bytes as UTF-8, without the quote or a newline. */
  readonly delimiter: string;
  /** One ASCII character, or '' when nothing is quoted. */
  readonly quote: string;
  /** One ASCII character that stands before a quote inside quotes; the same as `quote` when quotes are doubled; '' for none. */
  readonly escape: string;
  /** One ASCII character that starts a comment in an unquoted place, or '' for none. */
  readonly comment: string;
  /** What ends a record. Any other newline outside quotes makes its record bad. */
  readonly newline: '\n' | '\r\n' | '\r';
}
