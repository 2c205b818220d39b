import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { openHome } from '../../../../cli/local/home.ts';
import { listInput } from '../../../../cli/local/input-list.ts';

let folder: string;

beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'fanlake-input-')));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function write(...files: readonly string[]): void {
  for (const file of files) {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    writeFileSync(join(folder, file), `id\n${file}\n`);
  }
}

/** The keys that paths mean, those outside the home relative to the test's folder. */
async function keys(paths: readonly string[], globs: { include?: string[]; exclude?: string[] } = {}): Promise<string[]> {
  const request = { paths, include: globs.include ?? [], exclude: globs.exclude ?? [], currentFolder: folder };
  const objects = await listInput(openHome(join(folder, 'home')), request);
  return objects.map(({ key }) => (key.startsWith(`${folder}/`) ? `./${key.slice(folder.length + 1)}` : key));
}

it('files are pinned with version and size, each once, in the order of the bytes of their keys', async () => {
  write('b.csv', 'a.csv', 'B.csv', '\u{1f600}.csv', '\uff5e.csv');
  expect(await keys(['b.csv', './a.csv', 'a.csv', 'B.csv', '\u{1f600}.csv', '\uff5e.csv'])).toEqual([
    './B.csv',
    './a.csv',
    './b.csv',
    './\uff5e.csv',
    './\u{1f600}.csv',
  ]);
  const [object] = await listInput(openHome(join(folder, 'home')), { paths: ['a.csv'], include: [], exclude: [], currentFolder: folder });
  expect(object).toEqual(
    await openHome(folder)
      .stores.landing.head('a.csv')
      .then((found) => ({ ...found, key: join(folder, 'a.csv') })),
  );
  expect(object?.size).toBe(9);
});

it('a folder is taken with all below it, but for hidden, unfinished and bookkeeping names', async () => {
  write('in/a.csv', 'in/deep/er/b.csv', 'in/.hidden', 'in/.git/x.csv', 'in/c.csv.tmp', 'in/d.part', 'in/_SUCCESS', 'in/_delta_log/0.json');
  expect(await keys(['in'])).toEqual(['./in/a.csv', './in/deep/er/b.csv']);
});

it('a name that is passed over in a folder is taken when it is given itself', async () => {
  write('in/_x.csv');
  expect(await keys(['in/_x.csv'])).toEqual(['./in/_x.csv']);
});

it('a glob means files only, and passes over what a folder passes over', async () => {
  write('in/a.csv', 'in/b.txt', 'in/.c.csv', 'in/deep/d.csv', 'in/deep.csv/e.csv', '_own/f.csv');
  expect(await keys(['in/*.csv'])).toEqual(['./in/a.csv']);
  expect(await keys(['in/**/*.csv'])).toEqual(['./in/a.csv', './in/deep.csv/e.csv', './in/deep/d.csv']);
  expect(await keys(['_own/*.csv'])).toEqual(['./_own/f.csv']);
});

it('a file whose name looks like a glob is that file', async () => {
  write('a[1].csv', 'a1.csv');
  expect(await keys(['a[1].csv'])).toEqual(['./a[1].csv']);
});

it('links are followed, but not round and round', async () => {
  write('real/a.csv');
  symlinkSync(join(folder, 'real'), join(folder, 'real', 'again'));
  symlinkSync(join(folder, 'real', 'a.csv'), join(folder, 'linked.csv'));
  expect(await keys(['real', 'linked.csv'])).toEqual(['./linked.csv', './real/a.csv']);
});

it('keys of files in the home are those of a bucket', async () => {
  write('home/landing/visits/a.csv');
  expect(await keys(['home/landing'])).toEqual(['landing/visits/a.csv']);
});

it('what Fanlake wrote itself is refused, and passed over inside a folder', async () => {
  write('home/lake/t/x.parquet', 'home/work/runs/p', 'home/landing/a.csv');
  await expect(keys(['home/lake/t/x.parquet'])).rejects.toMatchObject({ code: 'usage' });
  await expect(keys(['home/lake/**/*.parquet'])).rejects.toMatchObject({ code: 'usage' });
  await expect(keys(['home/work'])).rejects.toThrow('what Fanlake wrote itself');
  expect(await keys(['home'])).toEqual(['landing/a.csv']);
  expect(await keys(['home/**'])).toEqual(['landing/a.csv']);
});

it("the job's include and exclude globs apply, and leave something or are named", async () => {
  write('in/a.csv', 'in/b.txt', 'in/old/c.csv');
  expect(await keys(['in'], { include: ['*.csv'] })).toEqual(['./in/a.csv', './in/old/c.csv']);
  expect(await keys(['in'], { include: ['*.csv'], exclude: ['old/*'] })).toEqual(['./in/a.csv']);
  await expect(keys(['in'], { include: ['*.json'] })).rejects.toThrow('leave none of 3 files');
});

it('a path that is nothing ends as input.none, with the nearest sibling', async () => {
  write('visits.csv', 'empty/.hidden');
  await expect(keys(['vists.csv'])).rejects.toMatchObject({
    code: 'input.none',
    message: expect.stringContaining("did you mean 'visits.csv'?"),
  });
  await expect(keys(['no/such/file.csv'])).rejects.toMatchObject({ code: 'input.none' });
  await expect(keys(['*.json'])).rejects.toMatchObject({ code: 'input.none' });
  await expect(keys(['empty'])).rejects.toMatchObject({ code: 'input.none' });
  await expect(keys(['/dev/null'])).rejects.toMatchObject({ code: 'input.none' });
  await expect(keys([])).rejects.toMatchObject({ code: 'usage' });
});

it.each(['s3://bucket/key', 'https://x/y.csv', '-'])('%s is not built yet', async (path) => {
  await expect(keys([path])).rejects.toMatchObject({ code: 'not-built' });
});

it('ten thousand files are listed whole', async () => {
  mkdirSync(join(folder, 'many'));
  for (let number = 0; number < 10_000; number++) writeFileSync(join(folder, 'many', `${number}.csv`), '');
  expect(await keys(['many'])).toHaveLength(10_000);
  expect(await keys(['many/*.csv'])).toHaveLength(10_000);
});
