import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { PartTally } from '../../../../cli/stack/part-tally.ts';
import { LocalStore } from '../../../../functions/adapters/local-store.ts';
import { partKey, stageTasksKey } from '../../../../functions/core/keys.ts';
import type { ListOptions } from '../../../../functions/core/ports.ts';
import { planOf } from '../../protocol/plan-of.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'fanlake-tally-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

class CountedStore extends LocalStore {
  listings = 0;
  override listKeys(options: ListOptions) {
    this.listings += 1;
    return super.listKeys(options);
  }
}

it('the parts of an epoch are counted in a few listings a look, and full groups never again', async () => {
  const work = new CountedStore(folder, { durable: false });
  const plan = planOf({ tasks: 25_001, bytes: 1, limits: {}, nonce: 'abc' });
  const put = (task: number) => work.put(partKey(plan, 0, task), '{}');
  for (const task of [0, 1, 999, 1_000, 12_345, 25_000]) await put(task);
  const tally = new PartTally(work);
  const looks: number[] = [];
  for (let look = 0; look < 3; look++) looks.push((await tally.count(plan)).finished);
  expect(looks).toEqual([4, 5, 6]);
  expect(work.listings).toBe(30);
  // the last group has one task
  for (let look = 0; look < 5; look++) await tally.count(plan);
  await put(24_999);
  for (let look = 0; look < 3; look++) looks.push((await tally.count(plan)).finished);
  expect(looks.at(-1)).toBe(7);
  const next = { ...plan, epoch: 1, nonce: 'def', tasks: 2 };
  await work.put(partKey(next, 0, 1), '{}');
  expect(await tally.count(next)).toEqual({ finished: 1, tasks: 2 });
});

it('tasks of merge stages are counted from when they are known', async () => {
  const work = new LocalStore(folder, { durable: false });
  const plan = planOf({ tasks: 3, bytes: 1, limits: {}, staged: true });
  const tally = new PartTally(work);
  const part = (stage: number, task: number) => work.put(partKey(plan, stage, task), '{}');
  await part(0, 0);
  expect(await tally.count(plan)).toEqual({ finished: 1, tasks: 3 });
  for (const task of [1, 2]) await part(0, task);
  expect(await tally.count(plan)).toEqual({ finished: 3, tasks: 3 });
  const task = { inputs: [], buckets: [0, 64], bytes: 0 };
  const stage = { format: 1, step: 0, kind: 'merge', last: true, createdMs: 0, tasks: [0, 1].map((number) => ({ ...task, task: number })) };
  await work.put(stageTasksKey(plan, 1), JSON.stringify(stage));
  expect(await tally.count(plan)).toEqual({ finished: 3, tasks: 5 });
  await part(1, 1);
  expect(await tally.count(plan)).toEqual({ finished: 4, tasks: 5 });
  await part(1, 0);
  for (let look = 0; look < 2; look++) expect(await tally.count(plan)).toEqual({ finished: 5, tasks: 5 });
});
