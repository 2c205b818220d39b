import { type FieldForm, type FormVariables, formCode, keptCode } from './form-kernel-state.ts';
import { type Code, control, i8x16, i32 } from './wasm.ts';

const longestInteger = 18;
const longestDecimal = 30;
const secondsLength = 19;
const dayLength = 10;
export const zero = 0x30;
const minus = 0x2d;
const point = 0x2e;
/** Bit m for a month of 31 days. */
const longMonths = [1, 3, 5, 7, 8, 10, 12].reduce((bits, month) => bits | (1 << month), 0);
const microsecondsLength = 26;
/** The places of digits in `2026-01-02 03:04:05.678901`: bit i for byte i. */
const digitPlaces = [...'2026-01-02 03:04:05.678901'].reduce((bits, byte, i) => bits | (/\d/.test(byte) ? 1 << i : 0), 0);

/** The code of the field that is looked at. */
export const fieldCode = (v: FormVariables): Code => i32.load8(i32.add(v.table.get, v.field.get));

/** Looks at the field of form `form` in `[start, at)`. */
export function fieldShape(v: FormVariables): Code {
  const digitsAt = (offset: number): Code =>
    i8x16.bitmask(i8x16.lessUnsigned(i8x16.sub(i8x16.load(v.start.get, offset), v.zeros16.get), v.tens16.get));
  const isForm = (form: FieldForm): Code => i32.eq(v.form.get, i32.constant(formCode[form]));
  return [
    ...v.size.set(i32.sub(v.at.get, v.start.get)),
    ...control.when(v.size.get, [
      // what stands in quotes is the value; `""` is no value of any form
      ...control.when(i32.eq(i32.load8(v.start.get), v.quote.get), [
        ...v.start.set(i32.add(v.start.get, i32.constant(1))),
        ...v.size.set(i32.sub(v.size.get, i32.constant(2))),
      ]),
      ...v.digits.set(i32.or(digitsAt(0), i32.shiftLeft(digitsAt(16), i32.constant(16)))),
      ...control.when(
        i32.or(isForm('integer'), isForm('decimal')),
        number(v, isForm('integer')),
        control.when(isForm('date'), day(v, i32.eq(v.size.get, i32.constant(dayLength))), [
          ...day(v, isTimestampSize(v)),
          ...unless(v, timeOfDay(v)),
        ]),
      ),
    ]),
  ];
}

const broken = (v: FormVariables): Code =>
  i32.store8(i32.add(v.table.get, v.field.get), 0, i32.or(i32.and(fieldCode(v), i32.constant(keptCode)), i32.constant(formCode.broken)));

const unless = (v: FormVariables, isOfForm: Code): Code => control.when(i32.isZero(isOfForm), broken(v));

/** The places of the first `size` bytes, of `bits`. */
const within = (v: FormVariables, bits: Code): Code => i32.and(bits, i32.sub(i32.shiftLeft(i32.constant(1), v.size.get), i32.constant(1)));

/** `-` or nothing; then 1 to 18 digits without a leading zero, or for a decimal 1 to 30 digits and, between two of them, at most one point. */
function number(v: FormVariables, isInteger: Code): Code {
  const isInSize = (longest: number): Code => i32.and(i32.gt(v.size.get, i32.constant(0)), i32.le(v.size.get, i32.constant(longest)));
  const hasNoLeadingZero = i32.or(i32.ne(v.first.get, i32.constant(zero)), i32.eq(v.size.get, i32.constant(1)));
  const others = within(v, i32.sub(i32.constant(-1), v.digits.get));
  return [
    ...v.first.set(i32.load8(v.start.get)),
    ...control.when(i32.eq(v.first.get, i32.constant(minus)), [
      ...v.start.set(i32.add(v.start.get, i32.constant(1))),
      ...v.first.set(i32.load8(v.start.get)),
      ...v.digits.set(i32.shiftRight(v.digits.get, i32.constant(1))),
      ...v.size.set(i32.sub(v.size.get, i32.constant(1))),
    ]),
    ...control.when(
      isInteger,
      unless(v, [isInSize(longestInteger), hasNoLeadingZero].reduce(i32.and, i32.isZero(others))),
      control.when(
        isInSize(longestDecimal),
        // at least one place is no digit: it must be the only one, a point, and neither the first nor the last
        control.when(
          others,
          unless(v, [isOneBit(others), isByte(v, i32.trailingZeros(others), point), isBetween(v, others)].reduce(i32.and)),
        ),
        broken(v),
      ),
    ),
  ];
}

const isOneBit = (bits: Code): Code => i32.isZero(i32.and(bits, i32.sub(bits, i32.constant(1))));

/** Whether the only place in `bits` is neither the first of the field's nor its last. */
const isBetween = (v: FormVariables, bits: Code): Code =>
  i32.and(
    i32.isZero(i32.and(bits, i32.constant(1))),
    i32.isZero(i32.and(bits, i32.shiftLeft(i32.constant(1), i32.sub(v.size.get, i32.constant(1))))),
  );

/** Whether a byte stands so far behind the field's start. */
const isByte = (v: FormVariables, offset: Code, byte: number): Code => i32.eq(i32.load8(i32.add(v.start.get, offset)), i32.constant(byte));

const isByteAt = (v: FormVariables, offset: number, text: string): Code =>
  i32.eq(i32.load8(v.start.get, offset), i32.constant(text.charCodeAt(0)));

/** The number that two digits are. */
function twoDigits(v: FormVariables, offset: number): Code {
  const tens = i32.multiply(i32.load8(v.start.get, offset), i32.constant(10));
  return i32.sub(i32.add(tens, i32.load8(v.start.get, offset + 1)), i32.constant(11 * zero));
}

const isFrom = (value: Code, least: number, most: number): Code =>
  i32.and(i32.ge(value, i32.constant(least)), i32.le(value, i32.constant(most)));

/** Digits are exactly where `2026-01-02 03:04:05.678901`, cut at `size`, has them, the day's dashes are there, and there is such a day. */
function day(v: FormVariables, isSize: Code): Code {
  const areDigits = i32.eq(within(v, v.digits.get), within(v, i32.constant(digitPlaces)));
  const month = v.first;
  return [
    ...month.set(twoDigits(v, 5)),
    ...v.day.set(twoDigits(v, 8)),
    ...unless(
      v,
      [isByteAt(v, 4, '-'), isByteAt(v, 7, '-'), areDigits, isFrom(month.get, 1, 12), isFrom(v.day.get, 1, 31)].reduce(i32.and, isSize),
    ),
    ...control.when(i32.gt(v.day.get, i32.constant(28)), unless(v, isLastDay(v, month.get))),
  ];
}

/** Whether a month has a 29th, 30th or 31st. */
function isLastDay(v: FormVariables, month: Code): Code {
  const isLong = i32.and(i32.shiftRight(i32.constant(longMonths), month), i32.constant(1));
  const isThirty = i32.and(i32.ne(month, i32.constant(2)), i32.le(v.day.get, i32.constant(30)));
  const isFourth = (value: Code): Code => i32.isZero(i32.and(value, i32.constant(3)));
  // Gregorian: of the years that end in 00 each fourth has the day
  const isLeap = i32.and(isFourth(twoDigits(v, 2)), i32.or(i32.ne(twoDigits(v, 2), i32.constant(0)), isFourth(twoDigits(v, 0))));
  const isLeapDay = [i32.eq(month, i32.constant(2)), i32.eq(v.day.get, i32.constant(29)), isLeap].reduce(i32.and);
  return [isThirty, isLeapDay].reduce(i32.or, isLong);
}

/** Whether a field is as long as `2026-01-02 03:04:05` with up to six digits of a second's fraction or without. */
function isTimestampSize(v: FormVariables): Code {
  const hasFraction = [
    i32.gt(v.size.get, i32.constant(secondsLength + 1)),
    i32.le(v.size.get, i32.constant(microsecondsLength)),
    isByteAt(v, secondsLength, '.'),
  ].reduce(i32.and);
  return i32.or(i32.eq(v.size.get, i32.constant(secondsLength)), hasFraction);
}

/** Behind a day ` 03:04:05`, or with a T. Digits are where they must be. */
function timeOfDay(v: FormVariables): Code {
  const isSeparated = [i32.or(isByteAt(v, 10, ' '), isByteAt(v, 10, 'T')), isByteAt(v, 13, ':'), isByteAt(v, 16, ':')].reduce(i32.and);
  return [isFrom(twoDigits(v, 11), 0, 23), isFrom(twoDigits(v, 14), 0, 59), isFrom(twoDigits(v, 17), 0, 59)].reduce(i32.and, isSeparated);
}
