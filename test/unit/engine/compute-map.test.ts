import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { scanThread } from '../../../cli/local/scan-thread.ts';
import { LocalStore } from '../../../functions/adapters/local-store.ts';
import { draftPlan } from '../../../functions/coordinator/draft-plan.ts';
import { parseJob } from '../../../functions/core/job.ts';
import { type Plan, planFormat, wholeObjects } from '../../../functions/core/plan.ts';
import { engineInspector } from '../../../functions/engine/inspector.ts';
import type { ProjectAside } from '../../../functions/formats/stage-halves.ts';
import { TableLogs } from '../../../functions/protocol/table-logs.ts';
import { mapComputer } from '../../../functions/worker/compute-map.ts';
import { TaskError } from '../../../functions/worker/task-error.ts';
import { Bench } from './fixture.ts';

let bench: Bench;
let inspector: ReturnType<typeof engineInspector>;
const home = mkdtempSync(join(tmpdir(), 'fanlake-compute-'));
const landing = new LocalStore(home, { durable: false });
let attempts = 0;

const thread = scanThread();
let askedAside = 0;
let projectedAside = 0;
/** A thread of its own, counted. */
const aside: ProjectAside = async (stretch) => {
  const projected = await thread(stretch);
  askedAside += 1;
  if (projected !== null) projectedAside += 1;
  return projected;
};

beforeAll(async () => {
  bench = await Bench.open();
  mkdirSync(join(home, 'inspector'));
  inspector = engineInspector(join(home, 'inspector'), 512 * 1024 * 1024);
});
afterAll(async () => {
  await inspector.close();
  bench.close();
  rmSync(home, { recursive: true, force: true });
});

interface Given {
  readonly name?: string;
  readonly query?: string;
  readonly maxBadRows?: number;
  readonly partitionBy?: readonly string[];
}

/** What the only task of a run over one object makes, said so that two computations can be compared. */
async function compute(
  content: string | Uint8Array,
  given: Given,
  from: { readonly aheadBytes?: number; readonly projectBytes?: number; readonly aside?: ProjectAside },
): Promise<unknown> {
  const { aheadBytes = Number.POSITIVE_INFINITY, projectBytes = Number.POSITIVE_INFINITY, ...aside } = from;
  const { name = 'a.csv', query = 'SELECT * FROM input', maxBadRows = 0, partitionBy = [] } = given;
  writeFileSync(join(home, name), content);
  const object = await landing.head(name);
  if (object === null) throw new Error('the object is not there');
  const job = parseJob({ name: 'a', input: {}, query, table: { name: 'a', partitionBy }, limits: { maxBadRows } });
  const tools = { landing, lake: landing, inspector, scratch: join(home, 'inspector'), logs: new TableLogs(landing), sizing: wholeObjects };
  const { draft, tasks } = await draftPlan(tools, { job, run: 'a-1', epoch: 0, table: 'a', objects: [object], splitBytes: null });
  const plan: Plan = { ...draft, format: planFormat, nonce: 'n', createdMs: 0, tasks: 1, inline: null, requests: {} };
  const [task] = tasks;
  if (task === undefined) throw new Error('the plan has no task');
  const folder = join(bench.engine.scratch, `attempt${attempts++}`);
  mkdirSync(folder);
  const engines = { engine: async () => bench.engine };
  const computer = mapComputer({ landing, work: landing, engines, aheadBytes, projectBytes, ...aside });
  try {
    const { files, ...made } = await computer.compute(plan, task, { nonce: 'n', receiveCount: 1, folder });
    const paths = files.map(({ path }) => `'${path}'`).join(', ');
    const rows =
      files.length === 0 ? [] : await bench.ask(`SELECT * FROM read_parquet([${paths}], hive_partitioning = false) ORDER BY ALL`);
    return { ...made, rows: made.rows, content: rows };
  } catch (thrown) {
    if (!(thrown instanceof TaskError)) throw thrown;
    const { error, chain, offenders } = thrown;
    return { code: error.code, chain, offenders };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

// longer than the head from which types are learned
const many = (line: (i: number) => string, count = 40_000): string => Array.from({ length: count }, (_, i) => line(i)).join('');
const header = 'id,note,at\n';
const plain = many((i) => `${i},note ${i},2026-01-0${1 + (i % 9)} 10:00:00\n`);

describe('a task whose engine begins before the object was scanned', () => {
  test.each<[string, string | Uint8Array, Given?]>([
    ['everything is as in most files', header + plain],
    ['no newline is at the end', header + plain.trimEnd()],
    ['a filter leaves rows out', header + plain, { query: 'SELECT id FROM input WHERE id % 3 = 0' }],
    ['rows go to lake partitions', header + plain, { query: 'SELECT *, id % 4 AS part FROM input', partitionBy: ['part'] }],
    ['newlines stand inside quotes', header + many((i) => `${i},"two\nlines ${i}",2026-01-01 10:00:00\n`)],
    ['a newline stands inside quotes once, far behind', `${header}${plain}7,"two\nlines",2026-01-01 10:00:00\n`],
    ['a number is not whole', `${header}${plain}1.5,x,2026-01-01 10:00:00\n`],
    ['a number is written in another form', `${header}${plain}1.0,x,2026-01-01 10:00:00\n`],
    ['a time has an offset', `${header}${plain}1,x,2026-01-01 10:00:00+05\n`],
    ['a number is no number', `${header}${plain}abc,x,2026-01-01 10:00:00\n`],
    ['bad rows are set aside', `${header}${plain}abc,x,2026-01-01 10:00:00\n1.5,y,\n8,z,\n`, { maxBadRows: 2 }],
    ['a row is too short', `${header}${plain}7,x\n`],
    ['a quote is never closed', `${header}${plain}7,"x,2026-01-01 10:00:00\n`],
    ['a quote stands in the middle of a field', `${header}${plain}7,5" wide,2026-01-01 10:00:00\n`],
    [
      'a byte is not UTF-8',
      Buffer.concat([Buffer.from(`${header}${plain}7,`), Buffer.from([0xff]), Buffer.from(',2026-01-01 10:00:00\n')]),
    ],
    ['a record is longer than the engine’s limit', `${header}${plain}7,${'x'.repeat(3_000_000)},2026-01-01 10:00:00\n`],
    ['the query fails', header + plain, { query: "SELECT error('no ' || note) AS x FROM input WHERE id = 39999" }],
    ['lines are JSON', many((i) => `{"id": ${i}, "note": "n${i}"}\n`), { name: 'a.jsonl' }],
    ['a line of JSON is cut', `${many((i) => `{"id": ${i}, "note": "n${i}"}\n`)}{"id": 7, "no\n`, { name: 'a.jsonl' }],
  ])('makes what it makes after the scan when %s', async (_case, content, given = {}) => {
    const ahead = await compute(content, given, { aheadBytes: 1 });
    expect(ahead).toEqual(await compute(content, given, {}));
    expect(JSON.stringify(ahead)).toMatch(/"code":|"written":[1-9]/);
  });
});

describe('a task whose engine gets only the fields that it needs', () => {
  const wide = 'words that nobody reads '.repeat(4);
  const head = 'id,name,seen,day,price,text,more\n';
  const row = (i: number): string =>
    `${i},${i % 7 === 0 ? '' : `"name, ${i % 5}"`},2026-01-0${1 + (i % 9)} 10:00:00,2026-02-${10 + (i % 19)},${i % 3}.5,${wide},"and ""more"" ${i}"\n`;
  const table = head + many(row, 8_000);

  const queries = [
    'SELECT id FROM input',
    'SELECT count(*) AS n FROM input',
    'SELECT name, count(*) AS n, sum(id) AS s FROM input GROUP BY ALL',
    "SELECT name FROM input WHERE id % 5 = 1 AND day > DATE '2026-02-20'",
    'SELECT i.id, i."NAME" FROM input AS i WHERE i.price > 1',
    'SELECT min(seen) AS a, max(price) AS b FROM input',
    "SELECT COLUMNS('i.*') FROM input",
    'SELECT * EXCLUDE (text, more, day, seen) FROM input',
    'SELECT id FROM (SELECT * FROM input) WHERE price < 1',
    'SELECT (i).id AS id FROM input i',
    'SELECT to_json(i) AS all FROM input i',
    'WITH t(a, b) AS (SELECT id, name FROM input) SELECT b, a FROM t',
    'SELECT a FROM input AS i(a, b)',
    'SELECT #1 AS x FROM input',
    'SELECT DISTINCT name FROM input ORDER BY name',
    'SELECT arg_max(name, price * 10000 + id) AS x FROM input',
    'SELECT id, row_number() OVER (PARTITION BY name ORDER BY id) AS n FROM input QUALIFY n < 3',
    'SELECT "1" AS one, name FROM input PIVOT (max(price) FOR id IN (1, 2))',
    'SELECT a.id FROM input a NATURAL JOIN (SELECT 6 AS id, 0.5 AS price) b',
    'SELECT a.name FROM input a JOIN (SELECT 7 AS id) b USING (id)',
    'SELECT _file, id FROM input WHERE id < 3',
    'SELECT list(id ORDER BY id) AS l FROM input WHERE name IS NULL',
  ];
  test.each(queries)('answers as it does with all of them: %s', async (query) => {
    const projected = await compute(table, { query }, { projectBytes: 1 });
    expect(projected).toEqual(await compute(table, { query }, {}));
    expect(JSON.stringify(projected)).toMatch(/"written":[1-9]/);
    const before = { askedAside, projectedAside };
    expect(await compute(table, { query }, { projectBytes: 1, aside })).toEqual(projected);
    // each half that a thread is asked for is used in such a table
    expect(projectedAside - before.projectedAside).toBe(askedAside - before.askedAside);
  });

  const odd = row(7);
  test.each<[string, string]>([
    ['a number of a column that is not read is none', odd.replace('7,', 'x,')],
    ['a number is not whole', odd.replace('7,', '7.5,')],
    ['a day is not in the calendar', odd.replace('2026-02-17', '2026-02-30')],
    ['a price is in another form', odd.replace(',1.5,', ',15e-1,')],
    ['a price is none', odd.replace(',1.5,', ',much,')],
    ['a row is too short', '8,y\n'],
    ['a row is too long', odd.replace('\n', ',z\n')],
    ['a row has empty fields too many', odd.replace('\n', ',,\n')],
    ['a quote stands in the middle of a field', odd.replace(wide, '5" wide')],
    ['a quote is never closed', odd.replace(wide, '"5')],
    ['a newline stands inside quotes', odd.replace(wide, '"two\nlines"')],
    ['a line is blank', '\n'],
    ['there is no newline at the end', odd.trimEnd()],
  ])('does what it does with all of them where %s', async (_case, last) => {
    for (const maxBadRows of [0, 3]) {
      const given = { query: 'SELECT name, count(*) AS n FROM input GROUP BY ALL', maxBadRows };
      const whole = await compute(table + last, given, {});
      expect(await compute(table + last, given, { projectBytes: 1 })).toEqual(whole);
      if (maxBadRows > 0) continue;
      // behind the middle, and before it
      expect(await compute(table + last, given, { projectBytes: 1, aside })).toEqual(whole);
      const early = `${head}${last}${table.slice(head.length)}`;
      expect(await compute(early, given, { projectBytes: 1, aside })).toEqual(await compute(early, given, {}));
    }
  });

  const counted = { query: 'SELECT name, count(*) AS n FROM input GROUP BY ALL' };

  test('is scanned by two threads', async () => {
    const before = projectedAside;
    const halves = await compute(table, counted, { projectBytes: 1, aside });
    expect(projectedAside).toBe(before + 1);
    expect(halves).toEqual(await compute(table, counted, {}));
  });

  test('counts each record once where the middle seems to be outside of quotes, and is inside', async () => {
    const lines = 'x,y\n'.repeat(600_000);
    const misleading = `${head}${many(row, 4_000)}7,"${lines}",2026-01-01 10:00:00,2026-02-17,1.5,${wide},more\n${many(row, 4_000)}`;
    const before = { askedAside, projectedAside };
    expect(await compute(misleading, counted, { projectBytes: 1, aside })).toEqual(await compute(misleading, counted, {}));
    expect(askedAside).toBe(before.askedAside + 1);
  });

  test('is scanned as a whole where the other thread fails', async () => {
    const dies: ProjectAside = async () => null;
    expect(await compute(table, counted, { projectBytes: 1, aside: dies })).toEqual(await compute(table, counted, {}));
  });
});
