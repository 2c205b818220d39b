import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { SendMessageBatchCommand } from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { deltaLog, tableRows } from '../e2e/duckdb.ts';
import { type Deployment, deployment, onLocalStack, until } from './deployment.ts';

onLocalStack('each upload exactly once', () => {
  let stack: Deployment;
  let folder: string;

  beforeAll(async () => {
    stack = await deployment();
    folder = mkdtempSync(join(tmpdir(), 'fanlake-once-'));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  /** An event as S3 sends it, written by hand. */
  const event = (key: string, versionId: string, size: number): string =>
    JSON.stringify({
      Records: [
        {
          eventVersion: '2.1',
          eventSource: 'aws:s3',
          eventName: 'ObjectCreated:Put',
          s3: { bucket: { name: stack.of('LandingBucket') }, object: { key: encodeURIComponent(key), size, eTag: 'e', versionId } },
        },
      ],
    });

  async function deliver(bodies: readonly string[]): Promise<void> {
    const Entries = bodies.map((MessageBody, index) => ({ Id: String(index), MessageBody }));
    await stack.sqs.send(new SendMessageBatchCommand({ QueueUrl: stack.of('RequestsQueue'), Entries }));
  }

  it('though its event is delivered five times more, at once and after its end', async () => {
    const body = 'n\n1\n2\n3\n';
    const version = await stack.upload('twice/a.csv', body);
    const again = event('twice/a.csv', version, body.length);
    await deliver([again, again, again]);
    await stack.outcomes('twice', 1);
    await deliver([again, again]);
    const known = async () => (await stack.logLines('Coordinator')).filter(({ key }) => key === 'twice/a.csv').length;
    await until('all six deliveries are handled', async () => (await known()) >= 6);
    await sleep(2_000);
    expect(await stack.outcomes('twice', 1)).toHaveLength(1);
    const table = await stack.fetchTable('twice', folder);
    expect((await tableRows(table)).flat().sort()).toEqual(['1', '2', '3']);
    expect(deltaLog(table).versions).toEqual([0]);
  });

  it('also 300 at once, whose rows are in the table once and share far fewer commits', async () => {
    const uploads = 300;
    const rowsOf = (upload: number): readonly string[] => Array.from({ length: 3 }, (_, n) => String(3 * upload + n));
    await Promise.all(
      Array.from({ length: uploads }, (_, upload) => stack.upload(`flood/${upload}.csv`, `n\n${rowsOf(upload).join('\n')}\n`)),
    );
    const outcomes = await stack.outcomes('flood', uploads);
    expect(outcomes.filter(({ outcome }) => outcome !== 'COMMITTED')).toEqual([]);
    const table = await stack.fetchTable('flood', folder);
    const rows = (await tableRows(table)).flat().sort((a, b) => Number(a) - Number(b));
    expect(rows).toEqual(Array.from({ length: uploads }, (_, upload) => rowsOf(upload)).flat());
    const commits = deltaLog(table).versions.length;
    console.log(`300 uploads at once: ${commits} commits`);
    // batches of up to ten, and fewer where uploads come more slowly than commits are made
    expect(commits).toBeLessThan((2 / 3) * uploads);
  });

  it('each version of an object that is overwritten before it is read becomes its own rows', async (context) => {
    const versions = ['n\n1\n', 'n\n20\n21\n', 'n\n300\n301\n302\n'];
    // nothing is planned, let alone read, before the last version is there
    const deliver = await stack.holdBack('RequestsQueue', 'overwritten');
    if (deliver === null) return context.skip('messages can only be held back by a LocalStack that we started');
    context.onTestFinished(deliver);
    for (const body of versions) await stack.upload('versions/overwritten.csv', body);
    expect(await stack.keys('LakeBucket', 'versions/')).toEqual([]);
    await deliver();
    const outcomes = await stack.outcomes('versions', versions.length);
    expect(outcomes.map(({ outcome, rows }) => [outcome, rows.written]).sort()).toEqual([
      ['COMMITTED', 1],
      ['COMMITTED', 2],
      ['COMMITTED', 3],
    ]);
    const rows = (await tableRows(await stack.fetchTable('versions', folder))).flat();
    expect(rows.sort()).toEqual(['1', '20', '21', '300', '301', '302']);
  });

  it("an event that comes again when everything in the work bucket has expired is known from the table's ledger", async () => {
    const body = 'n\n7\n';
    const version = await stack.upload('ledger/a.csv', body);
    const [outcome] = await stack.outcomes('ledger', 1);
    const workPrefix = `runs/${outcome?.run}/`;
    await stack.empty('WorkBucket', workPrefix);
    await deliver([event('ledger/a.csv', version, body.length)]);
    const told = async () =>
      (await stack.logLines('Coordinator')).filter(({ key }) => key === 'ledger/a.csv').map(({ message }) => message);
    await until('the event is handled', async () => (await told()).length > 1);
    await sleep(3_000);
    expect((await told()).sort()).toEqual(['upload known: its run is decided', 'upload planned']);
    expect((await tableRows(await stack.fetchTable('ledger', folder))).flat()).toEqual(['7']);
    expect(await stack.keys('WorkBucket', workPrefix)).toEqual([]);
  });
});
