import { randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { Interrupted } from '../../../../cli/interruption.ts';
import { withFetched } from '../../../../cli/stack/fetch-files.ts';
import { LocalStore } from '../../../../functions/adapters/local-store.ts';

let folder: string;
let lake: LocalStore;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'fanlake-fetch-'));
  lake = new LocalStore(folder, { durable: false });
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true, force: true });
});

const quiet = { signal: new AbortController().signal, onProgress: () => {} };

it('objects longer and shorter than a request come whole, their bytes are counted, and they are gone afterwards', async () => {
  const contents = new Map([20 * 1024 * 1024 + 3, 8 * 1024 * 1024, 1].map((size) => [`t/${size}.parquet`, randomBytes(size)]));
  for (const [key, content] of contents) await lake.put(key, content);
  const files = [...contents].map(([key, { length }]) => ({ key, sizeBytes: length }));
  const all = files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  const progress: number[] = [];
  const seen = await withFetched(lake, files, { ...quiet, onProgress: (fetched) => progress.push(fetched) }, async (paths) => {
    for (const [key, content] of contents) expect(readFileSync(paths.get(key) ?? '').equals(content), key).toBe(true);
    return [...paths.values()];
  });
  expect(progress.at(0)).toBe(0);
  expect(progress.at(-1)).toBe(all);
  for (const path of seen) expect(existsSync(dirname(path))).toBe(false);
});

it('more than the disk has free is refused before anything is fetched', async () => {
  const refused = withFetched(lake, [{ key: 't/huge.parquet', sizeBytes: 1e18 }], quiet, async () => {});
  await expect(refused).rejects.toMatchObject({ code: 'store.full' });
  await expect(refused).rejects.toThrow(/Set TMPDIR/);
});

it('a data file that is gone is named', async () => {
  const refused = withFetched(lake, [{ key: 't/gone.parquet', sizeBytes: 1 }], quiet, async () => {});
  await expect(refused).rejects.toThrow(join(folder, 't/gone.parquet'));
});

it('interrupted it leaves nothing behind', async () => {
  vi.stubEnv('TMPDIR', folder);
  await lake.put('t/a.parquet', 'x');
  const abort = new AbortController();
  const interrupted = withFetched(lake, [{ key: 't/a.parquet', sizeBytes: 1 }], { ...quiet, signal: abort.signal }, () => {
    abort.abort();
    return new Promise(() => {});
  });
  await expect(interrupted).rejects.toBeInstanceOf(Interrupted);
  expect(readdirSync(folder)).toEqual(['t']);
});
