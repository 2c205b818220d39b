import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { maxReceives, TaskQueues } from '../../../../cli/local/task-queues.ts';
import { FanlakeError } from '../../../../functions/core/errors.ts';
import type { MergeMessage } from '../../../../functions/core/merge-task.ts';
import type { DispatchMessage, TaskMessage } from '../../../../functions/core/task.ts';

const perPage = 1_000;
const dispatch = (page: number, run = 'r'): DispatchMessage => ({ kind: 'dispatch', run, epoch: 0, page });
const task = (number: number, run = 'r'): TaskMessage => ({
  kind: 'task',
  plan: 'p',
  run,
  epoch: 0,
  stage: 0,
  task: { task: number, splits: [] },
});
const merge = (number: number): MergeMessage => ({
  kind: 'merge',
  plan: 'p',
  run: 'r',
  epoch: 0,
  stage: 1,
  task: { task: number, inputs: [], buckets: [0, 64], bytes: 0 },
});
const range = (count: number): readonly number[] => Array.from({ length: count }, (_, index) => index);

let queues: TaskQueues;
beforeEach(() => {
  queues = new TaskQueues();
});
afterEach(() => queues.stop());

const nothingToBury = async (): Promise<void> => {
  throw new Error('no task of these fails');
};

/** Waits until it holds: nothing here depends on how long that takes. */
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await sleep(5);
}

describe('a run of 8 pages of tasks', () => {
  const pages = 8;

  it('has a few pages of them in the queue, and gets the others as tasks are done', async () => {
    const dispatched: number[] = [];
    queues.consume(async ({ page }) => {
      expect(await queues.send(range(perPage).map((index) => task(page * perPage + index)))).toEqual([]);
      dispatched.push(page);
    }, nothingToBury);
    await queues.send(range(pages).map((page) => dispatch(page)));
    await until(() => dispatched.length >= 5);
    // nobody works: were it to go on it would have by now
    await sleep(200);
    expect(dispatched).toEqual([0, 1, 2, 3, 4]);
    expect(queues.tasks.counts().visible).toBe(5 * perPage);

    const done = new Set<number>();
    const most = { waiting: 0 };
    queues.tasks.consume(async ([delivery]) => {
      most.waiting = Math.max(most.waiting, queues.tasks.counts().visible);
      done.add(delivery?.body.task.task ?? -1);
      return [];
    });
    await until(() => done.size === pages * perPage);
    expect(dispatched).toEqual(range(pages));
    expect(most.waiting).toBeLessThanOrEqual(5 * perPage);
    expect([...done].sort((a, b) => a - b)).toEqual(range(pages * perPage));
  });

  it('counts as open what is waiting, in work or still to be dispatched: never less than is left, and nothing in the end', async () => {
    let done = 0;
    expect(queues.open).toBe(0);
    await queues.send(range(pages).map((page) => dispatch(page)));
    expect(queues.open).toBe(pages * perPage);
    const tooFew: number[] = [];
    const look = (): void => {
      if (queues.open < pages * perPage - done) tooFew.push(queues.open);
    };
    queues.consume(async ({ page }) => {
      look();
      await queues.send(range(perPage).map((index) => task(page * perPage + index)));
      look();
    }, nothingToBury);
    queues.tasks.consume(
      async () => {
        look();
        done += 1;
        return [];
      },
      { concurrency: 2 },
    );
    await until(() => queues.open === 0);
    expect(done).toBe(pages * perPage);
    expect(tooFew).toEqual([]);
  });

  it('keeps no one from stopping while a page waits for workers that never come', async () => {
    let dispatched = 0;
    queues.consume(async ({ page }) => {
      await queues.send(range(perPage).map((index) => task(page * perPage + index)));
      dispatched += 1;
    }, nothingToBury);
    await queues.send(range(pages).map((page) => dispatch(page)));
    await until(() => dispatched === 5);
    // by now the sixth page is waiting
    await sleep(100);
    await queues.stop();
    expect(dispatched).toBe(5);
    expect(queues.open).toBe(pages * perPage);
  });
});

it('what can’t be sent is named by its place among tasks and dispatches', async () => {
  const tooLong = 'x'.repeat(2 << 20);
  const failed = await queues.send([task(0), dispatch(0, tooLong), dispatch(1), task(1, tooLong), task(2), dispatch(2, tooLong)]);
  expect(failed.map(({ index }) => index).sort((a, b) => a - b)).toEqual([1, 3, 5]);
  for (const { reason } of failed) expect(reason).toContain('bytes');
  expect(queues.tasks.counts().visible).toBe(2);
  expect(queues.open).toBe(2 + perPage);
});

it('a task that never succeeds is buried once, with what went wrong the last time', async () => {
  const buried: (readonly [number, string | undefined])[] = [];
  queues.consume(
    async () => {},
    async ({ task: { task: number } }, last) => {
      buried.push([number, last?.message]);
    },
  );
  let tries = 0;
  queues.tasks.consume(async ([delivery]) => {
    if (delivery?.body.task.task !== 1) return [];
    tries += 1;
    // a worker's death is tried again at once
    throw new FanlakeError('task.died', `try ${tries}`);
  });
  await queues.send([task(0), task(1), task(2)]);
  await until(() => buried.length > 0 && queues.open === 0);
  expect(tries).toBe(maxReceives);
  expect(buried).toEqual([[1, expect.stringContaining(`try ${maxReceives}`)]]);
});

it('merge tasks are done by those who do map tasks, are open until then, and are buried alike', async () => {
  const buried: string[] = [];
  queues.consume(
    async () => {},
    async ({ kind, task: { task: number } }) => {
      buried.push(`${kind} ${number}`);
    },
  );
  expect(await queues.merges.send([merge(0), merge(1)])).toEqual([]);
  expect(queues.open).toBe(2);
  expect([queues.mergesSent('p'), queues.mergesSent('another plan')]).toEqual([2, 0]);
  const done: string[] = [];
  queues.tasks.consume(async ([delivery]) => {
    if (delivery === undefined) return [];
    const { kind, task: which } = delivery.body;
    if (which.task === 1) throw new FanlakeError('task.died', 'killed');
    done.push(`${kind} ${which.task}`);
    return [];
  });
  await queues.send([task(0)]);
  await until(() => buried.length > 0 && queues.open === 0);
  expect(done.sort()).toEqual(['merge 0', 'task 0']);
  expect(buried).toEqual(['merge 1']);
  // what is sent again is no task more
  await queues.merges.send([merge(1)]);
  expect(queues.mergesSent('p')).toBe(2);
});
