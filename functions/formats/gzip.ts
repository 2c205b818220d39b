import { open } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { constants, createGunzip } from 'node:zlib';
import { bufferBytes, collectHead, corrupt, decodeRange, type ExpandLimits, type Expansion, writeExpanded } from './expansion.ts';
import { inputSize } from './file-source.ts';

function explain(key: string, offset: number, thrown: Error): Error {
  const code = 'code' in thrown ? thrown.code : '';
  if (code === 'Z_BUF_ERROR') return corrupt(key, 'gzip', offset, 'the file ends in the middle of its data', thrown);
  const found =
    thrown.message === 'incorrect header check'
      ? 'there is something that is not gzip'
      : thrown.message === 'incorrect data check'
        ? 'the checksum does not fit'
        : `the data is damaged (${thrown.message})`;
  return corrupt(key, 'gzip', offset, found, thrown);
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
  const output =
    size === 0 ? Readable.from([]) : decodeRange(from, 0, size, decoder, (thrown) => explain(key, decoder.bytesWritten, thrown));
  const bytesOut = await writeExpanded(output, to, limits);
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
      throw thrown instanceof Error ? explain(key, decoder.bytesWritten, thrown) : thrown;
    }
  };
  return collectHead(output(), maxBytes);
}
