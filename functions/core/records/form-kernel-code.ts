import { type Code, control, i8x16, i32, i64, type Variable, valueType, WasmFunction } from './wasm.ts';
import { andNot, Block, isNotZero } from './wasm-blocks.ts';

/** How a field may be written. What is not of the form may still be a good value of the type: this tells the ordinary ones. */
export type FieldForm = 'integer' | 'date' | 'timestamp';

/** The byte that stands for a form in the table of fields. 0: the field isn't looked at; `broken`: a value was of another form. */
export const formCode: Readonly<Record<FieldForm | 'broken', number>> = { integer: 1, date: 2, timestamp: 3, broken: 4 };

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
const secondsLength = 19;
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
    splat(v.zeros16, 0x30),
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
        isForm('integer'),
        integer(v),
        control.when(isForm('date'), unless(v, calendar(v, i32.eq(v.size.get, i32.constant(10)))), unless(v, timestamp(v))),
      ),
    ]),
  ];
}

function unless(v: FormVariables, isOfForm: Code): Code {
  return control.when(i32.isZero(isOfForm), i32.store8(i32.add(v.table.get, v.field.get), 0, i32.constant(formCode.broken)));
}

/** The places of the first `size` bytes, of `bits`. */
const within = (v: FormVariables, bits: Code): Code => i32.and(bits, i32.sub(i32.shiftLeft(i32.constant(1), v.size.get), i32.constant(1)));

/** `-` or nothing, then 1 to 18 digits without a leading zero. */
function integer(v: FormVariables): Code {
  const isDigitsOnly = i32.isZero(within(v, i32.sub(i32.constant(-1), v.digits.get)));
  const isInSize = i32.and(i32.gt(v.size.get, i32.constant(0)), i32.le(v.size.get, i32.constant(longestInteger)));
  const hasNoLeadingZero = i32.or(i32.ne(v.first.get, i32.constant(0x30)), i32.eq(v.size.get, i32.constant(1)));
  return [
    ...v.first.set(i32.load8(v.start.get)),
    ...control.when(i32.eq(v.first.get, i32.constant(0x2d)), [
      ...v.first.set(i32.load8(v.start.get, 1)),
      ...v.digits.set(i32.shiftRight(v.digits.get, i32.constant(1))),
      ...v.size.set(i32.sub(v.size.get, i32.constant(1))),
    ]),
    ...unless(v, i32.and(i32.and(isDigitsOnly, isInSize), hasNoLeadingZero)),
  ];
}

/** Whether digits are exactly where `2026-01-02 03:04:05.678901`, cut at `size`, has them, and the day's dashes are there. */
function calendar(v: FormVariables, isSize: Code): Code {
  const isByte = (offset: number, byte: string): Code => i32.eq(i32.load8(v.start.get, offset), i32.constant(byte.charCodeAt(0)));
  const areDigits = i32.eq(within(v, v.digits.get), within(v, i32.constant(digitPlaces)));
  return [isByte(4, '-'), isByte(7, '-'), areDigits].reduce(i32.and, isSize);
}

/** `2026-01-02 03:04:05` or with a T, and with up to six digits of a second's fraction or without. */
function timestamp(v: FormVariables): Code {
  const isByte = (offset: number, byte: string): Code => i32.eq(i32.load8(v.start.get, offset), i32.constant(byte.charCodeAt(0)));
  const isSize = (size: Code): Code =>
    i32.or(
      i32.eq(size, i32.constant(secondsLength)),
      [i32.gt(size, i32.constant(secondsLength + 1)), i32.le(size, i32.constant(microsecondsLength)), isByte(secondsLength, '.')].reduce(
        i32.and,
      ),
    );
  return [i32.or(isByte(10, ' '), isByte(10, 'T')), isByte(13, ':'), isByte(16, ':')].reduce(i32.and, calendar(v, isSize(v.size.get)));
}
