import { FanlakeError } from '../errors.ts';
import type { CsvDialect } from './csv-dialect.ts';
import { scanFunction, scanLayout } from './csv-kernel-code.ts';
import { dialectBytes } from './csv-states.ts';
import { formsFunction } from './form-kernel-code.ts';
import { codeOfForm, type FieldForm, formCode, formLayout, keptCode } from './form-kernel-state.ts';
import { countFunction, lineLayout, linesFunction } from './line-kernel-code.ts';
import { assemble, type WasmFunction } from './wasm.ts';

/** What of the engine's WebAssembly is used; its types come with the DOM's, which this project doesn't have. */
declare const WebAssembly: {
  readonly Memory: new (size: { readonly initial: number }) => { readonly buffer: ArrayBuffer };
  readonly Module: new (bytes: Uint8Array<ArrayBuffer>) => object;
  readonly Instance: new (module: object, imports: object) => { readonly exports: Readonly<Record<string, KernelFunction>> };
};

/** Bytes that one call can look at. */
export const windowBytes = 2 ** 18;

const windowAddress = 1024;
const outAddress = 64;
const formOutAddress = 192;
const formTableAddress = 256;
/** Fields of a record that can have a form. */
export const mostForms = 512;
/** A longer field is of no form; the bytes before the window hold so many of one that began before it. */
export const longestFormBytes = 128;
/** Behind one block more than the window, since the last block is read whole. */
const projectionAddress = windowAddress + windowBytes + 64;
/** A record of n delimiters and line end has at most as many bytes for what it loses, and one more. */
const projectionBytes = 2 * windowBytes + 64;
const memoryPages = Math.ceil((projectionAddress + projectionBytes) / 65_536);

type KernelFunction = (...parameters: readonly (number | bigint)[]) => void;

/** What a CSV scan knows of the bytes before its next one. */
export interface ScanCarry {
  /** Whether the next byte is inside quotes, for a scan that started outside; for one that started inside it is the reverse. */
  readonly inside: boolean;
  /** The last byte was a quote (and not an escaped one). */
  readonly lastIsQuote: boolean;
  readonly nextIsEscaped: boolean;
  /** The last byte, and the one before it. */
  readonly last: number;
  readonly lastButOne: number;
}

/**
 * What a CSV scan found. `...Inside` are those inside quotes for a scan that started outside: what a scan that started inside has outside.
 * `newlines` counts LF (or CR where the dialect ends records with it), `others` the other of the two, `pairs` CRLF (0 unless the dialect ends records
 * with it), `blanks` records of a newline only.
 */
export interface ScanFigures {
  readonly newlines: number;
  readonly newlinesInside: number;
  readonly others: number;
  readonly othersInside: number;
  readonly pairs: number;
  readonly pairsInside: number;
  readonly blanks: number;
  readonly blanksInside: number;
  /** Quotes out of place when the scan started outside quotes. */
  readonly dirtyOutside: number;
  /** The same when it started inside. */
  readonly dirtyInside: number;
  readonly quotes: number;
  /** Positions in the window of the first and last newline that end a record, for both starts; -1 when there is none. */
  readonly firstOutside: number;
  readonly lastOutside: number;
  readonly firstInside: number;
  readonly lastInside: number;
}

/** What a look at forms knows of the bytes before its next one. */
export interface FormCarry {
  /** Whether the next byte is inside quotes. */
  readonly inside: boolean;
  /** The number of the next byte's field in its record. */
  readonly field: number;
  /** Whether a record had another number of fields than there are; looked at where there is a projection. */
  readonly ragged: boolean;
}

/** What a look at forms found. */
export interface FormFigures {
  readonly carry: FormCarry;
  /** Of the field that isn't at its end. */
  readonly tailBytes: number;
  /** What of the bytes goes into the projection: in the kernel's memory, until the next call. */
  readonly projected: Uint8Array;
}

export interface LineFigures {
  readonly newlines: number;
  readonly blanks: number;
  /** Positions in the window of the first and the last LF; -1 when there is none. */
  readonly first: number;
  readonly last: number;
  /** Longest line between two LFs of the window, in bytes. */
  readonly longest: number;
  /** Only white bytes on the last line so far. */
  readonly blankSoFar: boolean;
}

/**
 * WebAssembly functions and the memory they look at: put bytes into `window`, then call. One per process is enough (`kernel()`): a call keeps
 * nothing, what goes on from one window to the next is in the values it takes and returns.
 */
export class Kernel {
  readonly window: Uint8Array<ArrayBuffer>;
  private readonly memory: { readonly buffer: ArrayBuffer };
  private readonly view: DataView;
  private readonly functions = new Map<string, KernelFunction>();

  constructor() {
    this.memory = new WebAssembly.Memory({ initial: memoryPages });
    this.window = new Uint8Array(this.memory.buffer, windowAddress, windowBytes);
    this.view = new DataView(this.memory.buffer);
  }

  /** Scans the first `length` bytes of the window after what `carry` says. A delimiter of several bytes counts by its first. */
  scan(dialect: CsvDialect, carry: ScanCarry, length: number): { readonly figures: ScanFigures; readonly carry: ScanCarry } {
    const { view, window } = this;
    const bytes = dialectBytes(dialect);
    const isEscaped = bytes.escape !== bytes.quote;
    const [newline, other] = dialect.newline === '\r' ? [13, 10] : [10, 13];
    view.setUint8(windowAddress - 1, carry.last);
    view.setUint8(windowAddress - 2, carry.lastButOne);
    view.setBigInt64(outAddress + scanLayout.inside, carry.inside ? -1n : 0n, true);
    view.setBigInt64(outAddress + scanLayout.lastIsQuote, carry.lastIsQuote ? 1n : 0n, true);
    view.setBigInt64(outAddress + scanLayout.nextIsEscaped, carry.nextIsEscaped ? 1n : 0n, true);
    const variant = { quotes: isEscaped ? 'escaped' : 'doubled', newline: dialect.newline === '\r\n' ? 'crlf' : 'single' } as const;
    const name = `scan ${variant.quotes} ${variant.newline}`;
    const separators = [bytes.quote, bytes.delimiter[0] ?? 0, newline, other, bytes.escape];
    this.call(name, () => scanFunction(name, variant), length, ...separators, bytes.quote < 0 ? 0n : -1n, bytes.escape < 0 ? 0n : -1n);
    return {
      figures: this.scanFigures(),
      carry: {
        inside: this.isSet(scanLayout.inside),
        lastIsQuote: this.isSet(scanLayout.lastIsQuote),
        nextIsEscaped: this.isSet(scanLayout.nextIsEscaped),
        last: window[length - 1] ?? carry.last,
        lastButOne: length > 1 ? (window[length - 2] ?? 0) : length === 1 ? carry.last : carry.lastButOne,
      },
    };
  }

  /** Counts the lines that end in the first `length` bytes of the window. `blankSoFar` is of the call before, or true at the start of a line. */
  lines(blankSoFar: boolean, length: number): LineFigures {
    this.view.setBigInt64(outAddress + lineLayout.blankSoFar, blankSoFar ? 1n : 0n, true);
    this.call('lines', linesFunction, length);
    return {
      newlines: this.figure(lineLayout.newlines),
      blanks: this.figure(lineLayout.blanks),
      first: this.position(lineLayout.first),
      last: this.position(lineLayout.last),
      longest: this.figure(lineLayout.longest),
      blankSoFar: this.isSet(lineLayout.blankSoFar),
    };
  }

  /** A table for `checkForms`. @param kept fields that go into the projection */
  formTable(forms: readonly (FieldForm | null)[], kept: readonly number[]): Uint8Array<ArrayBuffer> {
    return Uint8Array.from(forms, (form, field) => (form === null ? 0 : formCode[form]) + (kept.includes(field) ? keptCode : 0));
  }

  /** The fields of a table that have a form and were never of another. */
  fieldsOfForm(table: Uint8Array): readonly number[] {
    return [...table.keys()].filter((field) => ![0, formCode.broken].includes(codeOfForm(table[field] ?? 0)));
  }

  /**
   * Looks at the fields that end in `[start, start + length)` of the window, and marks in `table` which are not of their form.
   * @param carry `tail` is the last bytes before `start` that belong to a field that began there, at most `longestFormBytes`
   * @param isProjecting whether the fields that the table says are kept are wanted
   */
  checkForms(
    dialect: CsvDialect,
    carry: FormCarry & { readonly tail: Uint8Array },
    table: Uint8Array<ArrayBuffer>,
    { start, length }: { readonly start: number; readonly length: number },
    isProjecting: boolean,
  ): FormFigures {
    const { view, window } = this;
    const bytes = dialectBytes(dialect);
    const held = new Uint8Array(window.buffer, formTableAddress, table.length);
    held.set(table);
    // what of the tail stands in the window is there already
    const before = carry.tail.subarray(0, Math.max(0, carry.tail.length - start));
    new Uint8Array(window.buffer).set(before, windowAddress - before.length);
    const address = windowAddress + start;
    view.setBigInt64(formOutAddress + formLayout.inside, carry.inside ? -1n : 0n, true);
    view.setInt32(formOutAddress + formLayout.field, carry.field, true);
    view.setInt32(formOutAddress + formLayout.fieldStart, address - carry.tail.length, true);
    view.setInt32(formOutAddress + formLayout.ragged, carry.ragged ? 1 : 0, true);
    view.setInt32(formOutAddress + formLayout.projected, projectionAddress, true);
    const parameters = [bytes.quote, bytes.delimiter[0] ?? 0, formTableAddress, table.length, bytes.quote < 0 ? 0n : -1n];
    this.built('forms', formsFunction)(address, length, formOutAddress, ...parameters, isProjecting ? projectionAddress : 0);
    table.set(held);
    const projectedBytes = view.getInt32(formOutAddress + formLayout.projected, true) - projectionAddress;
    return {
      carry: {
        inside: view.getBigInt64(formOutAddress + formLayout.inside, true) !== 0n,
        field: view.getInt32(formOutAddress + formLayout.field, true),
        ragged: view.getInt32(formOutAddress + formLayout.ragged, true) !== 0,
      },
      projected: new Uint8Array(window.buffer, projectionAddress, projectedBytes),
      tailBytes: address + length - view.getInt32(formOutAddress + formLayout.fieldStart, true),
    };
  }

  /** How often `byte` stands in the first `length` bytes of the window. */
  count(byte: number, length: number): number {
    this.call('count', countFunction, length, byte);
    return this.figure(0);
  }

  private call(name: string, code: () => WasmFunction, length: number, ...parameters: readonly (number | bigint)[]): void {
    this.built(name, code)(windowAddress, length, outAddress, ...parameters);
  }

  /** A function, which is built when first asked for: a process needs one or two of them. */
  private built(name: string, code: () => WasmFunction): KernelFunction {
    let built = this.functions.get(name);
    if (built === undefined) {
      const module = new WebAssembly.Module(assemble([code()], memoryPages));
      built = new WebAssembly.Instance(module, { env: { memory: this.memory } }).exports[name];
      if (built === undefined) throw new FanlakeError('internal', `building the kernel function ${name}: the module doesn't export it`);
      this.functions.set(name, built);
    }
    return built;
  }

  private figure(offset: number): number {
    return this.view.getInt32(outAddress + offset, true);
  }

  private position(offset: number): number {
    const address = this.figure(offset);
    return address < 0 ? -1 : address - windowAddress;
  }

  private isSet(offset: number): boolean {
    return this.view.getBigInt64(outAddress + offset, true) !== 0n;
  }

  private scanFigures(): ScanFigures {
    return {
      newlines: this.figure(scanLayout.newlines),
      newlinesInside: this.figure(scanLayout.newlinesInside),
      others: this.figure(scanLayout.others),
      othersInside: this.figure(scanLayout.othersInside),
      pairs: this.figure(scanLayout.pairs),
      pairsInside: this.figure(scanLayout.pairsInside),
      blanks: this.figure(scanLayout.blanks),
      blanksInside: this.figure(scanLayout.blanksInside),
      dirtyOutside: this.figure(scanLayout.dirtyOutside),
      dirtyInside: this.figure(scanLayout.dirtyInside),
      quotes: this.figure(scanLayout.quotes),
      firstOutside: this.position(scanLayout.firstOutside),
      lastOutside: this.position(scanLayout.lastOutside),
      firstInside: this.position(scanLayout.firstInside),
      lastInside: this.position(scanLayout.lastInside),
    };
  }
}

let shared: Kernel | undefined;

/** The process's kernel, made when first asked for. */
export function kernel(): Kernel {
  shared ??= new Kernel();
  return shared;
}
