import type { ChainLink } from '../core/chain.ts';
import type { CsvLayout, LineLayout } from '../core/layout.ts';
import type { ByteRange } from '../core/ports.ts';
import type { ByteSource } from '../core/records/byte-source.ts';
import type { CsvDialect } from '../core/records/csv-dialect.ts';
import { eachRecord, findRegion, splitRegion } from '../core/records/csv-scan.ts';
import { findLines, splitLines } from '../core/records/lines.ts';
import type { CheckedSource } from './checked-source.ts';
import { RangeMissing } from './file-source.ts';

/** The records of a split, whatever the format. */
export interface TextScan {
  /** null when no record starts in the split. */
  readonly from: number | null;
  readonly to: number;
  readonly alternative: ChainLink['alternative'];
  readonly records: number;
  /** No record is one that the engine would refuse as syntax. */
  readonly regular: boolean;
  readonly parallelSafe: boolean;
  /** Of CSV: quotes tell where fields end. */
  readonly clean: boolean;
  /** Whether the engine can read the whole object from its first byte on. */
  asItLies(): boolean;
  /** At least the bytes of the longest record. */
  longestRecordBytes(): number;
  /** Record starts that cut `[from, to)` into about `pieces`. */
  cuts(pieces: number): readonly number[];
  /** Records of `[start, end)`, which are record starts; reads these bytes in order from `through`. */
  count(through: ByteSource, start: number, end: number): number;
}

/** Longest records are bounded by the distance between record starts about so far apart. */
const boundBytes = 256 << 10;
/** Whether they lie inside quotes shows in so many bytes: no more than are held behind a split's. */
const tellingBytes = 256 << 10;

/** Whether the engine makes a row of a blank line: where there is one column and an empty field is NULL. Otherwise it skips it. */
export function givesBlankRows(layout: CsvLayout): boolean {
  return layout.fields.length === 1 && (layout.nullStrings.length === 0 || layout.nullStrings.includes(''));
}

export function scanCsv(source: CheckedSource, layout: CsvLayout, range: ByteRange, exactFrom: number | null): TextScan {
  const { dialect, dataStart } = layout;
  const blankIsRow = givesBlankRows(layout);
  const region = findRegion(source, dialect, range, dataStart, exactFrom ?? undefined);
  const rows = (found: typeof region) => found.records + (blankIsRow ? found.blanks : 0);
  const { from, to } = region;
  let edges: readonly number[] | undefined;
  const closeEdges = (start: number) => {
    edges ??= [start, ...splitRegion(source, dialect, start, to, Math.ceil((to - start) / boundBytes)), to];
    return edges;
  };
  return {
    from,
    to,
    alternative: region.alternative,
    records: from === null ? 0 : rows(region),
    regular: region.problems === 0 && region.unterminated === null,
    parallelSafe: region.clean && region.newlinesInsideQuotes === 0 && isTriedInParallel(dialect) && !(blankIsRow && region.blanks > 0),
    clean: region.clean,
    asItLies: () => from === dataStart && headerIsFirstRecord(source, layout),
    longestRecordBytes: () => {
      if (from === null) return 0;
      const line = region.newlinesInsideQuotes === 0 ? source.longestLineIn(from, to) : null;
      if (line !== null || to - from <= boundBytes) return line ?? to - from;
      return longestGap(closeEdges(from));
    },
    cuts: (pieces) => {
      if (from === null) return [];
      return edges === undefined ? splitRegion(source, dialect, from, to, pieces) : chooseCuts(edges, pieces);
    },
    count: (through, start, end) => rows(findRegion(through, dialect, { start, end }, dataStart, start)),
  };
}

/**
 * The first record start from an offset on, by what a few bytes behind it say; a scan from a record's start before it tells whether it is one.
 * @returns null where they say nothing, or aren't held
 */
export function likelyRecordStart(source: ByteSource, { dialect, dataStart }: CsvLayout, offset: number): number | null {
  if (offset <= dataStart) return dataStart;
  if (offset >= source.size) return source.size;
  try {
    return findRegion(source, dialect, { start: offset, end: offset + tellingBytes }, dataStart).from;
  } catch (thrown) {
    if (thrown instanceof RangeMissing) return null;
    throw thrown;
  }
}

/** Dialects under which the engine's parallel scan was compared with the serial one (formats.md, section 0, trap 1). */
function isTriedInParallel({ comment, delimiter, newline }: CsvDialect): boolean {
  return comment === '' && delimiter.length === 1 && newline !== '\r';
}

/** Of many ascending edges, the inner ones that cut the whole into about equal pieces. */
function chooseCuts(edges: readonly number[], pieces: number): readonly number[] {
  const [from, to] = [edges[0] ?? 0, edges[edges.length - 1] ?? 0];
  const cuts = new Set<number>();
  for (let piece = 1; piece < pieces; piece++) {
    const target = from + (piece * (to - from)) / pieces;
    const cut = edges.find((edge) => edge >= target);
    if (cut !== undefined && cut > from && cut < to) cuts.add(cut);
  }
  return [...cuts];
}

function longestGap(edges: readonly number[]): number {
  return edges.reduce((longest, edge, i) => Math.max(longest, edge - (edges[i - 1] ?? edge)), 0);
}

/** The engine skips exactly one record at the head of a file, a blank line being one. */
function headerIsFirstRecord(source: CheckedSource, layout: CsvLayout): boolean {
  if (!layout.header) return layout.dataStart === layout.bomBytes;
  let [records, regular] = [0, true];
  eachRecord(source, layout.dialect, layout.bomBytes, layout.dataStart, (_start, _end, _fields, problem, kind) => {
    records += 1;
    regular &&= problem === null && kind === 'row';
  });
  return regular && records === 1;
}

/** @param watch gets the bytes of the lines owned, piece by piece */
export function scanLines(source: CheckedSource, layout: LineLayout, range: ByteRange, watch?: (bytes: Uint8Array) => void): TextScan {
  const kind = layout.format === 'jsonl' ? 'json' : 'text';
  const { from, to, records, longestLineBytes } = findLines(source, range, layout.dataStart, kind, watch);
  return {
    from,
    to,
    alternative: null,
    records: from === null ? 0 : records,
    regular: true,
    parallelSafe: true,
    clean: false,
    asItLies: () => layout.bomBytes === 0 && layout.dataStart === 0,
    longestRecordBytes: () => longestLineBytes + 1,
    cuts: (pieces) => (from === null ? [] : splitLines(source, from, to, pieces)),
    count: (through, start, end) => findLines(through, { start, end }, start, kind).records,
  };
}
