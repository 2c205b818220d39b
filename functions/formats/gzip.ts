import { open } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { constants, createGunzip } from 'node:zlib';
import { FanlakeError } from '../core/errors.ts';
import { bufferBytes, collectHead, corrupt, decodeRange, type ExpandLimits, type Expansion, writeExpanded } from './expansion.ts';
import { inputSize } from './file-source.ts';

/** Bytes `[start, end)` of a gzip file. */
type ReadBytes = (start: number, end: number) => Promise<Uint8Array>;

/** zlib's words for what it refuses, ours, and how many bytes it has read of the thing that is wrong when it says so (RFC 1952, 2.3). */
const findings: Readonly<Record<string, readonly [found: string, bytesRead: number]>> = {
  'incorrect header check': ['there is something that is not gzip', 2],
  'unknown compression method': ['there is something that is not gzip', 4],
  'unknown header flags set': ['there is something that is not gzip', 4],
  'incorrect data check': ['what was expanded does not have the checksum that stands', 4],
  'incorrect length check': ['what was expanded does not have the length that stands', 4],
};

/** What is expanded meanwhile is thrown away. */
const searchBufferBytes = 64 * 1024;
/** Steps in which the refused byte is looked for: each time the file is decoded again up to the step that is known to hold it. */
const searchSteps = [1024, 32, 1];

/**
 * The error of a file that zlib refuses, with the byte that it refuses: its own count stops at the last buffer that went well, so the place is looked for.
 * No byte is named where it isn't found again (the file was changed meanwhile).
 * @param good bytes that are known to be taken
 */
async function explain(key: string, size: number, good: number, read: ReadBytes, thrown: unknown): Promise<unknown> {
  if (!(thrown instanceof Error) || !('code' in thrown) || !String(thrown.code).startsWith('Z_')) return thrown;
  if (thrown.code === 'Z_BUF_ERROR') return corrupt(key, 'gzip', size, 'the file ends in the middle of its data', thrown);
  const [found, bytesRead] = findings[thrown.message] ?? [`the data is damaged (${thrown.message})`, 1];
  const refused = await refusedByte(size, good, read).catch(() => null);
  if (refused !== null) return corrupt(key, 'gzip', Math.max(0, refused + 1 - bytesRead), found, thrown);
  const message = `'${key}' can't be decompressed: zlib says '${thrown.message}'. Nothing of it was loaded. Upload the file again; if it stays so, it was damaged where it was made.`;
  return new FanlakeError('input.corrupt', message, { key }, thrown);
}

async function refusedByte(size: number, known: number, read: ReadBytes): Promise<number | null> {
  let good: number | null = known;
  for (const step of searchSteps) if (good !== null && (step === 1 || step < size - good)) good = await refusedStep(size, good, step, read);
  return good;
}

/** Start of the first step of so many bytes, from `good` on, that zlib refuses; null when it takes them all. */
async function refusedStep(size: number, good: number, step: number, read: ReadBytes): Promise<number | null> {
  const decoder = createGunzip({ chunkSize: searchBufferBytes });
  // a write that is refused isn't called back
  const refused = new Promise<true>((resolve) => decoder.on('error', () => resolve(true)));
  decoder.resume();
  try {
    for (let start = 0; start < size; ) {
      const end = Math.min(size, start < good ? Math.min(good, start + bufferBytes) : start + step);
      const bytes = await read(start, end);
      const taken = new Promise<false>((resolve) => decoder.write(bytes, (error) => error == null && resolve(false)));
      if (await Promise.race([refused, taken])) return start;
      start = end;
    }
    return null;
  } finally {
    decoder.destroy();
  }
}

async function explainFile(key: string, path: string, size: number, good: number, thrown: unknown): Promise<unknown> {
  const file = await open(path).catch(() => null);
  try {
    const read: ReadBytes = async (start, end) => {
      if (file === null) throw thrown;
      const bytes = Buffer.alloc(end - start);
      const { bytesRead } = await file.read(bytes, 0, bytes.length, start);
      return bytes.subarray(0, bytesRead);
    };
    return await explain(key, size, good, read, thrown);
  } finally {
    await file?.close();
  }
}

/** What the decoder threw, on its way to where it is explained. */
class Undecodable extends Error {
  override readonly name = 'Undecodable';

  constructor(cause: Error) {
    super(cause.message, { cause });
  }
}

/** Offset of the first byte from `start` on that isn't zero, or null. */
async function firstNonZero(path: string, start: number): Promise<number | null> {
  const file = await open(path);
  try {
    const buffer = Buffer.alloc(bufferBytes);
    for (let offset = start; ; ) {
      const { bytesRead } = await file.read(buffer, 0, buffer.length, offset);
      if (bytesRead === 0) return null;
      const found = buffer.subarray(0, bytesRead).findIndex((byte) => byte !== 0);
      if (found >= 0) return offset + found;
      offset += bytesRead;
    }
  } finally {
    await file.close();
  }
}

/**
 * All members of a gzip file. Node checks each one's CRC and length, and goes on to the next; it stops without an error at a zero byte, which
 * is padding only when nothing but zeros follows.
 */
export async function expandGzip(from: string, to: string, limits: ExpandLimits): Promise<Expansion> {
  const key = limits.key ?? from;
  const size = inputSize(from);
  const decoder = createGunzip({ chunkSize: bufferBytes });
  // an object without bytes is an empty input; Node calls it truncated
  const output = size === 0 ? Readable.from([]) : decodeRange(from, 0, size, decoder, (thrown) => new Undecodable(thrown));
  const bytesOut = await writeExpanded(output, to, limits).catch(async (thrown: unknown) => {
    if (!(thrown instanceof Undecodable)) throw thrown;
    throw await explainFile(key, from, size, decoder.bytesWritten, thrown.cause);
  });
  const junk = size === 0 ? null : await firstNonZero(from, decoder.bytesWritten);
  if (junk !== null) throw corrupt(key, 'gzip', junk, 'there is something that is not gzip');
  return { bytesIn: size, bytesOut, checksum: 'verified' };
}

/** The first content of a prefix of a gzip file, which may end anywhere. */
export async function gzipHead(key: string, bytes: Uint8Array, maxBytes: number): Promise<Uint8Array> {
  const decoder = createGunzip({ chunkSize: 1 << 16, finishFlush: constants.Z_SYNC_FLUSH });
  const output = async function* (): AsyncGenerator<Uint8Array> {
    decoder.end(bytes);
    try {
      for await (const part of decoder) yield part as Uint8Array;
    } catch (thrown) {
      throw await explain(key, bytes.length, decoder.bytesWritten, async (start, end) => bytes.subarray(start, end), thrown);
    }
  };
  return collectHead(output(), maxBytes);
}
