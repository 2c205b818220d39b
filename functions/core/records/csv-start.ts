import { type ByteSource, readFully } from './byte-source.ts';
import type { CsvDialect } from './csv-dialect.ts';
import { type DialectBytes, dialectBytes, state } from './csv-states.ts';
import type { ScanCarry } from './kernel.ts';
import { lookBackBytes } from './reach.ts';

const LF = 10;
const CR = 13;
const SPACE = 32;

/** How a scan starts at an offset: what the kernel carries in, and the machine's state for either guess. */
export interface ScanStart {
  readonly carry: ScanCarry;
  /** The machine's state when the offset is outside quotes. */
  readonly stateOutside: number;
  /** The machine's state when it is inside. */
  readonly stateInside: number;
}

/** The start of a record. */
export function recordStart(dialect: CsvDialect): ScanStart {
  const last = dialect.newline === '\r' ? CR : LF;
  return {
    carry: { inside: false, lastIsQuote: false, nextIsEscaped: false, last, lastButOne: last },
    stateOutside: state.fieldStart,
    stateInside: state.quoted,
  };
}

/**
 * Any offset after the start of the data: what the bytes before it say. Whether it is inside quotes is left open. All of a run of escape bytes is
 * looked at; else the last few bytes.
 */
export function midwayStart(source: ByteSource, dialect: CsvDialect, dataStart: number, offset: number): ScanStart {
  if (offset <= dataStart) return recordStart(dialect);
  const bytes = dialectBytes(dialect);
  const before = bytesBefore(source, bytes, dataStart, offset);
  const last = before.at(-1) ?? LF;
  const nextIsEscaped = endsEscaped(bytes, before);
  const lastIsQuote = last === bytes.quote && !endsEscaped(bytes, before.subarray(0, -1));
  return {
    carry: { inside: false, lastIsQuote, nextIsEscaped, last, lastButOne: before.at(-2) ?? LF },
    stateOutside: outsideState(dialect, bytes, before, lastIsQuote),
    stateInside: nextIsEscaped ? state.escaped : state.quoted,
  };
}

/** The bytes before the offset, at least down to one that isn't an escape byte. */
function bytesBefore(source: ByteSource, bytes: DialectBytes, dataStart: number, offset: number): Uint8Array {
  for (let length = lookBackBytes; ; length *= 2) {
    const from = Math.max(dataStart, offset - length);
    const before = new Uint8Array(offset - from);
    readFully(source, from, before);
    const isDecided = bytes.escape === bytes.quote || before.subarray(0, -1).some((byte) => byte !== bytes.escape);
    if (from === dataStart || isDecided) return before;
  }
}

/** Whether an odd run of escape bytes ends here. */
function endsEscaped(bytes: DialectBytes, before: Uint8Array): boolean {
  if (bytes.escape === bytes.quote) return false;
  let run = 0;
  while (run < before.length && before[before.length - 1 - run] === bytes.escape) run++;
  return run % 2 === 1;
}

function outsideState(dialect: CsvDialect, bytes: DialectBytes, before: Uint8Array, lastIsQuote: boolean): number {
  const last = before.at(-1);
  if (last === CR && dialect.newline === '\r\n') return state.carriageReturn;
  if (isFieldStart(bytes, before)) return state.fieldStart;
  if (lastIsQuote) return state.closed;
  if (last === SPACE && (before.length === 1 || isFieldStart(bytes, before.subarray(0, -1)))) return state.space;
  for (let seen = bytes.delimiter.length - 1; seen > 0; seen--) {
    if (endsWith(before, bytes.delimiter.subarray(0, seen))) return state.text1 + seen - 1;
  }
  return state.text;
}

function isFieldStart(bytes: DialectBytes, before: Uint8Array): boolean {
  const last = before.at(-1);
  return last === LF || last === CR || endsWith(before, bytes.delimiter);
}

function endsWith(bytes: Uint8Array, tail: Uint8Array): boolean {
  return bytes.length >= tail.length && tail.every((byte, i) => bytes[bytes.length - tail.length + i] === byte);
}
