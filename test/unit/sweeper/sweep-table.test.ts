import { mkdtempSync, rmSync, utimesSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LocalStore } from '../../../functions/adapters/local-store.ts';
import { FanlakeError } from '../../../functions/core/errors.ts';
import { dataFileName, decisionKey, manifestPrefix, outcomeKey, parseDataFileKey, pendingFolder } from '../../../functions/core/keys.ts';
import type { KeyPage, ListOptions } from '../../../functions/core/ports.ts';
import { encodeEntry } from '../../../functions/core/table-log/log-entry.ts';
import { encodeSchema, schemaOf } from '../../../functions/core/table-log/schema.ts';
import { ourProtocol } from '../../../functions/core/table-log/writable.ts';
import { listAll } from '../../../functions/protocol/documents.ts';
import type { RunStores } from '../../../functions/sweeper/run-left.ts';
import { sweepLake } from '../../../functions/sweeper/sweep-lake.ts';
import { type Swept, sweepTable } from '../../../functions/sweeper/sweep-table.ts';
import { CrashPlan } from '../protocol/crashing-store.ts';
import { allRows, type Fault, run, TinyWorld } from '../protocol/tiny-world.ts';

// Real runs over the real functions; for a sweep everything is old unless a test says otherwise, so that the other conditions are what holds a file.
let root: string;
let stores: RunStores;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'fanlake-sweep-'));
  const store = (name: string) => new LocalStore(join(root, name), { durable: false });
  stores = { work: store('work'), lake: store('lake') };
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const dayMs = 86_400_000;
const everythingIsOld = () => ({ beforeMs: Date.now() + dayMs, dryRun: false, isOver: () => false });
const sweep = (more: Partial<RunStores> = {}): Promise<Swept> => sweepTable({ ...stores, ...more }, 'visits', everythingIsOld());
const expireWork = () => rmSync(join(root, 'work'), { recursive: true, force: true });
const world = (tasks: number, fault: Fault = () => null, crash = new CrashPlan(0, 'before')) =>
  new TinyWorld(root, { crash, tasks, fault });
const permanent =
  (task: number): Fault =>
  (found) =>
    found.splits[0]?.start === task * 10 ? new FanlakeError('rows.bad', 'a bad row') : null;

/** A work root in which something happens each time that it is looked at. */
class Meanwhile extends LocalStore {
  private readonly happens: () => Promise<void>;

  constructor(folder: string, happens: () => Promise<void>) {
    super(folder, { durable: false });
    this.happens = happens;
  }

  override async listKeys(options: ListOptions): Promise<KeyPage> {
    await this.happens();
    return super.listKeys(options);
  }
}

const dataFiles = async (): Promise<readonly string[]> =>
  (await listAll(stores.lake, 'visits/')).filter((key) => parseDataFileKey('visits', key) !== null);
const logOf = async (): Promise<string> => {
  const keys = await listAll(stores.lake, 'visits/_delta_log/');
  const bodies = await Promise.all(keys.map(async (key) => Buffer.from((await stores.lake.get(key))?.body ?? []).toString()));
  return bodies.join('');
};
const namedFiles = async (): Promise<readonly string[]> => {
  const log = await logOf();
  return (await dataFiles()).filter((key) => log.includes(key.slice('visits/'.length)));
};
const oursOf = (index: number, other = run) => `visits/${dataFileName({ run: other, epoch: 0 }, 0, 'ffffffffffff', index)}`;
const entryKey = (version: number) => `visits/_delta_log/${String(version).padStart(20, '0')}.json`;

async function decideCommit(of: string): Promise<void> {
  const decision = { format: 1, nonce: 'n', atMs: 0, table: 'visits', run: of, epoch: 0, kind: 'commit', version: -1 };
  await stores.lake.put(decisionKey('visits', { run: of, epoch: 0 }), JSON.stringify(decision));
}

/** The table as an earlier run has made it: with a log, so that what a live run's files are held by is that it lives. */
async function beginTable(): Promise<void> {
  const schemaString = encodeSchema(schemaOf([{ name: 'line', type: 'VARCHAR' }]));
  const metaData = { id: 'a', format: { provider: 'parquet', options: {} }, schemaString, partitionColumns: [], configuration: {} };
  await stores.lake.put(entryKey(0), encodeEntry([{ protocol: ourProtocol }, { metaData }]));
}

describe('a run that is in the table', () => {
  it('keeps what the log names and loses what attempts left that another overtook, wherever a crash was', async () => {
    let orphans = 0;
    for (let at = 1; at <= 24; at += 3) {
      const some = world(3, undefined, new CrashPlan(at, 'after'));
      await some.run();
      const named = await namedFiles();
      // its work may still be of use
      expect((await sweep()).files).toBe(0);
      expireWork();
      orphans += (await sweep()).files;
      expect(await dataFiles()).toEqual(named);
      expect(await some.visibleRows()).toEqual(allRows(3));
      rmSync(join(root, 'lake'), { recursive: true });
    }
    expect(orphans).toBeGreaterThan(0);
  });

  it('loses nothing to sweeps that go on all the time while it runs, its chain breaks and a later epoch takes over parts', async () => {
    await beginTable();
    const sweeps: Promise<Swept>[] = [];
    const broken: Fault = (task, plan) => {
      sweeps.push(sweep());
      return task.splits[0]?.start === 20 && plan.epoch === 0 ? 'wrong-start' : null;
    };
    const some = world(5, broken);
    expect(await some.run()).toMatchObject({ outcome: 'COMMITTED', epoch: 1 });
    for (const { files } of await Promise.all(sweeps)) expect(files).toBe(0);
    expireWork();
    // the first epoch's file that was read from a wrong place
    expect((await sweep()).files).toBe(1);
    expect(await some.visibleRows()).toEqual(allRows(5));
  });

  it('in part keeps all that it has, and what a retry of its rest adds', async () => {
    let fails = true;
    const some = world(4, (task, plan) => (fails ? permanent(2)(task, plan) : null));
    expect(await some.run(1)).toMatchObject({ outcome: 'PARTIAL' });
    expect((await sweep()).files).toBe(0);
    fails = false;
    await some.retryMissing();
    expireWork();
    expect((await sweep()).files).toBe(0);
    expect(await some.visibleRows()).toEqual(allRows(4));
  });

  it('keeps its files when the log was deleted, and when another one was begun in its place', async () => {
    await world(2).run();
    const files = await dataFiles();
    expireWork();
    const log = await logOf();
    await stores.lake.delete(entryKey(0));
    expect((await sweep()).files).toBe(0);
    await stores.lake.put(
      entryKey(0),
      log
        .split('\n')
        .filter((line) => !line.includes('"add"') && !line.includes('"txn"'))
        .join('\n'),
    );
    expect((await sweep()).files).toBe(0);
    expect(await dataFiles()).toEqual(files);
  });

  it('keeps its files when a part of the log is missing: the sweep refuses the table, and goes on with the next', async () => {
    await world(2).run();
    expireWork();
    await stores.lake.put(oursOf(0), 'an orphan');
    await stores.lake.put(entryKey(2), await logOf());
    const pending = `zebras/${pendingFolder({ run, epoch: 0 })}${dataFileName({ run, epoch: 0 }, 0, 'ffffffffffff', 0)}`;
    await stores.lake.put(pending, 'an orphan');
    expect(await sweepLake(stores, everythingIsOld())).toMatchObject([
      { table: 'visits', files: 0, error: { code: 'table.corrupt' } },
      { table: 'zebras', files: 1, error: null },
    ]);
    expect(await dataFiles()).toHaveLength(3);
  });
});

describe('a run that failed', () => {
  it('keeps its files while it can be retried, and loses all of them when its work has expired', async () => {
    await beginTable();
    await world(3, permanent(1)).run();
    expect((await dataFiles()).length).toBe(2);
    expect((await sweep()).files).toBe(0);
    expireWork();
    expect(await sweepTable(stores, 'visits', { ...everythingIsOld(), dryRun: true })).toMatchObject({ files: 2 });
    expect((await dataFiles()).length).toBe(2);
    expect(await sweep()).toEqual({ files: 2, bytes: 'task 0'.length + 'task 20'.length, unfinished: false });
    expect(await dataFiles()).toEqual([]);
  });

  it('keeps young files though nothing of it is left in the work root', async () => {
    await world(3, permanent(1)).run();
    expireWork();
    const [old = '', ...young] = await dataFiles();
    utimesSync(stores.lake.locate(old), new Date(), new Date(Date.now() - 40 * dayMs));
    expect(await sweepTable(stores, 'visits', { ...everythingIsOld(), beforeMs: Date.now() - 30 * dayMs })).toMatchObject({ files: 1 });
    expect(await dataFiles()).toEqual(young);
  });

  it('keeps files that were stored at the very moment from which on they stay', async () => {
    await beginTable();
    await world(2, permanent(1)).run();
    expireWork();
    const [file = ''] = await dataFiles();
    const storedMs = Date.UTC(2026, 0, 1);
    utimesSync(stores.lake.locate(file), new Date(), new Date(storedMs));
    const sweepBefore = (beforeMs: number) => sweepTable(stores, 'visits', { ...everythingIsOld(), beforeMs });
    expect((await sweepBefore(storedMs)).files).toBe(0);
    expect((await sweepBefore(storedMs + 1)).files).toBe(1);
  });
});

describe('a run whose end nobody knows', () => {
  it('keeps its files when its commit was decided and neither log entry nor outcome were written', async () => {
    await world(2).run();
    await stores.lake.delete(entryKey(0));
    await stores.lake.delete(outcomeKey('visits', { run, epoch: 0 }));
    expireWork();
    expect((await sweep()).files).toBe(0);
    await stores.lake.delete(decisionKey('visits', { run, epoch: 0 }));
    // then it vanished; but without a log the folder may be a copy
    expect((await sweep()).files).toBe(0);
    await stores.lake.put(entryKey(0), '{"commitInfo":{}}\n');
    expect((await sweep()).files).toBe(2);
  });

  it('keeps files that it is committed with while the sweep looks, though its work expires at that very moment', async () => {
    await stores.lake.put(entryKey(0), '{"commitInfo":{}}\n');
    await stores.lake.put(oursOf(0), 'rows');
    const committing = new Meanwhile(join(root, 'work'), async () => {
      const add = { path: oursOf(0).slice('visits/'.length), partitionValues: {}, size: 4, modificationTime: 0 };
      await stores.lake.put(entryKey(1), JSON.stringify({ add }));
    });
    expect((await sweep({ work: committing })).files).toBe(0);
    await stores.lake.delete(entryKey(1));
    expect((await sweep()).files).toBe(1);
  });

  it('keeps files whose commit is decided while the sweep looks, though its work expires at that very moment', async () => {
    await stores.lake.put(entryKey(0), '{"commitInfo":{}}\n');
    await stores.lake.put(oursOf(0), 'rows');
    const deciding = new Meanwhile(join(root, 'work'), () => decideCommit(run));
    expect((await sweep({ work: deciding })).files).toBe(0);
    await stores.lake.delete(decisionKey('visits', { run, epoch: 0 }));
    expect((await sweep()).files).toBe(1);
  });

  it('keeps files when the log is replaced while the sweep looks', async () => {
    await stores.lake.put(entryKey(0), '{"commitInfo":{}}\n');
    await stores.lake.put(oursOf(0), 'rows');
    const replacing = new Meanwhile(join(root, 'work'), async () => {
      await stores.lake.put(entryKey(0), '{"commitInfo":{"other":1}}\n');
    });
    await expect(sweep({ work: replacing })).rejects.toMatchObject({ code: 'store.failed', message: /replaced/ });
    expect(await dataFiles()).toEqual([oursOf(0)]);
  });
});

describe('of a table of Hive folders', () => {
  const other = 'visits-11111111111111111111';
  const pending = (index: number) => `visits/${pendingFolder({ run: other, epoch: 0 })}${oursOf(index, other).slice('visits/'.length)}`;

  it('files that wait for a decision go when their run vanished, not when its commit is decided, nor when they are committed', async () => {
    const committed = `visits/${other}-e0-0000000-0.parquet`;
    await stores.lake.put(pending(0), 'rows');
    await stores.lake.put(committed, 'rows');
    await decideCommit(other);
    expect((await sweep()).files).toBe(0);
    await stores.lake.delete(decisionKey('visits', { run: other, epoch: 0 }));
    expect((await sweep()).files).toBe(1);
    expect(await listAll(stores.lake, 'visits/')).toEqual([committed]);
  });

  it('files that an overtaken attempt of a committed run has left go, as long as a manifest tells what was committed', async () => {
    await stores.lake.put(pending(0), 'rows');
    const outcome = { outcome: 'COMMITTED', error: null, table: { files: 1 } };
    await stores.lake.put(outcomeKey('visits', { run: other, epoch: 0 }), JSON.stringify(outcome));
    expect((await sweep()).files).toBe(0);
    await stores.lake.put(`${manifestPrefix('visits')}${other}-e0.json`, '{}');
    expect((await sweep()).files).toBe(1);
  });
});

it('files of other writers never go, nor copies of ours beside the table', async () => {
  const some = world(2, permanent(1));
  await some.run();
  await stores.lake.put(entryKey(0), '{"commitInfo":{}}\n');
  const [ours = ''] = await dataFiles();
  const name = ours.slice('visits/'.length);
  const foreign = [
    'visits/part-00000-5b1c.c000.snappy.parquet',
    'visits/country=FR/0-a3f.parquet',
    `visits/backup/${name}`,
    `visits/_backup/${name}`,
  ];
  for (const key of [...foreign, `copies/${name}`, `quarantine/visits/${name}`]) await stores.lake.put(key, 'rows');
  expireWork();
  expect(await sweepLake(stores, everythingIsOld())).toMatchObject([
    { table: 'copies', files: 0 },
    { table: 'visits', files: 1 },
  ]);
  const left = await listAll(stores.lake, '');
  for (const key of [...foreign, `copies/${name}`, `quarantine/visits/${name}`]) expect(left).toContain(key);
  expect(left).not.toContain(ours);
});

it('a sweep that is stopped deletes nothing that it has not looked at to the end, and says so', async () => {
  await world(3, permanent(1)).run();
  expireWork();
  let looks = 0;
  const isOver = () => {
    looks += 1;
    return looks > 1;
  };
  expect(await sweepTable(stores, 'visits', { ...everythingIsOld(), isOver })).toEqual({ files: 0, bytes: 0, unfinished: true });
  expect(await dataFiles()).toHaveLength(2);
});
