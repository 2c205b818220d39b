import { mkdtempSync, readdirSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Receipt } from '../../functions/core/receipt.ts';
import { deltaLog, runSql, sqlText, textRows } from './duckdb.ts';
import { type Ended, FanlakeCommand } from './fanlake-command.ts';

// Stages of which one task would have too many rows, by the command, where a few kilobytes are too many.
let folder: string;
let input: string;
beforeAll(async () => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'fanlake-many-')));
  const path = join(folder, 'visits.csv');
  // every third row has one key; among the values are NULLs and ties
  await runSql(`COPY (SELECT range AS id, CASE WHEN range % 3 = 0 THEN 7 ELSE hash(range) % 30000 END AS k, CASE WHEN range % 11 = 0 THEN NULL ELSE (hash(range, 1) % 1000) / 4 END AS v
    FROM range(60000)) TO ${sqlText(path)} (FORMAT csv, HEADER)`);
  input = `read_csv(${sqlText(path)}, auto_detect = false, header = true, delim = ',', columns = {id: 'BIGINT', k: 'BIGINT', v: 'DOUBLE'})`;
});
afterAll(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));

const run = (mergeBytes: number, ...args: readonly string[]): Promise<Ended> =>
  new FanlakeCommand(folder, [...args], { FANLAKE_MERGE_BYTES: String(mergeBytes) }).ended;
const loading = (query: string, table: string) => [
  ...['run', '--query', query, '--table', table, '--input', 'visits.csv', '--split-size', '160KiB', '--json'],
];

/** The stages of a run: their names and how many tasks they had. */
async function stagesOf({ run: id }: Receipt): Promise<readonly (readonly [string, number])[]> {
  const { stdout } = await run(1, 'status', id, '--json');
  const { stages } = JSON.parse(stdout) as { stages: { stage: string; tasks: { planned: number } }[] };
  return stages.map(({ stage, tasks }) => [stage, tasks.planned]);
}

test('ORDER BY is shared by tasks, and the table’s data files are in order', async () => {
  const ended = await run(60_000, ...loading('SELECT * FROM input ORDER BY v DESC NULLS FIRST, k', 'sorted'));
  expect(ended.code).toBe(0);
  const receipt = JSON.parse(ended.stdout) as Receipt;
  expect(receipt.rows).toMatchObject({ read: 60_000, passed: 60_000, written: 60_000 });
  const [map, merge, ...none] = await stagesOf(receipt);
  expect([map?.[0], merge?.[0], none]).toEqual(['map', 'merge 1', []]);
  expect(merge?.[1]).toBeGreaterThan(3);
  const table = join(folder, '.fanlake/lake/sorted');
  // those of the table: a task that was done twice leaves one more beside them
  const files = deltaLog(table).adds.map(({ path }) => join(table, path));
  expect(files.length).toBe(merge?.[1]);
  // by name, and within them as they lie
  const found = await Promise.all(
    [...files]
      .sort()
      .map((path) => textRows(`SELECT k, v FROM read_parquet(${sqlText(path)}, file_row_number = true) ORDER BY file_row_number`)),
  );
  expect(found.flat()).toEqual(await textRows(`SELECT k, v FROM ${input} ORDER BY v DESC NULLS FIRST, k`));
  expect(await textRows(`SELECT count(*), bit_xor(hash(id, k, v)) FROM read_parquet([${files.map(sqlText).join(', ')}])`)).toEqual(
    await textRows(`SELECT count(*), bit_xor(hash(id, k, v)) FROM ${input}`),
  );
});

test('an answer that is printed is in order, and leaves nothing', async () => {
  const before = readdirSync(folder);
  const query = 'SELECT k, id FROM input WHERE id < 30000 ORDER BY k, id DESC';
  const { code, stdout } = await run(30_000, 'run', '--query', query, '--input', 'visits.csv', '--split-size', '160KiB', '--csv');
  expect(code).toBe(0);
  const rows = await textRows(`SELECT k, id FROM ${input} WHERE id < 30000 ORDER BY k, id DESC`);
  expect(stdout).toBe(`k,id\n${rows.map((row) => `${row.join(',')}\n`).join('')}`);
  expect(readdirSync(folder)).toEqual(before);
});

test('groups of which a bucket is too large are dealt again, and are those of one DuckDB', async () => {
  const query = 'SELECT k, count(*) AS n, median(v) AS m FROM input GROUP BY k';
  const ended = await run(150, ...loading(query, 'groups'));
  expect(ended.code).toBe(0);
  const receipt = JSON.parse(ended.stdout) as Receipt;
  const stages = await stagesOf(receipt);
  expect(stages.map(([stage]) => stage)).toEqual(['map', 'deal 1', 'merge 1']);
  expect(stages[1]?.[1]).toBeGreaterThan(64);
  expect(stages[2]?.[1]).toBeGreaterThan(64);
  const table = join(folder, '.fanlake/lake/groups');
  const list = deltaLog(table).adds.map(({ path }) => sqlText(join(table, path)));
  expect(await textRows(`SELECT * FROM read_parquet([${list.join(', ')}]) ORDER BY ALL`)).toEqual(
    await textRows(`WITH input AS (FROM ${input}) ${query} ORDER BY ALL`),
  );
});
