import type { ByteRange } from '../ports.ts';
import { type ByteSource, eachPiece, OffsetList } from './byte-source.ts';
import type { CsvDialect } from './csv-dialect.ts';
import { CsvMachine, type OnRecord } from './csv-machine.ts';
import { isParityProof, type OwnedRecords, ownsNothing, regionByMachine, regionByParity } from './csv-region.ts';
import { CsvScanner } from './csv-scanner.ts';
import { midwayStart, recordStart } from './csv-start.ts';
import { alternativeBytes } from './reach.ts';

/** Where the records are that one split owns. */
export interface CsvRegion extends OwnedRecords {
  /**
   * When `from` was guessed: the region under the other start state, from quote parity alone; `to` is null when it isn't found soon after the
   * range. Only a hint where the chain may have to go on: the range is then done again with `exactFrom`.
   */
  readonly alternative: { readonly from: number | null; readonly to: number | null } | null;
}

/**
 * The records that start inside [max(range.start, dataStart), range.end).
 *
 * Where the range starts after `dataStart` and `exactFrom` isn't given, the start state (outside quotes or inside) is guessed: the one under which fewer
 * quotes are out of place. A guess is right only when the chain holds: regions of consecutive ranges follow each other if each `from` is the `to` of the
 * last region that owns something, and that `to` is at or after the end of every range with `from` null. Otherwise the range is done again with the
 * `to` before it as `exactFrom`.
 *
 * Time is that of the kernel (GB/s) for a clean range, that of the machine (0.3 GB/s) for one that isn't; memory is constant.
 *
 * @param dataStart offset of the first record: after a byte order mark and header
 * @param exactFrom a known record start, at or after the range's start; a region without records when it is at or after the end
 * @throws input.changed when the source ends before its size
 */
export function findRegion(source: ByteSource, dialect: CsvDialect, range: ByteRange, dataStart: number, exactFrom?: number): CsvRegion {
  const end = Math.min(range.end, source.size);
  const begin = exactFrom ?? Math.max(range.start, dataStart);
  if (begin >= end) return { ...ownsNothing(begin), alternative: null };
  if (exactFrom !== undefined || begin === dataStart) return { ...exactRegion(source, dialect, begin, end), alternative: null };
  return guessedRegion(source, dialect, begin, end, dataStart);
}

/** Calls `onRecord` for every record of [from, to), which starts and ends with whole records, by the machine (0.3 GB/s). */
export function eachRecord(source: ByteSource, dialect: CsvDialect, from: number, to: number, onRecord: OnRecord): void {
  const machine = new CsvMachine(dialect, { offset: from }, onRecord);
  eachPiece(source, from, to, (bytes) => machine.feed(bytes));
  machine.finish();
}

/**
 * Starts of the rows of [from, to): entry i is where row i of the engine's answer begins, as long as the region has no problems.
 * @param blankIsRow with one column and '' among the null strings the engine makes a row of a blank record
 */
export function recordOffsets(source: ByteSource, dialect: CsvDialect, from: number, to: number, blankIsRow = false): Float64Array {
  const offsets = new OffsetList();
  eachRecord(source, dialect, from, to, (start, _end, _fields, _problem, kind) => {
    if (kind === 'row' || (kind === 'blank' && blankIsRow)) offsets.add(start);
  });
  return offsets.toArray();
}

/** At most `pieces` - 1 ascending record starts inside (from, to), which cut it in about equal pieces; `from` is a record start. */
export function splitRegion(source: ByteSource, dialect: CsvDialect, from: number, to: number, pieces: number): number[] {
  const targets = Array.from({ length: Math.max(0, pieces - 1) }, (_, i) => from + Math.ceil(((i + 1) * (to - from)) / pieces));
  const scanner = new CsvScanner(source, dialect, from, recordStart(dialect).carry);
  const cuts: number[] = [];
  for (const target of targets) {
    if (target <= scanner.position) continue;
    scanner.advance(target - 1);
    const cut = scanner.toBoundary(false, to);
    if (cut === null || cut >= to) break;
    cuts.push(cut);
  }
  return isParityProof(scanner, dialect, false) ? cuts : splitByMachine(source, dialect, from, to, targets);
}

function splitByMachine(source: ByteSource, dialect: CsvDialect, from: number, to: number, targets: readonly number[]): number[] {
  const cuts: number[] = [];
  let next = 0;
  eachRecord(source, dialect, from, to, (_start, end) => {
    if (end >= (targets[next] ?? to) && end < to) {
      cuts.push(end);
      while ((targets[next] ?? to) <= end) next++;
    }
  });
  return cuts;
}

function exactRegion(source: ByteSource, dialect: CsvDialect, from: number, end: number): OwnedRecords {
  const start = recordStart(dialect);
  const head = new CsvScanner(source, dialect, from, start.carry);
  const scanner = head.fork();
  scanner.advance(end - 1);
  return (
    regionByParity(source, dialect, scanner, head, { inside: false, from, end }) ??
    regionByMachine(source, dialect, { offset: from, state: start.stateOutside }, from, end)
  );
}

/** Starts one byte before the range, so that a newline there makes its first byte a record start. */
function guessedRegion(source: ByteSource, dialect: CsvDialect, begin: number, end: number, dataStart: number): CsvRegion {
  const offset = begin - 1;
  const start = midwayStart(source, dialect, dataStart, offset);
  const head = new CsvScanner(source, dialect, offset, start.carry);
  const scanner = head.fork();
  scanner.advance(end - 1);
  const { figures } = scanner;
  const inside = figures.dirtyInside < figures.dirtyOutside;
  const alternative = dialect.quote === '' ? null : byParityAlone(source, scanner.fork(), !inside, { start: begin, end });
  const from = firstStart(scanner, inside);
  if (from === null && isParityProof(scanner, dialect, inside)) return { ...ownsNothing(end), alternative };
  const byParity = from === null ? null : regionByParity(source, dialect, scanner, head, { inside, from, end });
  const state = inside ? start.stateInside : start.stateOutside;
  return { ...(byParity ?? regionByMachine(source, dialect, { offset, state }, begin, end)), alternative };
}

function byParityAlone(source: ByteSource, scanner: CsvScanner, inside: boolean, { start, end }: ByteRange): CsvRegion['alternative'] {
  const from = firstStart(scanner, inside);
  if (end === source.size) return { from, to: end };
  const limit = Math.min(source.size, end + alternativeBytes(end - start));
  return { from, to: scanner.toBoundary(inside, limit) ?? (limit === source.size ? limit : null) };
}

function firstStart(scanner: CsvScanner, startedInside: boolean): number | null {
  const newline = startedInside ? scanner.figures.firstInside : scanner.figures.firstOutside;
  return newline < 0 ? null : newline + 1;
}
