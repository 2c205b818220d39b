import { join } from 'node:path';
import type { ChainLink } from '../core/chain.ts';
import type { CsvLayout, Layout, LineLayout, ParquetLayout } from '../core/layout.ts';
import type { Piece } from '../core/piece.ts';
import { expandFile } from './compression.ts';
import { openSource } from './file-source.ts';
import { isWorthProjecting } from './projected-copy.ts';
import { type ProjectAside, stageHalves } from './stage-halves.ts';
import { stageJsonArray } from './stage-json.ts';
import { type StagedTextSplit, stageText } from './stage-text.ts';
import type { SplitToStage, StagedSplit } from './staged-split.ts';

const wholeLink = (split: SplitToStage): ChainLink => {
  const { key, size, range } = split;
  const [from, to] = size === 0 ? [null, null] : [0, size];
  return { key, size, dataStart: 0, start: range.start, end: range.end, from, to, alternative: null };
};

/** An object that is one split whatever its records: compressed, a JSON array, Parquet. Its chain is that of its stored bytes. */
function wholeSplit(split: SplitToStage, staged: Omit<StagedSplit, 'link' | 'bytesCovered'>): StagedSplit {
  return { ...staged, link: wholeLink(split), bytesCovered: split.size };
}

/**
 * Turns one split into files that the engine reads. An uncompressed whole object is its own piece where the engine can read it as it lies; otherwise
 * the split's records are copied into the scratch folder.
 * @param aside for a large object, of which the engine gets some fields: half of it is scanned there
 * @throws FanlakeError `input.corrupt`, `input.format`, `store.full`, `store.denied`; RangeMissing when `path` holds too little of the object
 */
export async function stageSplit(split: SplitToStage, aside?: ProjectAside): Promise<StagedSplit> {
  const { layout, size, path } = split;
  if (layout.format === 'parquet') {
    const piece = { path, objectKey: split.key, layout, skipRecords: 0, records: 0, longestRecordBytes: 0, parallelSafe: true } as const;
    return wholeSplit(split, { pieces: [piece], records: 0, suspects: false, text: null });
  }
  if (layout.compression !== 'none') return stageCompressed(split, layout, layout.compression);
  if (layout.format === 'json') {
    return wholeSplit(split, stageJsonArray(split, layout));
  }
  if (aside !== undefined && layout.format === 'csv' && isWhole(split) && isProjected(split)) {
    const halves = await stageHalves(split, layout, aside);
    if (halves !== null) return chained(split, layout, { from: layout.dataStart, to: size, alternative: null }, halves);
  }
  const text = { path, origin: split.origin ?? 0, size, range: split.range, inPlace: split.wholeObject };
  const staged = stageText(split, layout, text);
  return chained(split, layout, staged.region, staged.result);
}

/** A split of text whose records are known. */
function chained(
  { key, size, range: { start, end } }: SplitToStage,
  { dataStart }: CsvLayout | LineLayout,
  { from, to, alternative }: StagedTextSplit['region'],
  staged: Omit<StagedSplit, 'link' | 'bytesCovered'>,
): StagedSplit {
  const link = { key, size, dataStart, start, end, from, to: from === null ? null : to, alternative };
  return { ...staged, link, bytesCovered: coveredBytes(link) };
}

/**
 * The piece that a whole object becomes when everything in it is as it is in most, said without looking: no newline inside quotes, nothing irregular, each
 * field of its form. Null where an object isn't read as it lies, but copied in part.
 */
export function likelyPiece(split: SplitToStage): Piece | null {
  const { path, key, layout, forms = [], knownKeys = [] } = split;
  if (!isWhole(split) || isProjected(split) || layout.compression !== 'none' || (layout.format !== 'csv' && layout.format !== 'jsonl'))
    return null;
  const exactFields = forms.flatMap((form, field) => (form === null ? [] : [field]));
  const exactKeys = knownKeys.flatMap(({ name, wholeNumbers = false }) => (wholeNumbers ? [name] : []));
  const skipRecords = layout.format === 'csv' && layout.header ? 1 : 0;
  return { path, objectKey: key, layout, skipRecords, records: 0, longestRecordBytes: 0, parallelSafe: true, exactFields, exactKeys };
}

const isWhole = ({ wholeObject, range, size }: SplitToStage): boolean => wholeObject && range.start === 0 && range.end === size;

/** Whether the piece of a whole object most likely has only some of its fields. */
function isProjected(split: SplitToStage): boolean {
  if (split.layout.format !== 'csv') return false;
  const source = openSource(split.path, split.size);
  try {
    return isWorthProjecting(source, split, split.layout.dataStart, split.size);
  } finally {
    source.close();
  }
}

/** The first split also covers what stands in front of the data; any other exactly its records. */
function coveredBytes(link: ChainLink): number {
  const first = link.start === 0 ? link.dataStart : 0;
  return first + (link.from === null || link.to === null ? 0 : link.to - link.from);
}

async function stageCompressed(
  split: SplitToStage,
  layout: Exclude<Layout, ParquetLayout>,
  compression: 'gzip' | 'zstd',
): Promise<StagedSplit> {
  const path = join(split.scratch, `${split.name}-expanded`);
  const { bytesOut, checksum } = await expandFile(split.path, path, compression, { key: split.key });
  const expanded = { ...split, path, origin: 0, size: bytesOut, range: { start: 0, end: bytesOut }, exactFrom: null, wholeObject: true };
  if (layout.format === 'json') return wholeSplit(split, { ...stageJsonArray(expanded, layout), checksum });
  const text = { path, origin: 0, size: bytesOut, range: expanded.range, inPlace: true };
  return wholeSplit(split, { ...stageText(expanded, layout, text).result, checksum });
}
