import { mkdtempSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { checkpointName, entryName } from '../../../functions/core/table-log/log-names.ts';
import { TableLog } from '../../../functions/protocol/table-log.ts';
import { commitRuns } from '../../../functions/reducer/commit-runs.ts';
import { messageOf, reducerIn, storeFinishedRun } from '../reducer/finished-run.ts';

// A checkpoint that another engine wrote with another compression than ours, and entries that were cleaned up behind it.
let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'fanlake-compressed-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

it.each(['zstd', 'gzip', 'brotli', 'snappy'])('a table whose log begins with a checkpoint in %s is read', async (compression) => {
  const context = reducerIn(root);
  for (let number = 0; number < 12; number++) {
    expect(await commitRuns(context, [messageOf(await storeFinishedRun(context, `visits-${number}`))])).toEqual([]);
  }
  const log = join(root, 'lake/visits/_delta_log');
  const [ours, theirs] = [join(log, checkpointName(10)), join(root, 'theirs.parquet')];
  const connection = await (await DuckDBInstance.create()).connect();
  await connection.run(`COPY (FROM read_parquet('${ours}')) TO '${theirs}' (FORMAT parquet, COMPRESSION ${compression})`);
  connection.closeSync();
  renameSync(theirs, ours);
  for (let version = 0; version <= 10; version++) rmSync(join(log, entryName(version)));
  const { version, files, transactions } = await new TableLog(context.stores.lake, 'visits', true).refresh();
  expect([version, files?.size, transactions.size]).toEqual([11, 12, 12]);
});
