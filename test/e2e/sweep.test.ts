import { mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { tableRows } from './duckdb.ts';
import { type Ended, fanlake } from './fanlake-command.ts';

let folder: string;
beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'fanlake-sweep-')));
  writeFileSync(join(folder, 'good.csv'), 'id\n1\n2\n');
  writeFileSync(join(folder, 'bad.csv'), `id\n${'1\n'.repeat(50)}x,y,z\n`);
});
afterEach(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));

const load = (file: string): Promise<Ended> =>
  fanlake(folder, 'run', '--query', 'SELECT * FROM input', '--table', 'visits', '--input', file, '--split-size', '40', '--json');
const sweep = async (...args: readonly string[]) => {
  const { code, stdout, stderr } = await fanlake(folder, 'sweep', ...args, '--json');
  return { code, stderr, document: JSON.parse(stdout) as Record<string, unknown> };
};
const parquetFiles = (): readonly string[] => readdirSync(join(folder, '.fanlake/lake/visits')).filter((name) => name.endsWith('.parquet'));

/** Makes all that a home has so many days older. */
function age(days: number): void {
  const seconds = Date.now() / 1000 - days * 86_400;
  for (const name of readdirSync(join(folder, '.fanlake'), { recursive: true, encoding: 'utf8' }))
    utimesSync(join(folder, '.fanlake', name), seconds, seconds);
}

it('deletes what a failed run left and the work of runs that ended, when both are old enough, and no row of the table', async () => {
  expect((await load('good.csv')).code).toBe(0);
  expect((await load('bad.csv')).code).toBe(1);
  const table = join(folder, '.fanlake/lake/visits');
  const [rows, files] = [await tableRows(table), parquetFiles()];
  const failed = files.length - 1;
  expect(failed).toBeGreaterThan(0);

  expect((await sweep('--older-than', '1')).document).toMatchObject({ tables: [{ table: 'visits', files: 0 }], work: { runs: 0 } });
  age(10);
  const dry = await sweep('--older-than', '7', '--dry-run');
  expect(dry).toMatchObject({
    code: 0,
    document: { dryRun: true, olderThanDays: 7, tables: [{ files: failed, error: null }], work: { runs: 2 } },
  });
  expect(parquetFiles()).toEqual(files);
  expect((await sweep()).document).toMatchObject({ tables: [{ files: 0 }], work: { runs: 0 } });

  const text = await fanlake(folder, 'sweep', '--older-than', '7');
  expect(text).toMatchObject({ code: 0, stderr: '' });
  expect(text.stdout).toMatch(new RegExp(`^visits +${failed} +`, 'm'));
  expect(text.stdout).toContain('of 2 runs');
  expect(parquetFiles()).toHaveLength(1);
  expect(await tableRows(table)).toEqual(rows);

  // both are known as before: the one is not loaded again, the other is tried anew
  expect(JSON.parse((await load('good.csv')).stdout)).toMatchObject({ outcome: 'ALREADY_COMMITTED' });
  expect(JSON.parse((await load('bad.csv')).stdout)).toMatchObject({ outcome: 'FAILED', epoch: 1 });
});

it('refuses a time under a day but to look, and ends with 1 when a table can not be swept', async () => {
  expect(await sweep('--older-than', '0')).toMatchObject({ code: 2, document: { error: { code: 'usage' } } });
  expect(await sweep('--older-than', 'x')).toMatchObject({ code: 2, document: { error: { code: 'usage' } } });
  expect(await sweep('--older-than', '0', '--dry-run')).toMatchObject({ code: 0, document: { tables: [] } });
  await load('good.csv');
  const log = join(folder, '.fanlake/lake/visits/_delta_log');
  mkdirSync(log, { recursive: true });
  writeFileSync(join(log, '00000000000000000000.json'), 'not a log');
  age(40);
  expect(await sweep()).toMatchObject({ code: 1, document: { tables: [{ table: 'visits', error: { code: 'table.corrupt' } }] } });
  expect(parquetFiles()).toHaveLength(1);
});
