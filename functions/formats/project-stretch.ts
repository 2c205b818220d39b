import { join } from 'node:path';
import type { Piece } from '../core/piece.ts';
import type { ByteRange } from '../core/ports.ts';
import { openSource } from './file-source.ts';
import { ProjectedCopy } from './projected-copy.ts';
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
 * @returns null where its records aren't all regular, don't end where it does, or aren't worth copying
 * @throws FanlakeError `input.gone`, `input.changed`, `store.full`, `store.denied`
 */
export function projectStretch({ split, range }: StretchToProject): ProjectedStretch | null {
  const { path, size, layout, scratch, name, key } = split;
  const { start, end } = range;
  if (layout.format !== 'csv') return null;
  const file = openSource(path, size);
  const copy = ProjectedCopy.begin(file, split, join(scratch, `${name}-projected-${start}`), start, end);
  try {
    if (copy === null) return null;
    const source = checkedSource(file, layout);
    source.lookForForms(copy.forms, start, end);
    const scan = scanCsv(source, layout, range, start);
    const { records, parallelSafe } = scan;
    const isWhole = scan.from === start && scan.to === end;
    if (!isWhole || !scan.clean || !scan.regular || source.invalidIn(start, end) !== null) return null;
    copy.close();
    const longestRecordBytes = scan.longestRecordBytes();
    const exactFields = source.fieldsOfForm(start, end);
    const piece = copy.pieceOf({ objectKey: key, skipRecords: 0, records, longestRecordBytes, parallelSafe }, exactFields);
    return piece === null ? null : { piece, records };
  } finally {
    copy?.close();
    file.close();
  }
}
