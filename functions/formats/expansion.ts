import { createReadStream, createWriteStream } from 'node:fs';
import type { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { FanlakeError } from '../core/errors.ts';
import { asScratchError } from './scratch.ts';

/** What became of a compressed object. */
export interface Expansion {
  /** Compressed bytes consumed: the file's size. */
  readonly bytesIn: number;
  readonly bytesOut: number;
  /** `unchecked` when some zstd frame carries no checksum: then damage inside it may go unseen. */
  readonly checksum: 'verified' | 'unchecked';
}

export interface ExpandLimits {
  /** The object's key, for messages; default: the file's path. */
  readonly key?: string;
  /** Refuse an object that expands to more; default no limit. */
  readonly maxBytesOut?: number;
}

/** Node's default of 16 KiB halves the speed (formats.md, section 5). */
export const bufferBytes = 1 << 20;

/** The error of a compressed object that can't be expanded. */
export function corrupt(key: string, format: string, offset: number, found: string, cause?: unknown): FanlakeError {
  return new FanlakeError(
    'input.corrupt',
    `'${key}' can't be decompressed: ${found} at byte ${offset} of the ${format} data. Nothing of it was loaded. ` +
      'Upload the file again; if it stays so, it was damaged where it was made.',
    { key, offset },
    cause,
  );
}

/**
 * What `decoder` makes of the bytes `[start, end)` of a file. Ends when the decoder does, which may be before it has seen all of them.
 * @param explain the error for one of the decoder
 */
export async function* decodeRange(
  path: string,
  start: number,
  end: number,
  decoder: Transform,
  explain: (thrown: Error) => Error,
): AsyncGenerator<Uint8Array> {
  const source = createReadStream(path, { start, end: end - 1, highWaterMark: bufferBytes });
  let sourceError: Error | undefined;
  source.on('error', (thrown) => {
    sourceError = thrown;
    decoder.destroy(thrown);
  });
  try {
    for await (const bytes of source.pipe(decoder)) yield bytes as Uint8Array;
  } catch (thrown) {
    if (sourceError !== undefined || !(thrown instanceof Error)) throw sourceError ?? thrown;
    throw explain(thrown);
  } finally {
    source.destroy();
    decoder.destroy();
  }
}

/** Writes all of `output` to a new file and returns how many bytes that was. */
export async function writeExpanded(output: AsyncIterable<Uint8Array>, to: string, limits: ExpandLimits): Promise<number> {
  const { maxBytesOut = Number.POSITIVE_INFINITY, key = to } = limits;
  let bytesOut = 0;
  const counted = async function* () {
    for await (const bytes of output) {
      bytesOut += bytes.length;
      if (bytesOut > maxBytesOut) {
        throw new FanlakeError(
          'input.corrupt',
          `'${key}' expands to more than the ${maxBytesOut} bytes allowed. Split it into smaller files, or allow more.`,
          { key, maxBytesOut },
        );
      }
      yield bytes;
    }
  };
  const file = createWriteStream(to, { highWaterMark: 4 * bufferBytes });
  try {
    await pipeline(counted, file);
  } catch (thrown) {
    throw asScratchError(thrown, `decompress '${key}'`);
  }
  return bytesOut;
}

/** Collects output until there are `maxBytes`, or until it fails after some. */
export async function collectHead(output: AsyncIterable<Uint8Array>, maxBytes: number): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let length = 0;
  try {
    for await (const bytes of output) {
      parts.push(bytes);
      length += bytes.length;
      if (length >= maxBytes) break;
    }
  } catch (thrown) {
    if (length === 0) throw thrown;
  }
  return Buffer.concat(parts).subarray(0, maxBytes);
}
