import { describe, expect, it } from 'vitest';
import { type JudgedStage, judgeStages } from '../../../functions/core/judge-stages.ts';
import { emptyFold, type Fold, noRows } from '../../../functions/core/part.ts';
import { planOf } from '../protocol/plan-of.ts';

const plan = planOf({ tasks: 2, bytes: 0, limits: { maxFailedTasks: 2, maxBadRows: 1 }, staged: true });

const handsOn = (...rows: readonly number[]) =>
  rows.map((count, task) => ({ task, nonce: 'n', rows: count, bytes: count, groups: [[0, 63, count, 0, count]] as const }));

const stage = (last: boolean | null, fold: Partial<Fold>, complete = true): JudgedStage => ({
  fold: { ...emptyFold, done: 2, ...fold },
  complete,
  merge: last === null ? null : { format: 1, step: 0, kind: 'merge', last, tasks: [] },
});

const map = stage(null, { outputs: handsOn(3, 4) });
const failed = [{ task: 1, linked: false, error: { code: 'task.died', message: 'it died', details: {} }, missing: [] }] as const;

describe('a run with merge stages is', () => {
  it('committed when its last stage is complete, and each took what the one before handed on', () => {
    const middle = stage(false, { consumed: 7, outputs: handsOn(2, 0) });
    expect(judgeStages(plan, [map, middle, stage(true, { consumed: 2, done: 1 })])).toBeNull();
  });

  it.each([
    ['a map task is at work', [stage(null, {}, false)]],
    ['nobody has planned what comes behind the map stage', [map]],
    ['a merge task is at work', [map, stage(true, { consumed: 3, done: 1 }, false)]],
    ['another stage is still to come', [map, stage(false, { consumed: 7, outputs: handsOn(2, 0) })]],
  ] as const)('not judged while %s', (_, stages) => {
    expect(judgeStages(plan, stages)).toBe('incomplete');
  });

  it.each([
    ['rows were lost between stages', [map, stage(true, { consumed: 6 })]],
    ['rows were taken twice', [map, stage(true, { consumed: 8 })]],
    ['a task that is done handed nothing on', [stage(null, { outputs: handsOn(7) }), stage(true, { consumed: 7 })]],
  ] as const)('failed when %s', (_, stages) => {
    expect(judgeStages(plan, stages)).toMatchObject({ code: 'run.unaccounted' });
  });

  it.each([
    ['of the map stage', [stage(null, { done: 1, failed })]],
    ['of a merge stage', [map, stage(true, { done: 1, failed })]],
  ] as const)('failed when one task %s failed, though its job allows two, and says why that does not help', (_, stages) => {
    const verdict = judgeStages(plan, stages);
    expect(verdict).toMatchObject({ code: 'task.died', details: { failedTasks: 1 } });
    expect(JSON.stringify(verdict)).toContain("limits.maxFailedTasks doesn't help here");
  });

  it('failed for its bad rows before anything is merged', () => {
    const rows = { ...noRows, read: 2, quarantined: 2 };
    expect(judgeStages(plan, [stage(null, { rows, outputs: handsOn(0, 0) })])).toMatchObject({ code: 'rows.bad' });
  });
});
