import { FanlakeError } from '../core/errors.ts';
import type { ByteSource } from '../core/records/byte-source.ts';
import { corrupt } from './expansion.ts';

/** One frame of a zstd file: bytes `[start, end)`. */
export interface ZstdFrame {
  readonly start: number;
  readonly end: number;
  /** Holds no content (RFC 8878, 3.1.2). */
  readonly skippable: boolean;
  /** Whether the content is followed by its checksum. */
  readonly checksum: boolean;
  /** As declared; null when it isn't. */
  readonly contentBytes: number | null;
}

const frameMagic = 0xfd2fb528;
const skippableMagic = 0x184d2a50;

/** Little-endian numbers of a source; past its end they are a truncation. */
class Reader {
  private readonly buffer = Buffer.alloc(8);
  private readonly source: ByteSource;
  private readonly key: string;

  constructor(source: ByteSource, key: string) {
    this.source = source;
    this.key = key;
  }

  number(offset: number, bytes: 1 | 2 | 3 | 4): number {
    const into = this.buffer.subarray(0, bytes);
    for (let filled = 0; filled < bytes; ) {
      const count = this.source.read(offset + filled, into.subarray(filled));
      if (count === 0) throw this.truncated();
      filled += count;
    }
    return into.readUIntLE(0, bytes);
  }

  truncated(): FanlakeError {
    return corrupt(this.key, 'zstd', this.source.size, 'the file ends in the middle of a frame');
  }
}

/**
 * The frames of a zstd file in order, from their headers and those of their blocks, without decoding anything (RFC 8878, 3.1.1).
 * @param extent `prefix`: the source is only the beginning of the file; a frame that it cuts is reported as far as it goes, as the last
 * @throws FanlakeError `input.corrupt` for a truncated frame or bytes that belong to none
 */
export function* walkFrames(source: ByteSource, key: string, extent: 'whole' | 'prefix' = 'whole'): Generator<ZstdFrame> {
  const reader = new Reader(source, key);
  for (let start = 0; start < source.size; ) {
    let frame: ZstdFrame;
    try {
      frame = frameAt(reader, start, key);
      if (frame.end > source.size) throw reader.truncated();
    } catch (thrown) {
      if (extent === 'whole') throw thrown;
      yield { start, end: source.size, skippable: isSkippable(source, start), checksum: false, contentBytes: null };
      return;
    }
    yield frame;
    start = frame.end;
  }
}

function isSkippable(source: ByteSource, start: number): boolean {
  const magic = Buffer.alloc(4);
  return source.read(start, magic) === 4 && (magic.readUInt32LE() & 0xfffffff0) >>> 0 === skippableMagic;
}

function frameAt(reader: Reader, start: number, key: string): ZstdFrame {
  const magic = reader.number(start, 4);
  if ((magic & 0xfffffff0) >>> 0 === skippableMagic) {
    return { start, end: start + 8 + reader.number(start + 4, 4), skippable: true, checksum: false, contentBytes: null };
  }
  if (magic !== frameMagic) throw corrupt(key, 'zstd', start, 'there is something that is not zstd');
  const descriptor = reader.number(start + 4, 1);
  const [sizeFlag, singleSegment, checksum] = [descriptor >> 6, (descriptor & 0x20) !== 0, (descriptor & 0x04) !== 0];
  if ((descriptor & 0x08) !== 0) throw corrupt(key, 'zstd', start, 'the header of a frame is damaged');
  let offset = start + 5 + (singleSegment ? 0 : 1);
  const dictionaryBytes = [0, 1, 2, 4][descriptor & 3] ?? 0;
  if (dictionaryBytes > 0) {
    throw new FanlakeError('input.format', `'${key}' can't be decompressed: it needs a zstd dictionary. Compress it without one.`, { key });
  }
  const contentBytes = contentSize(reader, offset, sizeFlag, singleSegment);
  offset += [singleSegment ? 1 : 0, 2, 4, 8][sizeFlag] ?? 0;
  for (let last = false; !last; ) {
    const header = reader.number(offset, 3);
    const [type, size] = [(header >> 1) & 3, header >> 3];
    if (type === 3) throw corrupt(key, 'zstd', offset, 'a block has a type that does not exist');
    last = (header & 1) === 1;
    offset += 3 + (type === 1 ? 1 : size);
  }
  return { start, end: offset + (checksum ? 4 : 0), skippable: false, checksum, contentBytes };
}

function contentSize(reader: Reader, offset: number, flag: number, singleSegment: boolean): number | null {
  switch (flag) {
    case 0:
      return singleSegment ? reader.number(offset, 1) : null;
    case 1:
      return reader.number(offset, 2) + 256;
    case 2:
      return reader.number(offset, 4);
    default:
      return reader.number(offset, 4) + reader.number(offset + 4, 4) * 2 ** 32;
  }
}
