import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { MergeMessage } from '../../../functions/core/merge-task.ts';
import type { RequestCounts } from '../../../functions/core/part.ts';
import type { ObjectStore } from '../../../functions/core/ports.ts';
import { forecastRequests, forecastStages } from '../../../functions/core/run-forecast.ts';
import { addBilled, type BilledRequests, noRequests } from '../../../functions/core/stage-requests.ts';
import { buckets, type MergeStep } from '../../../functions/core/staged-query.ts';
import type { Task, TaskMessage } from '../../../functions/core/task.ts';
import { startEpoch } from '../../../functions/protocol/start-epoch.ts';
import { writePlan } from '../../../functions/protocol/write-plan.ts';
import { CountingStore, RequestCounter } from '../../../functions/runtime/counting-store.ts';
import type { ComputedOutput, TaskComputer } from '../../../functions/worker/computed-task.ts';
import { handleTask } from '../../../functions/worker/handle-task.ts';
import { contextOnDisk } from '../protocol/context-on-disk.ts';
import { planOf } from '../protocol/plan-of.ts';

const splitBytes = 1_000;
const keyed: MergeStep = { columns: [], keys: ['k'], combine: null, sql: '' };
const whole: MergeStep = { ...keyed, keys: [] };

let root: string;
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'fanlake-requests-'));
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** Does the tasks of a run with the real functions; answers what each stage's tasks asked of the stores. */
async function requestsByStage(tasks: number, steps: readonly MergeStep[]): Promise<readonly RequestCounts[]> {
  const sent: (TaskMessage | MergeMessage)[] = [];
  const context = contextOnDisk(join(root, `${tasks}-${steps.length}`), sent);
  const { landing } = context.stores;
  const object = await landing.put('landing/a.txt', 'x'.repeat(tasks * splitBytes));
  const made: readonly Task[] = Array.from({ length: tasks }, (_, task) => ({
    task,
    splits: [{ object, layout: 0, start: task * splitBytes, end: (task + 1) * splitBytes }],
  }));
  const { format, nonce, createdMs, tasks: _count, inline, ...draft } = planOf({ tasks, bytes: tasks * splitBytes, limits: {} });
  const staged = { map: { sql: '', rowwise: true, counted: null }, steps };
  const { plan } = await writePlan(context, { ...draft, staged: true, query: { ...draft.query, rowwise: false, staged } }, made);
  await startEpoch(context, plan, true);
  const counters: RequestCounter[] = [];
  for (;;) {
    const message = sent.findIndex(({ kind }) => kind === 'task' || kind === 'merge');
    if (message < 0) return counters.map((counter) => counter.now());
    const [body] = sent.splice(message, 1);
    if (body === undefined) throw new Error('no message');
    const counter = counters[body.stage] ?? new RequestCounter();
    counters[body.stage] = counter;
    const counted = (store: ObjectStore) => new CountingStore(store, counter);
    const { stores } = context;
    const worker = {
      ...context,
      stores: { landing: counted(stores.landing), work: counted(stores.work), lake: counted(stores.lake) },
      requests: () => ({}),
      scratch: join(root, 'scratch'),
      plans: { get: async () => plan },
    };
    const computer = standIn(worker.stores);
    await handleTask({ ...worker, computer }, { body, receiveCount: 1, extend: async () => {}, retryIn: async () => {} });
  }
}

/** A computer that fetches what a real one does and makes a row of it. */
function standIn({ landing, work }: { readonly landing: ObjectStore; readonly work: ObjectStore }): TaskComputer {
  const rowIn = (folder: string): ComputedOutput => {
    writeFileSync(join(folder, 'row'), 'row');
    return { path: join(folder, 'row'), rows: 1, bytes: 3, groups: [[0, buckets - 1, 1, 0, 3]] };
  };
  return {
    open: async ({ folder }) => void mkdirSync(folder, { recursive: true }),
    close: async ({ folder }) => rmSync(folder, { recursive: true, force: true }),
    compute: async (_plan, { splits }, { folder }) => {
      const [split] = splits;
      if (split === undefined) throw new Error('a task without splits');
      const { object, start, end } = split;
      await (await landing.stage(object, { start, end }, folder)).release();
      const rows = { read: 1, filtered: 0, quarantined: 0, passed: 1, written: 1 };
      const link = { key: object.key, size: object.size, dataStart: 0, start, end, from: start, to: end, alternative: null };
      return { rows, bytesCovered: end - start, chain: [link], bad: [], checksum: 'none', files: [], output: rowIn(folder) };
    },
    computeMerge: async (_plan, { last }, _task, inputs, { folder }) => {
      for (const { key } of inputs) await work.get(key);
      const output = rowIn(folder);
      if (!last) return { consumed: inputs.length, written: 0, files: [], output };
      const file = { path: join(folder, 'row'), rows: 1, sizeBytes: 3, statistics: {}, partition: [] };
      return { consumed: inputs.length, written: 1, files: [file], output: null };
    },
    writeQuarantine: async () => {},
  };
}

const billed = (counts: RequestCounts): BilledRequests => ({
  queue: 0,
  put: counts['store.put'] ?? 0,
  list: counts['store.list'] ?? 0,
  get: (counts['store.get'] ?? 0) + (counts['store.head'] ?? 0),
});

describe('the requests that explain forecasts', () => {
  it.each([
    [3, [keyed]],
    [5, [keyed, whole]],
    [70, [keyed]],
    [70, [whole, whole]],
  ] as const)('are those that the tasks of a run of %i map tasks make, and no other', async (tasks, steps) => {
    const asked = await requestsByStage(tasks, steps);
    const forecast = forecastStages({ tasks, bytes: tasks * splitBytes, steps }, 0);
    expect(asked.length).toBe(forecast.length);
    const all = asked.reduce((sum, counts) => addBilled(sum, billed(counts)), noRequests);
    const told = forecast.reduce((sum, { requests }) => addBilled(sum, { ...requests, queue: 0 }), noRequests);
    expect(all).toEqual(told);
  });

  it('of 100 tasks that write the table are those of docs/cost.md', () => {
    const document = readFileSync(new URL('../../../docs/cost.md', import.meta.url), 'utf8').split('## A run of 100 tasks')[1] ?? '';
    const counted = (words: string) => Number(new RegExp(`^\\| ${words}[^|]*\\| (\\d+)`, 'm').exec(document)?.[1]);
    const { put, list, get } = forecastRequests(forecastStages({ tasks: 100, bytes: 100 * splitBytes, steps: [] }, 0));
    expect({ put, list, get }).toEqual({ put: counted('S3 PUT'), list: counted('S3 LIST'), get: counted('S3 GET') });
  });
});
