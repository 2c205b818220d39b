import { type ByteSource, eachPiece } from './byte-source.ts';
import type { CsvDialect } from './csv-dialect.ts';
import { CsvMachine, type MachineStart, type OnRecord } from './csv-machine.ts';
import type { CsvScanner } from './csv-scanner.ts';
import { dialectBytes } from './csv-states.ts';

/** What is known of the records that one range owns: those that start in it. */
export interface OwnedRecords {
  /** Start of the first record that starts in the range; null when none does. */
  readonly from: number | null;
  /** End of the last record owned: the first record start at or after the range's end, or the source's size. Says nothing when `from` is null. */
  readonly to: number;
  /** Records owned, bad ones included, blank and comment-only ones not. */
  readonly records: number;
  readonly blanks: number;
  /** Comment-only records. */
  readonly comments: number;
  /** Records that the engine's strict reader would refuse as syntax, or lose. With 0 it reads `records` rows from [from, to) as it lies. */
  readonly problems: number;
  /** LF and CR bytes inside quotes. */
  readonly newlinesInsideQuotes: number;
  /**
   * Quotes stand only where a field starts or ends, newlines are uniform and the last quote is closed, so that the parity of quotes says where records
   * start. False also when comments or, next to quotes, a delimiter of several bytes make parity no proof. A region may be dirty and have no problems.
   */
  readonly clean: boolean;
  /** Start of a last record that is still inside quotes at the end of the source: the engine would lose it without an error. */
  readonly unterminated: number | null;
  readonly endsWithNewline: boolean;
}

/** A range without a record start. */
export function ownsNothing(to: number): OwnedRecords {
  return {
    from: null,
    to,
    records: 0,
    blanks: 0,
    comments: 0,
    problems: 0,
    newlinesInsideQuotes: 0,
    clean: true,
    unterminated: null,
    endsWithNewline: true,
  };
}

/** Whether parity decides where records start in what was scanned, for one of the two start states. */
export function isParityProof(scanner: CsvScanner, dialect: CsvDialect, startedInside: boolean): boolean {
  const { figures } = scanner;
  if ((startedInside ? figures.dirtyInside : figures.dirtyOutside) > 0) return false;
  const outside = (all: number, inside: number) => (startedInside ? inside : all - inside);
  const others = outside(figures.others, figures.othersInside);
  const newlines = outside(figures.newlines, figures.newlinesInside);
  const strays = dialect.newline === '\r\n' ? others + newlines - 2 * outside(figures.pairs, figures.pairsInside) : others;
  return strays === 0 && scanner.comments === 0 && (figures.quotes === 0 || dialectBytes(dialect).delimiter.length === 1);
}

/**
 * The region by parity, or null when parity is no proof. `scanner` has scanned up to `end` - 1 and goes on to the end of the last record; `head` is a
 * scanner at the same start that has scanned nothing.
 */
export function regionByParity(
  source: ByteSource,
  dialect: CsvDialect,
  scanner: CsvScanner,
  head: CsvScanner,
  start: { readonly inside: boolean; readonly from: number; readonly end: number },
): OwnedRecords | null {
  const { inside, from, end } = start;
  if (end === source.size) scanner.advance(end);
  else scanner.toBoundary(inside, source.size);
  const isOpen = scanner.position === source.size && scanner.carry.inside !== inside;
  if (isOpen || !isParityProof(scanner, dialect, inside)) return null;
  head.advance(from);
  const all = scanner.figures;
  const before = head.figures;
  const of = (name: 'newlines' | 'others' | 'blanks') => all[name] - before[name];
  const ofInside = (name: 'newlines' | 'others' | 'blanks') => all[`${name}Inside`] - before[`${name}Inside`];
  const outside = (name: 'newlines' | 'others' | 'blanks') => (inside ? ofInside(name) : of(name) - ofInside(name));
  const blanks = outside('blanks');
  const endsWithNewline = scanner.carry.last === (dialect.newline === '\r' ? 13 : 10);
  return {
    from,
    to: scanner.position,
    records: outside('newlines') - blanks + (endsWithNewline ? 0 : 1),
    blanks,
    comments: 0,
    problems: 0,
    newlinesInsideQuotes: of('newlines') + of('others') - outside('newlines') - outside('others'),
    clean: true,
    unterminated: null,
    endsWithNewline,
  };
}

/** The records that start in [begin, end), by the machine started at or before `begin`. */
export function regionByMachine(source: ByteSource, dialect: CsvDialect, start: MachineStart, begin: number, end: number): OwnedRecords {
  const region: { -readonly [Name in keyof OwnedRecords]: OwnedRecords[Name] } = { ...ownsNothing(end), clean: false };
  let newlinesBefore = 0;
  const onRecord: OnRecord = (recordStart, recordEnd, _fields, problem, kind) => {
    if (recordStart < begin) newlinesBefore = machine.newlinesInsideQuotes;
    if (recordStart < begin || recordStart >= end) return;
    region.from ??= recordStart;
    region.to = recordEnd;
    region.newlinesInsideQuotes = machine.newlinesInsideQuotes - newlinesBefore;
    if (kind === 'blank') region.blanks++;
    else if (kind === 'comment') region.comments++;
    else region.records++;
    if (problem !== null) region.problems++;
    if (problem === 'unterminated-quote') region.unterminated = recordStart;
  };
  const machine = new CsvMachine(dialect, start, onRecord, end);
  let goesOn = true;
  eachPiece(source, start.offset, source.size, (bytes) => {
    goesOn = machine.feed(bytes);
    return goesOn;
  });
  if (goesOn) {
    region.endsWithNewline = machine.endsWithNewline;
    machine.finish();
  }
  return region;
}
