import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { StageTasks } from '../../../functions/core/merge-task.ts';
import type { StageOutput } from '../../../functions/core/stage-inputs.ts';
import { planStage, stepBehind } from '../../../functions/core/stage-planning.ts';
import { buckets, type MergeStep } from '../../../functions/core/staged-query.ts';

const MiB = 2 ** 20;
const GiB = 2 ** 30;
const column = { name: 'n', type: 'BIGINT', stored: 'BIGINT' };
const keyed: MergeStep = { columns: [column], keys: ['n'], combine: null, sql: 'SELECT * FROM parts' };
const whole: MergeStep = { ...keyed, keys: [] };

/** A part with so many bytes in each bucket. */
function part(task: number, sizes: readonly number[]): StageOutput {
  let end = 4;
  const groups = sizes.flatMap((size, bucket) => {
    if (size === 0) return [];
    const start = end;
    end += size;
    return [[bucket, bucket, 1, start, end] as const];
  });
  return { task, epoch: 0, nonce: 'n', rows: groups.length, bytes: end, groups };
}

const evenly = (bytes: number): readonly number[] => Array.from({ length: buckets }, () => bytes / buckets);
/** Half of the bytes in one bucket. */
const skewed = (bytes: number, hot: number): readonly number[] =>
  evenly(bytes / 2).map((size, bucket) => (bucket === hot ? bytes / 2 : size));

/** Which bytes of which bucket each task takes of each part, all together. */
function taken({ tasks }: StageTasks, parts: readonly StageOutput[]): ReadonlyMap<string, number> {
  const times = new Map<string, number>();
  for (const { inputs, buckets: range } of tasks) {
    for (const { from, to } of inputs) {
      for (const { task, groups } of parts) {
        if (task < from || task >= to) continue;
        for (const [bucket] of groups) {
          if (bucket < range[0] || bucket >= range[1]) continue;
          times.set(`${task} ${bucket}`, (times.get(`${task} ${bucket}`) ?? 0) + 1);
        }
      }
    }
  }
  return times;
}

const each = (parts: readonly StageOutput[]): ReadonlyMap<string, number> =>
  new Map(parts.flatMap(({ task, groups }) => groups.map(([bucket]) => [`${task} ${bucket}`, 1] as const)));

describe('a bucket with more than a task should take', () => {
  const parts = Array.from({ length: 20 }, (_, task) => part(task, skewed(512 * MiB, 17)));

  it('is dealt again by several tasks, and the others come along, each row once and none too many for a task', () => {
    const dealt = planStage(parts, null, [keyed]);
    expect(dealt).toMatchObject({ step: 0, kind: 'deal', last: false });
    expect(stepBehind(dealt)).toBe(0);
    expect(taken(dealt, parts)).toEqual(each(parts));
    for (const { bytes, buckets: range } of dealt.tasks) {
      expect(bytes).toBeLessThanOrEqual(GiB);
      // what is dealt alone holds no other bucket's rows
      if (range[0] <= 17 && range[1] > 17) expect(range).toEqual([17, 18]);
    }
    // 5 GiB of the large one, and as much of all others
    expect(dealt.tasks.filter(({ buckets: [from] }) => from === 17).length).toBe(5);
    expect(dealt.tasks.length).toBeLessThan(5 + 8);
  });

  it('is then taken by finer buckets: of a key’s rows, in whichever part, by one task', () => {
    const dealt = planStage(parts, null, [keyed]);
    const finer = dealt.tasks.map(({ task, bytes }) => part(task, evenly(bytes)));
    const merge = planStage(finer, dealt, [keyed]);
    expect(merge).toMatchObject({ step: 0, kind: 'merge', last: true });
    expect(merge.tasks.map(({ task }) => task)).toEqual(merge.tasks.map((_, index) => index));
    expect(taken(merge, finer)).toEqual(each(finer));
    for (const { inputs, bytes } of merge.tasks) {
      // parts of one range of buckets, and all of that one
      const ranges = inputs.flatMap(({ from, to }) => dealt.tasks.slice(from, to).map((task) => task.buckets[0]));
      expect(new Set(ranges).size).toBe(1);
      expect(dealt.tasks.filter((task) => task.buckets[0] === ranges[0]).length).toBe(ranges.length);
      expect(bytes).toBeLessThan(GiB / 2);
    }
    expect(merge.tasks.length).toBeGreaterThanOrEqual(64);
    expect(merge.tasks.length).toBeLessThan(64 + 16);
  });

  it('is not dealt a third time: what is still too large is one key, which only one task can take', () => {
    const dealt = planStage(parts, null, [keyed]);
    const oneKey = dealt.tasks.map(({ task, bytes, buckets: [from] }) =>
      part(task, from === 17 ? evenly(0).map((_, bucket) => (bucket === 3 ? bytes : 0)) : evenly(bytes)),
    );
    const merge = planStage(oneKey, dealt, [keyed]);
    expect(merge.kind).toBe('merge');
    expect(taken(merge, oneKey)).toEqual(each(oneKey));
    expect(Math.max(...merge.tasks.map(({ bytes }) => bytes))).toBe(5 * GiB);
  });

  it('is no reason where there are no keys, or where parts are few for their bytes', () => {
    expect(planStage(parts, null, [whole]).kind).toBe('merge');
    expect(planStage([part(0, evenly(60 * GiB))], null, [keyed]).kind).toBe('merge');
    expect(planStage([part(0, evenly(70 * GiB))], null, [keyed]).kind).toBe('deal');
  });

  it('is dealt behind parts that are put together first, and behind it the next step follows', () => {
    const many = Array.from({ length: 400 }, (_, task) => part(task, skewed(12 * MiB, 5)));
    const combine = planStage(many, null, [keyed, whole]);
    expect(combine.kind).toBe('combine');
    const combined = combine.tasks.map(({ task, bytes }) => part(task, skewed(bytes, 5)));
    const dealt = planStage(combined, combine, [keyed, whole]);
    expect(dealt).toMatchObject({ kind: 'deal', step: 0 });
    const merge = planStage(
      dealt.tasks.map(({ task, bytes }) => part(task, evenly(bytes))),
      dealt,
      [keyed, whole],
    );
    expect(merge).toMatchObject({ kind: 'merge', step: 0, last: false });
    expect(planStage([part(0, evenly(64))], merge, [keyed, whole])).toMatchObject({ kind: 'merge', step: 1, last: true });
  });
});

it('whatever buckets and parts have of bytes, a second deal takes each row once, and so does the merge behind it', () => {
  const sizes = fc.array(fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 40 * MiB }), fc.integer({ min: GiB / 2, max: 3 * GiB })), {
    minLength: buckets,
    maxLength: buckets,
  });
  let deals = 0;
  fc.assert(
    fc.property(fc.array(sizes, { minLength: 1, maxLength: 6 }), (list) => {
      const parts = list.map((own, task) => part(task, own));
      const dealt = planStage(parts, null, [keyed]);
      expect(taken(dealt, parts)).toEqual(each(parts));
      if (dealt.kind !== 'deal') return;
      deals += 1;
      const finer = dealt.tasks.map(({ task, bytes }) => part(task, evenly(bytes)));
      expect(taken(planStage(finer, dealt, [keyed]), finer)).toEqual(each(finer));
    }),
  );
  expect(deals).toBeGreaterThan(50);
});
