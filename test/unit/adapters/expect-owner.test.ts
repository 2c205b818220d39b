import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { expectOwner } from '../../../functions/adapters/expect-owner.ts';
import { makeS3Client } from '../../../functions/adapters/s3-client.ts';
import { S3Store } from '../../../functions/adapters/s3-store.ts';
import { systemNonces } from '../../../functions/adapters/system-clock.ts';

let asked: IncomingHttpHeaders[];
let endpoint: string;
let close: () => void;

beforeEach(async () => {
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'nobody');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'nothing');
  vi.stubEnv('AWS_REGION', 'eu-central-1');
  asked = [];
  const server = createServer((request, answer) => {
    asked.push(request.headers);
    request.resume();
    answer.writeHead(200, { etag: '"e"' }).end(request.url?.includes('list-type') ? '<ListBucketResult></ListBucketResult>' : undefined);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  close = () => server.close();
});
afterEach(() => {
  close();
  vi.unstubAllEnvs();
});

async function ownersAsked(bucket: string): Promise<readonly unknown[]> {
  const client = expectOwner(makeS3Client({ AWS_ENDPOINT_URL: endpoint }), '111122223333', ['ours-work', 'ours-lake']);
  const store = new S3Store({ client, bucket, nonces: systemNonces });
  await store.get('k');
  await store.head('k');
  await store.create('k', 'x');
  await store.delete('k');
  await store.list({ prefix: '' });
  return asked.map((headers) => headers['x-amz-expected-bucket-owner']);
}

it("a bucket of the stack's own is asked for as one of its account: another's of the same name gets nothing", async () => {
  expect(await ownersAsked('ours-lake')).toEqual(Array.from({ length: 5 }, () => '111122223333'));
});

it('a bucket that was there before may be of any account', async () => {
  expect(await ownersAsked('theirs')).toEqual(Array.from({ length: 5 }, () => undefined));
});
