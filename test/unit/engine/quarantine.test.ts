import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { BadRecord } from '../../../functions/core/piece.ts';
import { writeQuarantine } from '../../../functions/engine/quarantine.ts';
import { Bench } from './fixture.ts';

let bench: Bench;
beforeAll(async () => {
  bench = await Bench.open();
});
afterAll(() => bench.close());

test('bad records are kept with their place, reason and raw text, whatever that holds', async () => {
  const records: readonly BadRecord[] = [
    { objectKey: 'landing/b é.csv', offset: 2 ** 40, lengthBytes: 7, column: null, reason: 'too many columns', raw: '1,2,"\n\t\0' },
    { objectKey: 'landing/a.csv', offset: 9, lengthBytes: 3, column: 'a "b"', reason: "the value isn't one", raw: '' },
    { objectKey: 'landing/a.csv', offset: 5, lengthBytes: 0, column: 'x', reason: 'r', raw: '\ud800 lone' },
  ];
  const path = join(bench.folder, 'quarantine', 'q.parquet');
  await writeQuarantine(bench.engine, records, path);
  expect(await bench.ask(`SELECT object, "offset", length_bytes, "column", reason, raw FROM '${path}'`)).toEqual([
    ['landing/a.csv', '5', '0', 'x', 'r', '\ufffd lone'],
    ['landing/a.csv', '9', '3', 'a "b"', "the value isn't one", ''],
    ['landing/b é.csv', String(2 ** 40), '7', null, 'too many columns', '1,2,"\n\t\0'],
  ]);
  expect(readdirSync(join(bench.folder, 'quarantine'))).toEqual(['q.parquet']);
});

test('no records are a file of the same columns without rows', async () => {
  const path = join(bench.folder, 'none.parquet');
  await writeQuarantine(bench.engine, [], path);
  expect((await bench.ask(`DESCRIBE SELECT * FROM '${path}'`)).map(([name, type]) => [name, type])).toEqual([
    ['object', 'VARCHAR'],
    ['offset', 'BIGINT'],
    ['length_bytes', 'BIGINT'],
    ['column', 'VARCHAR'],
    ['reason', 'VARCHAR'],
    ['raw', 'VARCHAR'],
  ]);
});

test('a record of 20 MB is kept', async () => {
  const path = join(bench.folder, 'long.parquet');
  await writeQuarantine(
    bench.engine,
    [{ objectKey: 'k', offset: 0, lengthBytes: 1, column: null, reason: 'r', raw: 'x'.repeat(20_000_000) }],
    path,
  );
  expect(await bench.ask(`SELECT length(raw) FROM '${path}'`)).toEqual([['20000000']]);
});
