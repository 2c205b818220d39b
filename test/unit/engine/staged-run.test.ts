import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { LocalStore } from '../../../functions/adapters/local-store.ts';
import { draftPlan } from '../../../functions/coordinator/draft-plan.ts';
import { parseJob } from '../../../functions/core/job.ts';
import type { MergeTask, StageTasks } from '../../../functions/core/merge-task.ts';
import { addRows, noRows, type RowCounts } from '../../../functions/core/part.ts';
import { type Plan, planFormat, wholeObjects } from '../../../functions/core/plan.ts';
import { storedType } from '../../../functions/core/planner/stored-type.ts';
import type { StagedQuery } from '../../../functions/core/staged-query.ts';
import type { Task } from '../../../functions/core/task.ts';
import { bindQuery } from '../../../functions/engine/bind.ts';
import { engineInspector } from '../../../functions/engine/inspector.ts';
import { TableLogs } from '../../../functions/protocol/table-logs.ts';
import { mapComputer } from '../../../functions/worker/compute-map.ts';
import type { ComputedOutput, ComputedTask, MergeInput, TaskComputer } from '../../../functions/worker/computed-task.ts';
import { Bench } from './fixture.ts';

let bench: Bench;
let inspector: ReturnType<typeof engineInspector>;
let computer: TaskComputer;
const home = mkdtempSync(join(tmpdir(), 'fanlake-staged-'));
const store = new LocalStore(home, { durable: false });
let attempts = 0;

beforeAll(async () => {
  bench = await Bench.open(2);
  mkdirSync(join(home, 'inspector'));
  inspector = engineInspector(join(home, 'inspector'), 512 * 1024 * 1024);
  computer = computerOf({});
});
const computerOf = (other: { readonly aheadBytes?: number }): TaskComputer =>
  mapComputer({ landing: store, work: store, engines: { engine: async () => bench.engine }, ...other });

afterAll(async () => {
  await inspector.close();
  bench.close();
  rmSync(home, { recursive: true, force: true });
});

const column = (name: string, type: string) => ({ name, type, stored: storedType(type) });

/** Sums by group, written by hand. */
const sums: StagedQuery = {
  map: {
    sql: 'SELECT k, count(*) AS n, sum(v)::HUGEINT AS s, max(to_days(v)) AS m FROM input WHERE v > 10 GROUP BY k',
    rowwise: false,
    counted: 'n',
  },
  steps: [
    {
      columns: [column('k', 'VARCHAR'), column('n', 'BIGINT'), column('s', 'HUGEINT'), column('m', 'INTERVAL')],
      keys: ['k'],
      combine: 'SELECT k, sum(n)::BIGINT AS n, sum(s)::HUGEINT AS s, max(m) AS m FROM parts GROUP BY k',
      sql: 'SELECT k, sum(n)::BIGINT AS n, sum(s)::BIGINT AS s, epoch(max(m))::BIGINT AS m FROM parts GROUP BY k',
    },
  ],
};
const sumsSql = 'SELECT k, count(*) AS n, sum(v)::BIGINT AS s, epoch(max(to_days(v)))::BIGINT AS m FROM input WHERE v > 10 GROUP BY k';

/** How often groups have a size, by way of two shuffles: the columns and keys change in between. */
const sizes: StagedQuery = {
  map: { sql: 'SELECT k FROM input WHERE v > 10', rowwise: true, counted: null },
  steps: [
    { columns: [column('k', 'VARCHAR')], keys: ['k'], combine: null, sql: 'SELECT count(*) AS n, 1::BIGINT AS g FROM parts GROUP BY k' },
    {
      columns: [column('n', 'BIGINT'), column('g', 'BIGINT')],
      keys: ['n'],
      combine: 'SELECT n, sum(g)::BIGINT AS g FROM parts GROUP BY n',
      sql: 'SELECT n, sum(g)::BIGINT AS g FROM parts GROUP BY n',
    },
  ],
};
const sizesSql = 'SELECT n, count(*)::BIGINT AS g FROM (SELECT count(*) AS n FROM input WHERE v > 10 GROUP BY k) GROUP BY n';

const line = (i: number): string => `k${(i * 7919) % 1013},${i % 100}\n`;
const slice = (from: number, to: number): string => Array.from({ length: to - from }, (_, index) => line(from + index)).join('');
/** Seven pieces of unequal length, of which one has no row and one none that passes. */
const pieces = [
  slice(0, 9_000),
  slice(9_000, 20_000),
  '',
  slice(20_000, 20_005),
  'k1,3\nk2,3\n',
  slice(20_005, 45_000),
  slice(45_000, 60_000),
];
const header = 'k,v\n';

async function planOf(sql: string, staged: StagedQuery, contents: readonly string[], maxBadRows: number): Promise<[Plan, readonly Task[]]> {
  const objects = await Promise.all(
    contents.map(async (content, index) => {
      const key = `p${attempts++}-${index}.csv`;
      writeFileSync(join(home, key), header + content);
      const object = await store.head(key);
      if (object === null) throw new Error('the object is not there');
      return object;
    }),
  );
  const columns = { k: 'VARCHAR', v: 'INTEGER' };
  const job = parseJob({ name: 'a', input: { columns }, query: 'SELECT * FROM input', table: { name: 'a' }, limits: { maxBadRows } });
  const tools = {
    landing: store,
    lake: store,
    inspector,
    scratch: join(home, 'inspector'),
    logs: new TableLogs(store),
    sizing: wholeObjects,
  };
  const { draft, tasks } = await draftPlan(tools, { job, run: 'a-1', epoch: 0, table: 'a', objects, splitBytes: 1 << 30 });
  const query = { ...(await bindQuery(bench.engine, sql, draft.columns)), staged };
  const table = { ...draft.table, columns: query.output.map(({ name, type }) => ({ name, type, castTo: null })) };
  const list = [...tasks];
  return [
    { ...draft, query, table, staged: true, format: planFormat, nonce: 'n', createdMs: 0, tasks: list.length, inline: null, requests: {} },
    list,
  ];
}

async function attempt<Result>(
  act: (attempt: { nonce: string; receiveCount: number; folder: string }) => Promise<Result>,
): Promise<Result> {
  const own = { nonce: `a${attempts}`, receiveCount: 1, folder: join(bench.engine.scratch, `attempt${attempts++}`) };
  await computer.open(own);
  try {
    return await act(own);
  } finally {
    await computer.close(own);
  }
}

/** Stores what a task hands on. */
async function storeRows({ path, ...output }: ComputedOutput): Promise<readonly MergeInput[]> {
  if (path === null) return [];
  const key = `runs/a-1/rows-${attempts++}.parquet`;
  await store.put(key, { path });
  return [{ key, output: { ...output, nonce: 'n' } }];
}

interface Ran {
  readonly rows: RowCounts;
  readonly parts: readonly Omit<ComputedTask, 'files'>[];
  /** Rows that each merge stage took, and those that the stage before handed on. */
  readonly taken: readonly (readonly [number, number])[];
  readonly written: number;
  readonly content: unknown;
}

const taskOf = (task: number, range: readonly [number, number]): MergeTask => ({ task, inputs: [], buckets: range, bytes: 0 });

/** Runs all stages, each merge stage by `cuts` ranges of buckets. */
async function run(
  sql: string,
  staged: StagedQuery,
  stages: readonly Omit<StageTasks, 'format' | 'tasks'>[],
  contents = pieces,
  bad = 0,
): Promise<Ran> {
  const [plan, tasks] = await planOf(sql, staged, contents, bad);
  const parts: Omit<ComputedTask, 'files'>[] = [];
  let inputs: MergeInput[] = [];
  for (const task of tasks) {
    await attempt(async (own) => {
      const { files, output, ...part } = await computer.compute(plan, task, own);
      expect(files).toEqual([]);
      if (output === undefined) throw new Error('a map task of a run with stages hands rows on');
      inputs.push(...(await storeRows(output)));
      parts.push(part);
    });
  }
  const taken: [number, number][] = [];
  let [written, content]: [number, unknown[]] = [0, []];
  for (const stage of stages) {
    const handedOn = inputs.reduce((sum, { output }) => sum + output.rows, 0);
    const next: MergeInput[] = [];
    let consumed = 0;
    const ranges = [
      [0, 1],
      [1, 30],
      [30, 64],
    ] as const;
    const full = { ...stage, format: 1, tasks: ranges.map((range, index) => taskOf(index, range)) } as const;
    for (const task of full.tasks) {
      await attempt(async (own) => {
        const merged = await computer.computeMerge(plan, full, task, inputs, own);
        consumed += merged.consumed;
        written += merged.written;
        if (merged.output !== null) next.push(...(await storeRows(merged.output)));
        for (const { path } of merged.files) content = [...content, ...(await bench.ask(`FROM read_parquet('${path}')`))];
      });
    }
    taken.push([consumed, handedOn]);
    inputs = next;
  }
  return { rows: parts.reduce((sum, { rows }) => addRows(sum, rows), noRows), parts, taken, written, content: sorted(content) };
}

const sorted = (rows: readonly unknown[]): readonly string[] => rows.map((row) => JSON.stringify(row)).sort();

async function oracle(sql: string, contents: readonly string[] = pieces): Promise<readonly string[]> {
  const path = bench.write(header + contents.join(''));
  const input = `read_csv('${path}', header = true, columns = {'k': 'VARCHAR', 'v': 'INTEGER'})`;
  return sorted(await bench.ask(`WITH input AS (FROM ${input}) ${sql}`));
}

describe('a query in stages over seven pieces gives what one DuckDB gives over all', () => {
  test.each<[string, string, StagedQuery, readonly Omit<StageTasks, 'format' | 'tasks'>[]]>([
    ['with one merge', sumsSql, sums, [{ step: 0, kind: 'merge', last: true }]],
    [
      'with rows combined on the way',
      sumsSql,
      sums,
      [
        { step: 0, kind: 'combine', last: false },
        { step: 0, kind: 'combine', last: false },
        { step: 0, kind: 'merge', last: true },
      ],
    ],
    [
      'with two steps, and rows put together as they are',
      sizesSql,
      sizes,
      [
        { step: 0, kind: 'combine', last: false },
        { step: 0, kind: 'merge', last: false },
        { step: 1, kind: 'combine', last: false },
        { step: 1, kind: 'merge', last: true },
      ],
    ],
  ])('%s', async (_case, sql, staged, stages) => {
    const { rows, taken, written, content } = await run(sql, staged, stages);
    expect(content).toEqual(await oracle(sql));
    for (const [consumed, handedOn] of taken) expect(consumed).toBe(handedOn);
    expect(written).toBe((content as readonly unknown[]).length);
    const passed = Number((await oracle('SELECT count(*)::INTEGER FROM input WHERE v > 10'))[0]?.replaceAll(/\D/g, ''));
    expect(rows).toEqual({ read: 60_002, filtered: 60_002 - passed, quarantined: 0, passed, written: 0 });
  });
});

test('what the engine began with before a piece was scanned gives the same', async () => {
  const usual = computer;
  computer = computerOf({ aheadBytes: 1 });
  try {
    const { rows, content } = await run(sumsSql, sums, [{ step: 0, kind: 'merge', last: true }]);
    expect(content).toEqual(await oracle(sumsSql));
    expect(rows.read).toBe(rows.filtered + rows.passed);
  } finally {
    computer = usual;
  }
});

test('rows that don’t fit are set aside, and the others count', async () => {
  const bad = [...pieces.slice(0, 3), `${pieces[3]}k7,x\nk7,1.5,2\nk7,99\n`, ...pieces.slice(4)];
  const good = [...pieces.slice(0, 3), `${pieces[3]}k7,99\n`, ...pieces.slice(4)];
  const ran = await run(sumsSql, sums, [{ step: 0, kind: 'merge', last: true }], bad, 2);
  expect(ran.content).toEqual(await oracle(sumsSql, good));
  expect(ran.parts.flatMap((part) => part.bad).length).toBe(2);
  expect(ran.rows.quarantined).toBe(2);
  expect(ran.rows.read).toBe(ran.rows.filtered + ran.rows.quarantined + ran.rows.passed);
  expect(ran.rows.read).toBe(60_005);
});

test('a merge of nothing gives what the query gives without a row', async () => {
  const total: StagedQuery = {
    map: { sql: 'SELECT count(*) AS n FROM input', rowwise: false, counted: 'n' },
    steps: [{ columns: [column('n', 'BIGINT')], keys: [], combine: null, sql: 'SELECT coalesce(sum(n), 0)::BIGINT AS n FROM parts' }],
  };
  const [plan] = await planOf('SELECT count(*) AS n FROM input', total, ['k1,1\n'], 0);
  const task = taskOf(0, [0, 64]);
  const merged = await attempt(async (own) => {
    const { files, ...counts } = await computer.computeMerge(
      plan,
      { format: 1, step: 0, kind: 'merge', last: true, tasks: [task] },
      task,
      [],
      own,
    );
    return { counts, content: await bench.ask(`FROM read_parquet('${files[0]?.path}')`) };
  });
  expect(merged).toEqual({ counts: { consumed: 0, written: 1, output: null }, content: [['0']] });
});
