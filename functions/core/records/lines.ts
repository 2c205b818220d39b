import type { ByteRange } from '../ports.ts';
import { type ByteSource, eachPiece, OffsetList, readFully } from './byte-source.ts';
import { kernel, windowBytes } from './kernel.ts';

/** `json`: a line of nothing but spaces, tabs and CRs is blank and no record. `text`: every line is a record. */
export type LineKind = 'json' | 'text';

/** Where the lines are that one split owns: those that start in its range. */
export interface LineRegion {
  /** Start of the first line that starts in the range; null when none does. */
  readonly from: number | null;
  /** End of the last line owned: the first line start at or after the range's end, or the source's size. Says nothing when `from` is null. */
  readonly to: number;
  readonly records: number;
  readonly blanks: number;
  /** Blank ones included, without the LF. */
  readonly longestLineBytes: number;
  readonly endsWithNewline: boolean;
}

const LF = 10;
const firstTryBytes = 4096;

/**
 * The lines that start inside [max(range.start, dataStart), range.end). Lines end at every LF, quoted or not; that is exact for JSON lines, where a
 * string can't hold a raw one. Needs no guess, so consecutive ranges follow each other always.
 *
 * @param dataStart offset of the first line: after a byte order mark
 * @param watch gets the bytes of the lines owned, piece by piece, in a buffer that is used again
 * @throws input.changed when the source ends before its size
 */
export function findLines(
  source: ByteSource,
  range: ByteRange,
  dataStart: number,
  kind: LineKind,
  watch: (bytes: Uint8Array) => void = () => {},
): LineRegion {
  const end = Math.min(range.end, source.size);
  const begin = Math.max(range.start, dataStart);
  const from = begin >= end ? null : begin === dataStart ? begin : lineStart(source, begin, end);
  if (from === null) return { from, to: Math.max(begin, end), records: 0, blanks: 0, longestLineBytes: 0, endsWithNewline: true };
  const scanner = new LineScanner(source, from, watch);
  scanner.advance(end - 1);
  scanner.toNewline(source.size);
  const { position: to, lineStart: lastStart } = scanner;
  const endsWithNewline = lastStart === to;
  const isLastBlank = !endsWithNewline && scanner.blankSoFar;
  const blanks = kind === 'text' ? 0 : scanner.blanks + (isLastBlank ? 1 : 0);
  return {
    from,
    to,
    records: scanner.newlines + (endsWithNewline ? 0 : 1) - blanks,
    blanks,
    longestLineBytes: Math.max(scanner.longest, to - lastStart),
    endsWithNewline,
  };
}

/** Starts of the lines of [from, to) that are records; both are line starts. Entry i is where row i of the engine's answer begins. */
export function lineOffsets(source: ByteSource, from: number, to: number, kind: LineKind): Float64Array {
  const offsets = new OffsetList();
  let start = from;
  let isRecord = kind === 'text';
  let offset = from;
  eachPiece(source, from, to, (bytes) => {
    for (let i = 0; i < bytes.length; i++) {
      if (isRecord) i = skipTo(bytes, i);
      const byte = bytes[i];
      if (byte === LF) {
        if (isRecord) offsets.add(start);
        start = offset + i + 1;
        isRecord = kind === 'text';
      } else if (byte !== undefined && !isWhite(byte)) isRecord = true;
    }
    offset += bytes.length;
    return true;
  });
  if (isRecord && start < to) offsets.add(start);
  return offsets.toArray();
}

/** At most `pieces` - 1 ascending line starts inside (from, to), which cut it in about equal pieces. Reads only around the cuts. */
export function splitLines(source: ByteSource, from: number, to: number, pieces: number): number[] {
  const cuts: number[] = [];
  for (let piece = 1; piece < pieces; piece++) {
    const target = Math.max(from + 1, from + Math.ceil((piece * (to - from)) / pieces));
    if (target <= (cuts.at(-1) ?? from)) continue;
    const cut = lineStart(source, target, to);
    if (cut === null) break;
    cuts.push(cut);
  }
  return cuts;
}

/** The first line start in [begin, end), or null. */
function lineStart(source: ByteSource, begin: number, end: number): number | null {
  const scanner = new LineScanner(source, begin - 1);
  return scanner.toNewline(end - 1) ? scanner.position : null;
}

/** The kernel's scan of lines over any length of a source, from a line start on. */
class LineScanner {
  position: number;
  newlines = 0;
  blanks = 0;
  /** Of the lines that ended so far. */
  longest = 0;
  /** Of the line that isn't at its end. */
  lineStart: number;
  /** Nothing but white bytes since `lineStart`. */
  blankSoFar = true;
  private readonly source: ByteSource;

  private readonly watch: (bytes: Uint8Array) => void;

  constructor(source: ByteSource, position: number, watch: (bytes: Uint8Array) => void = () => {}) {
    this.source = source;
    this.watch = watch;
    this.position = position;
    this.lineStart = position;
  }

  advance(to: number): void {
    while (this.position < to) this.take(this.load(Math.min(windowBytes, to - this.position)));
  }

  /** Scans up to the end of the next LF, or of `limit`; tells which. */
  toNewline(limit: number): boolean {
    for (let tryBytes = firstTryBytes; this.position < limit; tryBytes = Math.min(2 * tryBytes, windowBytes)) {
      const length = this.load(Math.min(tryBytes, limit - this.position));
      const { first } = kernel().lines(true, length);
      this.take(first < 0 ? length : first + 1);
      if (first >= 0) return true;
    }
    return false;
  }

  private load(length: number): number {
    readFully(this.source, this.position, kernel().window.subarray(0, length));
    return length;
  }

  private take(length: number): void {
    const lines = kernel().lines(this.blankSoFar, length);
    this.watch(kernel().window.subarray(0, length));
    this.newlines += lines.newlines;
    this.blanks += lines.blanks;
    this.blankSoFar = lines.blankSoFar;
    if (lines.first >= 0) {
      this.longest = Math.max(this.longest, lines.longest, this.position + lines.first - this.lineStart);
      this.lineStart = this.position + lines.last + 1;
    }
    this.position += length;
  }
}

function skipTo(bytes: Uint8Array, from: number): number {
  const newline = bytes.indexOf(LF, from);
  return newline < 0 ? bytes.length : newline;
}

function isWhite(byte: number): boolean {
  return byte === 32 || byte === 9 || byte === 13;
}
