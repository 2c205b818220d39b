import type { CsvLayout, LineLayout } from '../core/layout.ts';
import type { BadRecord } from '../core/piece.ts';
import { eachRecord } from '../core/records/csv-scan.ts';
import { badRecord } from './bad-record.ts';
import { type FileSource, openSource } from './file-source.ts';
import { quotedLinesLayout, quoteLine } from './quoted-lines.ts';
import { siftCsv } from './sift-csv.ts';
import { lineEnd, siftLines } from './sift-lines.ts';
import { SiftOutput, type SiftTarget } from './sift-output.ts';
import type { SiftedPiece, SiftedSplit } from './sifted-split.ts';
import { arrayLinesLayout } from './stage-json.ts';
import { stagedLayout } from './stage-text.ts';
import type { SplitToStage, StagedSplit } from './staged-split.ts';

/** The layout of the text that a split's records stand in; null for Parquet. */
function textLayout(split: SplitToStage): CsvLayout | LineLayout | null {
  if (split.layout.format === 'parquet') return null;
  return split.layout.format === 'json' ? arrayLinesLayout(split.layout) : split.layout;
}

function openText(staged: StagedSplit): FileSource | null {
  return staged.text === null ? null : openSource(staged.text.path, staged.text.size, staged.text.origin);
}

/** Lines of text are always put in quotes: what they hold doesn't matter then. */
function targetOf(layout: CsvLayout | LineLayout): SiftTarget {
  if (layout.format !== 'text') return { layout: stagedLayout(layout) };
  const rewrite = (record: Buffer) => Buffer.from(quoteLine(record.toString('latin1').replace(/\n$/, '')), 'latin1');
  return { layout: quotedLinesLayout, rewrite };
}

/**
 * Goes over a split record by record and takes out what the engine would refuse or misread as a record: too few or too many fields, text behind a
 * closing quote, a foreign line end, a quote that is never closed, bytes that aren't UTF-8. Values are not looked at. The engine is to read the
 * pieces with one thread each.
 * @param limit most entries of `bad`
 */
export function sift(split: SplitToStage, staged: StagedSplit, limit: number): SiftedSplit {
  const [layout, source] = [textLayout(split), openText(staged)];
  if (layout === null || source === null || staged.text === null) return { pieces: [], bad: [], badCount: 0, records: 0 };
  const { from, to } = staged.text;
  const output = new SiftOutput(source, split, targetOf(layout), { from, to, limit });
  try {
    if (layout.format === 'csv') siftCsv(source, layout, from, to, output);
    else siftLines(source, layout, from, to, output);
    return output.finish();
  } finally {
    output.close();
    source.close();
  }
}

/**
 * The record of a sifted piece in which the engine found a value that doesn't fit.
 * @param ordinal number of the record in the piece, from 0
 */
export function badRecordOf(
  split: SplitToStage,
  staged: StagedSplit,
  piece: SiftedPiece,
  ordinal: number,
  why: { readonly column: string | null; readonly reason: string },
): BadRecord {
  const start = piece.offsets[ordinal];
  const [layout, source] = [textLayout(split), openText(staged)];
  if (layout === null || source === null || staged.text === null || start === undefined) {
    throw new RangeError(`the piece of '${piece.objectKey}' has no record ${ordinal}`);
  }
  try {
    // records that were taken out may stand between this one and the piece's next
    const bound = piece.offsets[ordinal + 1] ?? staged.text.to;
    let end: number | undefined;
    if (layout.format === 'csv') {
      eachRecord(source, layout.dialect, start, bound, (_start, recordEnd) => {
        end ??= recordEnd;
      });
    } else {
      end = lineEnd(source, start, bound);
    }
    return badRecord(piece.objectKey, source, { start, end: end ?? bound }, why);
  } finally {
    source.close();
  }
}
