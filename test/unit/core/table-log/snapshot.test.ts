import { describe, expect, test } from 'vitest';
import type { Action, AddFile, MetaData } from '../../../../functions/core/table-log/actions.ts';
import { applyEntries, applyEntry, emptySnapshot, snapshotOfCheckpoint } from '../../../../functions/core/table-log/snapshot.ts';
import { checkReadable, checkWritable, parseInterval } from '../../../../functions/core/table-log/writable.ts';

const add = (path: string, size = 1): Action & { add: AddFile } => ({
  add: { path, partitionValues: {}, size, modificationTime: 1, dataChange: true },
});
const remove = (path: string): Action => ({ remove: { path, dataChange: true, deletionTimestamp: 1 } });
const field = (extra: object = {}) => ({ name: 'a', type: 'long', nullable: true, metadata: {}, ...extra });
const schemaString = (...fields: readonly object[]) => JSON.stringify({ type: 'struct', fields });
const metaData = (extra: Partial<MetaData> = {}): Action => ({
  metaData: {
    id: 'i',
    format: { provider: 'parquet', options: {} },
    schemaString: schemaString(field()),
    partitionColumns: [],
    configuration: {},
    ...extra,
  },
});
const protocol = (minReaderVersion: number, minWriterVersion: number, extra: object = {}): Action => ({
  protocol: { minReaderVersion, minWriterVersion, ...extra },
});

describe('a snapshot', () => {
  test('is the fold of the entries: the last protocol, metadata and transaction of each application, and the files that remain', () => {
    const snapshot = applyEntries(emptySnapshot(true), [
      { version: 0, actions: [protocol(1, 1), metaData(), add('a%20b.parquet'), add('c.parquet'), { txn: { appId: 'x', version: 3 } }] },
      { version: 1, actions: [{ txn: { appId: 'x', version: 2 } }, { txn: { appId: 'y', version: 1 } }, remove('a b.parquet')] },
      { version: 2, actions: [protocol(1, 2), add('c.parquet', 7), metaData({ id: 'j' }), { commitInfo: {} }] },
    ]);
    expect(snapshot.version).toBe(2);
    expect(snapshot.protocol).toEqual({ minReaderVersion: 1, minWriterVersion: 2 });
    expect(snapshot.metaData?.id).toBe('j');
    expect([...snapshot.transactions.values()].map(({ appId, version }) => [appId, version])).toEqual([
      ['x', 2],
      ['y', 1],
    ]);
    // Two spellings of one path are one file.
    expect([...(snapshot.files ?? [])].map(([path, { size }]) => [path, size])).toEqual([['c.parquet', 7]]);
    expect([...(snapshot.removed?.keys() ?? [])]).toEqual(['a b.parquet']);
  });

  test('keeps a file that one entry removes and adds, in whatever order its lines are', () => {
    for (const actions of [
      [add('a', 2), remove('a')],
      [remove('a'), add('a', 2)],
    ]) {
      const snapshot = applyEntry(applyEntry(emptySnapshot(true), 0, [add('a')]), 1, actions);
      expect(snapshot.files?.get('a')?.size).toBe(2);
      expect(snapshot.removed?.size).toBe(0);
    }
  });

  test('leaves the one that it was folded on as it was, and takes entries in order only', () => {
    const base = applyEntry(emptySnapshot(true), 0, [add('a')]);
    const next = applyEntry(base, 1, [remove('a'), { txn: { appId: 'x', version: 1 } }]);
    expect([base.version, base.files?.size, base.transactions.size]).toEqual([0, 1, 0]);
    expect([next.version, next.files?.size, next.transactions.size]).toEqual([1, 0, 1]);
    expect(() => applyEntry(base, 2, [])).toThrow(RangeError);
    expect(() => applyEntry(emptySnapshot(), 1, [])).toThrow(RangeError);
  });

  test('of a checkpoint goes on from its version, with or without the files', () => {
    const actions = [protocol(1, 2), metaData(), add('a'), { txn: { appId: 'x', version: 1 } }];
    const kept = applyEntry(snapshotOfCheckpoint(10, actions, true), 11, [add('b')]);
    expect([kept.version, [...(kept.files?.keys() ?? [])], kept.transactions.get('x')?.version]).toEqual([11, ['a', 'b'], 1]);
    expect(snapshotOfCheckpoint(10, actions).files).toBeNull();
  });
});

describe('checkReadable', () => {
  const table = (action: Action) => applyEntry(emptySnapshot(), 0, [action, metaData()]);

  test('takes what only writers must mind, and refuses by name what a reader must do', () => {
    expect(() => checkReadable(emptySnapshot())).not.toThrow();
    expect(() => checkReadable(table(protocol(1, 7, { writerFeatures: ['appendOnly'] })))).not.toThrow();
    expect(() => checkReadable(table(protocol(2, 5)))).toThrow('reader version 2');
    expect(() => checkReadable(table(protocol(3, 7, { readerFeatures: ['deletionVectors'] })))).toThrow('deletionVectors');
  });

  test('is asked of a checkpoint with sidecars by the fold itself', () => {
    const sidecar: Action = { other: { name: 'sidecar', value: { path: 'a.parquet' } } };
    expect(() => snapshotOfCheckpoint(3, [sidecar])).toThrow(expect.objectContaining({ code: 'table.unsupported' }));
  });
});

describe('checkWritable', () => {
  const table = (...actions: readonly Action[]) => applyEntry(emptySnapshot(), 0, [protocol(1, 2), metaData(), ...actions]);

  test('takes a table that is not there yet, and one of our kind', () => {
    expect(() => checkWritable(emptySnapshot(), 'replace')).not.toThrow();
    expect(() => checkWritable(table(), 'replace')).not.toThrow();
    const harmless = { 'delta.appendOnly': 'true', 'delta.logRetentionDuration': 'interval 1 days', 'delta.columnMapping.mode': 'none' };
    expect(() => checkWritable(table(metaData({ configuration: harmless })), 'append')).not.toThrow();
  });

  test.each<[string, Action]>([
    ['reader version 2', protocol(2, 5)],
    ['writer version 3', protocol(1, 3)],
    [
      'table features: deletionVectors, appendOnly',
      protocol(3, 7, { readerFeatures: ['deletionVectors'], writerFeatures: ['deletionVectors', 'appendOnly'] }),
    ],
    ["column invariants ('a')", metaData({ schemaString: schemaString(field({ metadata: { 'delta.invariants': '{}' } })) })],
    ["generated columns ('a')", metaData({ schemaString: schemaString(field({ metadata: { 'delta.generationExpression': 'b + 1' } })) })],
    ["identity columns ('a')", metaData({ schemaString: schemaString(field({ metadata: { 'delta.identity.start': 1 } })) })],
    ["default values of columns ('a')", metaData({ schemaString: schemaString(field({ metadata: { CURRENT_DEFAULT: '1' } })) })],
    ["column mapping ('a')", metaData({ schemaString: schemaString(field({ metadata: { 'delta.columnMapping.id': 1 } })) })],
    ["NOT NULL ('a')", metaData({ schemaString: schemaString(field({ nullable: false })) })],
    [
      "NOT NULL ('st[].a')",
      metaData({
        schemaString: schemaString({
          ...field({ name: 'st' }),
          type: { type: 'array', containsNull: true, elementType: { type: 'struct', fields: [field({ nullable: false })] } },
        }),
      }),
    ],
    [
      "no NULL in 'a'",
      metaData({ schemaString: schemaString(field({ type: { type: 'array', elementType: 'long', containsNull: false } })) }),
    ],
    ['column mapping', metaData({ configuration: { 'delta.columnMapping.mode': 'name' } })],
    ['change data feed', metaData({ configuration: { 'delta.enableChangeDataFeed': 'true' } })],
    ["the check constraint 'positive'", metaData({ configuration: { 'delta.constraints.positive': 'a > 0' } })],
    ['a log retention under a day', metaData({ configuration: { 'delta.logRetentionDuration': 'interval 23 hours' } })],
    ['a log retention under a day', metaData({ configuration: { 'delta.logRetentionDuration': 'soon' } })],
    ["data files in the format 'orc'", metaData({ format: { provider: 'orc', options: {} } })],
  ])('refuses by name: %s', (name, action) => {
    const refused = expect.objectContaining({ code: 'table.unsupported', message: expect.stringContaining(name) });
    expect(() => checkWritable(table(action), 'append', 'the table t')).toThrow(refused);
  });

  test("refuses another mode than append for an append-only table, and says all that it can't", () => {
    const configuration = { 'delta.appendOnly': 'true', 'delta.enableChangeDataFeed': 'true' };
    expect(() => checkWritable(table(metaData({ configuration })), 'replaceSource')).toThrow(
      "append-only, while the job's mode is 'replaceSource'; change data feed",
    );
  });

  test('finds a log without protocol or metadata corrupt', () => {
    const corrupt = (missing: string) =>
      expect.objectContaining({ code: 'table.corrupt', message: expect.stringContaining(`'${missing}'`) });
    expect(() => checkWritable(applyEntry(emptySnapshot(), 0, [metaData()]), 'append')).toThrow(corrupt('protocol'));
    expect(() => checkWritable(applyEntry(emptySnapshot(), 0, [protocol(1, 2)]), 'append')).toThrow(corrupt('metaData'));
  });
});

describe('parseInterval', () => {
  test.each([
    ['interval 30 days', 30 * 86_400_000],
    ['INTERVAL 1 day 12 hours', 36 * 3_600_000],
    ["interval '2' weeks", 14 * 86_400_000],
    ['90 minutes', 90 * 60_000],
    ['interval', null],
    ['interval 1 month', null],
    ['interval x days', null],
  ])('reads %s as %s ms', (text, ms) => {
    expect(parseInterval(text)).toBe(ms);
  });
});
