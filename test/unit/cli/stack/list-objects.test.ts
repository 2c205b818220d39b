import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { listObjects } from '../../../../cli/stack/list-objects.ts';
import type { Stack } from '../../../../cli/stack/stack.ts';
import { stackOnDisk } from './stack-on-disk.ts';

let folder: string;
let stack: Stack;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'fanlake-objects-'));
  stack = stackOnDisk(folder);
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

async function land(...keys: readonly string[]): Promise<void> {
  for (const key of keys) await stack.stores.landing.put(key, key);
}

const request = { include: [], exclude: [], prefix: undefined };

async function listed(paths: readonly string[], change: object = {}): Promise<readonly string[]> {
  const objects = await listObjects(stack, { ...request, paths, currentFolder: folder, ...change });
  return objects.map(({ key }) => key);
}

it('an s3 URL of the landing bucket and a key of it mean the same object, pinned to its version', async () => {
  await land('in/a.csv');
  const expected = [await stack.stores.landing.head('in/a.csv')];
  for (const paths of [['s3://my-landing/in/a.csv'], ['in/a.csv'], ['in/a.csv', 's3://my-landing/in/a.csv']]) {
    expect(await listObjects(stack, { ...request, paths, currentFolder: folder })).toEqual(expected);
  }
});

it('a folder is taken with all below it, with or without its slash, but for what no upload would be taken of', async () => {
  await land('in/a.csv', 'in/deep/b.csv', 'in/.hidden', 'in/c.csv.tmp', 'in/_SUCCESS', 'in/t/_delta_log/0.json', 'inner/x.csv');
  for (const path of ['in', 'in/', 's3://my-landing/in', 's3://my-landing/in/'])
    expect(await listed([path]), path).toEqual(['in/a.csv', 'in/deep/b.csv']);
  expect(await listed(['s3://my-landing'])).toEqual(['in/a.csv', 'in/deep/b.csv', 'inner/x.csv']);
  expect(await listed(['in/_SUCCESS'])).toEqual(['in/_SUCCESS']);
});

it('a glob stays within a folder unless it has two stars, and an object that has its characters in its name is that object', async () => {
  await land('in/2026-01.csv', 'in/2026-02.csv', 'in/2025-12.csv', 'in/deep/2026-03.csv', 'in/[x].csv', 'in/x.csv');
  expect(await listed(['s3://my-landing/in/2026-*.csv'])).toEqual(['in/2026-01.csv', 'in/2026-02.csv']);
  expect(await listed(['in/**/2026-*.csv'])).toEqual(['in/2026-01.csv', 'in/2026-02.csv', 'in/deep/2026-03.csv']);
  expect(await listed(['in/202{5-12,6-01}.csv'])).toEqual(['in/2025-12.csv', 'in/2026-01.csv']);
  expect(await listed(['in/[x].csv'])).toEqual(['in/[x].csv']);
});

it('several inputs come in the order of the bytes of their keys, each once', async () => {
  await land('b.csv', 'a.csv', '\u{1f600}.csv', '\uff5e.csv');
  expect(await listed(['\u{1f600}.csv', '\uff5e.csv', 'b.csv', '*.csv'])).toEqual(['a.csv', 'b.csv', '\uff5e.csv', '\u{1f600}.csv']);
});

it("the job's globs choose among them", async () => {
  await land('in/a.csv', 'in/b.json');
  expect(await listed(['in'], { include: ['*.csv'] })).toEqual(['in/a.csv']);
  await expect(listed(['in'], { exclude: ['*'] })).rejects.toMatchObject({ code: 'input.none' });
});

it.each([
  [
    's3://other/a.csv',
    'usage',
    /isn't in the landing bucket \(s3:\/\/my-landing\).*aws s3 cp s3:\/\/other\/a.csv s3:\/\/my-landing\/visits\//,
  ],
  ['https://host/a.csv', 'usage', /Upload what it holds/],
  ['./a.csv', 'usage', /on this machine.*aws s3 cp \.\/a\.csv s3:\/\/my-landing\/visits\/.*starts the run by itself/],
  ['/a.csv', 'usage', /on this machine/],
  ['~/a.csv', 'usage', /on this machine/],
  ['../a.csv', 'usage', /on this machine/],
  ['here.csv', 'usage', /on this machine/],
  ['', 'usage', /is empty/],
  ['none/', 'input.none', /no object s3:\/\/my-landing\/none\/, and no folder/],
  ['vis', 'input.none', /such as visits\/1\.csv, are meant by 's3:\/\/my-landing\/vis\*'/],
  ['visits/*.tsv', 'input.none', /matches no object/],
] as const)('%j is refused with what to do', async (path, code, message) => {
  await land('visits/1.csv');
  writeFileSync(join(folder, 'here.csv'), 'x');
  const refused = listed([path], { prefix: 'visits/' });
  await expect(refused).rejects.toMatchObject({ code });
  await expect(refused).rejects.toThrow(message);
});
