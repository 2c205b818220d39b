import type { FormatOptions } from '../core/job.ts';
import type { CsvDialect } from '../core/records/csv-dialect.ts';
import { splitFields } from './csv-fields.ts';
import { type HeadRecord, headRecords } from './head-records.ts';

/** What another reader takes the dialect for; it is tried after the usual ones. */
export interface DialectHints {
  readonly delimiter?: string;
}

/** The part of a head that is looked at, when it holds two records. */
const sampleBytes = 64 << 10;

const usualDelimiters = [',', ';', '\t', '|', ':'];

/** One dialect and how well it fits. */
interface Trial {
  readonly dialect: CsvDialect;
  readonly rows: readonly HeadRecord[];
  /** The number of fields that most records have. */
  readonly columns: number;
  /** Of the records, those that are regular and have so many fields: 0 to 1. */
  readonly agreement: number;
  readonly firstAgrees: boolean;
}

/** The most frequent line end outside quotes; the first one where two are equally frequent; LF where there is none. */
function guessNewline(head: Uint8Array, from: number, dialect: Omit<CsvDialect, 'newline'>): CsvDialect['newline'] {
  const ends = (newline: '\n' | '\r') => headRecords(head, from, false, { ...dialect, newline }).map((record) => record.end);
  const [lineFeeds, returns] = [ends('\n'), ends('\r')];
  const pairs = new Set(returns.filter((end) => head[end] === 0x0a).map((end) => end + 1));
  const counts = [
    { newline: '\r\n', count: pairs.size, first: Math.min(...[...pairs].slice(0, 1)) },
    { newline: '\n', count: lineFeeds.length - pairs.size, first: lineFeeds.find((end) => !pairs.has(end)) ?? head.length },
    { newline: '\r', count: returns.length - pairs.size, first: returns.find((end) => !pairs.has(end + 1)) ?? head.length },
  ] as const;
  const best = [...counts].sort((a, b) => b.count - a.count || a.first - b.first)[0];
  return best === undefined || best.count <= 0 ? '\n' : best.newline;
}

function tryDialect(head: Uint8Array, from: number, complete: boolean, dialect: CsvDialect): Trial {
  const rows = headRecords(head, from, complete, dialect).filter((record) => record.kind === 'row');
  const counts = new Map<number, number>();
  for (const { fields, problem } of rows) if (problem === null) counts.set(fields, (counts.get(fields) ?? 0) + 1);
  const [columns, count] = [...counts].sort((a, b) => b[1] - a[1] || b[0] - a[0])[0] ?? [1, 0];
  const first = rows[0];
  const firstAgrees = first !== undefined && first.fields === columns && first.problem === null;
  return { dialect, rows, columns, agreement: count / Math.max(1, rows.length), firstAgrees };
}

/** Better comes first: several columns in every record; in the first record; in most records. */
function compareTrials(a: Trial, b: Trial): number {
  const rank = (trial: Trial) => {
    if (trial.columns === 1) return 0;
    return (trial.agreement === 1 ? 4 : 0) + (trial.firstAgrees ? 2 : 0) + trial.agreement;
  };
  return rank(b) - rank(a);
}

/** Whether `'` quotes: under it all records are regular and of the same number of fields, and at least two fields are in such quotes. */
function isSingleQuoted(head: Uint8Array, { dialect, rows, agreement }: Trial): boolean {
  if (agreement < 1) return false;
  const fields = rows.flatMap(({ start, end }) =>
    splitFields(Buffer.from(head.buffer, head.byteOffset + start, end - start).toString('latin1'), dialect),
  );
  return fields.filter((field) => field.quoted).length > 1;
}

/**
 * How a delimited text is written. What the job declares is taken as it is; the rest is decided from the head:
 * - delimiter: of `,` `;` tab `|` `:` and the hint, the first under which every record has the same number (two or more) of fields; else the one
 *   under which the first record agrees with most others; `,` when there is one column
 * - quote: `"`; `'` when there is no `"`, several fields are in such quotes and all records are regular then. Never none: a file with one quote that isn't
 *   closed would then be read without a complaint
 * - escape: a doubled quote; a backslash when there are `\"` and it leaves fewer irregular records
 * - newline: the most frequent line end outside quotes
 * - comments: none unless declared
 * @param from offset behind the byte order mark
 * @param first the delimiter that the name of the file suggests
 */
export function guessDialect(
  head: Uint8Array,
  from: number,
  complete: boolean,
  options: FormatOptions | undefined,
  hints: DialectHints,
  first: string,
): CsvDialect {
  const whole = complete && head.length <= sampleBytes;
  const sample = head.subarray(0, sampleBytes);
  const base = { comment: options?.comment ?? '' };
  const trial = (delimiter: string, quote: string, escaping: string, bytes: Uint8Array, ended: boolean): Trial => {
    const dialect = { ...base, delimiter, quote, escape: options?.escape ?? escaping };
    const newline = options?.newline ?? guessNewline(bytes, from, dialect);
    const found = tryDialect(bytes, from, ended, { ...dialect, newline });
    if (found.rows.length < 2 && bytes.length < head.length) return trial(delimiter, quote, escaping, head, complete);
    return found;
  };
  const delimiters = options?.delimiter === undefined ? [first, ...usualDelimiters, hints.delimiter ?? first] : [options.delimiter];
  const candidates = [...new Set(delimiters)].filter((delimiter) => isDelimiter(delimiter, options?.quote ?? '"'));
  const text = Buffer.from(sample.buffer, sample.byteOffset, sample.length).toString('latin1');
  const trials = candidates.flatMap((delimiter) => {
    if (options?.quote === undefined && !text.includes('"') && text.includes("'")) {
      const single = trial(delimiter, "'", "'", sample, whole);
      if (isSingleQuoted(head, single)) return withBackslash(single);
    }
    const quote = options?.quote ?? '"';
    return withBackslash(trial(delimiter, quote, quote, sample, whole));
  });
  function withBackslash(doubled: Trial): readonly Trial[] {
    const { delimiter, quote } = doubled.dialect;
    if (quote === '' || options?.escape !== undefined || !text.includes(`\\${quote}`)) return [doubled];
    const backslash = trial(delimiter, quote, '\\', sample, whole);
    const problems = ({ rows }: Trial) => rows.filter((row) => row.problem !== null).length;
    return problems(backslash) < problems(doubled) || backslash.agreement > doubled.agreement ? [backslash] : [doubled];
  }
  const best = trials.sort(compareTrials)[0];
  return (
    best?.dialect ?? {
      ...base,
      delimiter: options?.delimiter ?? first,
      quote: options?.quote ?? '"',
      escape: '"',
      newline: options?.newline ?? '\n',
    }
  );
}

/** What the engine takes for a delimiter: 1 to 4 bytes without the quote or a line end. */
function isDelimiter(delimiter: string, quote: string): boolean {
  const bytes = Buffer.byteLength(delimiter);
  return bytes >= 1 && bytes <= 4 && !/[\r\n\0]/.test(delimiter) && (quote === '' || !delimiter.includes(quote));
}
