import { expect, it } from 'vitest';
import { checkpointName, entryName } from '../../../../functions/core/table-log/log-names.ts';
import { logReading } from '../../../../functions/core/table-log/log-reading.ts';

const names = (entries: readonly number[], ...others: readonly string[]) => [...entries.map(entryName), ...others];

it.each([
  ['no log', names([]), [], null],
  ['entries from the first on', names([0, 1, 2], '_last_checkpoint'), [0, 1, 2], null],
  ['entries from the first on need no checkpoint', names([0, 1], checkpointName(1)), [0, 1], null],
  ['a checkpoint for entries that were cleaned up; those behind it are read too', names([3, 5, 6, 7], checkpointName(6)), [3, 5, 6, 7], 6],
  ['a checkpoint alone', names([], checkpointName(4)), [], 4],
])('%s', (_, found, entries, checkpoint) => {
  const reading = logReading(found, 'the table');
  expect(reading.entries).toEqual(entries);
  expect(reading.checkpoint?.version ?? null).toBe(checkpoint);
});

it.each([
  ['the first entries are gone without a checkpoint', names([2, 3])],
  ['an entry is missing in the middle', names([0, 1, 3])],
  ['an entry is missing behind the checkpoint', names([4, 6], checkpointName(4))],
])('a log is not believed when %s', (_, found) => {
  expect(() => logReading(found, 'the table')).toThrow(expect.objectContaining({ code: 'table.corrupt' }));
});
