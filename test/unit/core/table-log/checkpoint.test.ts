import { describe, expect, it, test } from 'vitest';
import type { Action, MetaData } from '../../../../functions/core/table-log/actions.ts';
import {
  checkpointActions,
  checkpointRefusal,
  encodeLastCheckpoint,
  isCheckpointDue,
  isTooSoon,
} from '../../../../functions/core/table-log/checkpoint.ts';
import { lastCheckpointVersion } from '../../../../functions/core/table-log/log-names.ts';
import { applyEntries, emptySnapshot, type Snapshot } from '../../../../functions/core/table-log/snapshot.ts';

const metaDataWith = (configuration: Readonly<Record<string, string>>): MetaData => ({
  id: 'id',
  format: { provider: 'parquet', options: {} },
  schemaString: '{"type":"struct","fields":[]}',
  partitionColumns: [],
  configuration,
});

const protocol = { minReaderVersion: 1, minWriterVersion: 2 };
const add = (path: string): Action => ({ add: { path, partitionValues: {}, size: 1, modificationTime: 2, dataChange: true } });
const remove = (path: string, deletionTimestamp?: number): Action => ({
  remove: { path, dataChange: true, ...(deletionTimestamp === undefined ? {} : { deletionTimestamp }) },
});

function tableWith(configuration: Readonly<Record<string, string>>, ...entries: readonly (readonly Action[])[]): Snapshot {
  const all = [[{ protocol }, { metaData: metaDataWith(configuration) }], ...entries];
  return applyEntries(
    emptySnapshot(true),
    all.map((actions, version) => ({ version, actions })),
  );
}

test.each([
  [0, {}, false],
  [9, {}, false],
  [10, {}, true],
  [20, {}, true],
  [21, {}, false],
  [10, { 'delta.checkpointInterval': '100' }, false],
  [200, { 'delta.checkpointInterval': '100' }, true],
  [3, { 'delta.checkpointInterval': '3' }, true],
  [10, { 'delta.checkpointInterval': 'often' }, true],
  [10, { 'delta.checkpointInterval': '0' }, true],
])('at version %i of a table with %o a checkpoint is due: %s', (version, configuration, due) => {
  expect(isCheckpointDue(version, metaDataWith(configuration))).toBe(due);
});

test('a table whose metadata nobody has seen yet has a checkpoint each ten versions', () => {
  expect([9, 10].map((version) => isCheckpointDue(version, null))).toEqual([false, true]);
});

test.each([
  [20, { version: 10, size: 99_999 }, {}, false],
  [20, { version: 10, size: 100_000 }, {}, true],
  [30, { version: 10, size: 100_000 }, {}, false],
  [100, { version: 10, size: 500_000 }, {}, true],
  [110, { version: 10, size: 500_000 }, {}, false],
  [20, { version: 10, size: 500_000 }, { 'delta.checkpointInterval': '10' }, false],
  [10, { version: 20, size: 500_000 }, {}, false],
])('at version %i a checkpoint comes too soon after %o in a table with %o: %s', (version, before, configuration, tooSoon) => {
  expect(isTooSoon(version, before, metaDataWith(configuration))).toBe(tooSoon);
});

describe('a checkpoint', () => {
  const dayMs = 86_400_000;
  const nowMs = 100 * dayMs;
  const pathsOf = (snapshot: Snapshot) =>
    [...checkpointActions(snapshot, nowMs)].flatMap((action) => ('remove' in action ? [action.remove.path] : []));

  it('holds protocol, metadata, the last transaction of every application and the live files, which change no data', () => {
    const ours = { txn: { appId: 'run/e0', version: 1, lastUpdated: 5 } };
    const table = tableWith(
      {},
      [ours, add('a')],
      [{ txn: { appId: 'theirs', version: 7 } }, add('b')],
      [{ txn: { appId: 'theirs', version: 8 } }, { commitInfo: {} }],
    );
    expect([...checkpointActions(table, nowMs)]).toEqual([
      { protocol },
      { metaData: metaDataWith({}) },
      ours,
      { txn: { appId: 'theirs', version: 8 } },
      { add: { path: 'a', partitionValues: {}, size: 1, modificationTime: 2, dataChange: false } },
      { add: { path: 'b', partitionValues: {}, size: 1, modificationTime: 2, dataChange: false } },
    ]);
  });

  it.each([
    [{}, ['week']],
    [{ 'delta.deletedFileRetentionDuration': 'interval 30 days' }, ['week', 'month']],
    [{ 'delta.deletedFileRetentionDuration': 'when I say so' }, ['week', 'month', 'ever']],
  ])('keeps tombstones until they expire: %o', (configuration, kept) => {
    const removals = [
      remove('week', nowMs - 7 * dayMs + 1),
      remove('month', nowMs - 7 * dayMs),
      remove('ever', 1),
      remove('without a time'),
    ];
    expect(pathsOf(tableWith(configuration, removals))).toEqual(kept);
  });

  it('isn’t written for a table that asks for more than we write', () => {
    expect(checkpointRefusal(tableWith({}))).toBeNull();
    expect(checkpointRefusal(tableWith({ 'delta.checkpoint.writeStatsAsJson': 'true' }))).toBeNull();
    expect(checkpointRefusal(tableWith({ 'delta.checkpoint.writeStatsAsJson': 'false' }))).toContain('writeStatsAsJson = false');
    expect(checkpointRefusal(tableWith({ 'delta.checkpoint.writeStatsAsStruct': 'true' }))).toContain('writeStatsAsStruct = true');
    const features = {
      protocol: { minReaderVersion: 3, minWriterVersion: 7, readerFeatures: ['v2Checkpoint'], writerFeatures: ['v2Checkpoint'] },
    };
    expect(checkpointRefusal(tableWith({}, [features]))).toContain('v2Checkpoint');
  });

  it('is pointed to by its version', () => {
    expect(lastCheckpointVersion(encodeLastCheckpoint({ version: 20, size: 7, sizeInBytes: 900, numOfAddFiles: 4 }))).toBe(20);
  });
});
