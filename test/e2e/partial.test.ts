import { mkdtempSync, realpathSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Receipt } from '../../functions/core/receipt.ts';
import { deltaLog, runSql, sorted, sqlText, type TextRow, tableRows, textRows } from './duckdb.ts';
import { type Ended, fanlake } from './fanlake-command.ts';

// A job that takes the good splits of an input in which some are bad: what is loaded, what is said to be missing, and how the rest follows.
const splitBytes = 300;
let folder: string;
let table: string;

beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'fanlake-partial-')));
  table = join(folder, '.fanlake/lake/visits');
});
afterEach(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));

interface Declared {
  readonly limits: string;
  readonly table?: string;
  readonly query?: string;
}

function declare({ limits, table: more = '', query = 'SELECT * FROM input' }: Declared): void {
  writeFileSync(
    join(folder, 'job.ts'),
    `import { defineJob } from 'fanlake';
    export default defineJob({ name: 'visits', input: { format: 'csv', columns: { id: 'BIGINT', what: 'VARCHAR', n: 'BIGINT' } },
      query: ${JSON.stringify(query)}, table: { name: 'visits'${more} }, limits: ${limits} });`,
  );
}

const run = (): Promise<Ended> => fanlake(folder, 'run', './job.ts', '--input', 'visits.csv', '--split-size', String(splitBytes), '--json');
const retry = (): Promise<Ended> => fanlake(folder, 'retry', 'visits', '--json');
const receiptOf = ({ stdout }: Ended): Receipt => JSON.parse(stdout) as Receipt;

const header = 'id,what,n\n';
/** Records by their numbers; those of `bad` have a field too many. */
const records = (count: number, bad: readonly number[]): readonly string[] =>
  Array.from({ length: count }, (_, id) => `${id},visit ${id},${bad.includes(id) ? '7,7' : id * 7}\n`);

/** Where each record starts, from the texts alone. */
function offsetsOf(lines: readonly string[]): readonly number[] {
  let next = header.length;
  return lines.map((line) => {
    const offset = next;
    next += Buffer.byteLength(line);
    return offset;
  });
}

/** The records that don't start in a missing range; each range is a split of this input with one of the bad records. */
function othersOf(lines: readonly string[], bad: readonly number[], missing: Receipt['missing']): readonly string[] {
  const offsets = offsetsOf(lines);
  const holds = ({ start, end }: Receipt['missing'][number], offset = -1): boolean => start <= offset && offset < end;
  expect(missing.length).toBe(bad.length);
  for (const [index, range] of missing.entries()) {
    expect(range.key).toBe(join(folder, 'visits.csv'));
    expect(range.end - range.start).toBeLessThanOrEqual(splitBytes);
    expect(holds(range, offsets[bad[index] ?? -1])).toBe(true);
  }
  return lines.filter((_, id) => !missing.some((range) => holds(range, offsets[id])));
}

/** The rows that DuckDB reads from these records. */
async function oracle(lines: readonly string[]): Promise<readonly TextRow[]> {
  const path = join(folder, 'oracle.csv');
  writeFileSync(path, header + lines.join(''));
  return textRows(
    `SELECT * FROM read_csv(${sqlText(path)}, auto_detect = false, parallel = false, header = true, delim = ',', quote = '"',
      columns = {id: 'BIGINT', what: 'VARCHAR', n: 'BIGINT'})`,
  );
}

/** What OPTIMIZE and VACUUM of another tool do: all rows in one new file, the others gone. */
async function compact(): Promise<void> {
  const { versions, adds } = deltaLog(table);
  const old = adds.map(({ path }) => join(table, path));
  await runSql(`COPY (FROM read_parquet([${old.map(sqlText).join(', ')}])) TO ${sqlText(join(table, 'all.parquet'))} (FORMAT parquet)`);
  const { size } = statSync(join(table, 'all.parquet'));
  const add = { path: 'all.parquet', partitionValues: {}, size, modificationTime: 1, dataChange: false };
  const removes = adds.map(({ path }) => ({ remove: { path, deletionTimestamp: 1, dataChange: false } }));
  const entry = [{ commitInfo: { operation: 'OPTIMIZE' } }, ...removes, { add }].map((action) => JSON.stringify(action)).join('\n');
  const name = `${String(versions.length).padStart(20, '0')}.json`;
  writeFileSync(join(table, '_delta_log', name), `${entry}\n`);
  for (const path of old) rmSync(path);
}

describe('a run with a bad split, where the job allows one failed task', () => {
  const lines = records(200, [100]);
  const size = Buffer.byteLength(header + lines.join(''));
  const good = records(200, []).filter((_, id) => id !== 100);
  beforeEach(() => writeFileSync(join(folder, 'visits.csv'), header + lines.join('')));

  it('is PARTIAL: names the range, has exactly the rows of the other splits, and the rest follows once, when the job allows bad rows', async () => {
    declare({ limits: '{ maxFailedTasks: 1 }' });
    const first = await run();
    expect(first.code, first.stdout).toBe(3);
    const partial = receiptOf(first);
    const { missing } = partial;
    const others = othersOf(lines, [100], missing);
    // a split covers the records that start in it
    const missingBytes = size - Buffer.byteLength(header + others.join(''));
    expect(partial).toMatchObject({
      outcome: 'PARTIAL',
      rows: { read: others.length, passed: others.length, quarantined: 0, written: others.length },
      bytes: { input: size, covered: size - missingBytes },
      tasks: { failed: 1 },
      error: { code: 'rows.bad' },
    });
    expect(sorted(await tableRows(table))).toEqual(sorted(await oracle(others)));

    // the same job finds the same: nothing is loaded, nothing is doubled
    for (const again of [await run(), await retry()]) {
      expect(again.code).toBe(3);
      expect(receiptOf(again)).toMatchObject({ outcome: 'PARTIAL', rows: { written: 0 }, missing });
    }
    expect(deltaLog(table).versions).toEqual([0]);

    declare({ limits: '{ maxFailedTasks: 1, maxBadRows: 1 }' });
    const rest = await run();
    expect(rest.code, rest.stdout).toBe(0);
    const left = lines.length - others.length;
    const [{ start, end } = { start: 0, end: 0 }] = missing;
    expect(receiptOf(rest)).toMatchObject({
      run: partial.run,
      outcome: 'COMMITTED',
      rows: { read: left, passed: left - 1, quarantined: 1, written: left - 1 },
      bytes: { input: end - start, covered: missingBytes },
      tasks: { planned: 1, done: 1 },
      missing: [],
    });
    const whole = sorted(await oracle(good));
    expect(sorted(await tableRows(table))).toEqual(whole);
    expect(receiptOf(await run()).outcome).toBe('ALREADY_COMMITTED');
    expect(receiptOf(await retry()).outcome).toBe('ALREADY_COMMITTED');
    expect(sorted(await tableRows(table))).toEqual(whole);
  });

  it('into plain Hive folders, has the rest in files of their own', async () => {
    const hiveRows = () =>
      textRows(`SELECT id, what, n FROM read_parquet(${sqlText(`${table}/visits-*.parquet`)}, hive_partitioning = false)`);
    declare({ limits: '{ maxFailedTasks: 1 }', table: ", format: 'parquet'" });
    const first = await run();
    expect(first.code, first.stdout).toBe(3);
    expect(sorted(await hiveRows())).toEqual(sorted(await oracle(othersOf(lines, [100], receiptOf(first).missing))));
    declare({ limits: '{ maxFailedTasks: 1, maxBadRows: 1 }', table: ", format: 'parquet'" });
    expect((await run()).code).toBe(0);
    expect(sorted(await hiveRows())).toEqual(sorted(await oracle(good)));
  });

  it('is completed once also when the table was compacted meanwhile, so that the files which it wrote are gone', async () => {
    declare({ limits: '{ maxFailedTasks: 1 }' });
    expect((await run()).code).toBe(3);
    const before = sorted(await tableRows(table));
    await compact();
    expect(sorted(await tableRows(table))).toEqual(before);
    declare({ limits: '{ maxFailedTasks: 1, maxBadRows: 1 }' });
    expect(receiptOf(await run())).toMatchObject({ outcome: 'COMMITTED', tasks: { planned: 1 } });
    expect(sorted(await tableRows(table))).toEqual(sorted(await oracle(good)));
  });

  it('is not completed by a job that makes other rows, until the change is undone', async () => {
    declare({ limits: '{ maxFailedTasks: 1 }' });
    expect((await run()).code).toBe(3);
    const before = sorted(await tableRows(table));
    declare({ limits: '{ maxFailedTasks: 1, maxBadRows: 1 }', query: 'SELECT id, what, n + 1 AS n FROM input' });
    const refused = await run();
    expect(refused.code).toBe(2);
    expect(JSON.parse(refused.stdout)).toMatchObject({ error: { code: 'job.invalid', message: expect.stringMatching(/in part.*Undo/) } });
    expect(sorted(await tableRows(table))).toEqual(before);
    declare({ limits: '{ maxFailedTasks: 1, maxBadRows: 1 }' });
    expect((await run()).code).toBe(0);
    expect((await tableRows(table)).length).toBe(199);
  });
});

it('two bad splits are two ranges, whose rows follow together', async () => {
  // more than a split apart
  const bad = [60, 85];
  const lines = records(200, bad);
  writeFileSync(join(folder, 'visits.csv'), header + lines.join(''));
  declare({ limits: '{ maxFailedTasks: 2 }' });
  const partial = receiptOf(await run());
  expect(partial).toMatchObject({ outcome: 'PARTIAL', tasks: { failed: 2 } });
  expect(sorted(await tableRows(table))).toEqual(sorted(await oracle(othersOf(lines, bad, partial.missing))));
  declare({ limits: '{ maxFailedTasks: 2, maxBadRows: 2 }' });
  expect(receiptOf(await run())).toMatchObject({ outcome: 'COMMITTED', rows: { quarantined: 2 }, tasks: { planned: 2 } });
  expect(sorted(await tableRows(table))).toEqual(sorted(await oracle(lines.filter((_, id) => !bad.includes(id)))));
});

it('a bad record with newlines in its quotes takes only the split in which it starts', async () => {
  // longer than a split: who begins in the middle of it can't tell that it is inside quotes
  const good = Array.from({ length: 60 }, (_, id) => `${id},"a\n${'1,x,2\n'.repeat(150)}",${id}\n`);
  const lines = good.map((line, id) => (id === 30 ? line.replace(/\n$/, ',7\n') : line));
  writeFileSync(join(folder, 'visits.csv'), header + lines.join(''));
  declare({ limits: '{ maxFailedTasks: 1 }' });
  const ended = await run();
  expect(ended.code, ended.stdout).toBe(3);
  const others = othersOf(lines, [30], receiptOf(ended).missing);
  expect(others.length).toBe(59);
  expect(sorted(await tableRows(table))).toEqual(sorted(await oracle(others)));
  declare({ limits: '{ maxFailedTasks: 1, maxBadRows: 1 }' });
  expect(receiptOf(await run())).toMatchObject({ outcome: 'COMMITTED', rows: { read: 1, passed: 0, quarantined: 1 } });
  expect(sorted(await tableRows(table))).toEqual(sorted(await oracle(others)));
});

it('loads nothing twice when its plan is gone, and says which ranges are missing', async () => {
  declare({ limits: '{ maxFailedTasks: 1 }' });
  const lines = records(100, [50]);
  writeFileSync(join(folder, 'visits.csv'), header + lines.join(''));
  const first = receiptOf(await run());
  const rows = sorted(await tableRows(table));
  rmSync(join(folder, '.fanlake/work'), { recursive: true });
  for (const again of [run, retry]) {
    const { code, stdout } = await again();
    expect(code).toBe(2);
    expect(JSON.parse(stdout)).toMatchObject({ error: { code: 'run.unknown', message: expect.stringContaining('committed in part') } });
  }
  expect(sorted(await tableRows(table))).toEqual(rows);
  const status = await fanlake(folder, 'status', first.run, '--json');
  expect(JSON.parse(status.stdout)).toMatchObject({ outcome: 'PARTIAL', missing: first.missing });
});

describe('a run of which something may be in the table is never loaded as a whole again by itself', () => {
  const good = records(100, []);

  it.each(['delta', 'parquet'])(
    'when it was killed between its commit and its outcome, and its work folder is gone (%s)',
    async (format) => {
      writeFileSync(join(folder, 'visits.csv'), header + good.join(''));
      declare({ limits: '{}', table: `, format: '${format}'` });
      const { run: id } = receiptOf(await run());
      rmSync(join(table, '_fanlake', id, 'e0/outcome.json'));
      rmSync(join(folder, '.fanlake/work'), { recursive: true });
      for (const again of [run, retry]) {
        const { code, stdout } = await again();
        expect(code).toBe(1);
        expect(JSON.parse(stdout)).toMatchObject({ error: { code: 'commit.unknown', details: { committed: true } } });
      }
      const { stdout } = await fanlake(folder, 'query', 'SELECT count(*) AS n FROM visits', '--json');
      expect(JSON.parse(stdout)).toMatchObject({ rows: [{ n: 100 }] });
    },
  );

  it('when its outcome says that nobody knows', async () => {
    writeFileSync(join(folder, 'visits.csv'), header + good.join(''));
    declare({ limits: '{}' });
    const receipt = receiptOf(await run());
    const error = { code: 'commit.unknown', message: 'the entries are gone', details: {} };
    writeFileSync(join(table, '_fanlake', receipt.run, 'e0/outcome.json'), JSON.stringify({ ...receipt, outcome: 'FAILED', error }));
    for (const again of [run, retry]) {
      const { code, stdout } = await again();
      expect(code).toBe(1);
      expect(JSON.parse(stdout)).toMatchObject({ error: { code: 'commit.unknown', message: expect.stringContaining('--again') } });
    }
    expect((await tableRows(table)).length).toBe(100);
  });

  it.each([
    ['its work folder is gone', { limits: '{ maxFailedTasks: 1, maxBadRows: 5 }' }, true],
    ['its query was changed', { limits: '{ maxFailedTasks: 1, maxBadRows: 5 }', query: 'SELECT id, what, n + 1 AS n FROM input' }, false],
  ])('when it is committed in part, a later try failed, and %s', async (_case, declared, isLost) => {
    writeFileSync(join(folder, 'visits.csv'), header + records(100, [50]).join(''));
    declare({ limits: '{ maxFailedTasks: 1 }' });
    expect((await run()).code).toBe(3);
    const rows = sorted(await tableRows(table));
    declare({ limits: '{}' });
    expect((await run()).code).toBe(1);
    if (isLost) rmSync(join(folder, '.fanlake/work'), { recursive: true });
    declare(declared);
    expect((await run()).code).toBe(2);
    expect(sorted(await tableRows(table))).toEqual(rows);
  });
});
