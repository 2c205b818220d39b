import type { ByteSource } from '../../../../functions/core/records/byte-source.ts';

/** A source over bytes in memory. `mostBytes` makes reads short, as the port allows. */
export function memorySource(content: Uint8Array | string, mostBytes = Number.POSITIVE_INFINITY): ByteSource {
  const bytes = typeof content === 'string' ? Buffer.from(content) : content;
  return {
    size: bytes.length,
    read(offset, into) {
      const piece = bytes.subarray(offset, offset + Math.min(into.length, mostBytes));
      into.set(piece);
      return piece.length;
    },
  };
}
