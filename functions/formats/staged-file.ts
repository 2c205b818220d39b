import { closeSync, openSync, writeSync } from 'node:fs';
import type { ByteSource } from '../core/records/byte-source.ts';
import type { FieldForms } from '../core/records/field-forms.ts';
import { RangeMissing } from './file-source.ts';
import { asScratchError } from './scratch.ts';

/** Larger ones leave the processor's cache: at 4 MiB copying takes twice as long. */
const bufferBytes = 256 << 10;

const byteOrderMark = Uint8Array.of(0xef, 0xbb, 0xbf);

/**
 * A new file in the scratch folder. The engine takes a byte order mark at the start of any CSV file for an encoding's and drops it, so a file whose
 * first bytes are one *as data* gets a second in front.
 */
export class StagedFile {
  readonly path: string;
  private readonly descriptor: number;
  private readonly pending = Buffer.allocUnsafeSlow(bufferBytes);
  private pendingBytes = 0;
  private begun = false;
  private isClosed = false;

  /** @throws FanlakeError `store.full`, `store.denied` */
  constructor(path: string) {
    this.path = path;
    this.descriptor = this.guard(() => openSync(path, 'w'));
  }

  write(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    if (!this.begun) this.begin(bytes);
    if (bytes.length > bufferBytes / 4) {
      this.flush();
      this.writeThrough(bytes);
      return;
    }
    if (this.pendingBytes + bytes.length > bufferBytes) this.flush();
    this.pending.set(bytes, this.pendingBytes);
    this.pendingBytes += bytes.length;
  }

  /** Once more does nothing. */
  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    try {
      this.flush();
    } finally {
      closeSync(this.descriptor);
    }
  }

  private begin(first: Uint8Array): void {
    this.begun = true;
    if (byteOrderMark.every((byte, i) => first[i] === byte)) this.write(byteOrderMark);
  }

  private flush(): void {
    const bytes = this.pending.subarray(0, this.pendingBytes);
    this.pendingBytes = 0;
    this.writeThrough(bytes);
  }

  private writeThrough(bytes: Uint8Array): void {
    this.guard(() => {
      for (let done = 0; done < bytes.length; ) done += writeSync(this.descriptor, bytes, done);
    });
  }

  private guard<T>(act: () => T): T {
    try {
      return act();
    } catch (thrown) {
      throw asScratchError(thrown, `stage input at ${this.path}`);
    }
  }
}

/**
 * Calls `onBytes` with the bytes `[start, end)` of a source in order, in a buffer that is used again.
 * @throws RangeMissing when the source ends before
 */
export function eachBlock(source: ByteSource, start: number, end: number, onBytes: (bytes: Buffer) => void): void {
  const buffer = Buffer.allocUnsafeSlow(Math.max(1, Math.min(bufferBytes, end - start)));
  for (let offset = start; offset < end; ) {
    const count = source.read(offset, buffer.subarray(0, Math.min(buffer.length, end - offset)));
    if (count === 0) throw new RangeMissing(offset, 'of the source');
    onBytes(buffer.subarray(0, count));
    offset += count;
  }
}

/** Copies the bytes `[start, end)` of a source to a new file. @param forms looks at them meanwhile */
export function stageRange(source: ByteSource, start: number, end: number, path: string, forms?: FieldForms): void {
  const file = new StagedFile(path);
  try {
    eachBlock(source, start, end, (bytes) => {
      file.write(bytes);
      forms?.push(bytes);
    });
  } finally {
    file.close();
  }
}
