import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { scannedRows } from '../../../functions/engine/counts.ts';
import { Bench } from './fixture.ts';

let bench: Bench;
let inputs: Readonly<Record<string, string>>;
let side: string;
const rows = 250_000;

beforeAll(async () => {
  bench = await Bench.open(2);
  const numbers = Array.from({ length: rows }, (_, i) => i);
  const csv = bench.write(numbers.map((i) => `${i},${i % 7}\n`).join(''), 'a.csv');
  const json = bench.write(numbers.map((i) => `{"a":${i},"b":${i % 7}}\n`).join(''), 'a.jsonl');
  side = `read_parquet('${bench.folder}/side.parquet')`;
  await bench.ask(`COPY (SELECT i AS b, 'n' || i AS n FROM range(1, 5) r(i)) TO '${bench.folder}/side.parquet' (FORMAT parquet)`);
  await bench.engine.allow([bench.folder]);
  const columns = "columns = {'a': 'BIGINT', 'b': 'TINYINT'}";
  inputs = {
    CSV: `read_csv('${csv}', auto_detect = false, header = false, ${columns})`,
    JSON: `read_json('${json}', format = 'newline_delimited', auto_detect = false, ${columns})`,
  };
});
afterAll(() => bench.close());

describe.each(['CSV', 'JSON'])('the rows that a query scanned of %s', (format) => {
  const scanned = async (sql: string): Promise<number | null> => {
    const out = `${bench.engine.scratch}/counts.parquet`;
    const { plan } = await bench.engine.profiled(
      `COPY (WITH input AS (FROM ${inputs[format]}), side AS (FROM ${side}) ${sql}) TO '${out}' (FORMAT parquet)`,
    );
    return scannedRows(plan, 1);
  };

  test.each([
    'SELECT a, count(*) FROM input GROUP BY a',
    'SELECT b, sum(a) FROM input WHERE a > 5 GROUP BY b',
    'SELECT count(*) FROM input',
    'SELECT min(a), max(a), first(b), any_value(b) FROM input WHERE b = 3',
    'SELECT count(DISTINCT b) FROM input',
    'SELECT b, count(DISTINCT a) FROM input GROUP BY b',
    'SELECT DISTINCT b FROM input',
    'SELECT a FROM input ORDER BY b',
    'SELECT a FROM input ORDER BY a LIMIT 3',
    'SELECT a, n FROM input JOIN side USING (b)',
    'SELECT a, n FROM side LEFT JOIN (FROM input WHERE a < 9) USING (b)',
    'SELECT a, n FROM input LEFT JOIN side USING (b)',
    'SELECT a FROM input SEMI JOIN side USING (b)',
    'SELECT a FROM input ANTI JOIN side USING (b)',
    'SELECT a FROM input WHERE b NOT IN (SELECT b FROM side)',
    'SELECT a, n FROM input ASOF LEFT JOIN side ON input.b >= side.b',
    'SELECT a, n FROM input, side WHERE a < 5',
    'SELECT n, count(*) FROM input JOIN side USING (b) GROUP BY n',
    'SELECT b, s FROM (SELECT b, sum(a) AS s FROM input GROUP BY b) WHERE s > 5 ORDER BY b LIMIT 1',
  ])('are known from its plan when all were: %s', async (sql) => {
    expect(await scanned(sql)).toBe(rows);
  });

  test.each([
    'SELECT a FROM input LIMIT 3',
    'SELECT count(*) FROM (SELECT a FROM input LIMIT 3)',
    'SELECT count(*) FROM input WHERE false',
    'SELECT 1 AS one WHERE EXISTS (FROM input)',
    'SELECT count(*) FROM input, range(0)',
    'SELECT a, n FROM input JOIN (SELECT * FROM side WHERE length(n) > 5) USING (b)',
    'SELECT a FROM input WHERE b IN (SELECT b FROM side WHERE length(n) > 5)',
    'SELECT a, n FROM input, side WHERE length(n) > 5',
  ])('are not when it may have stopped: %s', async (sql) => {
    expect(await scanned(sql)).toBe(null);
  });
});
