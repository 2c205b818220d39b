import type { LineLayout } from '../core/layout.ts';
import type { ByteSource } from '../core/records/byte-source.ts';
import { lineOffsets } from '../core/records/lines.ts';
import type { SiftOutput } from './sift-output.ts';
import { eachBlock } from './staged-file.ts';

/** End of the line that begins at `start`, with its LF; `bound` when it has none. */
export function lineEnd(source: ByteSource, start: number, bound: number): number {
  let offset = start;
  let end: number | undefined;
  eachBlock(source, start, bound, (bytes) => {
    const found = end === undefined ? bytes.indexOf(0x0a) : -1;
    if (found >= 0) end = offset + found + 1;
    offset += bytes.length;
  });
  return end ?? bound;
}

/** Calls `onLine` for each line of `[from, to)`, its LF included. */
function eachLine(source: ByteSource, from: number, to: number, onLine: (start: number, end: number) => void): void {
  let [offset, start] = [from, from];
  eachBlock(source, from, to, (bytes) => {
    for (let found = bytes.indexOf(0x0a); found >= 0; found = bytes.indexOf(0x0a, found + 1)) {
      onLine(start, offset + found + 1);
      start = offset + found + 1;
    }
    offset += bytes.length;
  });
  if (start < to) onLine(start, to);
}

/** All lines that are records are regular; whether they are UTF-8 the output finds out, and whether they are JSON the engine. */
export function siftLines(source: ByteSource, layout: LineLayout, from: number, to: number, output: SiftOutput): void {
  const records = lineOffsets(source, from, to, layout.format === 'jsonl' ? 'json' : 'text');
  let next = 0;
  eachLine(source, from, to, (start, end) => {
    if (start !== records[next]) return;
    next += 1;
    output.addGood(start, end);
  });
}
