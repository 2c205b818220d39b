import type { InputColumn } from '../core/layout.ts';
import type { FieldForm } from '../core/records/form-kernel-state.ts';
import { literal } from './sql-text.ts';

/** How SQL tells that a value of a type holds the text that it was cast from. */
interface Exactness {
  /** True for most texts that are held, and only for such; cheap, because it is asked of every value. NULL counts as false. */
  readonly quick: string;
  /** True for the other texts that are held. */
  readonly other: string;
  /** What the text isn't, behind `'1.5' is `. */
  readonly reason: string;
}

const wholeTypes = /^U?(TINYINT|SMALLINT|INTEGER|BIGINT|HUGEINT)$/;
const dayPattern = '-?\\d{1,6}[-/]\\d{1,2}[-/]\\d{1,2}';

const fittingForms: Readonly<Record<string, FieldForm>> = {
  BIGINT: 'integer',
  HUGEINT: 'integer',
  DOUBLE: 'decimal',
  DATE: 'date',
  TIMESTAMP: 'timestamp',
};

/** Digits of a second's fraction that a type of times holds. */
const fractionDigits: Readonly<Record<string, number>> = {
  'TIMESTAMP': 6,
  'TIMESTAMP WITH TIME ZONE': 6,
  'TIMESTAMP_S': 0,
  'TIMESTAMP_MS': 3,
  'TIMESTAMP_NS': 9,
};

function matches(text: string, pattern: string): string {
  return `regexp_full_match(${text}, ${literal(`\\s*${pattern}\\s*`)})`;
}

/**
 * A text of n digits is at least `10^(n-1)`; one that is rounded has a point or an exponent besides, so that its value is at most `10^(n-2)`. The power of
 * two `2^floor(53/16 (n-1))` lies between for every n up to 39. A length and a shift are 10 ns a value, printing the number again is 27. `>= '1'` keeps
 * signs, spaces and leading zeros (codes such as 00501) out.
 */
function wholeNumber(text: string, value: string): Exactness {
  return {
    quick: `(${value} >> (((strlen(${text}) - 1) * 53) >> 4)) > 0 AND ${text} >= '1'`,
    other: `${text} = CAST(${value} AS VARCHAR) OR ${matches(text, '[-+]?(0|[1-9][\\d_]*)(\\.0*)?([eE]\\+?\\d+)?')}`,
    reason: 'not a whole number (or has leading zeros)',
  };
}

function timestamp(text: string, type: string): Exactness {
  const digits = fractionDigits[type] ?? 6;
  const cut = `\\.\\d{${digits}}\\d*[1-9]`;
  const short = `strlen(${text}) <= ${digits === 0 ? 19 : 20 + digits}`;
  if (type === 'TIMESTAMP WITH TIME ZONE') {
    return { quick: short, other: `NOT regexp_matches(${text}, ${literal(cut)})`, reason: 'finer than a microsecond' };
  }
  return {
    quick: `${short} AND NOT contains(${text}, '+') AND NOT contains(${text}, 'Z') AND ${text} NOT LIKE '%:%-%'`,
    other: `NOT regexp_matches(${text}, ${literal(`${cut}|[a-zA-Z]\\s*$|\\+|:.*-`)})`,
    reason: `a time with an offset, or finer than ${type} holds`,
  };
}

function exactnessOf(type: string, text: string, value: string): Exactness | null {
  const same = `${text} = CAST(${value} AS VARCHAR)`;
  if (wholeTypes.test(type)) return wholeNumber(text, value);
  if (type === 'DATE') {
    return { quick: same, other: matches(text, `${dayPattern}([ T]00:00(:00(\\.0*)?)?)?`), reason: 'not a day without a time of day' };
  }
  if (type === 'TIME') {
    return { quick: same, other: matches(text, '\\d{1,2}:\\d{2}(:\\d{2}(\\.\\d{1,6}0*)?)?'), reason: 'not a time of day' };
  }
  if (Object.hasOwn(fractionDigits, type)) return timestamp(text, type);
  const scale = /^DECIMAL\(\d+,\s*(\d+)\)$/.exec(type)?.[1];
  if (scale === undefined) return null;
  return { quick: same, other: matches(text, `[-+]?\\d*(\\.\\d{0,${scale}}0*)?`), reason: `not a number of at most ${scale} decimals` };
}

/** That a value holds what it was made from. */
export interface ExactCheck {
  /** SQL; true or false for what isn't NULL and could be cast, true for NULL. */
  readonly condition: string;
  /** What is said of a value for which it is false, behind the value. */
  readonly reason: string;
}

/**
 * The check that a column whose type nobody declared holds a text exactly: the engine's casts round `1.5`, cut a time of day off and pass over an offset.
 * Types of which a cast never loses anything silently, and nested ones, have none.
 * @param text an SQL expression of type VARCHAR @param value the same, cast to the column's type
 */
export function exactText({ type, declared }: InputColumn, text: string, value: string): ExactCheck | null {
  const found = declared ? null : exactnessOf(type, text, value);
  if (found === null) return null;
  // most values pass the first condition; the others are asked of those that don't
  return { condition: `((${found.quick}) OR ${text} IS NULL OR ${found.other})`, reason: found.reason };
}

/** Whether `exactText` has a check for a column. */
export function isChecked(column: InputColumn): boolean {
  return exactText(column, '', '') !== null;
}

/** The form of a text that a column's type holds exactly if it fits, for `Piece.exactFields`; null when there is none or nothing is checked. */
export function exactForm(column: InputColumn): FieldForm | null {
  if (!isChecked(column)) return null;
  return wholeTypes.test(column.type) ? 'integer' : fittingForm(column);
}

/** The form whose every text fits a column's type: a column of such fields needs no cast to tell whether its values fit. Null when there is none. */
export function fittingForm({ type }: InputColumn): FieldForm | null {
  return fittingForms[type] ?? null;
}

/**
 * The check that a column whose type nobody declared holds a Parquet value of another type: cast back, it is the same.
 * @param source an SQL expression of type `sourceType`
 */
export function exactValue(column: InputColumn, source: string, sourceType: string, value: string): ExactCheck | null {
  if (column.declared || column.type === 'VARCHAR') return null;
  if (sourceType === 'VARCHAR') return exactText(column, source, value);
  return {
    condition: `(${source} IS NOT DISTINCT FROM TRY_CAST(${value} AS ${sourceType}))`,
    reason: `not held exactly by ${column.type}`,
  };
}
