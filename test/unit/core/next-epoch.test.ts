import { describe, expect, it } from 'vitest';
import { nextEpoch, type PastTask, splitId } from '../../../functions/core/next-epoch.ts';

const past = (epoch: number, task: number, state: PastTask['state']): PastTask => ({
  epoch,
  state,
  task: { task, splits: [{ object: { key: `k${task}`, version: 'v', size: 10 }, layout: 0, start: 0, end: 10 }] },
});

describe('nextEpoch', () => {
  it('does again what is missing, numbered anew, and takes the rest over by name', () => {
    const { tasks, reuse } = nextEpoch(
      [past(1, 0, 'done'), past(1, 1, 'todo'), past(1, 2, 'done'), past(1, 3, 'done')],
      new Map(),
      'parts',
    );
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
    const { reuse } = nextEpoch([past(1, 0, 'done'), past(0, 0, 'done'), past(0, 1, 'done')], new Map(), 'parts');
    expect(reuse).toEqual([
      { epoch: 1, tasks: [[0, 1]] },
      { epoch: 0, tasks: [[0, 2]] },
    ]);
  });

  it('does a task with a wrongly read split again from its exact start', () => {
    const { tasks, reuse } = nextEpoch([past(0, 0, 'done'), past(0, 1, 'done')], new Map([[splitId({ key: 'k1', start: 0 }), 7]]), 'parts');
    expect(tasks).toHaveLength(1);
    expect(tasks[0]?.splits[0]?.from).toBe(7);
    expect(reuse).toEqual([{ epoch: 0, tasks: [[0, 1]] }]);
  });

  it('takes nothing over after a partial commit: what is done is in the table', () => {
    const { tasks, reuse } = nextEpoch([past(0, 0, 'done'), past(0, 1, 'todo')], new Map(), 'nothing');
    expect(tasks).toHaveLength(1);
    expect(reuse).toEqual([]);
  });
});
