import { canSplit, type Layout } from './layout.ts';
import type { ByteRange } from './ports.ts';

/**
 * The ranges that an object is cut into: half-open, in order, without gap or overlap, covering all of it. Ranges that would end in front of the first
 * data record are part of the first. An object that can't be cut, or of no more than `splitSizeBytes`, is one range; so is an empty one, `[0, 0)`.
 * Made one by one: there may be millions.
 * @param splitSizeBytes most bytes of a range (the first may need more to reach the data), at least 1; null to leave the object whole
 */
export function* splitObject(object: { readonly size: number }, layout: Layout, splitSizeBytes: number | null): Generator<ByteRange> {
  const { size } = object;
  if (splitSizeBytes === null || splitSizeBytes >= size || layout.format === 'parquet' || !canSplit(layout)) {
    yield { start: 0, end: size };
    return;
  }
  // as many ranges as it takes, of about equal length: a short last one would leave workers idle
  const ranges = Math.ceil(size / splitSizeBytes);
  const edge = (range: number): number => (range === ranges ? size : Math.ceil((range * size) / ranges));
  // the first range must reach a byte of data, else no record could start in it
  let range = Math.min(ranges, Math.floor((layout.dataStart * ranges) / size) + 1);
  while (edge(range) <= layout.dataStart && range < ranges) range += 1;
  for (let start = 0; range <= ranges; range++) {
    const end = edge(range);
    yield { start, end };
    start = end;
  }
}
