import type { Layout } from '../layout.ts';
import type { ByteRange } from '../ports.ts';

/** Looked at in front of a range, to see whether its first byte is escaped, or follows a quote or half of a delimiter. */
export const lookBackBytes = 4096;

/** Behind a range that isn't much longer the last record ends. */
const usualRecordBytes = 1 << 16;

/** How far behind a range the other start state's end is looked for: in proportion, so that tiny splits stay cheap. */
export const alternativeBytes = (rangeBytes: number): number => Math.min(2 ** 20, Math.max(2 ** 16, 16 * rangeBytes));

/**
 * The bytes of an object in which the records that start in a range most likely are found. A longer record, or a longer run of escape bytes in front, needs
 * more.
 */
export function reachOf({ start, end }: ByteRange, layout: Layout): ByteRange {
  const quoted = layout.format === 'csv' && layout.dialect.quote !== '';
  const behind = usualRecordBytes + (quoted ? alternativeBytes(end - start) : 0);
  return { start: Math.max(0, start - lookBackBytes - 1), end: end + behind };
}
