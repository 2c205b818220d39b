import { mkdirSync, mkdtempSync, readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { Json } from '@duckdb/node-api';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { LocalStore } from '../../../functions/adapters/local-store.ts';
import { draftPlan } from '../../../functions/coordinator/draft-plan.ts';
import { type JobDeclaration, parseJob } from '../../../functions/core/job.ts';
import { type Plan, planFormat, wholeObjects } from '../../../functions/core/plan.ts';
import type { ObjectVersion } from '../../../functions/core/ports.ts';
import { maxSideBytes, maxSidesBytes } from '../../../functions/core/side-table.ts';
import type { Task } from '../../../functions/core/task.ts';
import { engineInspector } from '../../../functions/engine/inspector.ts';
import { TableLogs } from '../../../functions/protocol/table-logs.ts';
import { mapComputer } from '../../../functions/worker/compute-map.ts';
import type { ComputedTask, TaskComputer } from '../../../functions/worker/computed-task.ts';
import { Bench } from './fixture.ts';

let bench: Bench;
let inspector: ReturnType<typeof engineInspector>;
let computer: TaskComputer;
const home = mkdtempSync(join(tmpdir(), 'fanlake-sides-'));
const store = new LocalStore(home, { durable: false });
let attempts = 0;

beforeAll(async () => {
  bench = await Bench.open(2);
  mkdirSync(join(home, 'inspector'));
  inspector = engineInspector(join(home, 'inspector'), 512 * 1024 * 1024);
  computer = computerOf(store);
  for (const [index, content] of pieces.entries()) writeFileSync(join(home, `p${index}.csv`), header + content);
  writeFileSync(join(home, 'countries.csv'), countries);
  writeFileSync(join(home, 'rates.jsonl'), rates);
});
const computerOf = (landing: LocalStore): TaskComputer =>
  mapComputer({ landing, work: store, engines: { engine: async () => bench.engine } });

afterAll(async () => {
  await inspector.close();
  bench.close();
  rmSync(home, { recursive: true, force: true });
});

const header = 'id,code,t\n';
const codes = ['AT', 'DE', 'FR', 'XX', ''];
const slice = (from: number, to: number): string =>
  Array.from({ length: to - from }, (_, i) => `${from + i},${codes[(from + i) % codes.length]},${((from + i) * 37) % 101}\n`).join('');
/** Five pieces of unequal length, of which one has no row. */
const pieces = [slice(0, 40), '', slice(40, 47), slice(47, 48), slice(48, 90)];
const countries =
  'code,name,area\nAT,Austria,83871\nDE,Germany,357022\nDE,Deutschland,357022.5\nFR,"France, the",643801\nIT,Italy,301340\n';
const rates = Array.from({ length: 7 }, (_, i) => `{"since": ${i * 15}, "rate": "${100 + i}"}\n`).join('');

const columns = { id: 'INTEGER', code: 'VARCHAR', t: 'INTEGER' };
const inputs = { countries: 'countries.csv', rates: 'rates.jsonl' };

async function pinned(key: string): Promise<ObjectVersion> {
  const object = await store.head(key);
  if (object === null) throw new Error(`no ${key}`);
  return object;
}

async function planOf(query: string, given: JobDeclaration['inputs'] = inputs): Promise<[Plan, readonly Task[]]> {
  const job = parseJob({ name: 'a', input: { columns }, inputs: given, query, table: { name: 'a' } });
  const tools = {
    landing: store,
    lake: store,
    inspector,
    scratch: join(home, 'inspector'),
    logs: new TableLogs(store),
    sizing: wholeObjects,
  };
  const objects = await Promise.all(pieces.map((_, index) => pinned(`p${index}.csv`)));
  const { draft, tasks } = await draftPlan(tools, { job, run: 'a-1', epoch: 0, table: 'a', objects, splitBytes: 1 << 30 });
  const list = [...tasks];
  return [{ ...draft, format: planFormat, nonce: 'n', createdMs: 0, tasks: list.length, inline: null, requests: {} }, list];
}

async function attempt<Result>(plan: Plan, task: Task, take: (computed: ComputedTask) => Promise<Result>): Promise<Result> {
  const own = { nonce: `a${attempts}`, receiveCount: 1, folder: join(bench.engine.scratch, `attempt${attempts++}`) };
  await computer.open(own);
  try {
    return await take(await computer.compute(plan, task, own));
  } finally {
    await computer.close(own);
  }
}

const sorted = (rows: readonly (readonly Json[])[]): readonly string[] => rows.map((row) => JSON.stringify(row)).sort();

async function rowsOf(query: string): Promise<readonly string[]> {
  const [plan, tasks] = await planOf(query);
  const rows: (readonly Json[])[] = [];
  for (const task of tasks) {
    await attempt(plan, task, async ({ files }) => {
      for (const { path } of files) rows.push(...(await bench.ask(`SELECT * FROM read_parquet('${path}')`)));
    });
  }
  return sorted(rows);
}

async function oracle(query: string): Promise<readonly string[]> {
  const files = pieces.map((_, index) => `'${join(home, `p${index}.csv`)}'`).join(', ');
  const types = Object.entries(columns)
    .map(([name, type]) => `"${name}": '${type}'`)
    .join(', ');
  return sorted(
    await bench.ask(
      `WITH input AS (SELECT * FROM read_csv([${files}], header = true, delim = ',', columns = {${types}})),
       countries AS (SELECT * FROM read_csv('${join(home, 'countries.csv')}', columns = {code: 'VARCHAR', name: 'VARCHAR', area: 'DOUBLE'})),
       rates AS (SELECT * FROM read_json('${join(home, 'rates.jsonl')}', columns = {since: 'BIGINT', rate: 'VARCHAR'}))
       SELECT * FROM (${query})`,
    ),
  );
}

describe('over several tasks a query gives what one DuckDB gives over all the input', () => {
  test.each([
    'SELECT id, name, area FROM input JOIN countries USING (code)',
    'SELECT i.id, c.* FROM input i LEFT JOIN countries c ON i.code = c.code',
    'SELECT id, name FROM countries c JOIN input i ON i.code = c.code AND area > 100000',
    'SELECT id, c.code AS other FROM input, countries c WHERE id < 45',
    'SELECT * FROM input SEMI JOIN countries USING (code)',
    'SELECT * FROM input ANTI JOIN countries USING (code)',
    'SELECT id, t, since, rate FROM input ASOF JOIN rates ON t >= since AND since > 20',
    'SELECT id, t, since, rate FROM input ASOF LEFT JOIN rates ON t >= since',
    'SELECT id FROM input WHERE code IN (SELECT code FROM countries)',
    'SELECT id FROM input WHERE code NOT IN (SELECT code FROM countries)',
    'SELECT id FROM input i WHERE EXISTS (SELECT 1 FROM countries c WHERE c.code = i.code AND area < i.id * 10000)',
    'SELECT id, (SELECT max(area) FROM countries) AS most FROM input',
    'SELECT id, (SELECT count(*) FROM countries c WHERE c.code = i.code) AS n FROM input i WHERE t > (SELECT avg(since) FROM rates)',
    'SELECT id, name, rate FROM input LEFT JOIN countries USING (code) LEFT JOIN (SELECT since, max(rate) AS rate FROM rates GROUP BY since) r ON r.since = t',
    'SELECT id, l.name FROM input i, LATERAL (SELECT name FROM countries c WHERE c.code = i.code ORDER BY name LIMIT 1) l',
    'SELECT id, name FROM input JOIN (SELECT * FROM countries WHERE false) USING (code)',
    "SELECT id, name AS what FROM input JOIN countries USING (code) UNION ALL SELECT id, 'itself' FROM input",
  ])('%s', async (query) => {
    const expected = await oracle(query);
    expect(await rowsOf(query)).toEqual(expected);
  });
});

test('a side table is staged once for all tasks of a process, and goes when another version takes its place', async () => {
  const files = (): readonly string[] => readdirSync(join(bench.engine.scratch, 'sides')).sort();
  const query = 'SELECT id, name FROM input JOIN countries USING (code)';
  const [plan, [first, second]] = await planOf(query, { countries: 'countries.csv' });
  if (first === undefined || second === undefined) throw new Error('no tasks');
  await attempt(plan, first, async () => undefined);
  const staged = files();
  expect(staged).toHaveLength(1);
  // it isn't looked at again: what the plan pinned is here
  rmSync(join(home, 'countries.csv'));
  await attempt(plan, second, async () => undefined);
  expect(files()).toEqual(staged);
  writeFileSync(join(home, 'countries.csv'), countries);
  const [next, [task]] = await planOf(query, { countries: 'countries.csv' });
  if (task === undefined) throw new Error('no task');
  await attempt(next, task, async () => undefined);
  expect(files()).toHaveLength(1);
  expect(files()).not.toEqual(staged);
});

test('every type comes back from it as it was', async () => {
  const items =
    "42::HUGEINT AS h, INTERVAL '1 month 3 microseconds' AS i, 'b'::ENUM('b', 'a') AS e, [1::UHUGEINT] AS l, {'x': 1.50::DECIMAL(5,2)} AS s, TIMETZ '10:00:00+05:30' AS t";
  await bench.ask(`COPY (SELECT ${items}) TO '${join(home, 'types.parquet')}' (FORMAT parquet)`);
  const declared = { h: 'HUGEINT', i: 'INTERVAL', l: 'UHUGEINT[]', e: "ENUM('b', 'a')" };
  const side = { types: { key: 'types.parquet', columns: declared } };
  const query =
    'SELECT typeof(h) AS h, typeof(i) AS i, typeof(e) AS e, typeof(l) AS l, h::VARCHAR AS hv, e::VARCHAR AS ev, l::VARCHAR AS lv, s::VARCHAR AS sv FROM input, types';
  const [plan, [task]] = await planOf(query, side);
  if (task === undefined) throw new Error('no task');
  const [row] = await attempt(plan, task, ({ files }) => bench.ask(`SELECT * FROM read_parquet('${files[0]?.path}')`));
  expect(row).toEqual(['HUGEINT', 'INTERVAL', "ENUM('b', 'a')", 'UHUGEINT[]', '42', 'b', '[1]', "{'x': 1.50}"]);
});

test.each([
  ['gzip', 'c.csv.gz', gzipSync(countries), 48, 32],
  ['tabs', 'c.tsv', countries.replace('"France, the"', 'France').replaceAll(',', '\t'), 48, 32],
  ['a JSON array', 'c.json', '[{"code": "AT", "name": "A"}, {"code": "DE", "name": "D"}, {"code": "DE", "name": null}]', 48, 16],
  ['a header alone', 'c.csv', 'code,name\n', 40, 0],
  ['quotes over several lines', 'q.csv', 'code,name\nAT,"Aus\ntria"\nDE,"a ""b"""\nDE,x\n', 48, 24],
] as const)('it may be of %s', async (_what, file, content, all, named) => {
  writeFileSync(join(home, file), content);
  const [plan, [task]] = await planOf('SELECT id, name FROM input LEFT JOIN c USING (code)', { c: file });
  if (task === undefined) throw new Error('no task');
  const counts = await attempt(plan, task, ({ files }) => bench.ask(`SELECT count(*), count(name) FROM read_parquet('${files[0]?.path}')`));
  expect(counts.map((row) => row.map(Number))).toEqual([[all, named]]);
});

describe('a side input that', () => {
  const query = 'SELECT id FROM input JOIN other USING (code)';
  const failing = async (side: NonNullable<JobDeclaration['inputs']>[string], meanwhile: () => void = () => {}): Promise<unknown> => {
    const [plan, [task]] = await planOf(query, { other: side });
    meanwhile();
    if (task === undefined) throw new Error('no task');
    return attempt(plan, task, async () => undefined);
  };
  const path = join(home, 'other.csv');
  /** A value behind the part that types are learned from. */
  const long = `code,n\n${'AT,1\n'.repeat(300_000)}`;

  test("isn't there can't be planned", async () => {
    await expect(planOf(query, { other: 'nowhere/other.csv' })).rejects.toMatchObject({
      code: 'input.gone',
      message: `The side input 'other' isn't there: ${join(home, 'nowhere/other.csv')}. Put it there, or mend the job's inputs; then run the same again.`,
    });
  });

  test('is too large is refused before anything is read, alone and with others', async () => {
    writeFileSync(path, '');
    truncateSync(path, maxSideBytes + 1);
    await expect(planOf(query, { other: 'other.csv' })).rejects.toMatchObject({
      code: 'plan.too-large',
      message: expect.stringContaining("The side input 'other' (other.csv) has 256.1 MiB, and 256 MiB is the most"),
    });
    truncateSync(path, Math.ceil(maxSidesBytes / 3) + 1);
    await expect(planOf(query, { other: 'other.csv', b: 'other.csv', c: 'other.csv' })).rejects.toMatchObject({
      code: 'plan.too-large',
      message: expect.stringContaining("The job's 3 side inputs have 512.1 MiB together, and 512 MiB is the most"),
    });
  });

  test('has no columns is refused', async () => {
    writeFileSync(path, '');
    await expect(planOf(query, { other: 'other.csv' })).rejects.toMatchObject({
      code: 'input.format',
      message: expect.stringContaining("'other'"),
    });
  });

  test('lacks a declared column is refused, with the key to mend', async () => {
    writeFileSync(path, 'code,n\nAT,1\n');
    await expect(planOf(query, { other: { key: 'other.csv', columns: { cod: 'VARCHAR' } } })).rejects.toMatchObject({
      code: 'query.column',
      message: expect.stringMatching(/side input 'other'.*did you mean 'code'.*Mend inputs\.other\.columns/),
    });
  });

  test('was changed or removed since the plan fails the task, and says what to do', async () => {
    writeFileSync(path, 'code,n\nAT,1\n');
    await expect(failing('other.csv', () => writeFileSync(path, 'code,n\nAT,1\nDE,2\n'))).rejects.toMatchObject({
      code: 'input.changed',
      details: { side: 'other' },
      message: expect.stringMatching(/^The side input 'other' \(other\.csv\): .*the same 'fanlake run' again/),
    });
    await expect(failing('other.csv', () => rmSync(path))).rejects.toMatchObject({ code: 'input.gone', details: { side: 'other' } });
  });

  test('is written to while it is read fails the task, and nothing of it is kept for the next', async () => {
    writeFileSync(path, 'code,n\nAT,1\n');
    const [plan, [task]] = await planOf(query, { other: 'other.csv' });
    if (task === undefined) throw new Error('no task');
    const writtenTo: LocalStore = Object.create(store, {
      stage: {
        value: async (...given: Parameters<LocalStore['stage']>) => {
          const staged = await store.stage(...given);
          if (given[0].key === 'other.csv') writeFileSync(path, 'code,n\nDE,2\n');
          return staged;
        },
      },
    });
    const there = computer;
    computer = computerOf(writtenTo);
    await expect(attempt(plan, task, async () => undefined)).rejects.toMatchObject({ code: 'input.changed', details: { side: 'other' } });
    computer = there;
    await expect(attempt(plan, task, async () => undefined)).rejects.toMatchObject({ code: 'input.changed', details: { side: 'other' } });
  });

  test.each([
    ['a value that does not fit what the head shows', `${long}DE,x\n`, "byte 1500007, column 'n'"],
    ['a record of too few fields', `${long}DE\n`, 'byte 1500007'],
  ])('has %s fails the task with its place; nothing is set aside', async (_what, content, place) => {
    writeFileSync(path, content);
    await expect(failing('other.csv')).rejects.toMatchObject({
      code: 'input.format',
      message: expect.stringMatching(
        new RegExp(`^The side input 'other' \\(other\\.csv\\): 1 row can't be taken[\\s\\S]*${place}[\\s\\S]*inputs\\.other\\.columns`),
      ),
    });
    // nor is half of it taken by the next task
    await expect(failing('other.csv')).rejects.toMatchObject({ code: 'input.format' });
  });

  test('has such a value is taken where its columns are declared as they are', async () => {
    writeFileSync(path, `${long}DE,x\n`);
    await failing({ key: 'other.csv', columns: { n: 'VARCHAR' } });
  });
});
