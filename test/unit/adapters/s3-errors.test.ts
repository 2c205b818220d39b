import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { makeS3Client } from '../../../functions/adapters/s3-client.ts';
import { S3Store } from '../../../functions/adapters/s3-store.ts';
import { systemNonces } from '../../../functions/adapters/system-clock.ts';
import { asFanlakeError, type FanlakeError } from '../../../functions/core/errors.ts';

/** Answers whatever is asked with S3's error of the moment. */
let server: Server;
let said: { readonly status: number; readonly code: string };

beforeAll(async () => {
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'nobody');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'nothing');
  vi.stubEnv('AWS_REGION', 'eu-central-1');
  server = createServer((_, answer) => {
    answer.writeHead(said.status, { 'content-type': 'application/xml' });
    answer.end(`<?xml version="1.0"?><Error><Code>${said.code}</Code><Message>as S3 says</Message></Error>`);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
afterAll(() => {
  server.close();
  vi.unstubAllEnvs();
});

function storeAt(endpoint: string): S3Store {
  return new S3Store({
    client: makeS3Client({ AWS_ENDPOINT_URL: endpoint }),
    bucket: 'b',
    nonces: systemNonces,
  });
}

const here = () => storeAt(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
const failureOf = (asked: Promise<unknown>): Promise<FanlakeError> =>
  asked.then(() => {
    throw new Error('S3 refused nothing');
  }, asFanlakeError);
const readInput = (store: S3Store) => failureOf(store.read({ key: 'a.csv', version: 'version-id:v', size: 3 }, { start: 0, end: 3 }));

it('an archived input is told as one, with how to bring it back: no permission is missing', async () => {
  said = { status: 403, code: 'InvalidObjectState' };
  const error = await readInput(here());
  expect(error).toMatchObject({ code: 'input.denied', retryable: false });
  expect(error.message).toMatch(/archived.*restore-object/s);
  expect(error.message).not.toContain('role');
});

it("a machine whose clock is wrong is told so, and it isn't the input's fault", async () => {
  said = { status: 403, code: 'RequestTimeTooSkewed' };
  const error = await readInput(here());
  expect(error.code).toBe('store.denied');
  expect(error.message).toMatch(/clock/);
  expect(error.message).not.toContain('role');
});

it('what is really denied says so', async () => {
  said = { status: 403, code: 'AccessDenied' };
  expect(await readInput(here())).toMatchObject({ code: 'input.denied', message: expect.stringContaining('the role or key in use') });
  expect(await failureOf(here().get('k'))).toMatchObject({ code: 'store.denied' });
});

it('where nobody answers that is said, and not that something is tried again, which a command does not do', async () => {
  const error = await failureOf(storeAt('http://127.0.0.1:9').get('k'));
  expect(error).toMatchObject({ code: 'store.failed', retryable: true });
  expect(error.message).toMatch(/doesn't answer.*network.*AWS_REGION.*command again/s);
  expect(error.message).not.toContain('it is tried again');
});

it('another failure of S3 says who tries again', async () => {
  said = { status: 500, code: 'InternalError' };
  const error = await failureOf(here().get('k'));
  expect(error).toMatchObject({ code: 'store.failed', retryable: true });
  expect(error.message).toMatch(/functions try again by themselves.*command again/s);
});
