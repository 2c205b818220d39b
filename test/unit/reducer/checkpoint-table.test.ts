import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { outcomeKey } from '../../../functions/core/keys.ts';
import type { ObjectStore } from '../../../functions/core/ports.ts';
import type { Action } from '../../../functions/core/table-log/actions.ts';
import { encodeEntry } from '../../../functions/core/table-log/log-entry.ts';
import { checkpointName, entryName } from '../../../functions/core/table-log/log-names.ts';
import type { Snapshot } from '../../../functions/core/table-log/snapshot.ts';
import { readOutcome } from '../../../functions/protocol/documents.ts';
import { TableLog } from '../../../functions/protocol/table-log.ts';
import { TableLogs } from '../../../functions/protocol/table-logs.ts';
import { checkpointIfDue } from '../../../functions/reducer/checkpoint-table.ts';
import type { CheckpointAttempt, ReducerContext } from '../../../functions/reducer/commit-candidate.ts';
import { commitRuns } from '../../../functions/reducer/commit-runs.ts';
import { snapshotAt } from '../../../functions/reducer/snapshot-at.ts';
import { messageOf, reducerIn, storeFinishedRun } from './finished-run.ts';

let root: string;
let context: ReducerContext;
let attempts: CheckpointAttempt[];

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'fanlake-checkpoint-'));
  attempts = [];
  context = { ...reducerIn(root), onCheckpoint: (attempt) => void attempts.push(attempt) };
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const logPath = (name: string): string => join(root, 'lake/visits/_delta_log', name);
const logNames = (): readonly string[] => readdirSync(join(root, 'lake/visits/_delta_log')).sort();
const afresh = (over: ReducerContext = context): ReducerContext => ({ ...over, logs: new TableLogs(over.stores.lake) });
const tableNow = (): Promise<Snapshot> => new TableLog(context.stores.lake, 'visits', true).refresh();
const pointer = (): unknown => JSON.parse(readFileSync(logPath('_last_checkpoint'), 'utf8'));

/** Commits so many runs, each into an entry of its own: `visits-<from>` is version `from` of a table that had as many. */
async function commitEach(from: number, to: number, over: ReducerContext = context): Promise<void> {
  for (let number = from; number < to; number++) {
    expect(await commitRuns(over, [messageOf(await storeFinishedRun(over, `visits-${number}`))])).toEqual([]);
  }
}

const essence = ({ files, transactions, ...table }: Snapshot) => ({
  ...table,
  transactions: [...transactions.values()],
  files: [...(files?.values() ?? [])].map((file) => ({ ...file, dataChange: false })),
});

function deleteEntries(upTo: number): void {
  for (let version = 0; version <= upTo; version++) rmSync(logPath(entryName(version)));
}

/** What another writer puts into the log. */
function putForeign(version: number, actions: readonly Action[]): void {
  writeFileSync(logPath(entryName(version)), encodeEntry(actions), { flag: 'wx' });
}

/** A reducer that has read the log, and from now on one method of its lake fails for keys that end so. */
function failing(method: 'create' | 'get', ending: string): ReducerContext {
  const lake = new Proxy(context.stores.lake, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== 'function') return value;
      if (name !== method) return value.bind(target);
      return (key: string, ...rest: readonly unknown[]) => {
        if (key.endsWith(ending)) throw new Error(`no ${method} today`);
        return Reflect.apply(value, target, [key, ...rest]);
      };
    },
  }) satisfies ObjectStore;
  return { ...context, stores: { ...context.stores, lake } };
}

describe('the commit of a version that is a multiple of ten', () => {
  it('leaves a checkpoint and the pointer to it, and no other commit does', async () => {
    await commitEach(0, 10);
    expect(logNames()).toEqual(Array.from({ length: 10 }, (_, version) => entryName(version)));
    await commitEach(10, 12);
    expect(logNames().filter((name) => !name.endsWith('.json'))).toEqual([checkpointName(10), '_last_checkpoint']);
    // protocol, metadata, eleven transactions and eleven files
    expect(pointer()).toMatchObject({ version: 10, size: 24, numOfAddFiles: 11 });
    await commitEach(12, 21);
    expect(pointer()).toMatchObject({ version: 20, size: 44, numOfAddFiles: 21 });
    expect(attempts.map(({ version, result }) => [version, result.kind])).toEqual([
      [10, 'written'],
      [20, 'written'],
    ]);
  });

  it('says what the entries say, which may then be deleted', async () => {
    await commitEach(0, 12);
    rmSync(logPath('_last_checkpoint'));
    const fromCheckpoint = await tableNow();
    const bytes = readFileSync(logPath(checkpointName(10)));
    rmSync(logPath(checkpointName(10)));
    expect(essence(fromCheckpoint)).toEqual(essence(await tableNow()));
    writeFileSync(logPath(checkpointName(10)), bytes);
    deleteEntries(10);
    expect(essence(await tableNow())).toEqual(essence(fromCheckpoint));
    await commitEach(12, 21, afresh());
    expect([...((await tableNow()).files ?? [])]).toHaveLength(21);
    expect(pointer()).toMatchObject({ version: 20 });
  });

  it('keeps what other writers put into the table: their files, their transactions, what they removed', async () => {
    await commitEach(0, 3);
    const [removed] = [...((await tableNow()).files?.values() ?? [])];
    const deletionTimestamp = context.clock.now() - 1_000;
    putForeign(3, [
      { txn: { appId: 'theirs', version: 41, lastUpdated: 17 } },
      { txn: { appId: 'undated', version: 1 } },
      { add: { path: 'their%20file.parquet', partitionValues: {}, size: 9, modificationTime: 8, dataChange: true, tags: { by: null } } },
      {
        remove: {
          path: removed?.path ?? '',
          dataChange: true,
          deletionTimestamp,
          extendedFileMetadata: true,
          partitionValues: {},
          size: 8,
        },
      },
    ]);
    await commitEach(4, 11);
    expect(attempts.map(({ result }) => result.kind)).toEqual(['written']);
    deleteEntries(10);
    const { files, removed: tombstones, transactions } = await tableNow();
    expect(files?.get('their file.parquet')).toMatchObject({ size: 9, modificationTime: 8, tags: { by: null } });
    expect(files?.size).toBe(10);
    expect([...(tombstones?.values() ?? [])]).toEqual([expect.objectContaining({ path: removed?.path, deletionTimestamp, size: 8 })]);
    expect(transactions.get('theirs')).toEqual({ appId: 'theirs', version: 41, lastUpdated: 17 });
    expect(transactions.get('undated')).toEqual({ appId: 'undated', version: 1 });
    expect(transactions.has('visits-0/e0')).toBe(true);
  });

  it('is found by its transaction when only the checkpoint knows it, and its rows aren’t committed twice', async () => {
    await commitEach(0, 12);
    const plan = await storeFinishedRun(context, 'visits-5');
    // its reducer died between the entry and the outcome, and since then the log was cleaned up
    await context.stores.lake.delete(outcomeKey('visits', plan));
    deleteEntries(10);
    expect(await commitRuns(afresh(), [messageOf(plan)])).toEqual([]);
    const { version, files } = await tableNow();
    expect([version, files?.size]).toEqual([11, 12]);
    const receipt = await readOutcome(context.stores.lake, 'visits', plan);
    expect(receipt).toMatchObject({ outcome: 'COMMITTED', table: { version: null } });
  });

  it.each([
    ['create', checkpointName(10)],
    ['create', '_last_checkpoint'],
    ['get', '_last_checkpoint'],
    ['get', entryName(4)],
  ] as const)('is no failure of its run when %s of %s fails; the next checkpoint is written', async (method, ending) => {
    await commitEach(0, 10);
    await commitEach(10, 11, failing(method, ending));
    expect(attempts).toEqual([{ table: 'visits', version: 10, result: { kind: 'failed', error: expect.any(Error) } }]);
    const receipt = await readOutcome(context.stores.lake, 'visits', { run: 'visits-10', epoch: 0 });
    expect(receipt?.outcome).toBe('COMMITTED');
    expect(existsSync(logPath('_last_checkpoint'))).toBe(false);
    await commitEach(11, 21, afresh());
    expect(pointer()).toMatchObject({ version: 20, numOfAddFiles: 21 });
  });

  it('is harmless when repeated, late or done by several at once: the first stays, and the pointer never goes back', async () => {
    await commitEach(0, 21);
    const before = readFileSync(logPath(checkpointName(10)));
    await Promise.all([10, 10, 20, 20].map((version) => checkpointIfDue(context, 'visits', version)));
    expect(readFileSync(logPath(checkpointName(10)))).toEqual(before);
    expect(pointer()).toMatchObject({ version: 20 });
    rmSync(logPath(checkpointName(10)));
    rmSync(logPath(checkpointName(20)));
    rmSync(logPath('_last_checkpoint'));
    attempts = [];
    await Promise.all([20, 10, 20, 10].map((version) => checkpointIfDue(context, 'visits', version)));
    expect(
      attempts
        .filter(({ result }) => result.kind === 'written')
        .map(({ version }) => version)
        .sort(),
    ).toEqual([10, 20]);
    expect(pointer()).toMatchObject({ version: 20, size: 44 });
    // one that comes long behind
    rmSync(logPath(checkpointName(10)));
    await checkpointIfDue(context, 'visits', 10);
    expect(readFileSync(logPath(checkpointName(10)))).toEqual(before);
    expect(pointer()).toMatchObject({ version: 20, size: 44 });
    expect(essence(await tableNow()).files).toHaveLength(21);
  });
});

describe('a table log', () => {
  it('passes over a checkpoint that can’t be read where its entries are all there, and says so where they aren’t', async () => {
    await commitEach(0, 12);
    writeFileSync(logPath(checkpointName(10)), 'no parquet');
    expect((await tableNow()).files?.size).toBe(12);
    rmSync(logPath(entryName(0)));
    await expect(tableNow()).rejects.toMatchObject({ code: 'table.corrupt', message: expect.stringContaining(checkpointName(10)) });
  });

  it('of more than a page of names is read from its entries where its checkpoint can’t be', async () => {
    await commitEach(0, 1);
    for (let version = 1; version < 1_030; version++) putForeign(version, [{ txn: { appId: 'theirs', version } }]);
    await checkpointIfDue(context, 'visits', 1_020);
    writeFileSync(logPath(checkpointName(1_020)), 'no parquet');
    const { version, transactions, files } = await tableNow();
    expect([version, transactions.get('theirs')?.version, files?.size]).toEqual([1_029, 1_029, 1]);
    // with one of them gone nobody can tell what the table is, and the checkpoint is what is wrong
    rmSync(logPath(entryName(500)));
    await expect(tableNow()).rejects.toMatchObject({ code: 'table.corrupt', message: expect.stringContaining(checkpointName(1_020)) });
  });

  it('of more than a page of names is read from the checkpoint on that the pointer names', async () => {
    await commitEach(0, 1);
    for (let version = 1; version < 1_030; version++) putForeign(version, [{ txn: { appId: 'theirs', version } }]);
    await checkpointIfDue(context, 'visits', 1_020);
    expect(attempts.map(({ result }) => result.kind)).toEqual(['written']);
    // nothing in front of it is looked at any more
    writeFileSync(logPath(entryName(500)), 'damaged');
    const { version, transactions, files } = await tableNow();
    expect([version, transactions.get('theirs')?.version, files?.size]).toEqual([1_029, 1_029, 1]);
    writeFileSync(logPath('_last_checkpoint'), '{"version":555}');
    expect((await tableNow()).version).toBe(1_029);
  });

  it('is not read for a checkpoint when it is larger than the reducer’s memory allows', async () => {
    await commitEach(0, 12);
    const { lake } = context.stores;
    const at = (version: number, limits: { actions: number; bytes: number }) => snapshotAt(lake, 'visits', version, null, limits);
    const large = { actions: 1_000, bytes: 1_000_000 };
    expect(await at(11, large)).toMatchObject({ snapshot: { version: 11 } });
    // the checkpoint alone; with the entry behind it
    for (const actions of [23, 24])
      expect(await at(11, { ...large, actions })).toMatchObject({ skipped: expect.stringContaining(`${actions} files`) });
    expect(await at(9, { ...large, bytes: 1_000 })).toMatchObject({ skipped: expect.stringContaining('1000 bytes') });
    expect(await at(10, large)).toEqual({ skipped: 'it is there' });
    rmSync(logPath(entryName(11)));
    expect(await at(11, large)).toEqual({ skipped: 'entries between version 10 and 11 are gone' });
  });
});
