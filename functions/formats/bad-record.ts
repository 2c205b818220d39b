import { isUtf8 } from 'node:buffer';
import type { BadRecord } from '../core/piece.ts';
import type { ByteSource } from '../core/records/byte-source.ts';
import { readRange } from './file-source.ts';

/** Most bytes of a record that quarantine keeps. */
const maxRawBytes = 64 << 10;

/** Bytes of the UTF-8 sequence that begins at `at`, or 0 when none does (Unicode 16, table 3-7, by Node's own check). */
function sequenceAt(bytes: Uint8Array, at: number): number {
  const lead = bytes[at] ?? 0;
  const length = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  const sequence = bytes.subarray(at, at + length);
  return sequence.length === length && isUtf8(sequence) ? length : 0;
}

/** Bytes as text; each byte that isn't UTF-8 as \xNN. */
export function escapeInvalid(bytes: Uint8Array): string {
  if (isUtf8(bytes)) return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString();
  let text = '';
  let good = 0;
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let at = 0; at < bytes.length; ) {
    const length = sequenceAt(bytes, at);
    if (length === 0) {
      text += `${buffer.toString('utf8', good, at)}\\x${(bytes[at] ?? 0).toString(16).padStart(2, '0').toUpperCase()}`;
      good = at + 1;
    }
    at += Math.max(1, length);
  }
  return text + buffer.toString('utf8', good);
}

/** Offset in `bytes` of the first byte that isn't UTF-8, or -1. */
export function invalidAt(bytes: Uint8Array): number {
  if (isUtf8(bytes)) return -1;
  let at = 0;
  while (at < bytes.length) {
    const length = sequenceAt(bytes, at);
    if (length === 0) break;
    at += length;
  }
  return at;
}

/** The record `[start, end)` of a text as quarantine keeps it: the line end left out of `raw`, and all behind the first 64 KiB. */
export function badRecord(
  objectKey: string,
  source: ByteSource,
  place: { readonly start: number; readonly end: number },
  why: { readonly column: string | null; readonly reason: string },
): BadRecord {
  const { start, end } = place;
  const bytes = readRange(source, start, Math.min(end, start + maxRawBytes + 2));
  let length = bytes.length;
  if (end - start === length) {
    while (length > 0 && (bytes[length - 1] === 0x0a || bytes[length - 1] === 0x0d)) length -= 1;
  }
  const cut = length > maxRawBytes;
  if (cut) {
    length = maxRawBytes;
    // not in the middle of a character
    for (let i = 0; i < 3 && ((bytes[length] ?? 0) & 0xc0) === 0x80; i++) length -= 1;
  }
  const raw = escapeInvalid(bytes.subarray(0, length));
  return { objectKey, offset: start, lengthBytes: end - start, column: why.column, reason: why.reason, raw: cut ? `${raw}…` : raw };
}
