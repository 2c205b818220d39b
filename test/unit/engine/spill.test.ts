import { mkdirSync, mkdtempSync, readdirSync, rmSync, watch } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { LocalStore } from '../../../functions/adapters/local-store.ts';
import type { StageTasks } from '../../../functions/core/merge-task.ts';
import { storedType } from '../../../functions/core/planner/stored-type.ts';
import { stageSizing } from '../../../functions/core/stage-sizing.ts';
import type { MergeStep } from '../../../functions/core/staged-query.ts';
import { targetOf, writePartRows } from '../../../functions/engine/part-rows.ts';
import { Engine } from '../../../functions/engine/session.ts';
import { computeMerge } from '../../../functions/worker/compute-merge.ts';
import type { MergeInput } from '../../../functions/worker/computed-task.ts';
import { planOf } from '../protocol/plan-of.ts';
import { Bench } from './fixture.ts';

const MiB = 2 ** 20;
const rows = 800_000;
const home = mkdtempSync(join(tmpdir(), 'fanlake-spill-'));
const work = new LocalStore(home, { durable: false });
let bench: Bench;
let small: Engine;
beforeAll(async () => {
  bench = await Bench.open(2);
  mkdirSync(join(home, 'scratch/spill'), { recursive: true });
  small = await Engine.open({ threads: 1, memoryLimitBytes: 40 * MiB, scratch: join(home, 'scratch') });
});
afterAll(() => {
  small.close();
  bench.close();
  rmSync(home, { recursive: true, force: true });
});

const column = (name: string, type: string) => ({ name, type, stored: storedType(type) });
const columns = [column('c0', 'VARCHAR'), column('c1', 'BIGINT')];
/** A row for each of so many keys, of which each is about a hundred bytes in a hash table. */
const input = `SELECT 'a key that is not short ' || hash(range)::VARCHAR AS c0, range::BIGINT AS c1 FROM range(${rows})`;

const steps: readonly (readonly [string, MergeStep])[] = [
  ['groups', { columns, keys: ['c0'], combine: null, sql: 'SELECT c0, sum(c1)::BIGINT AS c1 FROM parts GROUP BY c0' }],
  [
    'an order',
    {
      ...{ columns, keys: [], combine: null, sql: 'SELECT c0, c1 FROM parts ORDER BY c0' },
      order: { by: [{ name: 'c0', descending: false, nullsFirst: false }], isShared: true },
    },
  ],
];

describe('a merge task with more rows than its memory holds works on its disk', () => {
  test.each(steps)(
    '%s',
    async (name, step) => {
      const path = join(home, `${name}.parquet`);
      await bench.engine.allow([home]);
      const { rows: output } = await writePartRows(bench.engine, '', input, { path, ...targetOf(step) }, { profile: false });
      const inputs: readonly MergeInput[] = [{ key: `runs/${name}`, output: { ...output, nonce: 'n' } }];
      await work.create(`runs/${name}`, { path });
      const plan = planWith(step);
      const task = { task: 0, inputs: [], buckets: [0, 64], bytes: output.bytes } as const;
      const stage: StageTasks = { format: 1, step: 0, kind: 'merge', last: true, tasks: [task] };
      const folder = join(home, 'scratch', name);
      mkdirSync(folder);
      let spilled = 0;
      const watching = watch(join(home, 'scratch/spill'), () => {
        spilled = Math.max(spilled, readdirSync(join(home, 'scratch/spill')).length);
      });
      const made = await computeMerge({ landing: work, work, engine: small }, plan, stage, task, inputs, {
        nonce: 'n',
        receiveCount: 1,
        folder,
      });
      watching.close();
      expect(spilled).toBeGreaterThan(0);
      expect([made.consumed, made.written, made.files.length]).toEqual([rows, rows, 1]);
      const sums = 'count(*), bit_xor(hash(c0, c1)), sum(c1)';
      const file = `read_parquet('${made.files[0]?.path}', file_row_number = true)`;
      expect(await bench.ask(`SELECT ${sums} FROM ${file}`)).toEqual(await bench.ask(`SELECT ${sums} FROM (${input})`));
      if (step.order === undefined) return;
      const misplaced = `SELECT count(*) FROM (SELECT c0, lag(c0) OVER (ORDER BY file_row_number) AS before FROM ${file}) WHERE before > c0`;
      expect(await bench.ask(misplaced)).toEqual([['0']]);
    },
    120_000,
  );
});

function planWith(step: MergeStep) {
  const plan = planOf({ tasks: 2, bytes: stageSizing.mostBytes, limits: {} });
  const staged = { map: { sql: '', rowwise: true, counted: null }, steps: [step] };
  const table = { ...plan.table, columns: columns.map(({ name, type }) => ({ name, type, castTo: null })) };
  return { ...plan, staged: true, table, query: { ...plan.query, staged } } as const;
}
