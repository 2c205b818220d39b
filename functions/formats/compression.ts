import { FanlakeError } from '../core/errors.ts';
import type { Compression } from '../core/layout.ts';
import { startsWith } from './content-check.ts';
import type { ExpandLimits, Expansion } from './expansion.ts';
import { expandGzip, gzipHead } from './gzip.ts';
import { expandZstd, zstdHead } from './zstd.ts';

/** Gzip by its magic and method; zstd by a frame's magic or a skippable frame's (RFC 1952, RFC 8878). */
function compressionOf(head: Uint8Array): Compression {
  if (startsWith(head, [0x1f, 0x8b, 0x08])) return 'gzip';
  if (startsWith(head, [0x28, 0xb5, 0x2f, 0xfd])) return 'zstd';
  if (((head[0] ?? 0) & 0xf0) === 0x50 && startsWith(head.subarray(1), [0x2a, 0x4d, 0x18])) return 'zstd';
  return 'none';
}

/**
 * How an object is compressed. The bytes decide, not the name: gzip under the name `a.csv` is decompressed. A name that promises a
 * compression which the bytes don't have is an error, and so is a declared one. An object without bytes is never compressed.
 * @param key the object's key
 * @param head its first bytes, at least 64 when it has them
 * @param declared the job's `compression`, when it has one
 * @throws FanlakeError `input.format`
 */
export function detectCompression(key: string, head: Uint8Array, declared?: Compression): Compression {
  if (head.length === 0) return 'none';
  const found = compressionOf(head);
  const named = /\.(gz|gzip)$/i.test(key) ? 'gzip' : /\.(zst|zstd)$/i.test(key) ? 'zstd' : undefined;
  const promised = declared ?? named;
  if (promised === undefined || promised === found) {
    return found;
  }
  if (declared === undefined && found !== 'none') return found;
  const who = declared === undefined ? `its name says ${promised}` : `the job's input.format.compression says '${declared}'`;
  const what = found === 'none' ? `its first bytes are not those of a ${promised} file` : `its first bytes are those of a ${found} file`;
  const advice = declared === undefined ? 'Rename it, or upload the file that the name promises.' : 'Correct or remove that key.';
  throw new FanlakeError('input.format', `'${key}' can't be read: ${who}, but ${what}. ${advice}`, { key, promised, found });
}

/**
 * Decompresses a whole object into a file, and proves it: every byte is consumed, lengths and checksums hold.
 * Gzip: all members; zeros behind the last one are padding. Zstd: all frames, skippable ones too. An object of 0 bytes is an empty input.
 * @param from a local file of the whole compressed object
 * @param to the file to write; what was written is left behind on an error
 * @throws FanlakeError `input.corrupt` for truncated, damaged or trailing bytes; `store.full`, `store.denied`; `input.format` past `maxBytesOut`
 */
export async function expandFile(
  from: string,
  to: string,
  compression: Exclude<Compression, 'none'>,
  limits: ExpandLimits = {},
): Promise<Expansion> {
  return compression === 'gzip' ? expandGzip(from, to, limits) : expandZstd(from, to, limits);
}

/**
 * The first bytes of a compressed object's content. What is wrong behind them is found when the whole is expanded.
 * @param bytes the first bytes of the object
 * @param complete whether they are all of it
 * @param maxBytes most bytes to return
 * @throws FanlakeError `input.corrupt` when nothing can be had
 */
export async function expandHead(key: string, bytes: Uint8Array, compression: Compression, maxBytes: number): Promise<Uint8Array> {
  if (bytes.length === 0 || compression === 'none') return bytes.subarray(0, maxBytes);
  return compression === 'gzip' ? gzipHead(key, bytes, maxBytes) : zstdHead(key, bytes, maxBytes);
}
