import { describe, expect, it } from 'vitest';
import { nextEpoch, type PastTask, remainingTasks, splitId, startsBehind } from '../../../functions/core/next-epoch.ts';

const past = (epoch: number, task: number, state: PastTask['state']): PastTask => ({
  epoch,
  state,
  task: { task, splits: [{ object: { key: `k${task}`, version: 'v', size: 10 }, layout: 0, start: 0, end: 10 }] },
});

describe('nextEpoch', () => {
  it('does again what is missing, numbered anew, and takes the rest over by name', () => {
    const { tasks, reuse } = nextEpoch([past(1, 0, 'done'), past(1, 1, 'todo'), past(1, 2, 'done'), past(1, 3, 'done')], new Map());
    expect(tasks.map(({ task, splits }) => [task, splits[0]?.object.key])).toEqual([[0, 'k1']]);
    expect(reuse).toEqual([
      {
        epoch: 1,
        tasks: [
          [0, 1],
          [2, 4],
        ],
      },
    ]);
  });

  it('keeps parts of several epochs apart', () => {
    const { reuse } = nextEpoch([past(1, 0, 'done'), past(0, 0, 'done'), past(0, 1, 'done')], new Map());
    expect(reuse).toEqual([
      { epoch: 1, tasks: [[0, 1]] },
      { epoch: 0, tasks: [[0, 2]] },
    ]);
  });

  it('does a task with a wrongly read split again from its exact start', () => {
    const { tasks, reuse } = nextEpoch([past(0, 0, 'done'), past(0, 1, 'done')], new Map([[splitId({ key: 'k1', start: 0 }), 7]]));
    expect(tasks).toHaveLength(1);
    expect(tasks[0]?.splits[0]?.from).toBe(7);
    expect(reuse).toEqual([{ epoch: 0, tasks: [[0, 1]] }]);
  });

  it('reads an object on as one split when its chain breaks again and again', () => {
    const object = { key: 'a.csv', version: 'v', size: 30 };
    const tasks = [0, 1, 2].map((task) => ({ task, splits: [{ object, layout: 0, start: task * 10, end: task * 10 + 10 }] }));
    const past = tasks.map((task): PastTask => ({ epoch: 2, task, state: 'done' }));
    const next = nextEpoch(past, new Map([[splitId({ key: 'a.csv', start: 10 }), 13]]), true);
    expect(next.tasks.map(({ splits }) => splits)).toEqual([[{ object, layout: 0, start: 10, end: 30, from: 13 }]]);
    expect(next.reuse).toEqual([{ epoch: 2, tasks: [[0, 1]] }]);
  });
});

it('an object that is read on to its end is read by no task that it shared with another object', () => {
  const split = (name: string, start: number, end: number, size: number) => ({
    object: { key: name, version: 'v', size },
    layout: 0,
    start,
    end,
  });
  const done = [[split('x', 0, 9, 27)], [split('x', 9, 18, 27)], [split('x', 18, 27, 27), split('y', 0, 1, 1)]];
  const past = done.map((splits, task): PastTask => ({ epoch: 2, task: { task, splits }, state: 'done' }));
  const { tasks, reuse } = nextEpoch(past, new Map([[splitId({ key: 'x', start: 9 }), 11]]), true);
  const ranges = tasks.map(({ splits }) => splits.map(({ object, start, end }) => [object.key, start, end]));
  expect(ranges).toEqual([[['x', 9, 27]], [['y', 0, 1]]]);
  expect(reuse).toEqual([{ epoch: 2, tasks: [[0, 1]] }]);
});

describe('remainingTasks', () => {
  it('does only what was missing at a partial commit: what is done is in the table, also where its exact start is known', () => {
    const starts = new Map([0, 1].map((task) => [splitId({ key: `k${task}`, start: 0 }), 3]));
    const tasks = remainingTasks([past(0, 0, 'done'), past(0, 1, 'todo')], starts);
    expect(tasks.map(({ task, splits }) => [task, splits[0]?.object.key, splits[0]?.from])).toEqual([[0, 'k1', 3]]);
  });
});

describe('startsBehind', () => {
  const link = (start: number, end: number, from: number | null, to: number | null) => ({
    key: 'a.csv',
    size: 40,
    dataStart: 0,
    start,
    end,
    from,
    to,
    alternative: null,
  });

  it('tells the exact start of a split from what the split before it owns, over splits that own nothing', () => {
    const starts = startsBehind([link(10, 20, null, null), link(0, 10, 0, 25), link(30, 40, 31, 40)]);
    expect(starts.get(splitId({ key: 'a.csv', start: 20 }))).toBe(25);
    expect(starts.get(splitId({ key: 'a.csv', start: 30 }))).toBeUndefined();
  });
});
