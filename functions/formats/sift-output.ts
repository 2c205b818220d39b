import { isUtf8 } from 'node:buffer';
import { join } from 'node:path';
import type { CsvLayout, LineLayout } from '../core/layout.ts';
import type { BadRecord } from '../core/piece.ts';
import type { ByteSource } from '../core/records/byte-source.ts';
import { badRecord, invalidAt } from './bad-record.ts';
import { readRange } from './file-source.ts';
import type { SiftedPiece, SiftedSplit } from './sifted-split.ts';
import { StagedFile } from './staged-file.ts';
import type { SplitToStage } from './staged-split.ts';

/** Records are read and checked together until they are so long. */
const runBytes = 1 << 20;

/** Below this a piece isn't worth a thread of its own. */
const leastPieceBytes = 8 << 20;

class Offsets {
  private values = new Float64Array(1024);
  length = 0;

  push(offset: number): void {
    if (this.length === this.values.length) {
      const grown = new Float64Array(2 * this.length);
      grown.set(this.values);
      this.values = grown;
    }
    this.values[this.length++] = offset;
  }

  take(): Float64Array {
    return this.values.slice(0, this.length);
  }
}

interface OpenPiece {
  readonly file: StagedFile;
  readonly offsets: Offsets;
  bytes: number;
  longest: number;
}

/** How the good records are written. */
export interface SiftTarget {
  readonly layout: CsvLayout | LineLayout;
  /** What a record is as the engine is to see it, where that isn't its own bytes. */
  readonly rewrite?: (record: Buffer) => Uint8Array;
}

/** Where sifting puts records: good ones into pieces, bad ones on a list. */
export class SiftOutput {
  private readonly source: ByteSource;
  private readonly split: SplitToStage;
  private readonly target: SiftTarget;
  private readonly limit: number;
  private readonly pieceBytes: number;
  private readonly pieces: SiftedPiece[] = [];
  private readonly bad: BadRecord[] = [];
  private badCount = 0;
  private open: OpenPiece | null = null;
  /** Good records so far unread: start and end of each, one after the other. */
  private run: number[] = [];

  constructor(
    source: ByteSource,
    split: SplitToStage,
    target: SiftTarget,
    bounds: { readonly from: number; readonly to: number; readonly limit: number },
  ) {
    this.source = source;
    this.split = split;
    this.target = target;
    this.limit = bounds.limit;
    this.pieceBytes = Math.max(leastPieceBytes, Math.ceil((bounds.to - bounds.from) / Math.max(1, split.threads)));
  }

  /** A regular record, unless it turns out not to be UTF-8. */
  addGood(start: number, end: number): void {
    this.run.push(start, end);
    if (end - (this.run[0] ?? start) >= runBytes) this.flush();
  }

  addBad(start: number, end: number, reason: string): void {
    this.flush();
    this.keepBad(start, end, reason);
  }

  finish(): SiftedSplit {
    this.flush();
    this.closePiece();
    const good = this.pieces.reduce((sum, piece) => sum + piece.records, 0);
    return { pieces: this.pieces, bad: this.bad, badCount: this.badCount, records: good + this.badCount };
  }

  /** Closes the file that an error left open. */
  close(): void {
    this.open?.file.close();
    this.open = null;
  }

  private keepBad(start: number, end: number, reason: string): void {
    this.badCount += 1;
    if (this.bad.length < this.limit) {
      this.bad.push(badRecord(this.split.key, this.source, { start, end }, { column: null, reason }));
    }
  }

  private flush(): void {
    const { run } = this;
    const [first, last] = [run[0], run[run.length - 1]];
    if (first === undefined || last === undefined) return;
    this.run = [];
    const bytes = readRange(this.source, first, last);
    const valid = isUtf8(bytes);
    for (let i = 0; i < run.length; i += 2) {
      const [start, end] = [run[i] ?? 0, run[i + 1] ?? 0];
      const record = bytes.subarray(start - first, end - first);
      const invalid = valid ? -1 : invalidAt(record);
      if (invalid < 0) this.keepGood(start, record);
      else this.keepBad(start, end, `byte ${start + invalid} is not valid UTF-8`);
    }
  }

  private keepGood(start: number, record: Buffer): void {
    const piece = this.open ?? this.openPiece();
    const bytes = this.target.rewrite === undefined ? record : this.target.rewrite(record);
    piece.file.write(bytes);
    piece.offsets.push(start);
    const length = bytes.length + this.endRecord(piece, bytes);
    piece.longest = Math.max(piece.longest, length);
    piece.bytes += length;
    if (piece.bytes >= this.pieceBytes) this.closePiece();
  }

  /** The last record of an object may lack its line end, or have half of it. */
  private endRecord(piece: OpenPiece, bytes: Uint8Array): number {
    const newline = this.target.layout.format === 'csv' ? this.target.layout.dialect.newline : '\n';
    const last = bytes[bytes.length - 1];
    if (last === newline.charCodeAt(newline.length - 1)) return 0;
    const missing = Buffer.from(newline === '\r\n' && last === 0x0d ? '\n' : newline);
    piece.file.write(missing);
    return missing.length;
  }

  private openPiece(): OpenPiece {
    const path = join(this.split.scratch, `${this.split.name}-sifted-${this.pieces.length}`);
    this.open = { file: new StagedFile(path), offsets: new Offsets(), bytes: 0, longest: 0 };
    return this.open;
  }

  private closePiece(): void {
    if (this.open === null) return;
    const { file, offsets, longest } = this.open;
    this.open = null;
    file.close();
    this.pieces.push({
      path: file.path,
      objectKey: this.split.key,
      layout: this.target.layout,
      skipRecords: 0,
      records: offsets.length,
      longestRecordBytes: longest,
      parallelSafe: false,
      offsets: offsets.take(),
    });
  }
}
