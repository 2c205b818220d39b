import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { partitionFolder } from '../../functions/core/table-log/hive-path.ts';
import { openDuckDb } from './written-table.ts';

let db: DuckDBConnection;
let folder: string;

beforeAll(async () => {
  db = await openDuckDb();
  folder = await mkdtemp(join(tmpdir(), 'fanlake-hive-'));
});

afterAll(async () => {
  db.closeSync();
  await rm(folder, { recursive: true, force: true });
});

test('DuckDB reads the values of our lake partition folders, and NULL for none', async () => {
  const values = ['a b', 'a/b', '50%', 'FR%20x', 'é☃😀', 'x=y:z', 'a+b', `it's "q"`, '\\n', '..', '{}[]#?*&|<>^~', null];
  for (const [id, value] of values.entries()) {
    const place = join(folder, partitionFolder([{ column: 'my_key', value }]));
    await mkdir(place, { recursive: true });
    await db.run(`COPY (SELECT ${id} AS id) TO '${join(place, 'f.parquet').replaceAll("'", "''")}' (FORMAT parquet)`);
  }
  const read = await db.runAndReadAll(
    `SELECT id, my_key AS k FROM read_parquet('${folder}/*/*.parquet', hive_partitioning = true, hive_types_autocast = false) ORDER BY id`,
  );
  expect(read.getRowObjectsJson()).toEqual(values.map((value, id) => ({ id, k: value })));
});
