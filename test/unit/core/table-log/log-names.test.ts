import { describe, expect, test } from 'vitest';
import {
  checkpointName,
  entryName,
  lastCheckpointVersion,
  newestCheckpoint,
  parseLogName,
} from '../../../../functions/core/table-log/log-names.ts';

describe('names of the log', () => {
  test('an entry is its version in 20 digits', () => {
    expect(entryName(7)).toBe('00000000000000000007.json');
    expect(checkpointName(12)).toBe('00000000000000000012.checkpoint.parquet');
    expect(() => entryName(-1)).toThrow(RangeError);
  });

  test.each([
    ['00000000000000000007.json', { kind: 'entry', version: 7 }],
    ['00000000000000000010.checkpoint.parquet', { kind: 'checkpoint', version: 10, part: 1, parts: 1 }],
    ['00000000000000000010.checkpoint.0000000002.0000000003.parquet', { kind: 'checkpoint', version: 10, part: 2, parts: 3 }],
    ['00000000000000000010.checkpoint.80a083e8-7026-4e79-81be-64bd76c43a11.json', { kind: 'checkpoint-v2', version: 10 }],
    ['00000000000000000010.checkpoint.80a083e8-7026-4e79-81be-64bd76c43a11.parquet', { kind: 'checkpoint-v2', version: 10 }],
    ['_last_checkpoint', { kind: 'last-checkpoint' }],
    ['00000000000000000007.crc', { kind: 'other' }],
    ['00000000000000000004.00000000000000000006.compacted.json', { kind: 'other' }],
    ['00000000000000000007.json.tmp', { kind: 'other' }],
    ['.00000000000000000007.json.crc', { kind: 'other' }],
    ['7.json', { kind: 'other' }],
    ['99999999999999999999.json', { kind: 'other' }],
    ['_commits/00000000000000000007.json', { kind: 'other' }],
  ])('knows what %s is', (name, object) => {
    expect(parseLogName(name)).toEqual(object);
  });

  test('the newest checkpoint is the newest whole one', () => {
    const part = (version: number, at: number) => `${String(version).padStart(20, '0')}.checkpoint.000000000${at}.0000000002.parquet`;
    const names = [part(30, 1), part(20, 2), checkpointName(10), part(20, 1), entryName(31)];
    expect(newestCheckpoint(names)).toEqual({ version: 20, names: [part(20, 1), part(20, 2)] });
    expect(newestCheckpoint(names, 19)).toEqual({ version: 10, names: [checkpointName(10)] });
    expect(newestCheckpoint([entryName(0)])).toBeNull();
  });

  test('a newer checkpoint of the second kind is refused by its name', () => {
    const v2 = '00000000000000000010.checkpoint.80a083e8-7026-4e79-81be-64bd76c43a11.json';
    const refused = expect.objectContaining({ code: 'table.unsupported', message: expect.stringContaining('v2Checkpoint') });
    expect(() => newestCheckpoint([checkpointName(9), v2])).toThrow(refused);
    expect(newestCheckpoint([checkpointName(10), v2])?.version).toBe(10);
    expect(newestCheckpoint([checkpointName(9), v2], 9)?.version).toBe(9);
  });

  test.each([
    ['{"version":10,"size":3}', 10],
    ['{"version":"10"}', null],
    ['{"ver', null],
    ['', null],
  ])('the hint %j names version %s', (text, version) => {
    expect(lastCheckpointVersion(text)).toBe(version);
  });
});
