import { closeSync, fstatSync, openSync, readSync, statSync } from 'node:fs';
import { FanlakeError } from '../core/errors.ts';
import type { ByteSource } from '../core/records/byte-source.ts';

/** Bytes of the object were asked for that the local file doesn't hold: stage a longer range and begin again. */
export class RangeMissing extends Error {
  override readonly name = 'RangeMissing';
  /** Of the first byte that is missing, in the object. */
  readonly offset: number;

  constructor(offset: number, held: string) {
    super(`byte ${offset} is not in the staged range ${held}`);
    this.offset = offset;
  }
}

export interface FileSource extends ByteSource {
  close(): void;
}

/**
 * An object's bytes in a local file, read synchronously.
 * @param path a file that holds the object, or a range of it
 * @param size bytes of the object, not of the file
 * @param origin offset in the object of the file's first byte
 * @throws RangeMissing from `read`, when the file holds only a range and lacks the bytes; FanlakeError `input.changed` when it held the object's end and
 * has become shorter; `input.gone` when there is no file
 */
export function openSource(path: string, size: number, origin = 0): FileSource {
  const descriptor = openInput(path);
  const held = origin + fstatSync(descriptor).size;
  return {
    size,
    read(offset, into) {
      const wanted = Math.min(into.length, size - offset);
      if (wanted <= 0) return 0;
      if (offset < origin) throw new RangeMissing(offset, `[${origin}, ${held})`);
      let filled = 0;
      while (filled < wanted) {
        const count = readSync(descriptor, into, filled, wanted - filled, offset - origin + filled);
        if (count === 0) break;
        filled += count;
      }
      if (filled === 0 && held < size) throw new RangeMissing(offset, `[${origin}, ${held})`);
      if (filled === 0) throw shorter(path, size, offset);
      return filled;
    },
    close: () => closeSync(descriptor),
  };
}

function openInput(path: string): number {
  return orGone(path, () => openSync(path, 'r'));
}

/** Bytes of an object's local file. Throws `input.gone` when there is none. */
export function inputSize(path: string): number {
  return orGone(path, () => statSync(path).size);
}

function orGone<T>(path: string, look: () => T): T {
  try {
    return look();
  } catch (thrown) {
    if (!(thrown instanceof Error && 'code' in thrown && thrown.code === 'ENOENT')) throw thrown;
    throw new FanlakeError(
      'input.gone',
      `${path} is gone: it was deleted or moved while it was to be read. Run again for what is there now.`,
      { path },
      thrown,
    );
  }
}

function shorter(path: string, size: number, offset: number): FanlakeError {
  return new FanlakeError(
    'input.changed',
    `${path} became shorter while it was read: it had ${size} bytes, and now ends at byte ${offset}. Run again when nothing writes to it.`,
    { path, size, offset },
  );
}

/** The bytes `[start, end)` of a source. */
export function readRange(source: ByteSource, start: number, end: number): Buffer {
  const bytes = Buffer.allocUnsafe(Math.max(0, end - start));
  for (let filled = 0; filled < bytes.length; ) {
    const count = source.read(start + filled, bytes.subarray(filled));
    if (count === 0) throw new RangeMissing(start + filled, 'of the source');
    filled += count;
  }
  return bytes;
}
