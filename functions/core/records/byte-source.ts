import { FanlakeError } from '../errors.ts';

/** Bytes at known places, read synchronously: a local file or memory. The caller wraps them; nothing here opens anything. */
export interface ByteSource {
  readonly size: number;
  /** Reads bytes from `offset` on into `into` and returns how many; fewer than asked is allowed, 0 only at the end. */
  read(offset: number, into: Uint8Array): number;
}

/** Fills `into` with the bytes from `offset` on. Throws `input.changed` when the source ends before its size. */
export function readFully(source: ByteSource, offset: number, into: Uint8Array): void {
  let done = 0;
  while (done < into.length) {
    const read = source.read(offset + done, done === 0 ? into : into.subarray(done));
    if (read <= 0) {
      throw new FanlakeError(
        'input.changed',
        `reading ${into.length} bytes at offset ${offset}: the input of ${source.size} bytes ended after ${done} of them; load it again`,
      );
    }
    done += read;
  }
}

/** Calls `take` with the bytes of [from, to), piece by piece in one buffer that is used again, until it returns false. */
export function eachPiece(source: ByteSource, from: number, to: number, take: (bytes: Uint8Array) => boolean): void {
  const buffer = new Uint8Array(Math.max(0, Math.min(pieceBytes, to - from)));
  for (let offset = from; offset < to; offset += buffer.length) {
    const bytes = buffer.subarray(0, Math.min(buffer.length, to - offset));
    readFully(source, offset, bytes);
    if (!take(bytes)) return;
  }
}

const pieceBytes = 2 ** 18;

/** Numbers in the order they were added; grows by doubling. */
export class OffsetList {
  private numbers = new Float64Array(1024);
  private length = 0;

  add(offset: number): void {
    if (this.length === this.numbers.length) {
      const larger = new Float64Array(2 * this.length);
      larger.set(this.numbers);
      this.numbers = larger;
    }
    this.numbers[this.length++] = offset;
  }

  toArray(): Float64Array {
    return this.numbers.slice(0, this.length);
  }
}
