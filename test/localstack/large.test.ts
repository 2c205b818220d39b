import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SendMessageCommand } from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { S3Store } from '../../functions/adapters/s3-store.ts';
import { systemNonces } from '../../functions/adapters/system-clock.ts';
import { runId } from '../../functions/core/run-id.ts';
import { writeRunRequest } from '../../functions/protocol/run-request.ts';
import { deltaLog, runSql, sqlText, textRows } from '../e2e/duckdb.ts';
import { type Deployment, deployment, type Outcome, onLocalStack } from './deployment.ts';
import { testJobs } from './jobs.ts';

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
    const rows = `SELECT i AS id, md5(i::VARCHAR) AS name, 'quoted, "with" ' || chr(10) || 'a line' AS note, i % 97 AS n FROM range(2400000) t(i)`;
    await runSql(`COPY (${rows}) TO ${sqlText(file)} (FORMAT csv, HEADER)`);
    const body = readFileSync(file);
    expect(body.length).toBeGreaterThan(190e6);
    await stack.upload('large/large.csv', body);
    const [outcome] = await stack.outcomes('large', 1);
    const splits = Math.ceil(body.length / (16 << 20));
    expect(outcome).toMatchObject({ outcome: 'COMMITTED', rows: { read: 2_400_000, written: 2_400_000 }, table: { version: 0 } });
    expect(outcome?.tasks.planned).toBe(splits);
    const table = await stack.fetchTable('large', folder);
    expect(deltaLog(table).versions).toEqual([0]);
    const files = deltaLog(table).adds.map(({ path }) => sqlText(join(table, path)));
    const sums = 'count(*), sum(id), count(DISTINCT id), sum(hash(name, note, n))';
    expect(await textRows(`SELECT ${sums} FROM read_parquet([${files.join(', ')}])`)).toEqual(
      await textRows(`SELECT ${sums} FROM (${rows})`),
    );
    const done = (await stack.logLines('Worker')).filter(({ message, run }) => message === 'task done' && run === outcome?.run);
    expect(new Set(done.map(({ task }) => task)).size).toBe(splits);
    // each environment is a process, and has a log stream
    expect(new Set(done.map(({ stream }) => stream)).size).toBeGreaterThan(1);
  });

  it('3,000 tasks of one request are dispatched by pages of the plan, and each is in the table once', async () => {
    const tasks = 3_000;
    const line = (n: number): string => `${String(n).padStart(9, '0')}\n`;
    const header = 'number___\n';
    await stack.upload('held back/lines.csv', header + Array.from({ length: tasks - 1 }, (_, n) => line(n)).join(''));
    const outcome = await requestRun(stack, 'held back/lines.csv', header.length);
    expect(outcome).toMatchObject({
      outcome: 'COMMITTED',
      rows: { written: tasks - 1 },
      tasks: { planned: tasks, done: tasks, failed: 0 },
    });
    const table = await stack.fetchTable('many', folder);
    const files = deltaLog(table).adds.map(({ path }) => sqlText(join(table, path)));
    const numbers = await textRows(`SELECT number___ FROM read_parquet([${files.join(', ')}]) ORDER BY 1`);
    expect(numbers).toEqual(Array.from({ length: tasks - 1 }, (_, n) => [String(n)]));
    const pages = await stack.keys('WorkBucket', `runs/${outcome.run}/e0/plan/`);
    expect(pages).toHaveLength(3);
  });
});

/** What `fanlake run --stack` does: a stored request, and one message. */
async function requestRun(stack: Deployment, key: string, splitBytes: number): Promise<Outcome> {
  const store = (output: 'LandingBucket' | 'WorkBucket') =>
    new S3Store({ client: stack.s3, bucket: stack.of(output), nonces: systemNonces });
  const object = await store('LandingBucket').head(key);
  const job = testJobs.find(({ name }) => name === 'many');
  if (object === null || job === undefined) throw new Error(`no ${key}, or no job 'many'`);
  const run = runId({ job: job.name, table: 'many', objects: [object], again: 0 });
  const message = await writeRunRequest(store('WorkBucket'), { run, epoch: 0, job, table: 'many', objects: [object], splitBytes });
  await stack.sqs.send(new SendMessageCommand({ QueueUrl: stack.of('RequestsQueue'), MessageBody: JSON.stringify(message) }));
  const [outcome] = await stack.outcomes('many', 1, 600_000);
  if (outcome === undefined) throw new Error('the run has no outcome');
  return outcome;
}
