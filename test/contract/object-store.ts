import fs from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { eachInParallel } from '../../functions/core/in-parallel.ts';
import type { ObjectStore, ObjectVersion } from '../../functions/core/ports.ts';
import { expectedListing, inKeyOrder, listAll, listAllKeys, nastyKeys } from './key-order.ts';

export interface StoreUnderTest {
  /** Empty. */
  readonly store: ObjectStore;
  /** A folder of this machine, for local files. */
  readonly scratch: string;
  dispose(): Promise<void>;
}

const text = (body: Uint8Array | undefined) => (body === undefined ? undefined : Buffer.from(body).toString());

async function stored(object: Promise<ObjectVersion | null>): Promise<ObjectVersion> {
  const result = await object;
  if (result === null) throw new Error('nothing was stored');
  return result;
}

export interface StorePromises {
  /** Whether what was overwritten or deleted can still be read by its version, as in a bucket with versions. */
  readonly keepsVersions: boolean;
}

/** What every store promises. Run it on each adapter of the port; `makeStore` gives an empty store for each test. */
export function objectStoreContract(
  name: string,
  makeStore: () => Promise<StoreUnderTest>,
  { keepsVersions }: StorePromises = { keepsVersions: false },
): void {
  describe(`${name}: the contract of object stores`, () => {
    let made: StoreUnderTest;
    let store: ObjectStore;
    beforeEach(async () => {
      made = await makeStore();
      store = made.store;
    });
    afterEach(() => made.dispose());

    describe('reading', () => {
      it('gives back the bytes that were stored, with their size and a version that head knows too', async () => {
        const body = Uint8Array.from({ length: 3000 }, (_, index) => index % 256);
        const put = await store.put('a/b', body);
        const got = await store.get('a/b');
        expect(got).toEqual({ ...put, body: expect.anything() });
        expect(Buffer.compare(got?.body ?? Buffer.of(), body)).toBe(0);
        expect(put).toMatchObject({ key: 'a/b', size: 3000 });
        expect(await store.head('a/b')).toEqual(put);
      });

      it('stores text as UTF-8 and empty objects', async () => {
        await store.put('text', 'naïve 😀');
        await store.put('empty', '');
        expect(text((await store.get('text'))?.body)).toBe('naïve 😀');
        expect(await store.get('empty')).toMatchObject({ size: 0, body: new Uint8Array(0) });
      });

      it('answers null for what is not there, also below an object and at a folder', async () => {
        await store.put('a/b', 'x');
        for (const key of ['c', 'a', 'a/b/c', 'a/c']) {
          expect(await store.get(key)).toBeNull();
          expect(await store.head(key)).toBeNull();
        }
      });

      it('reads half-open ranges and ends them at the end of the object', async () => {
        const object = await store.put('k', '0123456789');
        for (const [start, end, expected] of [
          [0, 10, '0123456789'],
          [3, 4, '3'],
          [3, 3, ''],
          [8, 99, '89'],
          [10, 12, ''],
          [0, 0, ''],
        ] as const) {
          expect(text((await store.get('k', { start, end }))?.body), `get [${start}, ${end})`).toBe(expected);
          expect(text(await store.read(object, { start, end })), `read [${start}, ${end})`).toBe(expected);
        }
        expect((await store.get('k', { start: 2, end: 4 }))?.size).toBe(10);
      });

      if (keepsVersions) {
        it('reads the pinned version, also when it was overwritten or deleted', async () => {
          const range = { start: 0, end: 4 };
          const old = await store.put('k', 'old!');
          const replaced = await stored(store.replace('k', old.version, 'new!'));
          await store.delete('k');
          const again = await stored(store.create('k', 'last'));
          for (const [object, expected] of [
            [old, 'old!'],
            [replaced, 'new!'],
            [again, 'last'],
          ] as const) {
            expect(text(await store.read(object, range))).toBe(expected);
            const staged = await store.stage(object, range, made.scratch);
            expect(
              fs
                .readFileSync(staged.path)
                .subarray(0 - staged.origin, 4 - staged.origin)
                .toString(),
            ).toBe(expected);
            await staged.release();
          }
          // what has no version is what is there now
          expect(text((await store.get('k'))?.body)).toBe('last');
          await store.delete('k');
          expect(await store.get('k')).toBeNull();
          expect((await store.list({ prefix: '' })).objects).toEqual([]);
        });

        it('gives each write a version of its own, also of the same bytes', async () => {
          const versions = new Set<string>();
          for (const body of ['1', '1', '2', '1']) versions.add((await store.put('k', body)).version);
          await store.delete('k');
          versions.add((await store.put('k', '1')).version);
          expect(versions.size).toBe(5);
        });
      } else {
        it('reads nothing but the pinned version', async () => {
          const old = await store.put('k', 'old!');
          await store.put('k', 'new!');
          await expect(store.read(old, { start: 0, end: 4 })).rejects.toMatchObject({ code: 'input.changed' });
          await expect(store.stage(old, { start: 0, end: 4 }, made.scratch)).rejects.toMatchObject({ code: 'input.changed' });
          await store.delete('k');
          await expect(store.read(old, { start: 0, end: 4 })).rejects.toMatchObject({ code: 'input.gone' });
          await expect(store.stage(old, { start: 0, end: 4 }, made.scratch)).rejects.toMatchObject({ code: 'input.gone' });
        });
      }

      it('stages a range in a local file that says which byte it begins with', async () => {
        const object = await store.put('k', '0123456789');
        const staged = await store.stage(object, { start: 3, end: 7 }, made.scratch);
        const bytes = fs.readFileSync(staged.path);
        expect(staged.origin).toBeLessThanOrEqual(3);
        expect(bytes.subarray(3 - staged.origin, 7 - staged.origin).toString()).toBe('3456');
        expect(staged.origin + staged.length).toBeGreaterThanOrEqual(7);
        await staged.release();
      });
    });

    describe('writing', () => {
      it('gives another content another version, and another write too', async () => {
        const versions = [];
        for (const body of ['1', '2', '33', '2', '1']) versions.push((await store.put('k', body)).version);
        expect(text((await store.get('k'))?.body)).toBe('1');
        expect(versions[1]).not.toBe(versions[0]);
        expect(versions[2]).not.toBe(versions[1]);
      });

      it('creates only what is not there', async () => {
        const created = await stored(store.create('k', 'first'));
        expect(await store.create('k', 'second')).toBeNull();
        expect(await store.head('k')).toEqual(created);
        expect(text((await store.get('k'))?.body)).toBe('first');
        await store.delete('k');
        expect(await store.create('k', 'third')).not.toBeNull();
      });

      it('lets exactly one of 64 concurrent creators win, with its whole content', async () => {
        const bodies = Array.from({ length: 64 }, (_, index) => `${index}`.padStart(2, '0').repeat(20_000 + index));
        const results = await Promise.all(bodies.map((body) => store.create('deep/folder/k', body)));
        const winners = bodies.filter((_, index) => results[index] !== null);
        expect(winners).toHaveLength(1);
        expect(text((await store.get('deep/folder/k'))?.body) === winners[0]).toBe(true);
      });

      it('replaces only the version it is told', async () => {
        expect(await store.replace('k', 'none', 'x')).toBeNull();
        const first = await store.put('k', 'first');
        const second = await stored(store.replace('k', first.version, 'other'));
        expect(await store.replace('k', first.version, 'lost!')).toBeNull();
        expect(await store.get('k')).toMatchObject({ ...second });
        expect(text((await store.get('k'))?.body)).toBe('other');
        await store.delete('k');
        expect(await store.replace('k', second.version, 'gone')).toBeNull();
        expect(await store.head('k')).toBeNull();
      });

      it('loses no update of 20 concurrent counters that compare and swap', async () => {
        await store.put('counter', '0');
        await Promise.all(
          Array.from({ length: 20 }, async () => {
            for (;;) {
              const found = await store.get('counter');
              if (found === null) throw new Error('the counter is gone');
              if ((await store.replace('counter', found.version, String(Number(text(found.body)) + 1))) !== null) return;
            }
          }),
        );
        expect(text((await store.get('counter'))?.body)).toBe('20');
      });

      it('stores a local file, in each of the three ways', async () => {
        const file = (content: string) => {
          const written = path.join(made.scratch, `body-${content}`);
          fs.writeFileSync(written, content);
          return { path: written };
        };
        const put = await store.put('k', file('one'));
        expect(text((await store.get('k'))?.body)).toBe('one');
        expect(await store.create('k', file('two'))).toBeNull();
        expect(await store.create('l', file('three'))).toMatchObject({ size: 5 });
        expect(await store.replace('k', put.version, file('four'))).toMatchObject({ size: 4 });
        expect(text((await store.get('k'))?.body)).toBe('four');
        expect(text((await store.get('l'))?.body)).toBe('three');
      });

      it('copies over what is there and says when there is nothing to copy', async () => {
        await store.put('from', 'content');
        await store.put('to', 'old');
        expect(await store.copy('from', 'to')).toBe(true);
        expect(await store.copy('from', 'new/folder')).toBe(true);
        expect(await store.copy('none', 'to')).toBe(false);
        expect(text((await store.get('to'))?.body)).toBe('content');
        expect(text((await store.get('new/folder'))?.body)).toBe('content');
        await store.put('from', 'changed');
        expect(text((await store.get('to'))?.body)).toBe('content');
      });

      it('deletes, also what is not there', async () => {
        await store.put('a/b', 'x');
        await store.delete('a/b');
        await store.delete('a/b');
        await store.delete('never/was');
        expect(await store.head('a/b')).toBeNull();
        expect((await store.list({ prefix: '' })).objects).toEqual([]);
      });

      it.each(['a', 'ä/😀 b', 'a=b%2F/c', '-', `${'x/'.repeat(30)}y`, 'é'.repeat(127)])('takes the key %j', async (key) => {
        await store.put(key, key);
        expect(text((await store.get(key))?.body)).toBe(key);
        expect((await store.list({ prefix: '' })).objects.map((object) => object.key)).toEqual([key]);
      });
    });

    describe('listing', () => {
      it('lists a thousand keys with nasty names in the order of their bytes, in pages of any size', async () => {
        const keys = nastyKeys();
        expect(keys.length).toBe(1000);
        // as many at once as an emulator on a busy machine answers in time
        await eachInParallel(keys, 8, (key) => store.put(key, 'x'));
        const expected = inKeyOrder(keys);
        expect(expected).not.toEqual([...keys].sort());
        const whole = await listAll(store, { prefix: '' });
        expect(whole).toEqual({ keys: expected, prefixes: [], pageSizes: [1000] });
        for (const limit of [1, 7, 333, 999, 5000]) {
          const paged = await listAll(store, { prefix: '', limit });
          expect(paged.keys).toEqual(expected);
          expect(Math.max(...paged.pageSizes)).toBeLessThanOrEqual(Math.min(limit, 1000));
        }
        expect(await listAllKeys(store, { prefix: '', limit: 100 })).toEqual({ keys: expected, prefixes: [] });
        for (const startAfter of [expected[0], expected[500], expected[999], 'a', 'a/', 'a/b', 'a.d/a', '\u{1F600}', '', 'zzz', 'a0/zz']) {
          if (startAfter === undefined) throw new Error('there are 1,000 keys');
          const options = { prefix: '', startAfter, limit: 100 };
          expect((await listAll(store, options)).keys, JSON.stringify(startAfter)).toEqual(expectedListing(keys, options).keys);
        }
        for (const prefix of ['a', 'a/', 'a.', 'a.d/a', 'a.d/a/', '\u{1F600}', '\u{1F600}/', 'none', 'none/', 'a/none/']) {
          for (const delimiter of [undefined, '/'] as const) {
            const options = { prefix, limit: 10, ...(delimiter === undefined ? {} : { delimiter }) };
            const { keys: found, prefixes } = await listAll(store, options);
            expect({ keys: found, prefixes }, JSON.stringify(options)).toEqual(expectedListing(keys, options));
          }
        }
      });

      it('folds folders into prefixes', async () => {
        const keys = ['a', 'b/1', 'b/2', 'b-', 'c/d/e', 'd'];
        for (const key of keys) await store.put(key, 'x');
        for (const limit of [1, 2, 1000]) {
          const options = { prefix: '', delimiter: '/' as const, limit };
          const { keys: found, prefixes } = await listAll(store, options);
          expect({ keys: found, prefixes }, JSON.stringify(options)).toEqual(expectedListing(keys, options));
          expect(await listAllKeys(store, options)).toEqual(expectedListing(keys, options));
        }
      });

      it('is an empty page where nothing is', async () => {
        expect(await store.list({ prefix: '' })).toEqual({ objects: [], prefixes: [] });
        expect(await store.list({ prefix: 'no/such/folder/' })).toEqual({ objects: [], prefixes: [] });
        expect(await store.listKeys({ prefix: 'no', delimiter: '/' })).toEqual({ keys: [], prefixes: [] });
      });

      it('does not announce a next page after exactly a full one', async () => {
        for (const key of ['a', 'b', 'c']) await store.put(key, 'x');
        expect((await store.list({ prefix: '', limit: 3 })).next).toBeUndefined();
        expect((await store.list({ prefix: '', limit: 2 })).next).toBeDefined();
      });

      it('gives each object the version and size that head gives, and when it was stored', async () => {
        const minuteMs = 60_000;
        await store.put('a', 'x');
        await store.put('b/c', 'xyz');
        const { objects } = await store.list({ prefix: '' });
        expect(objects.map(({ modifiedMs: _modified, ...object }) => object)).toEqual([await store.head('a'), await store.head('b/c')]);
        for (const { modifiedMs } of objects) expect(Math.abs(Date.now() - modifiedMs)).toBeLessThan(minuteMs);
      });

      it('shows at once what was written, replaced or deleted', async () => {
        for (let round = 0; round < 20; round += 1) {
          await store.create(`folder/${round}`, 'x');
          if (round > 0) await store.delete(`folder/${round - 1}`);
          expect((await store.list({ prefix: 'folder/' })).objects.map((object) => object.key)).toEqual([`folder/${round}`]);
        }
      });

      it('goes on after a page whose last key was deleted meanwhile', async () => {
        for (const key of ['a', 'b', 'c', 'd']) await store.put(key, 'x');
        const first = await store.list({ prefix: '', limit: 2 });
        await store.delete('b');
        const second = await store.list({ prefix: '', limit: 2, ...(first.next === undefined ? {} : { next: first.next }) });
        expect(second.objects.map((object) => object.key)).toEqual(['c', 'd']);
      });
    });
  });
}
