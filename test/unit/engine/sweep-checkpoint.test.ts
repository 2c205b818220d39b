import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { LocalStore } from '../../../functions/adapters/local-store.ts';
import { dataFileName, outcomeKey } from '../../../functions/core/keys.ts';
import { checkpointName, entryName } from '../../../functions/core/table-log/log-names.ts';
import { listAll } from '../../../functions/protocol/documents.ts';
import { sweepTable } from '../../../functions/sweeper/sweep-table.ts';

// A log whose first entries were cleaned up behind a checkpoint, which another engine wrote.
let root: string;
let lake: LocalStore;
const run = 'visits-0123456789abcdef0123';
const fileOf = (index: number) => dataFileName({ run, epoch: 0 }, 0, 'abcdef012345', index);

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'fanlake-checkpoint-'));
  lake = new LocalStore(join(root, 'lake'), { durable: false });
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const sweep = () =>
  sweepTable({ work: new LocalStore(join(root, 'work')), lake }, 'visits', {
    beforeMs: Date.now() + 86_400_000,
    dryRun: false,
    isOver: () => false,
  });

async function writeCheckpoint(transaction: string): Promise<void> {
  const log = join(root, 'lake/visits/_delta_log');
  mkdirSync(log, { recursive: true });
  const row = (add: string, remove: string, txn: string) =>
    `SELECT ${add}::STRUCT(path VARCHAR, "partitionValues" MAP(VARCHAR, VARCHAR), size BIGINT, "modificationTime" BIGINT, "dataChange" BOOLEAN) AS add,
      ${remove}::STRUCT(path VARCHAR, "dataChange" BOOLEAN) AS remove, ${txn}::STRUCT("appId" VARCHAR, version BIGINT) AS txn`;
  const rows = [
    row(`{path: '${fileOf(0)}', "partitionValues": MAP {}, size: 4, "modificationTime": 0, "dataChange": false}`, 'NULL', 'NULL'),
    row('NULL', `{path: '${fileOf(1)}', "dataChange": true}`, 'NULL'),
    row('NULL', 'NULL', `{"appId": '${transaction}', version: 1}`),
  ];
  const connection = await (await DuckDBInstance.create()).connect();
  await connection.run(
    `COPY (${rows.join(' UNION ALL ')}) TO '${join(log, checkpointName(7))}' (FORMAT parquet, COMPRESSION uncompressed)`,
  );
  connection.closeSync();
}

it('live and removed files of a checkpoint stay, and so does what an entry behind it names; what nothing names goes', async () => {
  await writeCheckpoint(`${run}/e0`);
  for (let index = 0; index < 4; index++) await lake.put(`visits/${fileOf(index)}`, 'rows');
  await lake.put(`visits/_delta_log/${entryName(5)}`, `${JSON.stringify({ remove: { path: fileOf(2), dataChange: true } })}\n`);
  await lake.put(outcomeKey('visits', { run, epoch: 0 }), JSON.stringify({ outcome: 'COMMITTED', error: null, table: { files: 3 } }));
  expect((await sweep()).files).toBe(1);
  expect(await listAll(lake, `visits/${run}`)).toEqual([0, 1, 2].map((index) => `visits/${fileOf(index)}`));
});

it('files of a run whose transaction the checkpoint has not got stay: it is the log of another table', async () => {
  await writeCheckpoint('other-0123456789abcdef0123/e0');
  await lake.put(`visits/${fileOf(3)}`, 'rows');
  await lake.put(outcomeKey('visits', { run, epoch: 0 }), JSON.stringify({ outcome: 'COMMITTED', error: null, table: { files: 3 } }));
  expect((await sweep()).files).toBe(0);
});
