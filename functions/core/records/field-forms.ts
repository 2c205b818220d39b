import type { CsvDialect } from './csv-dialect.ts';
import { dialectBytes } from './csv-states.ts';
import { endField, type FieldForm } from './form-kernel-state.ts';
import { type FormCarry, kernel, longestFormBytes, mostForms, windowBytes } from './kernel.ts';

/** Fields of each record that are handed on as they are written, with a delimiter behind each, then one more field that says nothing and a line feed. */
export interface Projection {
  /** Their numbers. */
  readonly kept: readonly number[];
  /** Gets the next bytes, which it must copy. */
  take(bytes: Uint8Array): void;
}

/** Whether records of so many fields can be projected. */
export function isProjectable(dialect: CsvDialect, fields: number): boolean {
  const { quote, delimiter } = dialectBytes(dialect);
  return isReadable(dialect) && fields > 1 && fields <= mostForms && quote !== endField && delimiter[0] !== endField;
}

/** Whether fields end where the parity of quotes and single bytes say, for such a dialect. */
function isReadable(dialect: CsvDialect): boolean {
  const bytes = dialectBytes(dialect);
  return bytes.delimiter.length === 1 && dialect.comment === '' && (bytes.escape === bytes.quote || bytes.escape < 0);
}

/**
 * Looks whether the fields of CSV records are written in the ordinary form of a type, so that nothing has to be asked of each value later. Takes the
 * bytes piece by piece, cut anywhere, from a record's start on; costs about 4 ns a field. Its answer is right where quotes are clean (CsvRegion).
 */
export class FieldForms {
  private readonly dialect: CsvDialect;
  private readonly forms: Uint8Array<ArrayBuffer>;
  private readonly projection: Projection | null;
  private carry: FormCarry = { inside: false, field: 0, ragged: false };
  /** The last bytes, of a field that isn't at its end; at most `longestFormBytes`. */
  private tail: Uint8Array = new Uint8Array(0);

  /**
   * @param forms of each field of a record, in order; null where nothing is asked
   * @param projection only where `isProjectable`
   */
  constructor(dialect: CsvDialect, forms: readonly (FieldForm | null)[], projection: Projection | null = null) {
    this.dialect = dialect;
    this.projection = projection;
    this.forms = kernel().formTable(isReadable(dialect) ? forms.slice(0, mostForms) : [], projection?.kept ?? []);
  }

  /** Takes the next bytes. They may stand in the kernel's own window, behind bytes that came before them. */
  push(bytes: Uint8Array): void {
    const { window } = kernel();
    if (bytes.buffer === window.buffer) {
      this.look(bytes.byteOffset - window.byteOffset, bytes.length);
      return;
    }
    for (let start = 0; start < bytes.length; start += windowBytes) {
      const piece = bytes.subarray(start, start + windowBytes);
      window.set(piece);
      this.look(0, piece.length);
    }
  }

  /** The numbers of the fields whose every value, as far as it is at its end, was of its form. */
  get ofForm(): readonly number[] {
    return kernel().fieldsOfForm(this.forms);
  }

  /** Whether each record so far had as many fields as there are forms; known where there is a projection. */
  get isEven(): boolean {
    return !this.carry.ragged;
  }

  /** The same when the last byte was pushed: a record without a line end ends here. */
  finish(): readonly number[] {
    this.push(Uint8Array.of(0x0a));
    return this.ofForm;
  }

  private look(start: number, length: number): void {
    if (length === 0) return;
    const { dialect, forms, tail, projection } = this;
    const figures = kernel().checkForms(dialect, { ...this.carry, tail }, forms, { start, length }, projection !== null);
    const { carry, tailBytes, projected } = figures;
    this.carry = carry;
    projection?.take(projected);
    const end = start + length;
    const kept = Math.min(tailBytes, longestFormBytes);
    const here = kernel().window.slice(Math.max(start, end - kept), end);
    const missing = kept - here.length;
    this.tail = missing <= 0 ? here : Uint8Array.of(...this.tail.subarray(-missing), ...here);
  }
}
