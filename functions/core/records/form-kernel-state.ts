import { valueType, type WasmFunction } from './wasm.ts';
import { Block } from './wasm-blocks.ts';

/**
 * How a field may be written. What is not of the form may still be a good value of the type: this tells the ordinary ones. Each of them is one: a day is one of the
 * calendar, a time one of the clock.
 */
export type FieldForm = 'integer' | 'decimal' | 'date' | 'timestamp';

/** The byte that stands for a form in the table of fields. 0: the field isn't looked at; `broken`: a value was of another form. */
export const formCode: Readonly<Record<FieldForm | 'broken', number>> = { integer: 1, date: 2, timestamp: 3, broken: 4, decimal: 5 };

/** Added to a field's code: the field goes into the projection. */
export const keptCode = 8;
/** A field's code without what is added. */
export const codeBits = 7;

/** A field's code without what was added. */
export const codeOfForm = (code: number): number => code & codeBits;

/** Where `forms` keeps what it carries from one call to the next: offsets from its `out` parameter. */
export const formLayout = {
  /** i64, all ones when the next byte is inside quotes. */
  inside: 0,
  /** i32, the number of the field that the next byte belongs to. */
  field: 8,
  /** i32, the address where that field began. */
  fieldStart: 12,
  /** i32, the address behind the last byte of the projection. */
  projected: 16,
  /** i32, 1 when a record had another number of fields; stays. */
  ragged: 20,
} as const;

/** The last field of each projected record: a record is never an empty line. */
export const endField = 0x30;

/** The parameters and locals of the function `forms`. */
export type FormVariables = ReturnType<typeof formVariables>;

export function formVariables(f: WasmFunction) {
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
    to: f.parameter(I32),
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
    blank: f.local(I32),
    copied: f.local(I32),
    end: f.local(I32),
    index: f.local(I32),
    first: f.local(I32),
    day: f.local(I32),
    size: f.local(I32),
    digits: f.local(I32),
    block: new Block(f, p),
  };
}
