import { describe, expect, it } from 'vitest';
import { taskSizing, tasksOf } from '../../../functions/core/plan.ts';
import type { Split } from '../../../functions/core/task.ts';

function* splits(count: number, bytes: number): Generator<Split> {
  const object = { key: 'a.csv', version: 'v', size: count * bytes };
  for (let index = 0; index < count; index++) yield { object, layout: 0, start: index * bytes, end: (index + 1) * bytes };
}

describe('tasksOf', () => {
  it('makes one task a split when a split size was asked for', () => {
    const tasks = [...tasksOf(splits(5, 10), taskSizing(10), 50)];
    expect(tasks.map(({ task, splits: own }) => [task, own.length])).toEqual([
      [0, 1],
      [1, 1],
      [2, 1],
      [3, 1],
      [4, 1],
    ]);
  });

  it('puts small objects into common tasks and loses none', () => {
    const tasks = [...tasksOf(splits(1_234, 1_000), taskSizing(null), 1_234_000)];
    expect(tasks.length).toBe(3);
    expect(tasks.flatMap(({ splits: own }) => own.map(({ start }) => start))).toEqual([...splits(1_234, 1_000)].map(({ start }) => start));
  });

  it('gives large objects a task each', () => {
    expect([...tasksOf(splits(3, 100 * 2 ** 20), taskSizing(null), 300 * 2 ** 20)]).toHaveLength(3);
  });

  it('plans a million tasks holding one at a time, and refuses one more with the split size that fits', () => {
    let count = 0;
    for (const { task } of tasksOf(splits(1_000_000, 1), taskSizing(1), 1_000_000)) count = task + 1;
    expect(count).toBe(1_000_000);
    const tooMany = () => {
      for (const _ of tasksOf(splits(1_000_001, 1), taskSizing(1), 1_000_001)) count += 1;
    };
    expect(tooMany).toThrow(expect.objectContaining({ code: 'plan.too-large', message: expect.stringContaining('--split-size 2') }));
  });
});
