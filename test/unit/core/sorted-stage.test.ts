import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { MergeTask, SortBounds } from '../../../functions/core/merge-task.ts';
import { spanOf } from '../../../functions/core/part-share.ts';
import { sampleCount, sampledRow } from '../../../functions/core/sort-samples.ts';
import type { StageOutput } from '../../../functions/core/stage-inputs.ts';
import { planStage } from '../../../functions/core/stage-planning.ts';
import { stageSizing } from '../../../functions/core/stage-sizing.ts';
import type { MergeStep } from '../../../functions/core/staged-query.ts';

const MiB = 2 ** 20;
const step: MergeStep = {
  ...{ columns: [{ name: 'n', type: 'BIGINT', stored: 'BIGINT' }], keys: [], combine: null, sql: 'SELECT * FROM parts ORDER BY n' },
  order: { by: [{ name: 'n', descending: false, nullsFirst: false }], isShared: true },
};

/** A part with rows of these sort keys, in row groups of so many, cut into samples as a task does. */
function part(task: number, keys: readonly string[], bytes: number, rowsOfGroup = 3): StageOutput {
  const sorted = [...keys].sort();
  const count = sampleCount({ rows: sorted.length, bytes });
  const samples = Array.from({ length: count }, (_, sample) => sorted[sampledRow(sample, count, sorted.length)]?.slice(0, 64) ?? '');
  const groups = Array.from({ length: Math.ceil(sorted.length / rowsOfGroup) }, (_, group) => {
    const [from, to] = [group * rowsOfGroup, Math.min(sorted.length, (group + 1) * rowsOfGroup)];
    return [0, 0, to - from, (bytes * from) / sorted.length, (bytes * to) / sorted.length] as const;
  });
  return { task, epoch: 0, nonce: 'n', rows: sorted.length, bytes, groups, samples };
}

const isIn = (key: string, [from, to]: SortBounds): boolean => (from === null || key >= from) && (to === null || key < to);
const boundsOf = ({ bounds = [null, null] }: MergeTask): SortBounds => bounds;
const hex = (value: number, digits = 8): string => value.toString(16).padStart(digits, '0');
/** Numbers of 32 bits that are spread as a hash is. */
const spread = (index: number): number => Math.imul(index + 1, 2_654_435_761) >>> 0;

const plan = (parts: readonly StageOutput[], sizing = stageSizing) => planStage(parts, null, [step], sizing);
/** What the tasks ask for. */
const requestsOf = (tasks: readonly MergeTask[], parts: readonly StageOutput[]): number =>
  tasks.reduce((sum, task) => sum + parts.filter((one) => spanOf(one, task) !== null).length, 0);

describe('tasks that share an order', () => {
  it('have each row once, in ranges that follow each other, and find it in the row groups that they look at', () => {
    // among them keys that are longer than a sample, and alike in what one has
    const key = fc.oneof(
      fc.integer({ min: 0, max: 255 }).map((value) => hex(value, 2)),
      fc.integer({ min: 0, max: 65_535 }).map((value) => hex(value, 4)),
      fc.nat(9).map((value) => `80${'41'.repeat(31)}${hex(value, 2)}`),
      fc.nat(9).map((value) => `80${'41'.repeat(30)}${hex(value, 2)}`),
      fc.constant('7f'),
    );
    const parts = fc.array(fc.record({ keys: fc.array(key, { maxLength: 80 }), size: fc.integer({ min: 1, max: 200 }) }), { maxLength: 9 });
    let shared = 0;
    fc.assert(
      fc.property(parts, (list) => {
        const before = list.map(({ keys, size }, task) => part(task, keys, size * MiB));
        const { tasks, kind, last } = plan(before);
        expect([kind, last]).toEqual(['merge', true]);
        if (tasks.length > 1) shared += 1;
        expect(tasks.map(({ task }) => task)).toEqual(tasks.map((_, index) => index));
        expect([boundsOf(tasks[0] as MergeTask)[0], boundsOf(tasks.at(-1) as MergeTask)[1]]).toEqual([null, null]);
        for (const [index, task] of tasks.entries()) {
          const [from, to] = boundsOf(task);
          if (index > 0) expect(from).toBe(boundsOf(tasks[index - 1] as MergeTask)[1]);
          if (from !== null && to !== null) expect(from < to).toBe(true);
        }
        for (const [index, one] of before.entries()) {
          for (const [row, own] of [...(list[index]?.keys ?? [])].sort().entries()) {
            const takers = tasks.filter((task) => isIn(own, boundsOf(task)));
            expect(takers.length).toBe(1);
            const span = spanOf(one, takers[0] as MergeTask);
            expect(span !== null && span.rows[0] <= row && row < span.rows[1]).toBe(true);
          }
        }
      }),
    );
    expect(shared).toBeGreaterThan(20);
  });

  it('have about as many rows each, as many tasks as the bytes ask for', () => {
    const keys = Array.from({ length: 20 }, (_, task) => Array.from({ length: 5_000 }, (_, row) => hex(spread(task * 5_000 + row))));
    const { tasks } = plan(keys.map((own, task) => part(task, own, 16 * MiB, 500)));
    expect(tasks).toHaveLength(5);
    for (const task of tasks) {
      const rows = keys.flat().filter((key) => isIn(key, boundsOf(task))).length;
      expect(Math.abs(rows - 20_000)).toBeLessThan(2_000);
      expect(Math.abs(task.bytes - 64 * MiB)).toBeLessThan(7 * MiB);
    }
  });

  it('have a key that has half of all rows in one of them, and about as many of the others as without it', () => {
    const hot = '80000000';
    const keys = Array.from({ length: 20 }, (_, task) =>
      Array.from({ length: 5_000 }, (_, row) => (row % 2 === 0 ? hot : hex(spread(task * 5_000 + row)))),
    );
    const { tasks } = plan(keys.map((own, task) => part(task, own, 16 * MiB, 500)));
    const others = tasks.map((task) => keys.flat().filter((key) => key !== hot && isIn(key, boundsOf(task))).length);
    expect(tasks.filter((task) => isIn(hot, boundsOf(task)))).toHaveLength(1);
    expect(tasks.length).toBeGreaterThanOrEqual(3);
    expect(tasks.length).toBeLessThanOrEqual(6);
    for (const rows of others) expect(rows).toBeLessThan(32_000);
  });

  it('are one where all rows have one key, where nothing tells the keys, and where there is no row', () => {
    const same = [0, 1, 2].map((task) =>
      part(
        task,
        Array.from({ length: 90 }, () => '80'),
        200 * MiB,
      ),
    );
    const untold = same.map(({ samples: _, ...rest }) => rest);
    for (const parts of [same, untold]) {
      expect(plan(parts).tasks).toEqual([{ task: 0, inputs: [{ epoch: 0, from: 0, to: 3 }], buckets: [0, 64], bytes: 600 * MiB }]);
    }
    expect(plan([part(0, [], 0)]).tasks).toEqual([{ task: 0, inputs: [], buckets: [0, 64], bytes: 0 }]);
  });

  it('of parts that lie in the order already need few requests, so that nothing is combined; of others parts are put together first', () => {
    const parts = Array.from({ length: 200 }, (_, task) =>
      part(
        task,
        Array.from({ length: 100 }, (_, row) => hex(task * 100 + row)),
        32 * MiB,
        10,
      ),
    );
    const sorted = plan(parts);
    expect([sorted.kind, sorted.tasks.length]).toEqual(['merge', 64]);
    expect(requestsOf(sorted.tasks, parts)).toBeLessThan(parts.length + 3 * sorted.tasks.length);
    const mixed = parts.map((_, task) =>
      part(
        task,
        Array.from({ length: 100 }, (_, row) => hex(row * 200 + task)),
        32 * MiB,
        10,
      ),
    );
    expect(plan(mixed)).toMatchObject({ kind: 'combine', last: false });
  });

  it('have a gibibyte each where the rows are so many that smaller ones would be too many requests', () => {
    const parts = Array.from({ length: 60 }, (_, task) =>
      part(
        task,
        Array.from({ length: 650 }, (_, row) => hex(row * 60 + task)),
        2 ** 32,
        10,
      ),
    );
    const { tasks } = plan(parts);
    expect(tasks.length).toBeGreaterThan(220);
    expect(tasks.length).toBeLessThan(260);
  });
});
