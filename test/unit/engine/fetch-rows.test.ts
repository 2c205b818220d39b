import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { LocalStore } from '../../../functions/adapters/local-store.ts';
import type { ByteRange, ObjectVersion, StagedFile, StoredObject } from '../../../functions/core/ports.ts';
import type { PartColumn } from '../../../functions/core/staged-query.ts';
import { partsRelation, type RowsFile, writePartRows } from '../../../functions/engine/part-rows.ts';
import type { MergeInput } from '../../../functions/worker/computed-task.ts';
import { fetchRows } from '../../../functions/worker/fetch-rows.ts';
import { Bench } from './fixture.ts';

/** A store that is somewhere else: it gives ranges of objects, and no files. */
class RemoteStore extends LocalStore {
  readonly asked: ByteRange[] = [];

  override locate(key: string): string {
    return `s3://work/${key}`;
  }

  override async get(key: string, range?: ByteRange): Promise<StoredObject | null> {
    if (range === undefined) throw new Error('the whole object was asked for');
    this.asked.push(range);
    return super.get(key, range);
  }

  override stage(_object: ObjectVersion): Promise<StagedFile> {
    throw new Error('a remote store has no files');
  }
}

const columns: readonly PartColumn[] = [
  { name: 'k', type: 'BIGINT', stored: 'BIGINT' },
  { name: 's', type: 'VARCHAR', stored: 'VARCHAR' },
];
let bench: Bench;
let remote: RemoteStore;
let large: MergeInput;
let small: MergeInput;

beforeAll(async () => {
  bench = await Bench.open(2);
  remote = new RemoteStore(bench.engine.scratch, { durable: false });
  const input = async (name: string, query: string): Promise<MergeInput> => {
    const target = { path: join(bench.engine.scratch, name), columns, keys: ['k'] };
    const { path, ...output } = (await writePartRows(bench.engine, '', query, target, { profile: false })).rows;
    if (path === null) throw new Error('no rows');
    return { key: name, output: { ...output, nonce: 'n' } };
  };
  large = await input('large.parquet', 'SELECT range AS k, md5(range::VARCHAR) || md5((range + 1)::VARCHAR) AS s FROM range(200000)');
  small = await input('small.parquet', "SELECT 1000000 + range AS k, 'x' AS s FROM range(20000)");
});
afterAll(() => bench.close());

const rowsOf = (files: readonly RowsFile[], range: readonly [number, number]) =>
  bench.ask(`SELECT count(*), bit_xor(hash(k, s)) FROM (${partsRelation(files, columns, { buckets: range })})`);

const wholeFile = ({ key }: MergeInput): RowsFile => ({ path: join(bench.engine.scratch, key), rows: null });

describe('rows on a store that is somewhere else', () => {
  test.each<[string, readonly [number, number], number]>([
    ['in the middle takes two requests', [20, 24], 2],
    ['at the end takes one', [60, 64], 1],
  ])('a range of buckets %s, and gives what the whole object does', async (_case, range, requests) => {
    remote.asked.length = 0;
    const scratch = mkdtempSync(join(bench.engine.scratch, 'fetch-'));
    const { files, folder } = await fetchRows(remote, [large], { buckets: range }, scratch);
    expect(folder).toBe(scratch);
    expect(await rowsOf(files, range)).toEqual(await rowsOf([wholeFile(large)], range));
    expect(remote.asked.length).toBe(requests);
    expect(remote.asked.reduce((sum, { start, end }) => sum + end - start, 0)).toBeLessThan(large.output.bytes / 4);
    expect(statSync(files[0]?.path ?? '').size).toBe(large.output.bytes);
    rmSync(scratch, { recursive: true });
  });

  test('a range of an order in the middle takes two requests, and gives what the whole object does', async () => {
    const order = { by: [{ name: 's', descending: true, nullsFirst: false }], isShared: true };
    const query = 'SELECT range AS k, md5(range::VARCHAR) || md5((range + 1)::VARCHAR) AS s FROM range(200000)';
    const target = { path: join(bench.engine.scratch, 'sorted.parquet'), columns, keys: [], order };
    const { path, ...output } = (await writePartRows(bench.engine, '', query, target, { profile: false })).rows;
    const share = { buckets: [0, 64], bounds: [output.samples?.[20] ?? null, output.samples?.[24] ?? null] } as const;
    remote.asked.length = 0;
    const scratch = mkdtempSync(join(bench.engine.scratch, 'fetch-'));
    const { files } = await fetchRows(remote, [{ key: 'sorted.parquet', output: { ...output, nonce: 'n' } }], share, scratch);
    expect(remote.asked.length).toBe(2);
    expect(remote.asked.reduce((sum, { start, end }) => sum + end - start, 0)).toBeLessThan(output.bytes / 4);
    const look = (some: readonly RowsFile[]) =>
      bench.ask(`SELECT count(*), bit_xor(hash(k, s)), min(s), max(s) FROM (${partsRelation(some, columns, share, order)})`);
    const found = await look(files);
    expect(found).toEqual(await look([{ path: path ?? '', rows: null }]));
    expect(Number(found[0]?.[0])).toBeGreaterThan(5_000);
    rmSync(scratch, { recursive: true });
  });

  test('all buckets come in several requests, of which none is large', async () => {
    remote.asked.length = 0;
    const scratch = mkdtempSync(join(bench.engine.scratch, 'fetch-'));
    const { files } = await fetchRows(remote, [large], { buckets: [0, 64] }, scratch);
    expect(await rowsOf(files, [0, 64])).toEqual(await rowsOf([wholeFile(large)], [0, 64]));
    expect(large.output.bytes).toBeGreaterThan(8 << 20);
    expect(remote.asked.every(({ start, end }) => end - start <= 4 << 20)).toBe(true);
  });

  test('several objects are fetched, a small one in one request, and one without a row of the buckets is not asked for', async () => {
    remote.asked.length = 0;
    const scratch = mkdtempSync(join(bench.engine.scratch, 'fetch-'));
    const none: MergeInput = { ...large, output: { ...large.output, groups: large.output.groups.filter(([first]) => first > 30) } };
    const inputs = [small, none, large];
    const { files } = await fetchRows(remote, inputs, { buckets: [7, 8] }, scratch);
    expect(files.length).toBe(2);
    expect(remote.asked.length).toBe(3);
    const own = [small, large].map(wholeFile);
    expect(await rowsOf(files, [7, 8])).toEqual(await rowsOf(own, [7, 8]));
  });

  test('an object that is gone is named', async () => {
    const gone: MergeInput = { ...small, key: 'gone.parquet' };
    await expect(fetchRows(remote, [gone], { buckets: [0, 64] }, bench.engine.scratch)).rejects.toMatchObject({
      code: 'input.gone',
      message: expect.stringContaining('s3://work/gone.parquet'),
    });
  });
});

describe('rows on a store on this disk', () => {
  test('are read where they are', async () => {
    const local = new LocalStore(bench.engine.scratch, { durable: false });
    const { files } = await fetchRows(local, [small, large], { buckets: [0, 64] }, '/nowhere');
    expect(files.map(({ path }) => path)).toEqual([local.locate('small.parquet'), local.locate('large.parquet')]);
  });

  test('an object that is gone is named', async () => {
    const local = new LocalStore(bench.engine.scratch, { durable: false });
    const gone: MergeInput = { ...small, key: 'gone.parquet' };
    await expect(fetchRows(local, [gone], { buckets: [0, 64] }, '/nowhere')).rejects.toMatchObject({ code: 'input.gone' });
  });
});
