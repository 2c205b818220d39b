import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { tasksPerPage } from '../../functions/core/plan.ts';
import { deltaLog, runSql, sqlText, textRows } from '../e2e/duckdb.ts';
import { type Deployment, deployment, type LogLine, onLocalStack } from './deployment.ts';
import { requestRun } from './request-run.ts';

/** The most processes that were at work on a task at the same time. Each environment is a process, and has a log stream. */
function mostAtOnce(lines: readonly LogLine[]): number {
  const timed = lines.map(({ message, stream, timestamp }) => ({ message, stream, atMs: Date.parse(String(timestamp)) }));
  // what ends in the same millisecond in which another begins wasn't at work with it
  timed.sort((a, b) => a.atMs - b.atMs || (a.message === 'task begins' ? 1 : 0) - (b.message === 'task begins' ? 1 : 0));
  const [working, counts] = [new Set<string>(), [0]];
  for (const { message, stream } of timed) {
    if (message === 'task begins') working.add(stream);
    else if (message === 'task done' || message === 'task failed') working.delete(stream);
    counts.push(working.size);
  }
  return Math.max(...counts);
}

/** Of one request: more than a page of the plan, a group, and a list of S3 has. */
const manyTasks = Number(process.env['FANLAKE_TEST_TASKS'] ?? 1_100);

onLocalStack('a run of many tasks', () => {
  let stack: Deployment;
  let folder: string;

  beforeAll(async () => {
    stack = await deployment();
    folder = mkdtempSync(join(tmpdir(), 'fanlake-large-'));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('an upload of 200 MB is loaded by several workers at once, in one commit, every row once', async () => {
    const file = join(folder, 'large.csv');
    const rows = `SELECT i AS id, md5(i::VARCHAR) AS name, 'quoted, "with" ' || chr(10) || 'a line' AS note, i % 97 AS n FROM range(3000000) t(i)`;
    await runSql(`COPY (${rows}) TO ${sqlText(file)} (FORMAT csv, HEADER)`);
    const body = readFileSync(file);
    expect(body.length).toBeGreaterThan(190e6);
    await stack.upload('large/large.csv', body);
    const [outcome] = await stack.outcomes('large', 1);
    const splits = Math.ceil(body.length / (16 << 20));
    expect(outcome).toMatchObject({ outcome: 'COMMITTED', rows: { read: 3_000_000, written: 3_000_000 }, table: { version: 0 } });
    expect(outcome?.tasks.planned).toBe(splits);
    const table = await stack.fetchTable('large', folder);
    expect(deltaLog(table).versions).toEqual([0]);
    const files = deltaLog(table).adds.map(({ path }) => sqlText(join(table, path)));
    const sums = 'count(*), sum(id), count(DISTINCT id), sum(hash(name, note, n))';
    expect(await textRows(`SELECT ${sums} FROM read_parquet([${files.join(', ')}])`)).toEqual(
      await textRows(`SELECT ${sums} FROM (${rows})`),
    );
    const lines = (await stack.logLines('Worker')).filter(({ run }) => run === outcome?.run);
    expect(new Set(lines.filter(({ message }) => message === 'task done').map(({ task }) => task)).size).toBe(splits);
    expect(mostAtOnce(lines)).toBeGreaterThan(1);
  });

  it('more tasks of one request than a page of the plan has are dispatched, and each is in the table once', {
    timeout: 900_000,
  }, async () => {
    // the header is as long as a line, and the first task takes it besides its own
    const tasks = manyTasks;
    const line = (n: number): string => `${String(n).padStart(9, '0')}\n`;
    const header = 'number___\n';
    await stack.upload('held back/lines.csv', header + Array.from({ length: tasks }, (_, n) => line(n)).join(''));
    const ended = await requestRun(stack, 'many', 'held back/lines.csv', header.length);
    const outcome = await ended();
    expect(outcome).toMatchObject({
      outcome: 'COMMITTED',
      rows: { written: tasks },
      tasks: { planned: tasks, done: tasks, failed: 0 },
    });
    const table = await stack.fetchTable('many', folder);
    const files = deltaLog(table).adds.map(({ path }) => sqlText(join(table, path)));
    const numbers = await textRows(`SELECT number___ FROM read_parquet([${files.join(', ')}]) ORDER BY 1`);
    expect(numbers).toEqual(Array.from({ length: tasks }, (_, n) => [line(n).trimEnd()]));
    // each tick came as late as the one before had asked for: 15 s and then 30 s, though it reported its message as failed
    const ticks = (await stack.logLines('Monitor'))
      .filter(({ run }) => run === outcome.run)
      .map(({ timestamp }) => Date.parse(String(timestamp)));
    ticks.sort((a, b) => a - b);
    expect(ticks.length).toBeGreaterThan(1);
    for (const [index, atMs] of ticks.slice(1).entries()) expect(atMs - (ticks[index] ?? 0)).toBeGreaterThan(14_000 * 2 ** index);
    const pages = await stack.keys('WorkBucket', `runs/${outcome.run}/e0/plan/`);
    expect(pages).toHaveLength(Math.ceil(tasks / tasksPerPage));
    expect(pages.length).toBeGreaterThan(1);
  });
});
