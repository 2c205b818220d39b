import { constants, gzipSync, zstdCompressSync } from 'node:zlib';

/** A skippable frame, which holds no content (RFC 8878, 3.1.2). */
function skippableFrame(content: string): Buffer {
  const header = Buffer.alloc(8);
  header.writeUInt32LE(0x184d2a51, 0);
  header.writeUInt32LE(Buffer.byteLength(content), 4);
  return Buffer.concat([header, Buffer.from(content)]);
}

function halves(content: Uint8Array): readonly [Uint8Array, Uint8Array] {
  const middle = Math.floor(content.length / 2);
  return [content.subarray(0, middle), content.subarray(middle)];
}

/** Three members, the middle one empty, cut where it may be in the middle of a record or a character. */
export function gzipMembers(content: Uint8Array): Buffer {
  const [first, second] = halves(content);
  return Buffer.concat([gzipSync(first), gzipSync(new Uint8Array(0)), gzipSync(second)]);
}

const withChecksum = { params: { [constants.ZSTD_c_checksumFlag]: 1 } };

/** Two frames with checksums, between and behind skippable ones. */
export function zstdFrames(content: Uint8Array): Buffer {
  const [first, second] = halves(content);
  return Buffer.concat([
    skippableFrame('head'),
    zstdCompressSync(first, withChecksum),
    skippableFrame(''),
    zstdCompressSync(second, withChecksum),
    skippableFrame('tail'),
  ]);
}
