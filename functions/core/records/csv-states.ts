import type { CsvDialect } from './csv-dialect.ts';

/**
 * States of the machine (formats.md section 2, after DuckDB 1.5.5's csv_state_machine_cache.cpp). `text1` stands for three states: in unquoted text
 * with 1, 2 or 3 bytes of a longer delimiter seen; `closed1` for the same after a closing quote.
 */
export const state = {
  fieldStart: 0,
  /** One space after the start of a field: a quote still opens. */
  space: 1,
  text: 2,
  quoted: 3,
  /** After the escape byte inside quotes, where that isn't the quote. */
  escaped: 4,
  /** After a closing quote. */
  closed: 5,
  comment: 6,
  /** After a CR outside quotes of a CRLF dialect. */
  carriageReturn: 7,
  text1: 8,
  closed1: 11,
  /** Several spaces and nothing else since the start of a field. */
  spaces: 14,
} as const;

const stateCount = 15;

/** What a transition does, as bits; several may be set. */
export const action = {
  field: 1,
  end: 2,
  oddNewline: 4,
  textAfterQuote: 8,
  quotedNewline: 16,
  comment: 32,
  commentAfterSpace: 64,
} as const;

const LF = 10;
const CR = 13;
const SPACE = 32;

/** A dialect's separators as byte values; -1 where there is none. */
export interface DialectBytes {
  readonly delimiter: Uint8Array;
  readonly quote: number;
  readonly escape: number;
  readonly comment: number;
}

/** The dialect's strings as bytes. */
export function dialectBytes(dialect: CsvDialect): DialectBytes {
  const only = (text: string) => (text === '' ? -1 : text.charCodeAt(0));
  return {
    delimiter: new TextEncoder().encode(dialect.delimiter),
    quote: only(dialect.quote),
    escape: only(dialect.escape),
    comment: only(dialect.comment),
  };
}

/** Tables that are kept: a few dialects serve all objects, and guessing one tries a few dozen. */
const keptTables = 128;
const tables = new Map<string, Uint16Array>();

/**
 * The transition table of a dialect: at `state * 256 + byte` stands `next state * 256 + actions`. A quote in unquoted text is literal, and after the
 * text that follows a closing quote too. Built once for a dialect.
 */
export function transitionTable(dialect: CsvDialect): Uint16Array {
  const key = JSON.stringify([dialect.delimiter, dialect.quote, dialect.escape, dialect.comment, dialect.newline]);
  const known = tables.get(key);
  if (known !== undefined) return known;
  const bytes = dialectBytes(dialect);
  const table = Uint16Array.from({ length: stateCount * 256 }, (_, i) => transition(dialect, bytes, i >> 8, i & 0xff));
  if (tables.size >= keptTables) tables.clear();
  tables.set(key, table);
  return table;
}

function entry(next: number, actions = 0): number {
  return next * 256 + actions;
}

function transition(dialect: CsvDialect, bytes: DialectBytes, from: number, byte: number): number {
  if (from === state.quoted) return quotedTransition(bytes, byte);
  if (from === state.escaped) return entry(state.quoted, isNewline(byte) ? action.quotedNewline : 0);
  if (from === state.carriageReturn) {
    if (byte === LF) return entry(state.fieldStart, action.end);
    return transition(dialect, bytes, state.fieldStart, byte) | action.oddNewline;
  }
  if (isNewline(byte)) return newlineTransition(dialect, byte) | (isPartial(from, state.closed1) ? action.textAfterQuote : 0);
  if (from === state.comment) return entry(state.comment);
  return fieldTransition(bytes, from, byte);
}

function quotedTransition(bytes: DialectBytes, byte: number): number {
  if (byte === bytes.quote) return entry(state.closed);
  if (byte === bytes.escape) return entry(state.escaped);
  return entry(state.quoted, isNewline(byte) ? action.quotedNewline : 0);
}

function newlineTransition(dialect: CsvDialect, byte: number): number {
  if (dialect.newline === '\r\n') {
    return byte === CR ? entry(state.carriageReturn) : entry(state.fieldStart, action.end | action.oddNewline);
  }
  const isOurs = byte === dialect.newline.charCodeAt(0);
  return entry(state.fieldStart, isOurs ? action.end : action.oddNewline);
}

/** A byte other than a newline, outside quotes and comments. */
function fieldTransition(bytes: DialectBytes, from: number, byte: number): number {
  const seen = seenOfDelimiter(from);
  const matched = matchedBytes(bytes.delimiter, seen, byte);
  if (matched === bytes.delimiter.length) return entry(state.fieldStart, action.field);
  const wasClosed = from === state.closed || isPartial(from, state.closed1);
  // a match that didn't begin at the closing quote means that something else stands between
  const isClosed = wasClosed && (seen === 0 || matched > seen);
  const broken = wasClosed && !isClosed ? action.textAfterQuote : 0;
  if (matched > 0) return entry((isClosed ? state.closed1 : state.text1) + matched - 1, broken);
  if (byte === bytes.comment) return entry(state.comment, broken | (isSpaces(from) ? action.commentAfterSpace : action.comment));
  return isClosed ? closedTransition(bytes, byte) : textTransition(bytes, from, byte) | broken;
}

function textTransition(bytes: DialectBytes, from: number, byte: number): number {
  const isStart = from === state.fieldStart;
  if (byte === bytes.quote && (isStart || from === state.space)) return entry(state.quoted);
  if (byte !== SPACE) return entry(state.text);
  return entry(isStart ? state.space : isSpaces(from) ? state.spaces : state.text);
}

function closedTransition(bytes: DialectBytes, byte: number): number {
  if (byte === bytes.quote && bytes.quote === bytes.escape) return entry(state.quoted);
  return byte === SPACE ? entry(state.closed) : entry(state.text, action.textAfterQuote);
}

function isSpaces(from: number): boolean {
  return from === state.space || from === state.spaces;
}

/** How many bytes of the delimiter were seen just before. */
function seenOfDelimiter(from: number): number {
  if (isPartial(from, state.text1)) return from - state.text1 + 1;
  return isPartial(from, state.closed1) ? from - state.closed1 + 1 : 0;
}

/** How many bytes of the delimiter the input ends with, after `seen` of them and `byte`. */
function matchedBytes(delimiter: Uint8Array, seen: number, byte: number): number {
  for (let length = Math.min(seen + 1, delimiter.length); length > 0; length--) {
    if (delimiter[length - 1] === byte && startsAgain(delimiter, seen + 1 - length, length - 1)) return length;
  }
  return 0;
}

/** Whether the delimiter's bytes at `[at, at + length)` are those that it begins with. */
function startsAgain(delimiter: Uint8Array, at: number, length: number): boolean {
  for (let i = 0; i < length; i++) if (delimiter[at + i] !== delimiter[i]) return false;
  return true;
}

/** Whether a state is one of the three that begin at `first` (`text1` or `closed1`). */
export function isPartial(from: number, first: number): boolean {
  return from >= first && from < first + 3;
}

function isNewline(byte: number): boolean {
  return byte === LF || byte === CR;
}
