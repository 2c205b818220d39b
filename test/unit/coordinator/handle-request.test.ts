import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { handleRequests, type RequestContext } from '../../../functions/coordinator/handle-request.ts';
import { FanlakeError } from '../../../functions/core/errors.ts';
import { parseJob } from '../../../functions/core/job.ts';
import { jobFinder } from '../../../functions/core/job-of-key.ts';
import { wholeObjects } from '../../../functions/core/plan.ts';
import { readRequest } from '../../../functions/core/request.ts';
import { uploadRun } from '../../../functions/core/upload.ts';
import { engineInspector } from '../../../functions/engine/inspector.ts';
import { readOutcome, readPlan } from '../../../functions/protocol/documents.ts';
import { decide } from '../../../functions/protocol/ledger.ts';
import { writeRunRequest } from '../../../functions/protocol/run-request.ts';
import { TableLogs } from '../../../functions/protocol/table-logs.ts';
import { FunctionLog } from '../../../functions/runtime/log.ts';
import { PrintedLog } from '../../support/printed-log.ts';
import { contextOnDisk } from '../protocol/context-on-disk.ts';

let root: string;
let printed: PrintedLog;
let context: RequestContext;
const job = parseJob({ name: 'visits', input: { prefix: 'in/', format: 'text' }, table: { name: 'visits' } });

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'fanlake-request-'));
  printed = new PrintedLog();
  const run = contextOnDisk(root);
  const { landing, lake } = run.stores;
  context = {
    coordinator: {
      ...run,
      requests: () => ({}),
      plan: {
        landing,
        lake,
        logs: new TableLogs(lake),
        inspector: engineInspector(join(root, 'scratch'), 2 ** 28),
        scratch: join(root, 'scratch'),
        sizing: wholeObjects,
      },
    },
    landingBucket: 'landing',
    jobs: [job],
    findJob: jobFinder([job]),
    log: FunctionLog.open('Test'),
  };
});
afterEach(() => {
  printed.restore();
  rmSync(root, { recursive: true, force: true });
});

const event = (...keys: readonly string[]): string =>
  JSON.stringify({
    Records: keys.map((key) => ({
      eventSource: 'aws:s3',
      eventName: 'ObjectCreated:Put',
      s3: { bucket: { name: 'landing' }, object: { key, size: 3, versionId: 'v' } },
    })),
  });
const runOf = (key: string): string => uploadRun({ job, object: { key, version: 'version-id:v', size: 3 } });

it('each record of a message that fails is an error of its upload, with key and run', async () => {
  // a file stands where the lake's folder should be: nothing of the ledger can be read
  writeFileSync(join(root, 'lake'), '');
  await expect(handleRequests(context, readRequest(event('in/a.txt', 'in/b.txt')))).rejects.toThrow();
  expect(printed.errors).toEqual(
    ['in/a.txt', 'in/b.txt'].map((key) => expect.objectContaining({ key, job: 'visits', run: runOf(key), epoch: 0 })),
  );
});

it('an upload that can not be planned, so that its run fails, is an error of its run', async () => {
  await handleRequests(context, readRequest(event('in/gone.txt')));
  expect(printed.errors).toEqual([expect.objectContaining({ key: 'in/gone.txt', run: runOf('in/gone.txt'), code: 'input.gone' })]);
});

it('an upload whose next epoch is decided is not planned again when its message comes late: what its plan did may be in the table', async () => {
  const object = { key: 'in/a.txt', version: 'version-id:v', size: 3 };
  const id = { run: runOf(object.key), epoch: 1 };
  await decide(context.coordinator, { kind: 'commit', ...id, epoch: 0, table: 'visits', version: 0 });
  await decide(context.coordinator, { kind: 'commit', ...id, table: 'visits', version: 0 });
  await handleRequests(context, readRequest(JSON.stringify({ kind: 'upload', job: 'visits', object, epoch: 1 })));
  expect(await readPlan(context.coordinator.stores.work, id)).toBeNull();
});

it('an upload that is planned again begins anew where its job loads into another table since, so that an event that comes late finds its run', async () => {
  const { landing, work } = context.coordinator.stores;
  const object = await landing.put('in/a.txt', 'a\nb\n');
  const run = uploadRun({ job, object });
  // of the run into the table that the job had before
  await handleRequests(context, readRequest(JSON.stringify({ kind: 'upload', job: 'visits', object, epoch: 1 })));
  expect(await readPlan(work, { run, epoch: 0 })).toMatchObject({ tasks: 1, error: null });
  expect(await readPlan(work, { run, epoch: 1 })).toBeNull();
});

it('an epoch that a command cancels before it is planned is ended by the message of that, also when the command has decided it before', async () => {
  const { coordinator } = context;
  const epochs = [1, 2].map((epoch) => ({ run: 'visits-1', epoch, table: 'visits' }));
  await decide(coordinator, { kind: 'cancel', run: 'visits-1', epoch: 2, table: 'visits' });
  for (const id of epochs) {
    await handleRequests(context, readRequest(JSON.stringify({ kind: 'cancel', ...id })));
    expect(await readOutcome(coordinator.stores.lake, id.table, id)).toMatchObject({ outcome: 'CANCELLED' });
  }
});

it('a run that a command asks for is ended and not planned when it was cancelled before its message came', async () => {
  const { stores } = context.coordinator;
  const id = { run: 'visits-1', epoch: 0 };
  const objects = [await stores.landing.put('in/a.txt', 'a\nb\n')];
  const message = await writeRunRequest(stores.work, { ...id, job, table: 'visits', objects, splitBytes: null });
  await decide(context.coordinator, { kind: 'cancel', ...id, table: 'visits' });
  await handleRequests(context, readRequest(JSON.stringify(message)));
  expect(await readOutcome(stores.lake, 'visits', id)).toMatchObject({ outcome: 'CANCELLED' });
  expect(await readPlan(stores.work, id)).toBeNull();
});

it.each(['store.full', 'store.denied', 'store.failed'] as const)(
  'what is wrong with the machine is not written down as the end of an upload, whose message comes again: %s',
  async (code) => {
    const { coordinator } = context;
    const { landing, lake, work } = coordinator.stores;
    const object = await landing.put('in/a.txt', 'a\nb\n');
    const failing = new Proxy(landing, {
      get: (target, name) => (name === 'locate' ? target.locate.bind(target) : () => Promise.reject(new FanlakeError(code, 'not now'))),
    });
    const broken = { ...context, coordinator: { ...coordinator, plan: { ...coordinator.plan, landing: failing } } };
    const message = readRequest(JSON.stringify({ kind: 'upload', job: 'visits', object, epoch: 0 }));
    await expect(handleRequests(broken, message)).rejects.toMatchObject({ code });
    const id = { run: uploadRun({ job, object }), epoch: 0 };
    expect([await readPlan(work, id), await readOutcome(lake, 'visits', id)]).toEqual([null, null]);
    await handleRequests(context, message);
    expect(await readPlan(work, id)).toMatchObject({ tasks: 1, error: null });
  },
);
