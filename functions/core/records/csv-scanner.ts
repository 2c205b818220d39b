import { type ByteSource, readFully } from './byte-source.ts';
import type { CsvDialect } from './csv-dialect.ts';
import { dialectBytes } from './csv-states.ts';
import { kernel, type ScanCarry, type ScanFigures, windowBytes } from './kernel.ts';

const nothing: ScanFigures = {
  newlines: 0,
  newlinesInside: 0,
  others: 0,
  othersInside: 0,
  pairs: 0,
  pairsInside: 0,
  blanks: 0,
  blanksInside: 0,
  dirtyOutside: 0,
  dirtyInside: 0,
  quotes: 0,
  firstOutside: -1,
  lastOutside: -1,
  firstInside: -1,
  lastInside: -1,
};

const firstTryBytes = 4096;

/** The kernel's CSV scan over any length of a source: window after window, with figures summed and positions as offsets. */
export class CsvScanner {
  /** Of all bytes scanned so far. */
  figures = nothing;
  /** Comment bytes among them, wherever they stand. */
  comments = 0;
  carry: ScanCarry;
  position: number;
  private readonly source: ByteSource;
  private readonly dialect: CsvDialect;
  private readonly comment: number;

  constructor(source: ByteSource, dialect: CsvDialect, position: number, carry: ScanCarry) {
    this.source = source;
    this.dialect = dialect;
    this.position = position;
    this.carry = carry;
    this.comment = dialectBytes(dialect).comment;
    // the CR of a pair that the start cuts, without which the pair would make up for a stray newline
    if (dialect.newline === '\r\n' && carry.last === 13) this.figures = { ...nothing, others: 1 };
  }

  /** A scanner that goes on from here on its own. */
  fork(): CsvScanner {
    const other = new CsvScanner(this.source, this.dialect, this.position, this.carry);
    other.figures = this.figures;
    other.comments = this.comments;
    return other;
  }

  /** Scans up to the offset `to`. */
  advance(to: number): void {
    while (this.position < to) this.take(this.load(Math.min(windowBytes, to - this.position)));
  }

  /**
   * Scans up to the end of the first newline from here on that ends a record, for a scan that started inside quotes or outside, and returns that
   * offset; null when there is none before `limit`.
   */
  toBoundary(startedInside: boolean, limit: number): number | null {
    for (let tryBytes = firstTryBytes; this.position < limit; tryBytes = Math.min(2 * tryBytes, windowBytes)) {
      const length = this.load(Math.min(tryBytes, limit - this.position));
      const { figures } = kernel().scan(this.dialect, this.carry, length);
      const found = startedInside ? figures.firstInside : figures.firstOutside;
      this.take(found < 0 ? length : found + 1);
      if (found >= 0) return this.position;
    }
    return null;
  }

  private load(length: number): number {
    readFully(this.source, this.position, kernel().window.subarray(0, length));
    return length;
  }

  /** Scans the first `length` bytes of the window for good. */
  private take(length: number): void {
    const { figures, carry } = kernel().scan(this.dialect, this.carry, length);
    this.figures = add(this.figures, figures, this.position);
    if (this.comment >= 0) this.comments += kernel().count(this.comment, length);
    this.carry = carry;
    this.position += length;
  }
}

/** `b` found at `offset`, after `a`. */
function add(a: ScanFigures, b: ScanFigures, offset: number): ScanFigures {
  const first = (before: number, here: number) => (before >= 0 || here < 0 ? before : here + offset);
  const last = (before: number, here: number) => (here < 0 ? before : here + offset);
  return {
    newlines: a.newlines + b.newlines,
    newlinesInside: a.newlinesInside + b.newlinesInside,
    others: a.others + b.others,
    othersInside: a.othersInside + b.othersInside,
    pairs: a.pairs + b.pairs,
    pairsInside: a.pairsInside + b.pairsInside,
    blanks: a.blanks + b.blanks,
    blanksInside: a.blanksInside + b.blanksInside,
    dirtyOutside: a.dirtyOutside + b.dirtyOutside,
    dirtyInside: a.dirtyInside + b.dirtyInside,
    quotes: a.quotes + b.quotes,
    firstOutside: first(a.firstOutside, b.firstOutside),
    lastOutside: last(a.lastOutside, b.lastOutside),
    firstInside: first(a.firstInside, b.firstInside),
    lastInside: last(a.lastInside, b.lastInside),
  };
}
