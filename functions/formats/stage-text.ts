import { rmSync } from 'node:fs';
import { join } from 'node:path';
import type { CsvLayout, LineLayout } from '../core/layout.ts';
import type { Piece } from '../core/piece.ts';
import type { ByteRange } from '../core/ports.ts';
import type { ByteSource } from '../core/records/byte-source.ts';
import { FieldForms } from '../core/records/field-forms.ts';
import { UnknownKeys } from '../core/records/unknown-keys.ts';
import { CheckedSource } from './checked-source.ts';
import { openSource } from './file-source.ts';
import { ProjectedCopy } from './projected-copy.ts';
import { quotedLinesLayout, stageQuotedLines } from './quoted-lines.ts';
import { isFull } from './scratch.ts';
import { eachBlock, StagedFile, stageRange } from './staged-file.ts';
import type { SplitToStage, StagedSplit } from './staged-split.ts';
import { likelyRecordStart, scanCsv, scanLines, type TextScan } from './text-scan.ts';

/** Uncompressed text: the object itself or what it was expanded to. */
export interface TextToStage {
  readonly path: string;
  readonly origin: number;
  readonly size: number;
  readonly range: ByteRange;
  /** Whether the file is the whole text and may itself become the piece. */
  readonly inPlace: boolean;
}

export interface StagedTextSplit {
  readonly result: Omit<StagedSplit, 'link' | 'bytesCovered'>;
  readonly region: Pick<TextScan, 'from' | 'to' | 'alternative'>;
}

/** A file below this isn't worth cutting for several threads: the engine hands out work in pieces of 8 MB. */
const worthCuttingBytes = 8 << 20;

const carriageReturn = 0x0d;
/** What the engine's reader of lines takes for a delimiter. */
const lineDelimiter = 0x01;

/**
 * Finds the records of a split and makes the pieces that hold them.
 * @throws FanlakeError `input.gone`, `input.changed`, `store.full`, `store.denied`; RangeMissing
 */
export function stageText(split: SplitToStage, layout: CsvLayout | LineLayout, text: TextToStage): StagedTextSplit {
  try {
    return stageRecords(split, layout, text);
  } catch (thrown) {
    if (split.keptFields === undefined || !isFull(thrown)) throw thrown;
    // all fields may need less space: a whole object is read where it lies
    rmSync(projectedPath(split), { force: true });
    return stageRecords({ ...split, keptFields: undefined }, layout, text);
  }
}

function stageRecords(split: SplitToStage, layout: CsvLayout | LineLayout, text: TextToStage): StagedTextSplit {
  const file = openSource(text.path, text.size, text.origin);
  // where the first record starts is known but for a split in the middle, whose records are looked at when they are copied
  const begin = split.exactFrom ?? (text.range.start <= layout.dataStart ? layout.dataStart : null);
  let copy: ProjectedCopy | null = null;
  try {
    copy = beginCopy(file, split, layout, text.range, begin);
    const source = checkedSource(file, layout);
    const forms = copy === null && begin !== null ? fieldForms(split, layout) : null;
    if (copy !== null) source.lookForForms(copy.forms, copy.from, copy.to);
    else if (forms !== null && begin !== null) source.lookForForms(forms, begin);
    const keys = layout.format === 'jsonl' && split.knownKeys !== undefined ? new UnknownKeys(split.knownKeys) : null;
    const scan =
      layout.format === 'csv'
        ? scanCsv(source, layout, text.range, split.exactFrom)
        : scanLines(source, layout, text.range, (bytes) => keys?.push(bytes));
    const { from, to, records } = scan;
    if (from === null || records === 0) {
      return { result: { pieces: [], records: 0, suspects: false, text: null }, region: scan };
    }
    const suspects = !scan.regular || source.invalidIn(from, to) !== null || keys?.metNullLine === true;
    const place = { path: text.path, origin: text.origin, size: text.size, from, to };
    const found = suspects ? [] : makePieces(split, layout, text, source, { ...scan, from, copy });
    const pieces = keys === null ? found : found.map((piece) => ({ ...piece, exactKeys: keys.wholeColumns }));
    return { result: { pieces, records, suspects, text: place, ...(keys === null ? {} : { ignored: keys.found }) }, region: scan };
  } finally {
    copy?.close();
    file.close();
  }
}

/** A copy that is written while the records are looked for: whether it holds just these is seen when they are found. */
function beginCopy(
  file: ByteSource,
  split: SplitToStage,
  layout: CsvLayout | LineLayout,
  range: ByteRange,
  begin: number | null,
): ProjectedCopy | null {
  if (layout.format !== 'csv' || split.keptFields === undefined) return null;
  const from = begin ?? likelyRecordStart(file, layout, range.start);
  const to = likelyRecordStart(file, layout, range.end);
  return from === null || to === null ? null : ProjectedCopy.begin(file, split, projectedPath(split), from, to);
}

/** A source that looks for what matters to the engine's reader of such a layout. */
export function checkedSource(file: ByteSource, layout: CsvLayout | LineLayout): CheckedSource {
  if (layout.format === 'text') return new CheckedSource(file, [carriageReturn, lineDelimiter]);
  return new CheckedSource(file, [], layout.format === 'csv' && layout.dialect.newline === '\r' ? carriageReturn : undefined);
}

function fieldForms({ forms = [] }: SplitToStage, layout: CsvLayout | LineLayout): FieldForms | null {
  return layout.format === 'csv' && forms.some((form) => form !== null) ? new FieldForms(layout.dialect, forms) : null;
}

const projectedPath = ({ scratch, name }: SplitToStage): string => join(scratch, `${name}-projected`);

type OwnedScan = TextScan & { readonly from: number; readonly copy: ProjectedCopy | null };

function makePieces(
  split: SplitToStage,
  layout: CsvLayout | LineLayout,
  text: TextToStage,
  source: CheckedSource,
  scan: OwnedScan,
): readonly Piece[] {
  const { from, to, records, parallelSafe } = scan;
  const longestRecordBytes = scan.longestRecordBytes();
  const exactFields = scan.clean ? source.fieldsOfForm(from, to) : [];
  const base = { objectKey: split.key, skipRecords: 0, longestRecordBytes, parallelSafe, exactFields } as const;
  const projected = projectedPiece(split, source, scan, { ...base, records });
  if (projected !== null) return [projected];
  if (layout.format === 'text' && (source.mayHold(carriageReturn, from, to) || source.mayHold(lineDelimiter, from, to))) {
    const path = join(split.scratch, `${split.name}-lines`);
    stageQuotedLines(source, from, to, path);
    // every byte of a line may be a quote, which is doubled
    return [{ ...base, path, layout: quotedLinesLayout, records, longestRecordBytes: 2 * longestRecordBytes + 4 }];
  }
  const cutting = !parallelSafe && split.threads > 1 && to - from > worthCuttingBytes;
  if (!cutting && text.inPlace && scan.asItLies()) {
    const skipRecords = layout.format === 'csv' && layout.header ? 1 : 0;
    const longest = Math.max(longestRecordBytes, layout.dataStart);
    return [{ ...base, path: text.path, layout: { ...layout, compression: 'none' }, skipRecords, records, longestRecordBytes: longest }];
  }
  const edges = [from, ...(cutting ? scan.cuts(split.threads) : []), to];
  return edges.slice(1).map((end, i) => {
    const start = edges[i] ?? from;
    const path = join(split.scratch, `${split.name}-${i}`);
    const piece = { ...base, path, layout: stagedLayout(layout) };
    if (edges.length > 2) return { ...piece, records: stageCounting(source, start, end, path, scan) };
    const forms = scan.clean && exactFields.length === 0 ? fieldForms(split, layout) : null;
    stageRange(source, start, end, path, forms ?? undefined);
    return { ...piece, records, exactFields: forms?.finish() ?? exactFields };
  });
}

/** The piece that has only the fields that the engine needs; null where that isn't worth it, or not right. */
function projectedPiece(split: SplitToStage, source: CheckedSource, scan: OwnedScan, piece: Omit<Piece, 'path' | 'layout'>): Piece | null {
  const { from, to, copy } = scan;
  if (!scan.clean) return null;
  copy?.close();
  if (copy?.from === from && copy.to === to) return copy.pieceOf(piece, piece.exactFields ?? []);
  const later = ProjectedCopy.begin(source, split, projectedPath(split), from, to);
  if (later === null) return null;
  try {
    const ofForm = later.copy(source);
    later.close();
    return later.pieceOf(piece, ofForm);
  } finally {
    later.close();
  }
}

/** Stages a part of a split and counts its records, reading it once. */
function stageCounting(source: ByteSource, start: number, end: number, path: string, scan: TextScan): number {
  const file = new StagedFile(path);
  let written = start;
  const through: ByteSource = {
    size: end,
    read(offset, into) {
      const count = source.read(offset, into.subarray(0, Math.max(0, end - offset)));
      if (offset <= written && offset + count > written) {
        file.write(into.subarray(written - offset, count));
        written = offset + count;
      }
      return count;
    },
  };
  try {
    const records = scan.count(through, start, end);
    if (written < end) eachBlock(source, written, end, (bytes) => file.write(bytes));
    return records;
  } finally {
    file.close();
  }
}

/** The layout of a staged file: records only, from its first byte on. */
export function stagedLayout<L extends CsvLayout | LineLayout>(layout: L): L {
  return { ...layout, compression: 'none', bomBytes: 0, dataStart: 0 };
}
