import { describe, expect, test } from 'vitest';
import type { Action } from '../../../../functions/core/table-log/actions.ts';
import { decodeCheckpointRow, decodeEntry, encodeEntry } from '../../../../functions/core/table-log/log-entry.ts';

const actions: readonly Action[] = [
  { commitInfo: { timestamp: 1, operation: 'WRITE', engineInfo: 'fanlake/0.1.0' } },
  { protocol: { minReaderVersion: 1, minWriterVersion: 2 } },
  {
    metaData: {
      id: 'af23c9d7-fff1-4a5a-a2c8-55c59bd782aa',
      format: { provider: 'parquet', options: {} },
      schemaString: '{"type":"struct","fields":[]}',
      partitionColumns: ['k'],
      createdTime: 2,
      configuration: { 'delta.appendOnly': 'true' },
    },
  },
  { txn: { appId: 'r1/e0', version: 1, lastUpdated: 3 } },
  {
    add: {
      path: 'k=FR%2520x/a.parquet',
      partitionValues: { k: 'FR x', l: null },
      size: 10,
      modificationTime: 4,
      dataChange: true,
      stats: '{"numRecords":1}',
      tags: { 'fanlake.run': 'r1' },
    },
  },
  { remove: { path: 'b.parquet', dataChange: false, deletionTimestamp: 5 } },
  { other: { name: 'domainMetadata', value: { domain: 'd', configuration: '{}', removed: false } } },
];

describe('a log entry', () => {
  test('is an action a line, each line ended, and is read back', () => {
    const text = encodeEntry(actions);
    expect(text.split('\n')).toHaveLength(actions.length + 1);
    expect(text.split('\n')[4]).toBe(
      '{"add":{"path":"k=FR%2520x/a.parquet","partitionValues":{"k":"FR x","l":null},"size":10,"modificationTime":4,"dataChange":true,' +
        '"stats":"{\\"numRecords\\":1}","tags":{"fanlake.run":"r1"}}}',
    );
    expect(decodeEntry(text)).toEqual(actions);
  });

  test("of delta-rs is read, its nulls taken for what isn't there", () => {
    const text =
      '{"metaData":{"id":"0288","name":null,"description":null,"format":{"provider":"parquet","options":{}},"schemaString":"{}","partitionColumns":[],"createdTime":1,"configuration":{}}}\r\n\n' +
      '{"add":{"path":"a.parquet","partitionValues":{},"size":1,"modificationTime":2,"dataChange":true,"stats":null,"tags":null,"baseRowId":null,"clusteringProvider":null}}';
    expect(decodeEntry(text)).toEqual([
      {
        metaData: {
          id: '0288',
          format: { provider: 'parquet', options: {} },
          schemaString: '{}',
          partitionColumns: [],
          createdTime: 1,
          configuration: {},
        },
      },
      { add: { path: 'a.parquet', partitionValues: {}, size: 1, modificationTime: 2, dataChange: true } },
    ]);
  });

  test('of a later protocol is read, its unknown actions and fields tolerated', () => {
    const text = '{"txn":{"appId":"a","version":1,"later":{}}}\n{"laterAction":{"a":[1]}}\n{"laterText":"x"}\n';
    expect(decodeEntry(text)).toEqual([
      { txn: { appId: 'a', version: 1 } },
      { other: { name: 'laterAction', value: { a: [1] } } },
      { other: { name: 'laterText', value: 'x' } },
    ]);
  });

  test.each([
    ['{"add":{"path":"a"', 'line 1 of 7.json'],
    ['[]', 'not an object'],
    ['{"txn":{"appId":"a","version":1}}\n{"add":{"path":1}}', "line 2 of 7.json of the table's log can't be read: 'add.path' is not text"],
    ['{"add":{"path":"a","partitionValues":{"a":1},"size":1,"modificationTime":2}}', "'add.partitionValues' is not a map of texts"],
    ['{"txn":{"appId":"a","version":{}}}', "'txn.version' is not a number"],
    ['{"protocol":{"minReaderVersion":1}}', "'protocol.minWriterVersion' is not a number"],
  ])('that says %s is corrupt', (text, found) => {
    const corrupt = expect.objectContaining({ code: 'table.corrupt', message: expect.stringContaining(found) });
    expect(() => decodeEntry(text, '7.json')).toThrow(corrupt);
  });
});

describe('a row of a checkpoint', () => {
  test('is read with maps as lists of pairs and with 64-bit numbers as text', () => {
    const row = {
      txn: null,
      add: {
        path: 'a.parquet',
        partitionValues: [
          { key: 'k', value: 'v' },
          { key: 'l', value: null },
        ],
        size: '10',
        modificationTime: 4n,
        dataChange: true,
        tags: [],
        stats: null,
        deletionVector: null,
      },
    };
    expect(decodeCheckpointRow(row)).toEqual({
      add: { path: 'a.parquet', partitionValues: { k: 'v', l: null }, size: 10, modificationTime: 4, dataChange: true, tags: {} },
    });
    expect(decodeCheckpointRow({ add: null, txn: null })).toBeNull();
    expect(() => decodeCheckpointRow({ add: {} }, 'c.parquet')).toThrow("a row of c.parquet of the table's log can't be read");
  });
});
