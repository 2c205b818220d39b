import { beforeEach, expect, it } from 'vitest';
import { FanlakeError } from '../../../functions/core/errors.ts';
import { partKey } from '../../../functions/core/keys.ts';
import type { MergeTask } from '../../../functions/core/merge-task.ts';
import { type DonePart, noRows, type Part } from '../../../functions/core/part.ts';
import type { Plan } from '../../../functions/core/plan.ts';
import type { MergeStep } from '../../../functions/core/staged-query.ts';
import { completeStage } from '../../../functions/protocol/climb.ts';
import type { RunContext } from '../../../functions/protocol/context.ts';
import { failedPart } from '../../../functions/protocol/finish-task.ts';
import { createStage, readStage, type Stage } from '../../../functions/protocol/stages.ts';
import { memoryStore } from '../../support/memory-store.ts';
import { planOf } from './plan-of.ts';

// The first of two merge stages, of two tasks.
let context: RunContext;
let sent: unknown[];
let plan: Plan;
let stage: Stage;
const tasks: readonly MergeTask[] = [0, 1].map((task) => ({ task, buckets: [task * 32, task * 32 + 32], inputs: [], bytes: 1 }));

beforeEach(async () => {
  sent = [];
  const queue = {
    send: async (messages: readonly unknown[]) => {
      sent.push(...messages);
      return [];
    },
  };
  context = {
    stores: { landing: memoryStore(), work: memoryStore(), lake: memoryStore() },
    tasks: queue,
    merges: queue,
    commits: queue,
    monitor: queue,
    clock: { now: () => 0, sleep: async () => {} },
    nonces: { next: () => '000000000000' },
    announce: null,
  };
  const step: MergeStep = { columns: [], keys: ['line'], combine: null, sql: '' };
  const like = planOf({ tasks: 1, bytes: 10, limits: {} });
  const staged = { map: { sql: '', rowwise: true, counted: null }, steps: [step, step] };
  plan = { ...like, staged: true, query: { ...like.query, rowwise: false, staged } };
  stage = (await createStage(context, plan, 1, { format: 1, step: 0, kind: 'merge', last: false, tasks }, false)).stage;
});

const attempt = { nonce: '0', attempts: 1, seconds: 1, requests: {}, quarantine: [], chain: [] };
const write = (part: Part) => context.stores.work.create(partKey(plan, 1, part.task), JSON.stringify(part));

async function finish(task: number): Promise<void> {
  const output = { nonce: '0', rows: 1, bytes: 1, groups: [[task * 32, task * 32, 1, 0, 1]] as const };
  const part: DonePart = { ...attempt, format: 1, kind: 'done', task, rows: noRows, bytesCovered: 0, files: [], checksum: 'none', output };
  await write(part);
}

const next = () => readStage(context.stores.work, plan, 2);
const commit = { kind: 'commit', run: 'visits-00000000000000000000', epoch: 0, table: 'visits' };

it('behind a merge stage whose tasks are all done the next one begins', async () => {
  for (const { task } of tasks) await finish(task);
  await completeStage(context, plan, stage);
  expect(sent).toEqual([expect.objectContaining({ kind: 'merge', stage: 2 })]);
  expect(await next()).toMatchObject({ tasks: 1 });
});

it('behind a merge stage of which a task failed none begins: the reducer says how the run ends', async () => {
  await finish(0);
  await write({
    ...failedPart({ task: 1, buckets: [32, 64], inputs: [], bytes: 1 }, new FanlakeError('task.died', 'it died')),
    ...attempt,
  });
  await completeStage(context, plan, stage);
  expect(sent).toEqual([commit]);
  expect(await next()).toBeNull();
});

it('behind a merge stage of which a part is gone since it was complete none begins, which would lack its rows', async () => {
  await finish(0);
  await completeStage(context, plan, stage);
  expect(sent).toEqual([commit]);
  expect(await next()).toBeNull();
});
