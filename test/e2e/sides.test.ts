import { mkdirSync, mkdtempSync, realpathSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { sorted, tableRows } from './duckdb.ts';
import { fanlake } from './fanlake-command.ts';

// Small tables that a query reads beside its input, by the command itself.
let folder: string;

const people = `id,code\n${Array.from({ length: 40 }, (_, i) => `${i},${['AT', 'DE', 'XX'][i % 3]}\n`).join('')}`;
const countries = 'code,name,area\nAT,Austria,83871\nDE,Germany,357022\n';
const names: Readonly<Record<string, string>> = { AT: 'Austria', DE: 'Germany' };
const joined = 'SELECT id, name FROM input LEFT JOIN countries USING (code)';
const expected = Array.from({ length: 40 }, (_, i) => [String(i), names[['AT', 'DE', 'XX'][i % 3] ?? ''] ?? null]);

beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'fanlake-sides-')));
  writeFileSync(join(folder, 'people.csv'), people);
  writeFileSync(join(folder, 'countries.csv'), countries);
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const run = (query: string, ...more: readonly string[]) =>
  fanlake(folder, 'run', '--query', query, '--table', 't', '--input', 'people.csv', '--json', ...more);
const withCountries = ['--side', 'countries=countries.csv'] as const;
const errorOf = (stdout: string) => (JSON.parse(stdout) as { error: { code: string; message: string } }).error;
const rows = async () => sorted(await tableRows(join(folder, '.fanlake/lake/t')));

test('run joins the input with a side table, whole or in tasks, and is known by its input alone', async () => {
  const { code, stdout } = await run(joined, ...withCountries, '--split-size', '64');
  expect(code, stdout).toBe(0);
  const receipt = JSON.parse(stdout) as { run: string; tasks: { planned: number }; rows: { read: number; written: number } };
  expect(receipt.tasks.planned).toBeGreaterThan(2);
  expect(receipt.rows).toMatchObject({ read: 40, written: 40 });
  expect(await rows()).toEqual(sorted(expected));
  // the same upload with a newer side table is the same upload
  writeFileSync(join(folder, 'countries.csv'), `${countries}XX,Nowhere,0\n`);
  const again = await run(joined, ...withCountries);
  expect(JSON.parse(again.stdout)).toMatchObject({ run: receipt.run, outcome: 'ALREADY_COMMITTED' });
});

test('run counts groups of a join in stages', async () => {
  const query = 'SELECT name, count(*) AS n FROM input JOIN countries USING (code) GROUP BY name HAVING n > 0';
  const { code, stdout } = await run(query, ...withCountries, '--split-size', '64');
  expect(code, stdout).toBe(0);
  expect(await rows()).toEqual([JSON.stringify(['Austria', '14']), JSON.stringify(['Germany', '13'])]);
});

test('a large side table has all of its columns, whatever the query reads of the input', async () => {
  const wide = 'x'.repeat(180);
  const lines = Array.from({ length: 60_000 }, (_, i) => `${i + 100},k${i},${wide}`);
  writeFileSync(join(folder, 'countries.csv'), `area,code,name\n1,AT,Austria\n2,DE,Germany\n${lines.join('\n')}\n`);
  const { code, stdout } = await run('SELECT code, name, area FROM input JOIN countries USING (code) WHERE id < 2', ...withCountries);
  expect(code, stdout).toBe(0);
  expect(await rows()).toEqual([JSON.stringify(['AT', 'Austria', '1']), JSON.stringify(['DE', 'Germany', '2'])]);
});

test("a job's side inputs are keys of the home, or else paths; explain shows them; --side takes another", async () => {
  const job = { name: 'people', input: {}, inputs: { countries: 'reference/c.csv' }, query: joined, table: { name: 't' } };
  writeFileSync(join(folder, 'people.mjs'), `export default ${JSON.stringify(job)};`);
  const explain = async (...more: readonly string[]) => fanlake(folder, 'explain', './people.mjs', '--input', 'people.csv', ...more);
  const missing = await explain('--json');
  expect(errorOf(missing.stdout)).toMatchObject({
    code: 'input.none',
    message: expect.stringContaining("The side input 'countries': There is no file"),
  });
  mkdirSync(join(folder, '.fanlake/reference'), { recursive: true });
  writeFileSync(join(folder, '.fanlake/reference/c.csv'), countries);
  const shown = await explain();
  expect(shown.stdout).toContain('countries: reference/c.csv  50 B: code VARCHAR, name VARCHAR, area BIGINT');
  const other = await explain('--side', 'countries=countries.csv', '--json');
  expect(JSON.parse(other.stdout)).toMatchObject({ sides: [{ name: 'countries', key: join(folder, 'countries.csv'), bytes: 50 }] });
});

test.each([
  [
    'a file that is missing',
    joined,
    ['--side', 'countries=countrys.csv'],
    'input.none',
    /side input 'countries': There is no file .*did you mean 'countries\.csv'/,
  ],
  ['several files', joined, ['--side', 'countries=*.csv'], 'usage', /is one file, and \*\.csv means 2/],
  [
    'a table that nobody gave',
    'SELECT * FROM input JOIN countrys USING (code)',
    withCountries,
    'query.forbidden',
    /it reads 'countrys'.*did you mean 'countries'.*there are input, countries/,
  ],
  [
    'a name that is taken',
    joined,
    ['--side', 'Input=countries.csv'],
    'usage',
    /argument 'Input=countries\.csv' is invalid\. The name 'Input' must not be/,
  ],
  ['no name', joined, ['--side', 'countries.csv'], 'usage', /name and a file/],
  [
    'a join that tasks can not share',
    'SELECT id, name FROM input RIGHT JOIN countries USING (code)',
    [...withCountries, '--split-size', '64'],
    'query.unsupported',
    /RIGHT JOIN.*write FROM input LEFT JOIN/,
  ],
] as const)('%s ends the command before anything runs', async (_what, query, more, code, message) => {
  const ended = await run(query, ...more);
  expect({ exit: ended.code, ...errorOf(ended.stdout) }, ended.stdout).toMatchObject({
    exit: 2,
    code,
    message: expect.stringMatching(message),
  });
});

test('a side table that is too large ends the command before anything runs, with its size', async () => {
  truncateSync(join(folder, 'countries.csv'), 257 * 2 ** 20);
  const { code, stdout } = await run(joined, ...withCountries);
  expect({ exit: code, ...errorOf(stdout) }).toMatchObject({
    exit: 2,
    code: 'plan.too-large',
    message: expect.stringMatching(/The side input 'countries' .* has 257 MiB, and 256 MiB is the most/),
  });
});

test('a row that does not fit fails the run; the same command loads it when it is mended', async () => {
  const many = `code,name,area\n${'AT,Austria,83871\n'.repeat(80_000)}`;
  const query =
    'SELECT id, name, area FROM input LEFT JOIN (SELECT code, min(name) AS name, max(area) AS area FROM countries GROUP BY code) USING (code)';
  writeFileSync(join(folder, 'countries.csv'), `${many}DE,Germany,large\n`);
  const failed = await run(query, ...withCountries);
  expect({ exit: failed.code, ...errorOf(failed.stdout) }).toMatchObject({
    exit: 1,
    code: 'input.format',
    message: expect.stringMatching(/side input 'countries'[\s\S]*column 'area'[\s\S]*large/),
  });
  writeFileSync(join(folder, 'countries.csv'), `${many}DE,Germany,357022\n`);
  const mended = await run(query, ...withCountries);
  expect(mended.code, mended.stdout).toBe(0);
  expect((await rows()).filter((row) => row.includes('"Germany","357022"'))).toHaveLength(13);
});
