import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { afterAll, expect, it } from 'vitest';
import { LocalStore } from '../../../functions/adapters/local-store.ts';
import { stageFooter } from '../../../functions/coordinator/stage-footer.ts';
import type { ByteRange, ObjectVersion } from '../../../functions/core/ports.ts';

const root = mkdtempSync(join(tmpdir(), 'fanlake-footer-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** A store that counts the bytes that are asked of it. */
class MeteredStore extends LocalStore {
  bytes = 0;

  override async read(object: ObjectVersion, range: ByteRange): Promise<Uint8Array> {
    const found = await super.read(object, range);
    this.bytes += found.length;
    return found;
  }
}

it.each([
  ['a small file', 'SELECT 1 AS a', ''],
  ['a file of megabytes', 'SELECT i AS a, md5(i::VARCHAR) AS b, [i, i] AS c, {x: i} AS d FROM range(300000) t(i)', ''],
  // a footer of more than the usual bytes
  [
    'a file with many columns and row groups',
    `SELECT ${Array.from({ length: 200 }, (_, n) => `i + ${n} AS column_${n}`).join(', ')} FROM range(40000) t(i)`,
    ', ROW_GROUP_SIZE 2048',
  ],
])('the footer of %s tells the engine what the file does, from the bytes of its end', async (_name, sql, options) => {
  const connection = await (await DuckDBInstance.create(':memory:')).connect();
  const file = join(root, 'a.parquet');
  await connection.run(`COPY (${sql}) TO '${file}' (FORMAT parquet${options})`);
  const store = new MeteredStore(root, { durable: false });
  const object = await store.head('a.parquet');
  if (object === null) throw new Error('no file');
  const footer = await stageFooter(store, object, root);
  const look = async (path: string) => [
    (await connection.runAndReadAll(`DESCRIBE SELECT * FROM read_parquet('${path}')`)).getRows(),
    (await connection.runAndReadAll(`SELECT num_rows, num_row_groups FROM parquet_file_metadata('${path}')`)).getRows(),
  ];
  expect(await look(footer.path)).toEqual(await look(file));
  expect(statSync(footer.path).size).toBe(object.size);
  expect(store.bytes).toBeLessThan(1 << 20);
  await footer.release();
});
