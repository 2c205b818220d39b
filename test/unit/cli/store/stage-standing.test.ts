import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { renderStages } from '../../../../cli/render/stage-standing.ts';
import { plainStyle } from '../../../../cli/render/style.ts';
import { stagesNow } from '../../../../cli/store/stage-standing.ts';
import { partKey, stageTasksKey } from '../../../../functions/core/keys.ts';
import type { StoredStage } from '../../../../functions/core/merge-task.ts';
import { type DonePart, noRows } from '../../../../functions/core/part.ts';
import { contextOnDisk } from '../../protocol/context-on-disk.ts';
import { planOf } from '../../protocol/plan-of.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'fanlake-stages-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const step = { columns: [], keys: ['k'], combine: null, sql: '' };
const staged = { map: { sql: '', rowwise: true, counted: null }, steps: [step, { ...step, keys: [] }] };

const base: DonePart = {
  ...{ format: 1, kind: 'done', task: 0, nonce: 'n', attempts: 1, seconds: 1, requests: {}, rows: noRows, bytesCovered: 0 },
  ...{ chain: [], files: [], quarantine: [], checksum: 'none' },
};
const handingOn = (rows: number) => ({ output: { nonce: 'n', rows, bytes: rows, groups: [] } });

it('status tells of each stage how many tasks are done and which rows went through it', async () => {
  const { stores } = contextOnDisk(folder);
  const query = planOf({ tasks: 2, bytes: 2, limits: {} }).query;
  const plan = planOf({ tasks: 2, bytes: 2, limits: {}, staged: true, query: { ...query, rowwise: false, staged } });
  const found = { run: plan.run, epoch: 0, table: 'visits', plan, outcome: null };
  const now = () => stagesNow({ name: 'here', stack: null, stores }, found);
  const put = (stage: number, part: DonePart) => stores.work.put(partKey(plan, stage, part.task), JSON.stringify(part));
  const begin = (stage: number, more: Partial<StoredStage>) => {
    const task = { task: 0, inputs: [], buckets: [0, 64] as const, bytes: 0 };
    const stored: StoredStage = { format: 1, step: 0, kind: 'merge', last: false, createdMs: 0, tasks: [task], ...more };
    return stores.work.put(stageTasksKey(plan, stage), JSON.stringify(stored));
  };
  const read = (rows: number) => ({ rows: { ...noRows, read: rows, passed: rows } });
  await put(0, { ...base, ...read(1_000), ...handingOn(7) });
  const toCome = { tasks: { planned: null, done: 0, failed: 0 }, rows: { taken: 0, handedOn: 0 } };
  expect(await now()).toEqual([
    { stage: 'map', tasks: { planned: 2, done: 1, failed: 0 }, rows: { taken: 1_000, handedOn: 7 } },
    { stage: 'merge 1', ...toCome },
    { stage: 'merge 2', ...toCome },
  ]);
  await put(0, { ...base, task: 1, ...read(500), ...handingOn(6) });
  await begin(1, { kind: 'combine' });
  await put(1, { ...base, consumed: 13, ...handingOn(8) });
  await begin(2, {});
  await put(2, { ...base, consumed: 8, ...handingOn(8) });
  await begin(3, { step: 1, last: true });
  await put(3, { ...base, consumed: 8, rows: { ...noRows, written: 5 } });
  const stages = (await now()) ?? [];
  expect(renderStages(stages, plainStyle).split('\n')).toEqual([
    'stage       tasks  rows taken  rows handed on',
    '─────────  ──────  ──────────  ──────────────',
    'map        2 of 2       1,500              13',
    'combine 1  1 of 1          13               8',
    'merge 1    1 of 1           8               8',
    'merge 2    1 of 1           8               5',
  ]);
});

it('of a run without merge stages it tells what it always told', async () => {
  const { stores } = contextOnDisk(folder);
  const plan = planOf({ tasks: 2, bytes: 2, limits: {} });
  const found = { run: plan.run, epoch: 0, table: 'visits', plan, outcome: null };
  expect(await stagesNow({ name: 'here', stack: null, stores }, found)).toBeNull();
});
