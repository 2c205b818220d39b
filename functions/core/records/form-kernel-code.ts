import { codeBits, endField, type FormVariables, formLayout, formVariables, keptCode } from './form-kernel-state.ts';
import { fieldCode, fieldShape, zero } from './form-shapes-code.ts';
import { type Code, control, i8x16, i32, i64, type Variable, WasmFunction } from './wasm.ts';
import { andNot, isNotZero } from './wasm-blocks.ts';

const LF = 10;
const CR = 13;

/**
 * `forms(p, length, out, quote, delimiter, table, fields, quoteOn, to)`: looks whether each field that ends in `length` bytes at `p` is of the form that `table`
 * (a byte for each of the first `fields` fields of a record) says for it, and writes `broken` there if not. Empty fields are of any form. Right where
 * the parity of quotes tells where fields end. The bytes of a field that began before `p` must stand before it.
 *
 * Where `to` isn't 0 it is an address at which the projection goes on: the fields that `table` says are kept, as they are written, each with a delimiter behind
 * it, then `endField` and LF. A field that isn't at its end is written as far as it is there. Blank lines are left out.
 */
export function formsFunction(): WasmFunction {
  const f = new WasmFunction('forms');
  const v = formVariables(f);
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
    v.copied.set(v.p.get),
    v.end.set(i32.add(v.p.get, v.length.get)),
    control.whilst(i32.ge(v.length.get, i32.constant(64)), [
      ...block(v, (mask) => mask),
      ...v.p.set(i32.add(v.p.get, i32.constant(64))),
      ...v.length.set(i32.sub(v.length.get, i32.constant(64))),
    ]),
    control.when(
      v.length.get,
      block(v, (mask) => i64.and(mask, rest)),
    ),
    control.when(v.to.get, [
      ...control.when(i32.lt(v.field.get, v.fields.get), [...v.form.set(fieldCode(v)), ...control.when(isKept(v), copyTo(v, v.end.get))]),
      ...i32.store(v.out.get, formLayout.projected, v.to.get),
    ]),
    i64.store(v.out.get, formLayout.inside, v.inside.get),
    i32.store(v.out.get, formLayout.field, v.field.get),
    i32.store(v.out.get, formLayout.fieldStart, v.start.get),
  );
  return f;
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
      ...v.blank.set(isBlankLine(v)),
      ...control.when(i32.lt(v.field.get, v.fields.get), [
        ...v.form.set(fieldCode(v)),
        ...control.when(i32.and(isKept(v), i32.isZero(v.blank.get)), [...copyTo(v, v.at.get), ...put(v, v.delimiter.get)]),
        ...v.form.set(i32.and(v.form.get, i32.constant(codeBits))),
        ...control.when(i32.and(v.form.get, i32.constant(3)), fieldShape(v)),
      ]),
      ...control.when(i32.eq(i32.load8(v.at.get), v.delimiter.get), v.field.set(i32.add(v.field.get, i32.constant(1))), [
        ...control.when(v.to.get, endRecord(v)),
        ...v.field.set(i32.constant(0)),
      ]),
      ...v.start.set(i32.add(v.at.get, i32.constant(1))),
      ...v.copied.set(v.start.get),
      ...v.ends.set(i64.and(v.ends.get, i64.sub(v.ends.get, i64.constant(1n)))),
    ]),
  ];
}

/** 1 when the field of code `form` goes into the projection, else 0. */
const isKept = (v: FormVariables): Code => i32.ne(i32.and(v.form.get, i32.constant(keptCode)), i32.constant(0));

/** Whether a line ends that has no byte. */
function isBlankLine(v: FormVariables): Code {
  const isLineEnd = i32.ne(i32.load8(v.at.get), v.delimiter.get);
  return [i32.eq(v.at.get, v.start.get), i32.isZero(v.field.get)].reduce(i32.and, isLineEnd);
}

/** Projects the bytes from `copied` up to `end`; writes up to 15 more behind them. */
const copyTo = (v: FormVariables, end: Code): Code => [
  ...v.index.set(i32.constant(0)),
  ...control.whilst(i32.lt(i32.add(v.copied.get, v.index.get), end), [
    ...i8x16.store(i32.add(v.to.get, v.index.get), i8x16.load(i32.add(v.copied.get, v.index.get), 0)),
    ...v.index.set(i32.add(v.index.get, i32.constant(16))),
  ]),
  ...v.to.set(i32.add(v.to.get, i32.sub(end, v.copied.get))),
];

const put = (v: FormVariables, byte: Code): Code => [...i32.store8(v.to.get, 0, byte), ...v.to.set(i32.add(v.to.get, i32.constant(1)))];

/** A blank line is no record. */
function endRecord(v: FormVariables): Code {
  const isLast = i32.eq(i32.add(v.field.get, i32.constant(1)), v.fields.get);
  return control.when(
    isLast,
    [...put(v, i32.constant(endField)), ...put(v, i32.constant(LF))],
    control.when(i32.isZero(v.blank.get), i32.store(v.out.get, formLayout.ragged, i32.constant(1))),
  );
}
