import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { Readable } from 'node:stream';
import { CreateBucketCommand, ListMultipartUploadsCommand, PutBucketVersioningCommand } from '@aws-sdk/client-s3';
import { afterAll, describe, expect, it } from 'vitest';
import { makeS3Client } from '../../functions/adapters/s3-client.ts';
import { S3Store } from '../../functions/adapters/s3-store.ts';
import { systemNonces } from '../../functions/adapters/system-clock.ts';
import { onEmulator } from './emulator.ts';
import { objectStoreContract } from './object-store.ts';

const client = makeS3Client();
let buckets = 0;

async function makeBucket(): Promise<string> {
  const bucket = `contract-${process.pid}-${buckets++}`;
  await client.send(new CreateBucketCommand({ Bucket: bucket }));
  return bucket;
}

async function makeVersionedBucket(): Promise<string> {
  const bucket = await makeBucket();
  await client.send(new PutBucketVersioningCommand({ Bucket: bucket, VersioningConfiguration: { Status: 'Enabled' } }));
  return bucket;
}

onEmulator('S3Store', () => {
  const scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'fanlake-s3-'));
  afterAll(() => fs.rmSync(scratch, { recursive: true, force: true }));

  objectStoreContract('S3Store', async () => {
    const store = new S3Store({ client, bucket: await makeBucket(), nonces: systemNonces });
    return { store, scratch, dispose: async () => {} };
  });

  describe('S3Store: a file larger than one request', () => {
    const bytes = randomBytes(40 * 1024 * 1024 + 17);
    const file = (): { readonly path: string } => {
      const written = path.join(scratch, systemNonces.next());
      fs.writeFileSync(written, bytes);
      return { path: written };
    };
    const uploadsIn = async (bucket: string) => (await client.send(new ListMultipartUploadsCommand({ Bucket: bucket }))).Uploads ?? [];

    it('is stored whole, under the same conditions, and leaves no parts behind when it loses', async () => {
      const bucket = await makeBucket();
      const store = new S3Store({ client, bucket, nonces: systemNonces });
      const results = await Promise.all([1, 2, 3].map(() => store.create('large', file())));
      expect(results.filter((result) => result !== null)).toHaveLength(1);
      const object = await store.head('large');
      expect(results).toContainEqual(object);
      expect(Buffer.compare((await store.get('large'))?.body ?? Buffer.of(), bytes)).toBe(0);
      expect(await store.create('large', file())).toBeNull();
      expect(await store.replace('large', '"another"', file())).toBeNull();
      expect(await store.replace('large', object?.version ?? '', file())).toMatchObject({ size: bytes.length });
      expect(await uploadsIn(bucket)).toEqual([]);
    });

    it('is staged by ranges side by side, from any byte to any other', async () => {
      const store = new S3Store({ client, bucket: await makeBucket(), nonces: systemNonces });
      const object = await store.put('large', file());
      for (const [start, end] of [
        [0, bytes.length],
        [1, bytes.length - 1],
        [16 * 1024 * 1024 - 1, 32 * 1024 * 1024 + 1],
      ] as const) {
        const staged = await store.stage(object, { start, end }, scratch);
        expect(Buffer.compare(fs.readFileSync(staged.path), bytes.subarray(start, end)), `[${start}, ${end})`).toBe(0);
        expect(staged).toMatchObject({ origin: start, length: end - start });
        await staged.release();
        expect(fs.existsSync(staged.path)).toBe(false);
      }
    });
  });

  describe('S3Store: a request that is applied though its answer is lost', () => {
    /** A client that loses the answer to the first write, so that the SDK sends it a second time. */
    function losingClient() {
      const losing = makeS3Client();
      let lost = false;
      losing.middlewareStack.add(
        (next) => async (request) => {
          const answer = await next(request);
          const { method } = request.request as { readonly method?: string };
          if (lost || method !== 'PUT') return answer;
          lost = true;
          throw Object.assign(new Error('the connection was reset'), { name: 'TimeoutError', $retryable: { throttling: false } });
        },
        { step: 'deserialize', priority: 'low' },
      );
      return losing;
    }

    it('is known as our own when the condition is refused the second time', async () => {
      const bucket = await makeBucket();
      const sure = new S3Store({ client, bucket, nonces: systemNonces });
      const unsure = () => new S3Store({ client: losingClient(), bucket, nonces: systemNonces });
      const created = await unsure().create('k', 'mine');
      expect(created).toEqual(await sure.head('k'));
      expect(await unsure().replace('k', created?.version ?? '', 'mine, later')).toEqual(await sure.head('k'));
      expect(Buffer.from((await sure.get('k'))?.body ?? []).toString()).toBe('mine, later');
    });

    it('is not taken for our own when another writer was first', async () => {
      const bucket = await makeBucket();
      const sure = new S3Store({ client, bucket, nonces: systemNonces });
      await sure.create('k', 'theirs');
      expect(await new S3Store({ client: losingClient(), bucket, nonces: systemNonces }).create('k', 'theirs')).toBeNull();
    });
  });

  describe('S3Store: a conditional write that S3 answers with 409, since another for the key is under way', () => {
    /** A client whose first conditional requests S3 answers with 409, unapplied. */
    function conflictingClient(conflicts: number) {
      const conflicting = makeS3Client();
      const requests: { readonly method: string; readonly isRefused: boolean }[] = [];
      conflicting.middlewareStack.add(
        (next) => async (request) => {
          const { method, headers } = request.request as { readonly method: string; readonly headers: Readonly<Record<string, string>> };
          if (headers['if-none-match'] === undefined && headers['if-match'] === undefined) return next(request);
          const isRefused = requests.length < conflicts;
          requests.push({ method, isRefused });
          if (!isRefused) return next(request);
          const body = '<?xml version="1.0"?><Error><Code>ConditionalRequestConflict</Code><Message>At the same time</Message></Error>';
          return { response: { statusCode: 409, headers: { 'content-type': 'application/xml' }, body: Readable.from([body]) } } as never;
        },
        { step: 'deserialize', priority: 'low', name: 'conflict' },
      );
      return { conflicting, requests };
    }

    it('is tried again until it is decided', async () => {
      const bucket = await makeBucket();
      const sure = new S3Store({ client, bucket, nonces: systemNonces });
      const { conflicting, requests } = conflictingClient(3);
      const store = new S3Store({ client: conflicting, bucket, nonces: systemNonces });
      const created = await store.create('k', 'mine');
      expect(created).toEqual(await sure.head('k'));
      expect(requests.map(({ isRefused }) => isRefused)).toEqual([true, true, true, false]);
      const replacing = new S3Store({ client: conflictingClient(1).conflicting, bucket, nonces: systemNonces });
      expect(await replacing.replace('k', created?.version ?? '', 'mine, later')).toEqual(await sure.head('k'));
      expect(Buffer.from((await sure.get('k'))?.body ?? []).toString()).toBe('mine, later');
    });

    it('is lost when the other one won', async () => {
      const bucket = await makeBucket();
      await new S3Store({ client, bucket, nonces: systemNonces }).create('k', 'theirs');
      const { conflicting, requests } = conflictingClient(2);
      expect(await new S3Store({ client: conflicting, bucket, nonces: systemNonces }).create('k', 'mine')).toBeNull();
      expect(requests).toHaveLength(3);
    });

    it('begins its upload anew when that was in parts, and leaves nothing of the first behind', async () => {
      const bucket = await makeBucket();
      const { conflicting, requests } = conflictingClient(1);
      const uploads = new Set<string>();
      conflicting.middlewareStack.add(
        (next) => async (request) => {
          const { UploadId: id } = request.input as { readonly UploadId?: string };
          if (id !== undefined) uploads.add(id);
          return next(request);
        },
        { step: 'initialize', name: 'noteUploads' },
      );
      const written = path.join(scratch, systemNonces.next());
      fs.writeFileSync(written, randomBytes(17 << 20));
      const created = await new S3Store({ client: conflicting, bucket, nonces: systemNonces }).create('large', { path: written });
      expect(created).toEqual(await new S3Store({ client, bucket, nonces: systemNonces }).head('large'));
      expect(requests).toEqual([
        { method: 'POST', isRefused: true },
        { method: 'POST', isRefused: false },
      ]);
      expect(uploads.size).toBe(2);
      expect((await client.send(new ListMultipartUploadsCommand({ Bucket: bucket }))).Uploads ?? []).toEqual([]);
    });
  });

  describe('S3Store: a versioned bucket', () => {
    it('gives the version that was pinned though the object was overwritten or deleted', async () => {
      const store = new S3Store({ client, bucket: await makeVersionedBucket(), nonces: systemNonces });
      const first = await store.put('k', 'first');
      const second = await store.put('k', 'second');
      await store.delete('k');
      expect(Buffer.from(await store.read(first, { start: 0, end: 5 })).toString()).toBe('first');
      expect(Buffer.from(await store.read(second, { start: 0, end: 6 })).toString()).toBe('second');
      expect(await store.head('k')).toBeNull();
      const third = await store.put('k', 'third');
      expect(third.version).not.toBe(first.version);
      expect(await store.replace('k', first.version, 'lost')).toBeNull();
      expect(await store.replace('k', third.version, 'fourth')).not.toBeNull();
    });

    it('lists the latest version of each object, in pages of any size, however often objects were overwritten or deleted', async () => {
      const store = new S3Store({ client, bucket: await makeVersionedBucket(), nonces: systemNonces, versioned: true });
      // emulators mix up encoded and plain keys where a page ends; S3 doesn't
      for (const key of ['a', 'often', 'x/1', 'x/2', 'y']) await store.put(key, 'first');
      for (let round = 0; round < 7; round++) await store.put('often', `round ${round}`);
      await store.delete('x/1');
      await store.delete('y');
      await store.put('y', 'again');
      const present = ['a', 'often', 'x/2', 'y'];
      const expected = await Promise.all(present.map((key) => store.head(key)));
      for (const limit of [1, 2, 3, 1000]) {
        const listed: unknown[] = [];
        let next: string | undefined;
        do {
          const page = await store.list({ prefix: '', limit, ...(next === undefined ? {} : { next }) });
          expect(page.objects.length).toBeLessThanOrEqual(limit);
          listed.push(...page.objects);
          next = page.next;
        } while (next !== undefined);
        expect(listed, `pages of ${limit}`).toMatchObject(expected);
      }
      expect((await store.list({ prefix: 'x/' })).objects).toMatchObject([expected[2]]);
      expect(await store.list({ prefix: '', delimiter: '/' })).toMatchObject({
        objects: [expected[0], expected[1], expected[3]],
        prefixes: ['x/'],
      });
      expect((await store.list({ prefix: '', startAfter: 'often' })).objects).toMatchObject(expected.slice(2));
    });

    it('lists keys with any character', async () => {
      const store = new S3Store({ client, bucket: await makeVersionedBucket(), nonces: systemNonces, versioned: true });
      const keys = ['a b+c', 'a%2Fb', 'x&<>"', 'ä/ö 1', '日本'];
      for (const key of keys) await store.put(key, 'x');
      expect((await store.list({ prefix: '' })).objects).toMatchObject(await Promise.all(keys.map((key) => store.head(key))));
    });

    it('lists what was stored before the bucket was versioned as head tells it', async () => {
      const bucket = await makeBucket();
      const store = new S3Store({ client, bucket, nonces: systemNonces, versioned: true });
      await store.put('old', 'x');
      expect((await store.list({ prefix: '' })).objects).toMatchObject([await store.head('old')]);
      await client.send(new PutBucketVersioningCommand({ Bucket: bucket, VersioningConfiguration: { Status: 'Enabled' } }));
      await store.put('new', 'y');
      expect((await store.list({ prefix: '' })).objects).toMatchObject([await store.head('new'), await store.head('old')]);
    });
  });
});
