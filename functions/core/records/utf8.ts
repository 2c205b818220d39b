import { isUtf8 } from 'node:buffer';

/**
 * Finds the first byte that isn't part of valid UTF-8, over bytes given piece by piece, cut anywhere. What is valid: The Unicode Standard, table 3-7
 * (no overlong forms, no surrogates, nothing above U+10FFFF).
 */
export class Utf8Checker {
  private offset = 0;
  private invalidAt = -1;
  /** The first bytes of a sequence that the last piece cut. */
  private cut: Uint8Array = new Uint8Array(0);

  /** Takes the next bytes. Returns the offset, from the first byte ever pushed, of the first invalid sequence; -1 when there is none so far. */
  push(bytes: Uint8Array): number {
    if (this.invalidAt >= 0) return this.invalidAt;
    const missing = Math.min(bytes.length, this.missingBytes());
    const start = this.offset - this.cut.length;
    const joined = new Uint8Array([...this.cut, ...bytes.subarray(0, missing)]);
    this.cut = new Uint8Array(0);
    this.check(joined, start);
    if (this.cut.length === 0) this.check(bytes.subarray(missing), start + joined.length);
    this.offset += bytes.length;
    return this.invalidAt;
  }

  /** Call after the last byte: a sequence that the end cuts is invalid. */
  finish(): number {
    if (this.invalidAt < 0 && this.cut.length > 0) this.invalidAt = this.offset - this.cut.length;
    return this.invalidAt;
  }

  private missingBytes(): number {
    const [lead] = this.cut;
    return lead === undefined ? 0 : sequenceLength(lead) - this.cut.length;
  }

  private check(bytes: Uint8Array, start: number): void {
    if (this.invalidAt >= 0) return;
    const whole = bytes.length - cutBytes(bytes);
    if (isUtf8(bytes.subarray(0, whole))) this.cut = bytes.slice(whole);
    else this.invalidAt = start + firstInvalid(bytes);
  }
}

/** How many bytes at the end begin a sequence that isn't complete. */
function cutBytes(bytes: Uint8Array): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back] ?? 0;
    if (byte >= 0xc0) return sequenceLength(byte) > back ? back : 0;
    if (byte < 0x80) return 0;
  }
  return 0;
}

function sequenceLength(lead: number): number {
  return lead < 0xc0 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
}

/** Position of the first sequence that isn't valid, in bytes that have one: block by block, then sequence by sequence. */
function firstInvalid(bytes: Uint8Array): number {
  let from = 0;
  for (;;) {
    const block = bytes.subarray(from, from + 4096);
    const whole = block.length - cutBytes(block);
    if (whole === 0 || !isUtf8(block.subarray(0, whole))) break;
    from += whole;
  }
  for (;;) {
    const length = sequenceLength(bytes[from] ?? 0);
    if (!isUtf8(bytes.subarray(from, from + length))) return from;
    from += length;
  }
}
