import type { ByteSource } from '../core/records/byte-source.ts';
import type { FieldForms } from '../core/records/field-forms.ts';
import { Utf8Checker } from '../core/records/utf8.ts';

const bufferBytes = 1 << 20;

function firstInvalid(source: ByteSource, from: number, to: number): number | null {
  const checker = new Utf8Checker();
  const buffer = Buffer.allocUnsafe(bufferBytes);
  for (let offset = from; offset < to; ) {
    const count = source.read(offset, buffer.subarray(0, Math.min(buffer.length, to - offset)));
    if (count === 0) break;
    const found = checker.push(buffer.subarray(0, count));
    if (found >= 0) return from + found;
    offset += count;
  }
  const found = checker.finish();
  return found < 0 ? null : from + found;
}

const gapBlockBytes = 256 << 10;

/** An upper bound of the distance between newlines: exact where it is over a block, else the block's length. */
class LineGap {
  readonly newline: number;
  private longest = 0;
  private sinceNewline = 0;

  constructor(newline: number) {
    this.newline = newline;
  }

  push(bytes: Uint8Array): void {
    for (let start = 0; start < bytes.length; start += gapBlockBytes) {
      const block = bytes.subarray(start, start + gapBlockBytes);
      const first = block.indexOf(this.newline);
      if (first < 0) {
        this.sinceNewline += block.length;
        continue;
      }
      this.longest = Math.max(this.longest, this.sinceNewline + first + 1, block.length);
      this.sinceNewline = block.length - 1 - block.lastIndexOf(this.newline);
    }
  }

  get bound(): number {
    return Math.max(this.longest, this.sinceNewline);
  }
}

/**
 * A source that looks at the bytes as somebody else reads them, while they are in the processor's cache: whether they are UTF-8, and whether certain
 * bytes occur. A second pass over the file would cost as much as the reader's own.
 */
export class CheckedSource implements ByteSource {
  readonly size: number;
  private readonly inner: ByteSource;
  private readonly watched: readonly number[];
  private readonly seen = new Set<number>();
  private checker = new Utf8Checker();
  /** The longest stretch that was read in order, `[start, end)`, and the first invalid byte in it. */
  private start = 0;
  private end = 0;
  private invalid = -1;
  private gap: LineGap;
  private watch: { readonly forms: FieldForms; readonly from: number; readonly end: number; to: number } | null = null;

  /**
   * @param watched bytes to look out for, see `mayHold`
   * @param newline byte that ends a line, see `longestLineIn`
   */
  constructor(inner: ByteSource, watched: readonly number[] = [], newline = 0x0a) {
    this.inner = inner;
    this.size = inner.size;
    this.watched = watched;
    this.gap = new LineGap(newline);
  }

  read(offset: number, into: Uint8Array): number {
    const count = this.inner.read(offset, into);
    if (count === 0) return 0;
    const bytes = into.subarray(0, count);
    this.watchForms(offset, bytes);
    if (offset === this.end) this.look(bytes);
    else if (count > this.end - this.start) this.restart(offset, bytes);
    return count;
  }

  private restart(offset: number, bytes: Uint8Array): void {
    // a split may begin in the middle of a character; whether that is a record's beginning is not known yet
    let skip = 0;
    while (skip < 3 && ((bytes[skip] ?? 0) & 0xc0) === 0x80) skip += 1;
    this.checker = new Utf8Checker();
    this.invalid = -1;
    this.gap = new LineGap(this.gap.newline);
    this.start = offset + skip;
    this.end = this.start;
    this.look(bytes.subarray(skip));
  }

  private look(bytes: Uint8Array): void {
    this.end += bytes.length;
    if (this.invalid < 0) {
      const found = this.checker.push(bytes);
      if (found >= 0) this.invalid = this.start + found;
    }
    this.gap.push(bytes);
    for (const byte of this.watched) if (!this.seen.has(byte) && bytes.includes(byte)) this.seen.add(byte);
  }

  /** Has the records of `[from, end)` looked at for their fields' forms, as somebody reads them in order. */
  lookForForms(forms: FieldForms, from: number, end: number = this.size): void {
    this.watch = { forms, from, end, to: from };
  }

  private watchForms(offset: number, bytes: Uint8Array): void {
    const { watch } = this;
    const seen = (watch?.to ?? 0) - offset;
    if (watch === null || seen < 0 || seen >= bytes.length) return;
    const to = Math.min(watch.end, offset + bytes.length);
    watch.forms.push(bytes.subarray(seen, to - offset));
    watch.to = to;
  }

  /** The fields of which all values in `[from, to)` are of their form; none when that wasn't looked at. Call once, after the last read. */
  fieldsOfForm(from: number, to: number): readonly number[] {
    const { watch } = this;
    if (watch === null || from !== watch.from || to > watch.to) return [];
    return to === watch.to ? watch.forms.finish() : watch.forms.ofForm;
  }

  /** Offset of the first byte of `[from, to)` that isn't UTF-8, or null. What hasn't been read in order is read now. `to` is the end of a record. */
  invalidIn(from: number, to: number): number | null {
    if (from < this.start || to > this.end || (this.invalid >= 0 && this.invalid < from)) return firstInvalid(this.inner, from, to);
    if (this.invalid < 0 && to === this.size) {
      const found = this.checker.finish();
      return found < 0 ? null : this.start + found;
    }
    return this.invalid >= 0 && this.invalid < to ? this.invalid : null;
  }

  /** At least the bytes of the longest line of `[from, to)` with its end, at most 256 KiB too many; null when that isn't known. */
  longestLineIn(from: number, to: number): number | null {
    return from < this.start || to > this.end ? null : Math.min(this.gap.bound, to - from);
  }

  /** Whether a watched byte may occur in `[from, to)`: false is certain. */
  mayHold(byte: number, from: number, to: number): boolean {
    return from < this.start || to > this.end || this.seen.has(byte);
  }
}
