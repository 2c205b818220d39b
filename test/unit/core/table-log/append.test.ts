import { describe, expect, test } from 'vitest';
import { FanlakeError } from '../../../../functions/core/errors.ts';
import type { Action } from '../../../../functions/core/table-log/actions.ts';
import { planAppend } from '../../../../functions/core/table-log/append.ts';
import { appIdOf, type CommitMember } from '../../../../functions/core/table-log/member-actions.ts';
import { encodeSchema, isWithoutColumns, schemaOf } from '../../../../functions/core/table-log/schema.ts';
import { applyEntries, applyEntry, emptySnapshot, type LogEntry, type Snapshot } from '../../../../functions/core/table-log/snapshot.ts';

const stamp = { nowMs: 1_700_000_000_000, txnId: 'nonce', tableId: '0288bf78-fd0f-457d-bcb0-a7fb53dbd3ce', engineVersion: '0.1.0' };
const putting = { stamp, unwritable: null };

const columns = [
  { name: 'id', type: 'BIGINT' },
  { name: 'country', type: 'VARCHAR' },
];

function member(run: string, extra: Partial<CommitMember> = {}): CommitMember {
  const file = {
    path: `country=FR%20x/${run}-e0-0-0.parquet`,
    rows: 3,
    sizeBytes: 100,
    modifiedMs: 5,
    partition: [{ column: 'country', value: 'FR x' }],
    stats: '{"numRecords":3}',
  };
  return {
    run,
    epoch: 0,
    seenVersion: -1,
    schema: schemaOf(columns),
    partitionColumns: ['country'],
    isRemainder: false,
    files: [file],
    sources: ['in/a.csv'],
    lost: null,
    ...extra,
  };
}

/** The log after the given commits of ours, one entry each. */
function log(...commits: readonly (readonly CommitMember[])[]): { snapshot: Snapshot; entries: readonly LogEntry[] } {
  const entries: LogEntry[] = [];
  let snapshot = emptySnapshot(true);
  for (const members of commits) {
    const { version, actions } = planAppend(snapshot, entries, members, putting);
    entries.push({ version, actions });
    snapshot = applyEntry(snapshot, version, actions);
  }
  return { snapshot, entries };
}

/** The log with another writer's entry on top. */
function followed({ snapshot, entries }: ReturnType<typeof log>, ...actions: readonly Action[]): ReturnType<typeof log> {
  const entry = { version: snapshot.version + 1, actions };
  return { snapshot: applyEntries(snapshot, [entry]), entries: [...entries, entry] };
}

const names = (actions: readonly Action[]) => actions.map((action) => Object.keys(action)[0]);

describe('an append', () => {
  test('to a new table creates it and says whose files they are', () => {
    const plan = planAppend(emptySnapshot(), [], [member('r1')], putting);
    expect(plan.version).toBe(0);
    expect(plan.actions).toEqual([
      {
        commitInfo: {
          timestamp: 1_700_000_000_000,
          operation: 'WRITE',
          operationParameters: { mode: 'Append', partitionBy: '["country"]' },
          operationMetrics: { numFiles: '1', numOutputRows: '3', numOutputBytes: '100' },
          isBlindAppend: true,
          engineInfo: 'fanlake/0.1.0',
          txnId: 'nonce',
        },
      },
      { protocol: { minReaderVersion: 1, minWriterVersion: 2 } },
      {
        metaData: {
          id: stamp.tableId,
          format: { provider: 'parquet', options: {} },
          schemaString:
            '{"type":"struct","fields":[{"name":"id","type":"long","nullable":true,"metadata":{}},{"name":"country","type":"string","nullable":true,"metadata":{}}]}',
          partitionColumns: ['country'],
          createdTime: 1_700_000_000_000,
          configuration: {},
        },
      },
      { txn: { appId: 'r1/e0', version: 1, lastUpdated: 1_700_000_000_000 } },
      {
        add: {
          path: 'country=FR%2520x/r1-e0-0-0.parquet',
          partitionValues: { country: 'FR x' },
          size: 100,
          modificationTime: 5,
          dataChange: true,
          stats: '{"numRecords":3}',
          tags: { 'fanlake.run': 'r1', 'fanlake.epoch': '0', 'fanlake.sources': '["in/a.csv"]' },
        },
      },
    ]);
  });

  test('of several runs is one entry', () => {
    const { snapshot, entries } = log([member('r1')]);
    const plan = planAppend(snapshot, entries, [member('r2', { seenVersion: 0 }), member('r3', { seenVersion: 0, epoch: 2 })], putting);
    expect(plan.version).toBe(1);
    expect(names(plan.actions)).toEqual(['commitInfo', 'txn', 'add', 'txn', 'add']);
    expect(plan.committing.map(({ run, epoch }) => appIdOf(run, epoch))).toEqual(['r2/e0', 'r3/e2']);
  });

  test('finds a run that is in the table already, by the entries or by the snapshot alone', () => {
    const { snapshot, entries } = log([member('r1')], [member('r2')]);
    const plan = planAppend(snapshot, entries, [member('r2'), member('r3')], putting);
    expect(plan.committed.map(({ member: { run }, version }) => [run, version])).toEqual([['r2', 1]]);
    expect(plan.committing.map(({ run }) => run)).toEqual(['r3']);
    expect(planAppend(snapshot, [], [member('r2')], putting)).toMatchObject({
      actions: [],
      committed: [{ version: null }],
      committing: [],
    });
    // Another epoch of the run is another transaction.
    expect(planAppend(snapshot, entries, [member('r2', { epoch: 1 })], putting).committing).toHaveLength(1);
  });

  test('commits a run once though it is named twice', () => {
    const plan = planAppend(emptySnapshot(), [], [member('r1'), member('r1')], putting);
    expect(names(plan.actions)).toEqual(['commitInfo', 'protocol', 'metaData', 'txn', 'add']);
  });

  test('is not hindered by what others add and remove, nor by a run that creates the table at the same time', () => {
    const path = 'country=FR%2520x/r1-e0-0-0.parquet';
    const { snapshot, entries } = followed(log([member('r1')]), { remove: { path, dataChange: true } }, { commitInfo: {} });
    // It decided when there was no table.
    const plan = planAppend(snapshot, entries, [member('r2', { seenVersion: -1 })], putting);
    expect(plan.refused).toEqual([]);
    expect(names(plan.actions)).toEqual(['commitInfo', 'txn', 'add']);
  });

  const base = log([member('r1')]);
  const metaData = base.snapshot.metaData;
  if (metaData === null) throw new Error('the first commit creates the table');
  const schemaString = (...fields: readonly { name: string; type: string }[]) => JSON.stringify(schemaOf(fields));

  test.each<[string, Action]>([
    ['it now asks for writer version 7', { protocol: { minReaderVersion: 1, minWriterVersion: 7 } }],
    ['it is now partitioned by nothing', { metaData: { ...metaData, partitionColumns: [] } }],
    ["it has no column 'country'", { metaData: { ...metaData, schemaString: schemaString({ name: 'id', type: 'BIGINT' }) } }],
    [
      "its column 'id' has another type",
      { metaData: { ...metaData, schemaString: schemaString({ name: 'id', type: 'VARCHAR' }, { name: 'country', type: 'VARCHAR' }) } },
    ],
    ["the check constraint 'c'", { metaData: { ...metaData, configuration: { 'delta.constraints.c': 'id > 0' } } }],
  ])('conflicts when %s, for each run from its own version', (found, change) => {
    const { snapshot, entries } = followed(base, change);
    const plan = planAppend(snapshot, entries, [member('r2', { seenVersion: 0 })], putting);
    expect(plan.actions).toEqual([]);
    expect(plan.refused[0]?.error).toMatchObject({ code: 'commit.conflict', message: expect.stringContaining(found) });

    // Changed back in the next entry: a run that decided before the change conflicts, one that decided after it does not.
    const back = followed({ snapshot, entries }, { protocol: { minReaderVersion: 1, minWriterVersion: 2 } }, { metaData });
    const judged = planAppend(back.snapshot, back.entries, [member('r2', { seenVersion: 0 }), member('r3', { seenVersion: 2 })], putting);
    expect(judged.refused.map(({ member: { run } }) => run)).toEqual(['r2']);
    expect(judged.committing.map(({ run }) => run)).toEqual(['r3']);
  });

  test('says of the rest of a run that is committed in part how it is loaded: no other job may', () => {
    const { snapshot, entries } = followed(base, { metaData: { ...metaData, partitionColumns: [] } });
    const advice = (isRemainder: boolean) =>
      planAppend(snapshot, entries, [member('r2', { seenVersion: 0, isRemainder })], putting)
        .refused[0]?.error.message.split('. ')
        .at(-1);
    expect(advice(true)).toBe('Undo that, then load what is missing: fanlake retry r2');
    expect(advice(false)).toBe('Adapt the job, then run it over the same input again.');
  });

  test('takes a table that gained a column, and refuses a run of another schema in the entry that creates the table', () => {
    const wider = { ...metaData, schemaString: schemaString(...columns, { name: 'more', type: 'DATE' }) };
    const { snapshot, entries } = followed(base, { metaData: wider });
    expect(planAppend(snapshot, entries, [member('r2', { seenVersion: 0 })], putting).refused).toEqual([]);

    const other = member('r3', { schema: schemaOf([...columns, { name: 'more', type: 'DATE' }]) });
    const plan = planAppend(emptySnapshot(), [], [member('r1'), other], putting);
    expect(plan.committing.map(({ run }) => run)).toEqual(['r1']);
    expect(plan.refused[0]?.error).toMatchObject({ code: 'commit.conflict', message: expect.stringContaining("no column 'more'") });
  });

  test('writes nothing when it cannot tell whether a run is committed', () => {
    const forgetful: Action = { metaData: { ...metaData, configuration: { 'delta.setTransactionRetentionDuration': 'interval 7 days' } } };
    const { snapshot, entries } = followed(base, forgetful);
    const late = member('r2', { seenVersion: -1 });
    const error = planAppend(snapshot, entries.slice(1), [late], putting).refused[0]?.error;
    expect(error?.code).toBe('commit.unknown');
    // the way back that works: a retry is refused
    expect(error?.message).toMatch(/fanlake query.*--again/);
    expect(error?.message).not.toContain('retry');
    expect(planAppend(snapshot, entries.slice(1), [member('r3', { seenVersion: 0 })], putting).refused).toEqual([]);
    expect(planAppend(snapshot, entries, [late], putting).refused).toEqual([]);
    // A table that forgets no transactions tells by its snapshot.
    expect(planAppend(base.snapshot, [], [late], putting).refused).toEqual([]);
  });

  test("refuses a partition value that Delta can't carry without hindering the others", () => {
    const schema = schemaOf([
      { name: 'id', type: 'BIGINT' },
      { name: 'day', type: 'DATE' },
    ]);
    const dated = (run: string, value: string) => {
      const file = { path: `${run}.parquet`, rows: 1, sizeBytes: 1, modifiedMs: 1, partition: [{ column: 'day', value }], stats: '{}' };
      return member(run, { schema, partitionColumns: ['day'], files: [file] });
    };
    const plan = planAppend(emptySnapshot(), [], [dated('r1', '10000-01-01'), dated('r2', '2020-01-01')], putting);
    expect(plan.refused.map(({ member: { run }, error }) => [run, error.code])).toEqual([['r1', 'table.partitions']]);
    expect(names(plan.actions)).toEqual(['commitInfo', 'protocol', 'metaData', 'txn', 'add']);
  });

  test('names as many sources in the tags as fit, and how many there are', () => {
    const sources = Array.from({ length: 100 }, (_, index) => `landing/some/folder/file-${index}.csv`);
    const { actions } = planAppend(emptySnapshot(), [], [member('r1', { sources })], putting);
    const add = actions.find((action) => 'add' in action);
    const tags = add !== undefined && 'add' in add ? add.add.tags : undefined;
    const shown = JSON.parse(tags?.['fanlake.sources'] ?? '[]') as readonly string[];
    expect(tags?.['fanlake.sources']?.length).toBeLessThanOrEqual(1000);
    expect(shown).toEqual(sources.slice(0, shown.length));
    expect(shown.length).toBeGreaterThan(20);
    expect(tags?.['fanlake.sourceCount']).toBe('100');
  });
});

describe('a run of which files are gone', () => {
  const lost = new FanlakeError('commit.conflict', 'its files are gone');
  const schema = schemaOf([{ name: 'day', type: 'DATE' }]);
  const other = (run: string, extra: Partial<CommitMember> = {}) =>
    member(run, { schema, partitionColumns: [], files: [{ ...file, partition: [] }], ...extra });
  const file = { path: 'other.parquet', rows: 1, sizeBytes: 1, modifiedMs: 1, partition: [], stats: '{}' };

  test('says nothing of the table that others make in the same entry', () => {
    const plan = planAppend(emptySnapshot(), [], [other('r1', { lost }), member('r2')], putting);
    expect(plan.committing.map(({ run }) => run)).toEqual(['r2']);
    expect(plan.shuttingOut.map(({ member: { run } }) => run)).toEqual(['r1']);
    // an entry has one schema
    expect(names(plan.actions)).toEqual(['commitInfo', 'protocol', 'metaData', 'txn', 'add', 'txn']);
    expect(applyEntry(emptySnapshot(), 0, plan.actions).metaData).toMatchObject({
      schemaString: encodeSchema(schemaOf(columns)),
      partitionColumns: ['country'],
    });
  });

  test('leaves a table without columns where there was none: whoever has the first rows says what they are, and its own stay out', () => {
    const shut = log([member('r1', { lost })], [member('r2', { lost })]);
    expect(names(shut.entries[0]?.actions ?? [])).toEqual(['commitInfo', 'protocol', 'metaData', 'txn']);
    expect(names(shut.entries[1]?.actions ?? [])).toEqual(['commitInfo', 'txn']);
    expect(isWithoutColumns(shut.snapshot.metaData)).toBe(true);
    const plan = planAppend(shut.snapshot, shut.entries, [member('r1'), other('r3'), member('r4')], putting);
    expect(plan.committing.map(({ run }) => run)).toEqual(['r3']);
    // one has other columns than the first, and one was shut out
    expect(plan.refused.map(({ member: { run }, error: { code } }) => [run, code])).toEqual([
      ['r1', 'commit.conflict'],
      ['r4', 'commit.conflict'],
    ]);
    const { metaData } = applyEntries(shut.snapshot, [plan]);
    expect(metaData).toMatchObject({ id: shut.snapshot.metaData?.id, schemaString: encodeSchema(schema), partitionColumns: [] });
  });
});

test('a run that is refused says nothing of the table that others make in the same entry', () => {
  const day = [{ column: 'day', value: '10000-01-01' }];
  const file = { path: 'r1.parquet', rows: 1, sizeBytes: 1, modifiedMs: 1, partition: day, stats: '{}' };
  const refused = member('r1', { schema: schemaOf([{ name: 'day', type: 'DATE' }]), partitionColumns: ['day'], files: [file] });
  const plan = planAppend(emptySnapshot(), [], [refused, member('r2')], putting);
  expect(plan.refused.map(({ member: { run } }) => run)).toEqual(['r1']);
  expect(plan.committing.map(({ run }) => run)).toEqual(['r2']);
  expect(applyEntry(emptySnapshot(), 0, plan.actions).metaData?.schemaString).toBe(encodeSchema(schemaOf(columns)));
});
