import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { jobOf, tableKeyOf } from '../../../cli/job-request.ts';

const options = { home: '.fanlake', input: ['a.csv'], query: 'SELECT * FROM input', table: 'people' };
const job = (change: object = {}) => jobOf(undefined, { ...options, ...change }, '/data');

it('without a job its name is made of query and table, always the same', async () => {
  const first = await job();
  expect(first.name).toMatch(/^query-[0-9a-f]{8}$/);
  expect((await job()).name).toBe(first.name);
  expect((await job({ table: 'others' })).name).not.toBe(first.name);
  expect((await job({ query: 'SELECT 1 FROM input' })).name).not.toBe(first.name);
});

it('a table with a slash is a folder, named by its last part', async () => {
  const made = await job({ table: 'out/people' });
  expect(made.table).toMatchObject({ name: 'people', path: '/data/out/people' });
  expect(tableKeyOf(made)).toBe('/data/out/people');
  expect(tableKeyOf(await job())).toBe('people');
});

it('options become keys of the job', async () => {
  const made = await job({ format: 'tsv', tableFormat: 'parquet', partitionBy: ['a', 'b'], maxBadRows: 3, allowSingleTask: true });
  expect([made.allowSingleTask, (await job()).allowSingleTask]).toEqual([true, false]);
  expect(made.input.format).toEqual({ type: 'tsv' });
  expect(made.table).toMatchObject({ format: 'parquet', partitionBy: ['a', 'b'] });
  expect(made.limits.maxBadRows).toBe(3);
});

it('--side becomes side inputs, which have no part in the name', async () => {
  const made = await job({ side: { countries: 'c.csv' } });
  expect(made.inputs).toEqual({ countries: { key: 'c.csv' } });
  expect(made.name).toBe((await job()).name);
  await expect(job({ side: { input: 'c.csv' } })).rejects.toThrow(/the name 'input' must not be/);
});

it('all mistakes of the options come in one message', async () => {
  const wrong = job({ format: 'cvs', table: 'My-Table', mode: 'apend', tableFormat: 'iceberg' });
  await expect(wrong).rejects.toMatchObject({ code: 'job.invalid' });
  await expect(wrong).rejects.toThrow(/input\.format.*did you mean 'csv'.*table\.name.*table\.format.*table\.mode.*did you mean 'append'/);
});

it('without a job and without query, the message names what is missing; without a table the answer has one of its own', async () => {
  await expect(job({ query: undefined })).rejects.toThrow('Without a job, --query <SQL> must be given');
  const question = await job({ table: undefined });
  expect(question).toMatchObject({ name: 'answer', table: { name: 'answer', format: 'parquet' } });
  await expect(job({ table: undefined, mode: 'append' })).rejects.toThrow('--mode is about a table');
});

it('a mode that is not built yet says so', async () => {
  await expect(job({ mode: 'replace' })).rejects.toMatchObject({ code: 'not-built' });
});

describe('options over a named job', () => {
  let folder: string;
  const named = (change: object = {}) => jobOf('a.mjs', { home: '.fanlake', ...change }, folder);

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'fanlake-jobs-'));
    const input = "{ format: { type: 'csv', delimiter: ';' } }";
    writeFileSync(
      join(folder, 'a.mjs'),
      `export default { name: 'a', input: ${input}, query: 'SELECT 1 FROM input', table: { name: 't', path: '/lake/t', partitionBy: ['x'] } };`,
    );
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('change what they name and nothing else', async () => {
    const job = await named({ maxBadRows: 2 });
    expect(job).toEqual({ ...(await named()), limits: { ...job.limits, maxBadRows: 2 } });
    expect((await named({ partitionBy: [] })).table.partitionBy).toEqual([]);
  });

  it('a table by name takes the place of one by path', async () => {
    expect(tableKeyOf(await named())).toBe('/lake/t');
    expect(tableKeyOf(await named({ table: 'people' }))).toBe('people');
    expect(tableKeyOf(await named({ table: './people' }))).toBe(join(folder, 'people'));
  });

  it('the same format keeps its dialect, another has its own', async () => {
    expect((await named({ format: 'csv' })).input.format).toEqual({ type: 'csv', delimiter: ';' });
    expect((await named({ format: 'tsv' })).input.format).toEqual({ type: 'tsv' });
  });

  it('its query stays: another one is refused, since the run would be taken for the same', async () => {
    await expect(named({ query: 'SELECT 2 FROM input' })).rejects.toMatchObject({ code: 'usage' });
  });
});
