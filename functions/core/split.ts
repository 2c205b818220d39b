import { canSplit, type Layout } from './layout.ts';
import type { ByteRange } from './ports.ts';

/**
 * The ranges that an object is cut into: half-open, in order, without gap or overlap, covering all of it. Ranges that would end in front of the first
 * data record are part of the first. An object that can't be cut, or of no more than `splitSizeBytes`, is one range; so is an empty one, `[0, 0)`.
 * Made one by one: there may be millions.
 * @param splitSizeBytes at least 1; null to leave the object whole
 */
export function* splitObject(object: { readonly size: number }, layout: Layout, splitSizeBytes: number | null): Generator<ByteRange> {
  const { size } = object;
  if (splitSizeBytes === null || splitSizeBytes >= size || layout.format === 'parquet' || !canSplit(layout)) {
    yield { start: 0, end: size };
    return;
  }
  // the first range must reach a byte of data, else no record could start in it
  let end = (Math.floor(layout.dataStart / splitSizeBytes) + 1) * splitSizeBytes;
  for (let start = 0; start < size; end += splitSizeBytes) {
    const range = { start, end: Math.min(end, size) };
    yield range;
    start = range.end;
  }
}
