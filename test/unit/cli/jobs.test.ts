import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { findJob, loadJobs } from '../../../cli/jobs.ts';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'fanlake-jobs-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const job = (name: string, table = 't') => `{ name: '${name}', input: {}, table: { name: '${table}' } }`;
const write = (text: string, file = 'jobs.mjs') => writeFileSync(join(folder, file), text);
const names = async () => (await loadJobs('jobs.mjs', folder)).map(({ name }) => name);

it('jobs are those exported by name, in lists, and by default; other exports are passed over', async () => {
  write(`export const a = ${job('a')}; export const more = [${job('b')}, 7]; export const limit = 5; export const f = () => {};
    export default [a, ${job('c')}];`);
  expect((await names()).sort()).toEqual(['a', 'b', 'c']);
});

it('two different jobs of one name are a mistake, the same one twice is none', async () => {
  write(`export const a = ${job('a')}; export const again = a; export const b = ${job('a', 'other')};`);
  await expect(names()).rejects.toMatchObject({ code: 'job.invalid', message: expect.stringContaining("two jobs named 'a'") });
});

it('what is no job in the default list is a mistake', async () => {
  write('export default [{ nam: 1 }];');
  await expect(names()).rejects.toMatchObject({ code: 'job.invalid' });
});

it('an unknown job is named with the nearest one and the list', async () => {
  write(`export default [${job('bird-strikes')}, ${job('flights')}];`);
  await expect(findJob('bird-strkes', 'jobs.mjs', folder)).rejects.toMatchObject({
    code: 'job.unknown',
    message: expect.stringMatching(/did you mean 'bird-strikes'\?.*There are: bird-strikes, flights\./),
  });
});

it('without a file of jobs the message says what to do', async () => {
  await expect(findJob('a', null, folder)).rejects.toMatchObject({
    code: 'job.unknown',
    message: expect.stringContaining('--query and --table'),
  });
  await expect(loadJobs(null, folder)).rejects.toThrow(/lists jobs\. Go to the folder that has it, or name another with --jobs <file>\.$/);
  await expect(findJob('./a.ts', null, folder)).rejects.toMatchObject({ code: 'job.unknown' });
});

it('a file that is named as the job gives its default export, or its only job', async () => {
  write(`export default ${job('one')};`, 'one.mjs');
  write(`export const only = ${job('only')};`, 'only.mjs');
  write(`export const a = ${job('a')}; export const b = ${job('b')};`, 'two.mjs');
  expect((await findJob('one.mjs', null, folder)).name).toBe('one');
  expect((await findJob('./only.mjs', null, folder)).name).toBe('only');
  await expect(findJob('two.mjs', null, folder)).rejects.toMatchObject({
    code: 'job.invalid',
    message: expect.stringContaining('exports 2 jobs'),
  });
});

it('a file that throws is named with what it threw', async () => {
  write("throw new Error('no luck');");
  await expect(names()).rejects.toThrow(/jobs\.mjs failed at \S+jobs\.mjs:1: no luck/);
});
