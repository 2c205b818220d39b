import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { StageTasks } from '../../../functions/core/merge-task.ts';
import { spanOf } from '../../../functions/core/part-share.ts';
import type { StageOutput } from '../../../functions/core/stage-inputs.ts';
import { planStage, stepBehind } from '../../../functions/core/stage-planning.ts';
import { stageSizing } from '../../../functions/core/stage-sizing.ts';
import { buckets, type MergeStep } from '../../../functions/core/staged-query.ts';

const MiB = 2 ** 20;
const column = { name: 'n', type: 'BIGINT', stored: 'BIGINT' };
const keyed: MergeStep = { columns: [column], keys: ['n'], combine: null, sql: 'SELECT * FROM parts' };
const whole: MergeStep = { ...keyed, keys: [] };

/** A part of so many bytes with a row group for each of some buckets, or one over all of them. */
function output(task: number, bytes: number, groups: number, epoch = 0): StageOutput {
  const each = bytes / groups;
  const width = buckets / groups;
  return {
    ...{ epoch, task, nonce: 'n', rows: groups, bytes },
    groups: Array.from({ length: groups }, (_, group) => [
      group * width,
      (group + 1) * width - 1,
      1,
      4 + Math.floor(group * each),
      4 + Math.floor((group + 1) * each),
    ]),
  };
}

const outputs = (count: number, bytes: number, groups = buckets): StageOutput[] =>
  Array.from({ length: count }, (_, task) => output(task, bytes, groups));

/** What the tasks of a stage ask for: each part that has rows in their buckets. */
function requestsOf({ tasks }: StageTasks, before: readonly StageOutput[]): number {
  const parts = new Map(before.map((part) => [`${part.epoch} ${part.task}`, part]));
  let requests = 0;
  for (const share of tasks) {
    for (const { epoch, from, to } of share.inputs) {
      for (let task = from; task < to; task++) {
        const part = parts.get(`${epoch} ${task}`);
        if (part !== undefined && part.rows > 0 && spanOf(part, share) !== null) requests += 1;
      }
    }
  }
  return requests;
}

/** All merge stages of a step, where a stage hands on as many bytes as it takes. */
function allStages(first: readonly StageOutput[], step: MergeStep) {
  const stages: { readonly kind: string; readonly tasks: number; readonly requests: number }[] = [];
  let [before, stage]: [readonly StageOutput[], StageTasks | null] = [first, null];
  for (;;) {
    stage = planStage(before, stage, [step]);
    stages.push({ kind: stage.kind, tasks: stage.tasks.length, requests: requestsOf(stage, before) });
    if (stage.last) return stages;
    before = stage.tasks.map(({ task, bytes }) => output(task, bytes, buckets));
  }
}

describe('requests of all merge stages', () => {
  // 64 MiB for each of 64 tasks
  const shared = (count: number) => outputs(count, (buckets * stageSizing.mergeBytes) / count, count > 1_000 ? 1 : buckets);
  it.each([
    [10, [['merge', 64, 640]]],
    [
      1_000,
      [
        ['combine', 16, 1_000],
        ['merge', 64, 1_024],
      ],
    ],
    [
      100_000,
      [
        ['combine', 1_563, 100_000],
        ['combine', 25, 1_563],
        ['merge', 64, 1_600],
      ],
    ],
  ] as const)('of %d map tasks grow with the tasks', (count, expected) => {
    expect(allStages(shared(count), keyed).map(({ kind, tasks, requests }) => [kind, tasks, requests])).toEqual(expected);
  });

  it.each([
    [10, [['merge', 1, 10]]],
    [1_000, [['merge', 1, 1_000]]],
    [
      100_000,
      [
        ['combine', 1_563, 100_000],
        ['combine', 25, 1_563],
        ['merge', 1, 25],
      ],
    ],
  ] as const)('of %d map tasks whose rows meet in one task', (count, expected) => {
    expect(allStages(outputs(count, 1_000, 1), whole).map(({ kind, tasks, requests }) => [kind, tasks, requests])).toEqual(expected);
  });

  it('parts that are large already are not combined: there would be hardly fewer', () => {
    expect(allStages(outputs(2_000, 30 * MiB), keyed)).toEqual([
      { kind: 'combine', tasks: 59, requests: 2_000 },
      { kind: 'merge', tasks: 64, requests: 59 * 64 },
    ]);
    expect(allStages(outputs(90, 600 * MiB), keyed)).toEqual([{ kind: 'merge', tasks: 64, requests: 90 * 64 }]);
  });
});

describe('the tasks of a merge stage', () => {
  it('have each bucket of each part once, and as many as the bytes ask for', () => {
    const parts = fc.array(
      fc.record({
        rows: fc.nat(3),
        epoch: fc.nat(1),
        buckets: fc.array(fc.nat(buckets - 1), { minLength: 1, maxLength: 5 }),
        size: fc.nat(60),
      }),
      { maxLength: 90 },
    );
    fc.assert(
      fc.property(parts, fc.constantFrom(keyed, whole), (list, step) => {
        const before = list.map(({ rows, epoch, buckets: own, size }, task): StageOutput => {
          const groups =
            rows === 0
              ? []
              : own.sort((a, b) => a - b).map((at, index) => [at, at, 1, index * size * MiB, (index + 1) * size * MiB] as const);
          return { task, epoch, nonce: 'n', rows: groups.length, bytes: groups.length * size * MiB, groups };
        });
        const { tasks, kind, last } = planStage(before, null, [step]);
        const bytes = before.reduce((sum, part) => sum + part.bytes, 0);
        expect(tasks.map(({ task }) => task)).toEqual(tasks.map((_, index) => index));
        expect(last).toBe(kind === 'merge');
        if (kind === 'merge')
          expect(tasks).toHaveLength(step === whole ? 1 : Math.max(1, Math.min(buckets, Math.ceil(bytes / (64 * MiB)))));
        for (const part of before) {
          const takers = tasks.filter(({ inputs }) =>
            inputs.some(({ epoch, from, to }) => epoch === part.epoch && from <= part.task && part.task < to),
          );
          const taken = takers.flatMap(({ buckets: [from, to] }) => Array.from({ length: to - from }, (_, index) => from + index));
          expect(taken).toEqual(part.rows === 0 ? [] : Array.from({ length: buckets }, (_, bucket) => bucket));
        }
      }),
    );
  });

  it('have about as many bytes each, also where a few buckets have most of them', () => {
    const skewed = outputs(20, 16 * MiB, 64).map((part) => ({
      ...part,
      groups: part.groups.map(([first, last, rows], index) => {
        const start = index < 8 ? index * 1.75 * MiB : 14 * MiB + (index - 8) * (MiB / 28);
        return [first, last, rows, start, start + (index < 8 ? 1.75 * MiB : MiB / 28)] as const;
      }),
    }));
    const { tasks } = planStage(skewed, null, [keyed]);
    expect(tasks).toHaveLength(5);
    // a bucket of 35 MiB is the least that one can have
    for (const { bytes } of tasks) expect(bytes).toBeLessThanOrEqual((64 + 35) * MiB);
    expect(tasks.reduce((sum, { bytes }) => sum + bytes, 0)).toBeCloseTo(320 * MiB, -2);
  });

  it('are one without input where no row was handed on: an aggregate over nothing is a row', () => {
    const empty = outputs(3, 0, 1).map((part) => ({ ...part, rows: 0, groups: [] }));
    for (const step of [keyed, whole]) {
      expect(planStage(empty, null, [step])).toEqual({
        ...{ format: 1, step: 0, kind: 'merge', last: true },
        tasks: [{ task: 0, inputs: [], buckets: [0, buckets], bytes: 0 }],
      });
    }
  });

  it('follow step by step; one that combines is followed by its own step', () => {
    const steps = [keyed, whole];
    const first = planStage(outputs(2, 1_000), null, steps);
    expect(first).toMatchObject({ step: 0, kind: 'merge', last: false });
    expect(planStage(outputs(1, 10), first, steps)).toMatchObject({ step: 1, kind: 'merge', last: true });
    expect(stepBehind({ step: 1, kind: 'combine' })).toBe(1);
  });

  it('name parts by epoch, without those between that are not taken over', () => {
    const before = [output(0, 10, 1, 1), output(1, 10, 1, 1), output(0, 10, 1), output(2, 10, 1)];
    expect(planStage(before, null, [keyed]).tasks[0]?.inputs).toEqual([
      { epoch: 1, from: 0, to: 2 },
      { epoch: 0, from: 0, to: 1 },
      { epoch: 0, from: 2, to: 3 },
    ]);
  });
});
