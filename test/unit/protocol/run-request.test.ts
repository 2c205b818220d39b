import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { LocalStore } from '../../../functions/adapters/local-store.ts';
import { parseJob } from '../../../functions/core/job.ts';
import { requestKey } from '../../../functions/core/keys.ts';
import type { ObjectStore } from '../../../functions/core/ports.ts';
import { readRunRequest, writeRunRequest } from '../../../functions/protocol/run-request.ts';

let folder: string;
let work: ObjectStore;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'fanlake-request-'));
  work = new LocalStore(folder, { durable: false });
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const request = {
  run: 'visits-0123',
  epoch: 0,
  job: parseJob({ name: 'visits', input: {}, table: { name: 'visits' } }),
  table: 'visits',
  objects: [{ key: 'a b/ä.csv', version: 'version-id:x', size: 3 }],
  splitBytes: null,
};

it('what is asked for is read back by the message, and asked twice it is one object and the same message', async () => {
  const message = await writeRunRequest(work, request);
  expect(message).toMatchObject({ kind: 'run', run: request.run, epoch: 0 });
  expect(await readRunRequest(work, message)).toEqual(request);
  expect(await writeRunRequest(work, request)).toEqual(message);
  expect((await work.listKeys({ prefix: '' })).keys).toHaveLength(1);
});

it('the same run asked for with another job is another request, and both stay', async () => {
  const first = await writeRunRequest(work, request);
  const job = { ...request.job, query: 'SELECT 1 FROM input' };
  const second = await writeRunRequest(work, { ...request, job });
  expect((await readRunRequest(work, first))?.job).toEqual(request.job);
  expect((await readRunRequest(work, second))?.job).toEqual(job);
});

it('a request that expired is none, and one of another version says so', async () => {
  const message = await writeRunRequest(work, request);
  await work.put(requestKey(message.run, message.request), JSON.stringify({ format: 2, ...request }));
  await expect(readRunRequest(work, message)).rejects.toMatchObject({ code: 'plan.version' });
  await work.delete(requestKey(message.run, message.request));
  expect(await readRunRequest(work, message)).toBeNull();
});
