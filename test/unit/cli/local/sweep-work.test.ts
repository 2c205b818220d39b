import { mkdtempSync, rmSync, utimesSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { sweepWork } from '../../../../cli/local/sweep-work.ts';
import { LocalStore } from '../../../../functions/adapters/local-store.ts';
import { FanlakeError } from '../../../../functions/core/errors.ts';
import { landedKey, outcomeKey, planKey, recentKey, requestKey } from '../../../../functions/core/keys.ts';
import type { Stores } from '../../../../functions/core/ports.ts';
import { listAll } from '../../../../functions/protocol/documents.ts';
import { CrashPlan } from '../../protocol/crashing-store.ts';
import { type Fault, run, TinyWorld } from '../../protocol/tiny-world.ts';

let root: string;
let stores: Stores;
const dayMs = 86_400_000;
const none = new CrashPlan(0, 'before');
const failing: Fault = (task) => (task.splits[0]?.start === 10 ? new FanlakeError('rows.bad', 'a bad row') : null);

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'fanlake-sweep-work-'));
  const store = (name: string) => new LocalStore(join(root, name), { durable: false });
  stores = { landing: store('landing'), work: store('work'), lake: store('lake') };
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const sweep = (beforeMs = Date.now() + dayMs, dryRun = false) => sweepWork(stores, { beforeMs, dryRun, isOver: () => false });
const left = () => listAll(stores.work, '');
const age = (store: Stores['work'], key: string) => utimesSync(store.locate(key), new Date(), new Date(Date.now() - 40 * dayMs));

it.each([
  ['was committed', undefined],
  ['failed', failing],
])('work of a run that %s long ago goes, with the notes about it; the ledger stays', async (_, fault) => {
  await new TinyWorld(root, { crash: none, tasks: 3, ...(fault === undefined ? {} : { fault }) }).run();
  await stores.work.put(requestKey(run, 'abc'), '{}');
  await stores.work.put(recentKey(run, 0), '{}');
  const ledger = await listAll(stores.lake, 'visits/_fanlake/');
  const before = await left();
  expect(await sweep(undefined, true)).toMatchObject({ runs: 1, files: before.length });
  expect(await left()).toEqual(before);
  expect(await sweep()).toMatchObject({ runs: 1, files: before.length, gone: new Set([run]) });
  expect(await left()).toEqual([]);
  expect(await listAll(stores.lake, 'visits/_fanlake/')).toEqual(ledger);
});

it('work stays whole while any of it is young, or its run ended a short time ago', async () => {
  await new TinyWorld(root, { crash: none, tasks: 3, fault: failing }).run();
  const before = await left();
  const beforeMs = Date.now() - 30 * dayMs;
  const [young] = before.filter((key) => key.startsWith('runs/'));
  for (const key of before) if (key !== young) age(stores.work, key);
  age(stores.lake, outcomeKey('visits', { run, epoch: 0 }));
  expect(await sweep(beforeMs)).toMatchObject({ runs: 0 });
  expect(await left()).toEqual(before);
  for (const key of before) age(stores.work, key);
  rmSync(stores.lake.locate(outcomeKey('visits', { run, epoch: 0 })));
  expect(await sweep(beforeMs)).toMatchObject({ runs: 0, files: 0 });
  expect(await left()).toEqual(before);
});

it('work of a run that was committed in part stays until its rest is in the table', async () => {
  let fails = true;
  const world = new TinyWorld(root, { crash: none, tasks: 3, fault: (task, plan) => (fails ? failing(task, plan) : null) });
  expect(await world.run(1)).toMatchObject({ outcome: 'PARTIAL' });
  expect(await sweep()).toMatchObject({ runs: 0 });
  fails = false;
  await world.retryMissing();
  expect(await sweep()).toMatchObject({ runs: 1 });
});

it('a plan of another version of Fanlake stays, and what was left without a plan goes', async () => {
  await stores.work.put(planKey({ run, epoch: 0 }), '{"format":99}');
  expect(await sweep()).toMatchObject({ runs: 0 });
  await stores.work.delete(planKey({ run, epoch: 0 }));
  await stores.work.put(`runs/${run}/e0/plan/000000000001/0000.json`, '{}');
  expect(await sweep()).toMatchObject({ runs: 1, files: 1 });
});

it('the note of a file stays as long as the file lies in landing: grown longer it must not be loaded twice', async () => {
  const key = landedKey('visits', 'abc', run);
  await stores.work.put(key, JSON.stringify({ run, object: { key: 'a.csv', version: 'v', size: 3 } }));
  await stores.landing.put('a.csv', 'abc');
  await sweep();
  expect(await left()).toEqual([key]);
  await stores.landing.delete('a.csv');
  await sweep();
  expect(await left()).toEqual([]);
});
