import { FanlakeError } from '../errors.ts';
import { newestCheckpoint, parseLogName, type WholeCheckpoint } from './log-names.ts';

/** What must be read of a log so that all that it names is known. */
export interface LogReading {
  /** Every version whose entry is there, in order. */
  readonly entries: readonly number[];
  /** Null where the entries tell everything from the first version on. */
  readonly checkpoint: WholeCheckpoint | null;
}

const isGapless = (versions: readonly number[], from: number): boolean => versions.every((version, index) => version === from + index);

/**
 * Which entries and which checkpoint name all files of a table, by the names of its log folder. No entries and no checkpoint: no log.
 * @param place the table, for messages
 * @throws FanlakeError `table.corrupt` when entries are missing that no checkpoint stands for; `table.unsupported` for a checkpoint that we don't read
 */
export function logReading(names: readonly string[], place: string): LogReading {
  const entries = names
    .flatMap((name) => {
      const object = parseLogName(name);
      return object.kind === 'entry' ? [object.version] : [];
    })
    .sort((a, b) => a - b);
  const hasCheckpoint = names.some((name) => parseLogName(name).kind.startsWith('checkpoint'));
  if (isGapless(entries, 0) && (entries.length > 0 || !hasCheckpoint)) return { entries, checkpoint: null };
  const checkpoint = newestCheckpoint(names);
  const behind = checkpoint === null ? [] : entries.filter((version) => version > checkpoint.version);
  if (checkpoint !== null && isGapless(behind, checkpoint.version + 1)) return { entries, checkpoint };
  throw new FanlakeError(
    'table.corrupt',
    `The log of ${place} has gaps that no checkpoint of it closes, so which files the table has can't be told. Repair it with the tool that wrote it.`,
  );
}
