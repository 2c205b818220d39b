import { rmSync } from 'node:fs';
import { join } from 'node:path';
import type { CsvLayout } from '../core/layout.ts';
import type { Piece } from '../core/piece.ts';
import type { ByteRange } from '../core/ports.ts';
import type { ByteSource } from '../core/records/byte-source.ts';
import { openSource } from './file-source.ts';
import { ProjectedCopy } from './projected-copy.ts';
import { isFull } from './scratch.ts';
import { checkedSource } from './stage-text.ts';
import type { SplitToStage } from './staged-split.ts';
import { scanCsv } from './text-scan.ts';

/** A stretch of a CSV object's file, of which the engine is to get the fields that it needs. */
export interface StretchToProject {
  readonly split: SplitToStage;
  /** From a record's start to where one most likely starts, or the object's end. */
  readonly range: ByteRange;
}

export interface ProjectedStretch {
  readonly piece: Piece;
  readonly records: number;
}

/**
 * Scans a stretch, and copies the fields that the engine needs.
 * @returns null where its records aren't all regular, don't end where it does, or aren't worth copying, and where there is no space for the copy
 * @throws FanlakeError `input.gone`, `input.changed`, `store.denied`
 */
export function projectStretch({ split, range }: StretchToProject): ProjectedStretch | null {
  const { path, size, layout, scratch, name } = split;
  const { start, end } = range;
  if (layout.format !== 'csv') return null;
  const file = openSource(path, size);
  const target = join(scratch, `${name}-projected-${start}`);
  let copy: ProjectedCopy | null = null;
  try {
    copy = ProjectedCopy.begin(file, split, target, start, end);
    const projected = copy === null ? null : copyRecords(file, layout, { split, range }, copy);
    if (projected === null) rmSync(target, { force: true });
    return projected;
  } catch (thrown) {
    rmSync(target, { force: true });
    if (!isFull(thrown)) throw thrown;
    return null;
  } finally {
    copy?.close();
    file.close();
  }
}

function copyRecords(
  file: ByteSource,
  layout: CsvLayout,
  { split, range }: StretchToProject,
  copy: ProjectedCopy,
): ProjectedStretch | null {
  const { start, end } = range;
  const source = checkedSource(file, layout);
  source.lookForForms(copy.forms, start, end);
  const scan = scanCsv(source, layout, range, start);
  const { records, parallelSafe } = scan;
  const isWhole = scan.from === start && scan.to === end;
  if (!isWhole || !scan.clean || !scan.regular || source.invalidIn(start, end) !== null) return null;
  const longestRecordBytes = scan.longestRecordBytes();
  const exactFields = source.fieldsOfForm(start, end);
  copy.close();
  const piece = copy.pieceOf({ objectKey: split.key, skipRecords: 0, records, longestRecordBytes, parallelSafe }, exactFields);
  return piece === null ? null : { piece, records };
}
