import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { FanlakeError } from '../../../functions/core/errors.ts';
import type { MergeStep } from '../../../functions/core/staged-query.ts';
import { CrashPlan } from './crashing-store.ts';
import { allRows, type Fault, TinyWorld } from './tiny-world.ts';

/** Runs the same world once for each store call, dying at that call, until no call is left to die at. */
async function crashEverywhere(
  tasks: number,
  fault: Fault | undefined,
  check: (world: TinyWorld) => Promise<void>,
  steps: readonly MergeStep[] = [],
): Promise<number> {
  let tried = 0;
  for (const moment of ['before', 'after'] as const) {
    for (let at = 1; ; at++) {
      const root = mkdtempSync(join(tmpdir(), 'fanlake-crash-'));
      try {
        const crash = new CrashPlan(at, moment);
        const world = new TinyWorld(root, { crash, tasks, steps, ...(fault === undefined ? {} : { fault }) });
        await check(world);
        if (!crash.happened) break;
        expect(world.crashes).toBe(1);
        tried += 1;
      } finally {
        rmSync(root, { recursive: true, force: true });
      }
    }
  }
  return tried;
}

const column = { name: 'line', type: 'VARCHAR', stored: 'VARCHAR' };
const byKey: MergeStep = { columns: [column], keys: ['line'], combine: null, sql: 'SELECT * FROM parts' };
const together: MergeStep = { ...byKey, keys: [] };

const broken = new FanlakeError('input.corrupt', 'a broken file');

describe('a process that dies at any one store call', () => {
  it.each([1, 3])('leaves a run of %d tasks that is committed with every row once', { timeout: 120_000 }, async (tasks) => {
    const tried = await crashEverywhere(tasks, undefined, async (world) => {
      expect(await world.run()).toMatchObject({ outcome: 'COMMITTED', rows: { read: tasks, written: tasks }, tasks: { done: tasks } });
      expect(await world.visibleRows()).toEqual(allRows(tasks));
    });
    expect(tried).toBeGreaterThan(20);
  });

  it('leaves a run with a failed task FAILED and the table untouched', { timeout: 120_000 }, async () => {
    const fault: Fault = (task) => (task.task === 1 ? broken : null);
    await crashEverywhere(3, fault, async (world) => {
      expect(await world.run()).toMatchObject({ outcome: 'FAILED', error: { code: 'input.corrupt' } });
      expect(await world.visibleRows()).toEqual([]);
    });
  });

  it('leaves a run with a wrongly guessed split committed in its next epoch, with every row once', { timeout: 120_000 }, async () => {
    const fault: Fault = (task, plan) => (plan.epoch === 0 && task.task === 1 ? 'wrong-start' : null);
    await crashEverywhere(3, fault, async (world) => {
      expect(await world.run()).toMatchObject({ outcome: 'COMMITTED', epoch: 1, rows: { read: 3, written: 3 } });
      expect(await world.visibleRows()).toEqual(allRows(3));
    });
  });
});

describe('a process that dies at any one store call of a run with merge stages', () => {
  it.each([
    ['one', [byKey]],
    ['two', [byKey, together]],
  ] as const)('leaves it committed with every row once: %s', { timeout: 240_000 }, async (_, steps) => {
    const check = async (world: TinyWorld) => {
      // two tasks share the buckets of two rows
      const tasks = { planned: 2 + 2 + steps.length - 1, done: 2 + 2 + steps.length - 1, failed: 0 };
      expect(await world.run()).toMatchObject({
        ...{ outcome: 'COMMITTED', rows: { read: 2, passed: 2, written: 2 }, bytes: { covered: 20 }, tasks },
      });
      expect(await world.visibleRows()).toEqual(allRows(2));
    };
    expect(await crashEverywhere(2, undefined, check, steps)).toBeGreaterThan(50);
  });

  it('leaves it FAILED and the table untouched when a map task failed, whatever its job allows', { timeout: 120_000 }, async () => {
    const fault: Fault = (task) => (task.task === 1 ? broken : null);
    const check = async (world: TinyWorld) => {
      const receipt = await world.run(1);
      expect(receipt).toMatchObject({ outcome: 'FAILED', error: { code: 'input.corrupt' }, tasks: { planned: 2, failed: 1 } });
      expect(receipt.error?.message).toContain("limits.maxFailedTasks doesn't help");
      expect(await world.visibleRows()).toEqual([]);
    };
    await crashEverywhere(2, fault, check, [byKey]);
  });

  it('leaves it committed in its next epoch behind a wrongly guessed split, with the rows of both', { timeout: 240_000 }, async () => {
    const fault: Fault = (task, plan) => (plan.epoch === 0 && task.task === 1 ? 'wrong-start' : null);
    const check = async (world: TinyWorld) => {
      expect(await world.run()).toMatchObject({ outcome: 'COMMITTED', epoch: 1, rows: { read: 2, written: 2 } });
      expect(await world.visibleRows()).toEqual(allRows(2));
    };
    await crashEverywhere(2, fault, check, [byKey]);
  });
});

describe('a run with failed tasks', () => {
  it('is committed in part within maxFailedTasks, naming the missing range, and a retry loads just that', async () => {
    const root = mkdtempSync(join(tmpdir(), 'fanlake-part-'));
    const fault: Fault = (task, plan) => (plan.epoch === 0 && task.task === 1 ? broken : null);
    const world = new TinyWorld(root, { crash: new CrashPlan(0, 'before'), tasks: 3, fault });
    const receipt = await world.run(1);
    expect(receipt).toMatchObject({
      outcome: 'PARTIAL',
      tasks: { done: 2, failed: 1 },
      missing: [{ key: 'landing/a.csv', start: 10, end: 20 }],
    });
    expect(await world.visibleRows()).toEqual(['task 0', 'task 20']);
    const rest = await world.retryMissing();
    expect(rest).toMatchObject({ outcome: 'COMMITTED', epoch: 1, rows: { read: 1, written: 1 }, bytes: { input: 10 } });
    expect(await world.visibleRows()).toEqual(allRows(3));
    rmSync(root, { recursive: true });
  });
});
