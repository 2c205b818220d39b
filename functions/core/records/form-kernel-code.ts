import { type Code, control, i8x16, i32, i64, type Variable, valueType, WasmFunction } from './wasm.ts';
import { andNot, Block, isNotZero } from './wasm-blocks.ts';

/**
 * How a field may be written. What is not of the form may still be a good value of the type: this tells the ordinary ones. Each of them is one: a day is one of the
 * calendar, a time one of the clock.
 */
export type FieldForm = 'integer' | 'decimal' | 'date' | 'timestamp';

/** The byte that stands for a form in the table of fields. 0: the field isn't looked at; `broken`: a value was of another form. */
export const formCode: Readonly<Record<FieldForm | 'broken', number>> = { integer: 1, date: 2, timestamp: 3, broken: 4, decimal: 5 };

/** Where `forms` keeps what it carries from one call to the next: offsets from its `out` parameter. */
export const formLayout = {
  /** i64, all ones when the next byte is inside quotes. */
  inside: 0,
  /** i32, the number of the field that the next byte belongs to. */
  field: 8,
  /** i32, the address where that field began. */
  fieldStart: 12,
} as const;

const LF = 10;
const CR = 13;
const longestInteger = 18;
const longestDecimal = 30;
const secondsLength = 19;
const dayLength = 10;
const zero = 0x30;
const minus = 0x2d;
const point = 0x2e;
/** Bit m for a month of 31 days. */
const longMonths = [1, 3, 5, 7, 8, 10, 12].reduce((bits, month) => bits | (1 << month), 0);
const microsecondsLength = 26;
/** The places of digits in `2026-01-02 03:04:05.678901`: bit i for byte i. */
const digitPlaces = [...'2026-01-02 03:04:05.678901'].reduce((bits, byte, i) => bits | (/\d/.test(byte) ? 1 << i : 0), 0);

/**
 * `forms(p, length, out, quote, delimiter, table, fields, quoteOn)`: looks whether each field that ends in `length` bytes at `p` is of the form that `table`
 * (a byte for each of the first `fields` fields of a record) says for it, and writes `broken` there if not. Empty fields are of any form. Right where
 * the parity of quotes tells where fields end. The bytes of a field that began before `p` must stand before it.
 */
export function formsFunction(): WasmFunction {
  const f = new WasmFunction('forms');
  const v = variables(f);
  const rest = i64.sub(i64.shiftLeft(i64.constant(1n), i64.fromI32(v.length.get)), i64.constant(1n));
  const splat = (variable: Variable, byte: number) => variable.set(i8x16.splat(i32.constant(byte)));
  f.write(
    v.quotes16.set(i8x16.splat(v.quote.get)),
    v.delimiters16.set(i8x16.splat(v.delimiter.get)),
    splat(v.lf16, LF),
    splat(v.cr16, CR),
    splat(v.zeros16, zero),
    splat(v.tens16, 10),
    v.inside.set(i64.load(v.out.get, formLayout.inside)),
    v.field.set(i32.load(v.out.get, formLayout.field)),
    v.start.set(i32.load(v.out.get, formLayout.fieldStart)),
    control.whilst(i32.ge(v.length.get, i32.constant(64)), [
      ...block(v, (mask) => mask),
      ...v.p.set(i32.add(v.p.get, i32.constant(64))),
      ...v.length.set(i32.sub(v.length.get, i32.constant(64))),
    ]),
    control.when(
      v.length.get,
      block(v, (mask) => i64.and(mask, rest)),
    ),
    i64.store(v.out.get, formLayout.inside, v.inside.get),
    i32.store(v.out.get, formLayout.field, v.field.get),
    i32.store(v.out.get, formLayout.fieldStart, v.start.get),
  );
  return f;
}

type FormVariables = ReturnType<typeof variables>;

function variables(f: WasmFunction) {
  const { i32: I32, i64: I64, v128: V128 } = valueType;
  const p = f.parameter(I32);
  return {
    p,
    length: f.parameter(I32),
    out: f.parameter(I32),
    quote: f.parameter(I32),
    delimiter: f.parameter(I32),
    table: f.parameter(I32),
    fields: f.parameter(I32),
    quoteOn: f.parameter(I64),
    quotes16: f.local(V128),
    delimiters16: f.local(V128),
    lf16: f.local(V128),
    cr16: f.local(V128),
    zeros16: f.local(V128),
    tens16: f.local(V128),
    inside: f.local(I64),
    Q: f.local(I64),
    I: f.local(I64),
    ends: f.local(I64),
    field: f.local(I32),
    start: f.local(I32),
    at: f.local(I32),
    form: f.local(I32),
    first: f.local(I32),
    day: f.local(I32),
    size: f.local(I32),
    digits: f.local(I32),
    block: new Block(f, p),
  };
}

function block(v: FormVariables, valid: (mask: Code) => Code): Code {
  const separators = v.block.mask(v.delimiters16, v.lf16, v.cr16);
  return [
    ...v.block.load(),
    ...v.Q.set(valid(i64.and(v.block.mask(v.quotes16), v.quoteOn.get))),
    ...v.I.set(v.inside.get),
    ...control.when(isNotZero(v.Q.get), [
      ...v.I.set(v.Q.get),
      ...[1n, 2n, 4n, 8n, 16n, 32n].flatMap((shift) => v.I.set(i64.xor(v.I.get, i64.shiftLeft(v.I.get, i64.constant(shift))))),
      ...v.I.set(i64.xor(v.I.get, v.inside.get)),
      ...v.inside.set(i64.shiftRightSigned(v.I.get, i64.constant(63n))),
    ]),
    ...v.ends.set(valid(andNot(separators, v.I.get))),
    ...control.whilst(isNotZero(v.ends.get), [
      ...v.at.set(i32.add(v.p.get, i32.fromI64(i64.trailingZeros(v.ends.get)))),
      ...control.when(i32.lt(v.field.get, v.fields.get), [
        ...v.form.set(i32.load8(i32.add(v.table.get, v.field.get))),
        ...control.when(i32.and(v.form.get, i32.constant(3)), field(v)),
      ]),
      ...control.when(
        i32.eq(i32.load8(v.at.get), v.delimiter.get),
        v.field.set(i32.add(v.field.get, i32.constant(1))),
        v.field.set(i32.constant(0)),
      ),
      ...v.start.set(i32.add(v.at.get, i32.constant(1))),
      ...v.ends.set(i64.and(v.ends.get, i64.sub(v.ends.get, i64.constant(1n)))),
    ]),
  ];
}

/** Looks at the field of form `form` in `[start, at)`. */
function field(v: FormVariables): Code {
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

const broken = (v: FormVariables): Code => i32.store8(i32.add(v.table.get, v.field.get), 0, i32.constant(formCode.broken));

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
