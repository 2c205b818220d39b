import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { asEngineError } from '../../../functions/engine/errors.ts';
import { Engine } from '../../../functions/engine/session.ts';
import { Bench } from './fixture.ts';

let bench: Bench;
beforeAll(async () => {
  bench = await Bench.open();
});
afterAll(() => bench.close());

describe('the sandbox', () => {
  test.each([
    ['another file', "SELECT * FROM read_csv('/etc/passwd')"],
    ['another file as text', "SELECT * FROM read_text('/etc/hosts')"],
    ['a file through query()', "SELECT * FROM query('SELECT * FROM read_text(''/etc/hosts'')')"],
    ['a listing', "SELECT * FROM glob('/etc/*')"],
    ['a file outside as a target', "COPY (SELECT 1) TO '/tmp/fanlake-outside.parquet'"],
    ['another database', "ATTACH '/tmp/fanlake-outside.db'"],
    ['an extension from the network', 'INSTALL httpfs'],
    ['an extension', 'LOAD httpfs'],
    ['threads set again', 'SET threads = 8'],
    ['external access set again', 'SET enable_external_access = true'],
    ['folders added', "SET allowed_directories = ['/']"],
  ])('refuses %s', async (_what, sql) => {
    const error = await bench.engine.rows(sql).then(
      () => null,
      (thrown: unknown) => asEngineError(thrown, 'it is refused'),
    );
    expect(error?.code).toBe('query.forbidden');
  });

  test('a folder can be read after it was allowed, and a link out of it can not', async () => {
    const engine = await Engine.open({ threads: 1, memoryLimitBytes: 1 << 28, scratch: join(bench.engine.scratch, 'other') });
    const path = bench.write('1,2\n', 'plain.csv');
    const elsewhere = join(bench.folder, 'elsewhere');
    mkdirSync(elsewhere);
    symlinkSync('/etc/passwd', join(elsewhere, 'link.csv'));
    await expect(engine.rows(`SELECT * FROM read_csv('${path}')`)).rejects.toThrow('Permission Error');
    await engine.allow([bench.folder]);
    expect(await engine.rows(`SELECT count(*) AS n FROM read_csv('${path}', header = false)`)).toEqual([{ n: 1 }]);
    await expect(engine.rows(`SELECT * FROM read_csv('${join(elsewhere, 'link.csv')}')`)).rejects.toThrow('Permission Error');
    engine.close();
  });

  test('allowing what is covered already keeps the instance', async () => {
    await bench.engine.allow([bench.folder]);
    await bench.engine.run('CREATE TEMP TABLE kept AS SELECT 1 AS a');
    await bench.engine.allow([bench.folder, join(bench.folder, 'below'), bench.engine.scratch]);
    expect(await bench.engine.rows('SELECT a FROM kept')).toEqual([{ a: 1 }]);
  });
});

test('whole numbers are numbers while a double holds them, else text; times are UTC', async () => {
  const [row] = await bench.engine.rows(`
    SELECT 9007199254740991::BIGINT AS a, 9007199254740993::BIGINT AS b, [1::HUGEINT] AS c, {'x': 2::BIGINT} AS d, 1.50::DECIMAL(9, 2) AS e,
      TIMESTAMPTZ '2020-01-01 10:00:00+02' AS f, 'nan'::DOUBLE AS g, INTERVAL 3 DAY AS h, NULL::INTEGER AS i`);
  expect(row).toEqual({
    a: 9007199254740991,
    b: '9007199254740993',
    c: [1],
    d: { x: 2 },
    e: '1.50',
    f: '2020-01-01 08:00:00+00',
    g: 'NaN',
    h: '3 days',
    i: null,
  });
});

test('times are UTC on every connection, whatever the machine’s zone', async () => {
  const sql = "SELECT current_setting('TimeZone') AS zone, '2020-07-01 10:00:00'::TIMESTAMPTZ::VARCHAR AS text";
  const expected = [{ zone: 'UTC', text: '2020-07-01 10:00:00+00' }];
  expect(await bench.engine.rows(sql)).toEqual(expected);
  expect((await bench.engine.profiled(sql)).rows).toEqual(expected);
});

test('memory beyond the limit is task.memory', async () => {
  const engine = await Engine.open({
    threads: 1,
    memoryLimitBytes: 32 << 20,
    scratch: join(bench.engine.scratch, 'small'),
    maxSpillBytes: 1 << 20,
  });
  const thrown = await engine.rows('SELECT list(i) FROM range(20000000) t(i)').then(
    () => null,
    (error: unknown) => asEngineError(error, 'it is too large'),
  );
  engine.close();
  expect(thrown?.code).toBe('task.memory');
  expect(thrown?.retryable).toBe(true);
});

test('a spill beyond its limit is store.full', async () => {
  const engine = await Engine.open({
    threads: 1,
    memoryLimitBytes: 48 << 20,
    scratch: join(bench.engine.scratch, 'spill'),
    maxSpillBytes: 1 << 20,
  });
  const thrown = await engine.rows('SELECT count(DISTINCT hash(i)) FROM range(8000000) t(i)').then(
    () => null,
    (error: unknown) => asEngineError(error, 'it is too large'),
  );
  engine.close();
  expect(thrown?.code).toBe('store.full');
});
