import { constants, createZstdDecompress, zstdDecompressSync } from 'node:zlib';
import { bufferBytes, collectHead, corrupt, decodeRange, type ExpandLimits, type Expansion, writeExpanded } from './expansion.ts';
import { type FileSource, inputSize, openSource, readRange } from './file-source.ts';
import { walkFrames, type ZstdFrame } from './zstd-frames.ts';

/** `zstd --long=30` files: the default limit of 27 refuses them. Memory grows with the window that the frame declares, up to 1 GiB. */
const params = { [constants.ZSTD_d_windowLogMax]: 30 };

/** A stream costs more than a millisecond to set up; frames that are small in both forms are decoded at once. */
const smallFrameBytes = 256 * 1024;
const smallContentBytes = 8 * 1024 * 1024;

function explain(key: string, offset: number, thrown: Error): Error {
  const code = 'code' in thrown ? String(thrown.code) : '';
  const found =
    code === 'ZSTD_error_checksum_wrong'
      ? 'the checksum of the frame does not fit'
      : code === 'Z_BUF_ERROR'
        ? 'the data ends in the middle of the frame'
        : `the frame is damaged (${thrown.message})`;
  return corrupt(key, 'zstd', offset, found, thrown);
}

async function* decodeFrame(path: string, source: FileSource, frame: ZstdFrame, key: string): AsyncGenerator<Uint8Array> {
  const { start, end, contentBytes } = frame;
  if (end - start <= smallFrameBytes && contentBytes !== null && contentBytes <= smallContentBytes) {
    const bytes = readRange(source, start, end);
    try {
      yield zstdDecompressSync(bytes, { params, maxOutputLength: smallContentBytes });
    } catch (thrown) {
      throw thrown instanceof Error ? explain(key, start, thrown) : thrown;
    }
    return;
  }
  const decoder = createZstdDecompress({ chunkSize: bufferBytes, params });
  yield* decodeRange(path, start, end, decoder, (thrown) => explain(key, start, thrown));
  if (decoder.bytesWritten !== end - start) throw corrupt(key, 'zstd', start, 'the frame is damaged (it ends early)');
}

/**
 * All frames of a zstd file, one by one: Node's decoder ends after the first, without an error, when its output doesn't fill a buffer exactly.
 */
export async function expandZstd(from: string, to: string, limits: ExpandLimits): Promise<Expansion> {
  const key = limits.key ?? from;
  const size = inputSize(from);
  const source = openSource(from, size);
  let bytesIn = 0;
  let checksum: Expansion['checksum'] = 'verified';
  const output = async function* (): AsyncGenerator<Uint8Array> {
    for (const frame of walkFrames(source, key)) {
      if (!frame.skippable) {
        if (!frame.checksum) checksum = 'unchecked';
        yield* decodeFrame(from, source, frame, key);
      }
      bytesIn = frame.end;
    }
  };
  try {
    const bytesOut = await writeExpanded(output(), to, limits);
    if (bytesIn !== size) throw corrupt(key, 'zstd', bytesIn, 'the data ends before the file does');
    return { bytesIn, bytesOut, checksum };
  } finally {
    source.close();
  }
}

/** The first content of a prefix of a zstd file, which may end anywhere. */
export async function zstdHead(key: string, bytes: Uint8Array, maxBytes: number): Promise<Uint8Array> {
  const source = {
    size: bytes.length,
    read: (offset: number, into: Uint8Array) => {
      const part = bytes.subarray(offset, offset + into.length);
      into.set(part);
      return part.length;
    },
  };
  const output = async function* (): AsyncGenerator<Uint8Array> {
    for (const frame of walkFrames(source, key, 'prefix')) {
      if (frame.skippable) continue;
      const decoder = createZstdDecompress({ chunkSize: 1 << 16, params, finishFlush: constants.ZSTD_e_continue });
      decoder.end(bytes.subarray(frame.start, frame.end));
      try {
        for await (const part of decoder) yield part as Uint8Array;
      } catch (thrown) {
        throw thrown instanceof Error ? explain(key, frame.start, thrown) : thrown;
      }
    }
  };
  return collectHead(output(), maxBytes);
}
