import { gzipSync, zstdCompressSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { tableRows } from './duckdb.ts';
import { fanlake } from './fanlake-command.ts';
import { WarmHome } from './warm-home.ts';

// Keys that come only behind the head of a file: their values aren't read, and the receipt says how many. The oracle is JSON.parse.
let home: WarmHome;
beforeAll(async () => {
  home = await WarmHome.open();
});
afterAll(() => home.close());

const known = { '': ['id', 's', 'l', 'pad'], 's': ['x'], 'l[]': ['y'] } as const;

/** 1.2 MB of objects whose keys are all known, and then odd ones, which the head doesn't show. */
const objects: readonly object[] = [
  ...Array.from({ length: 12_000 }, (_, id) => ({ id, s: { x: id }, l: [{ y: id }], pad: 'p'.repeat(70) })),
  { id: 12_000, late: 1 },
  { id: 12_001, late: { deep: true }, s: { x: 1, z: [1] } },
  { id: 12_002, l: [{ y: 1, k: 1 }, { k: 2 }], 'a name': null },
  ...Array.from({ length: 500 }, (_, i) => ({ id: 12_003 + i, ID: i, s: { x: 1 } })),
];

/** What the plan can't know, counted from the objects as JavaScript reads them. */
function unknown(): Record<string, number> {
  const counts: Record<string, number> = {};
  const look = (value: unknown, path: keyof typeof known): void => {
    for (const key of Object.keys(typeof value === 'object' && value !== null ? value : {})) {
      if (known[path].some((name) => name === key)) continue;
      const name = `${path === '' ? '' : `${path}.`}${key.includes(' ') ? JSON.stringify(key) : key}`;
      counts[name] = (counts[name] ?? 0) + 1;
    }
  };
  for (const line of objects.map((object) => JSON.stringify(object))) {
    const { s, l = [], ...rest }: { s?: unknown; l?: readonly unknown[] } = JSON.parse(line);
    look(rest, '');
    look(s, 's');
    for (const item of l) look(item, 'l[]');
  }
  return counts;
}

const jsonLines = objects.map((object) => `${JSON.stringify(object)}\n`).join('');
const forms: readonly [string, string, string | Uint8Array, number | undefined][] = [
  ['JSON lines', 'a.jsonl', jsonLines, undefined],
  ['JSON lines in splits of 50,000 bytes', 'a.jsonl', jsonLines, 50_000],
  ['JSON lines in splits of 12,345 bytes', 'a.jsonl', jsonLines, 12_345],
  ['JSON lines as gzip', 'a.jsonl.gz', gzipSync(jsonLines), undefined],
  ['an array', 'a.json', JSON.stringify(objects), undefined],
  ['an array over lines, as zstd', 'a.json.zst', zstdCompressSync(JSON.stringify(objects, null, 2)), undefined],
];

describe.each(['SELECT * FROM input', 'SELECT id FROM input WHERE id % 2 = 0'])('what no column holds is told: %s', (query) => {
  test.each(forms)('%s', async (_what, name, content, splitBytes) => {
    const table = home.newTable();
    const ended = await home.run({ input: [home.file(name, content)], table, query, ...(splitBytes === undefined ? {} : { splitBytes }) });
    expect(ended).toMatchObject({ exitCode: 0, receipt: { outcome: 'COMMITTED', rows: { read: objects.length } } });
    const { values = 0, keys = [] } = ended.receipt?.ignored ?? {};
    expect(Object.fromEntries(keys.map(({ key, values: count }) => [key, count]))).toEqual(unknown());
    expect(values).toBe(Object.values(unknown()).reduce((sum, count) => sum + count, 0));
  });
});

test('declared columns hold their keys, and what the head showed and the query leaves away is no matter', async () => {
  const columns = { late: 'JSON', s: 'STRUCT(x BIGINT, z BIGINT[])', l: 'STRUCT(y BIGINT, k BIGINT)[]', 'a name': 'VARCHAR' };
  const table = home.newTable();
  const { receipt, exitCode } = await home.run({
    input: [home.file('a.jsonl', jsonLines)],
    table,
    columns,
    query: 'SELECT late FROM input WHERE late IS NOT NULL',
  });
  expect({ exitCode, ignored: receipt?.ignored }).toEqual({ exitCode: 0, ignored: { values: 500, keys: [{ key: 'ID', values: 500 }] } });
  expect(await tableRows(home.tablePath(table))).toHaveLength(2);
});

test('status and its --json say it, with what to do', async () => {
  const { receipt } = await home.run({ input: [home.file('a.jsonl', jsonLines)], table: home.newTable() });
  const run = receipt?.run ?? '';
  const shown = await fanlake(home.folder, 'status', run, '--home', home.home);
  expect(shown.stdout).toContain('506 values of JSON were not read, because no column holds their keys: ID (500)');
  expect(shown.stdout).toContain('input.columns');
  const json = await fanlake(home.folder, 'status', run, '--home', home.home, '--json');
  expect(JSON.parse(json.stdout)).toMatchObject({ ignored: { values: 506 } });
});

test("with input.unknownKeys: 'fail' the run fails, names the keys and leaves the table alone; without such keys it is committed", async () => {
  const table = home.newTable();
  const ended = await home.run({ input: [home.file('a.jsonl', jsonLines)], table, unknownKeys: 'fail' });
  expect(ended).toMatchObject({ exitCode: 1, error: { code: 'input.keys' }, receipt: { outcome: 'FAILED', table: { files: 0 } } });
  expect(ended.error?.message).toMatch(/late \(2\).*input\.columns/s);
  const good = await home.run({
    input: [home.file('a.jsonl', jsonLines.split('\n').slice(0, 12_000).join('\n'))],
    table,
    unknownKeys: 'fail',
  });
  expect(good).toMatchObject({ exitCode: 0, receipt: { rows: { written: 12_000 } } });
});

test('rows beside a bad one are not lost, and unknown keys are told all the same', async () => {
  const lines = jsonLines.split('\n').toSpliced(12_100, 0, 'null', '{"id":"no number"}').join('\n');
  const table = home.newTable();
  const { exitCode, receipt } = await home.run({
    input: [home.file('a.jsonl', lines)],
    table,
    query: 'SELECT id FROM input',
    maxBadRows: 2,
  });
  expect(exitCode).toBe(0);
  expect(receipt).toMatchObject({ rows: { quarantined: 2, written: objects.length }, ignored: { values: 506 } });
});

test.each([
  ['a.jsonl', '{"a":1}\nnull\n{"a":2}\n'],
  ['a.jsonl', ' null \n{"a":1}\n{"a":2}'],
  ['a.json', '[{"a":1},null,{"a":2}]'],
])('a value null in place of an object is a bad row, never a row of NULLs: %s %j', async (name, content) => {
  const input = [home.file(name, content)];
  const refused = await home.run({ input, table: home.newTable() });
  expect(refused).toMatchObject({ exitCode: 1, error: { code: 'rows.bad', details: { found: 1 } } });
  const table = home.newTable();
  const taken = await home.run({ input, table, maxBadRows: 1 });
  expect(taken).toMatchObject({ exitCode: 0, receipt: { rows: { quarantined: 1, written: 2 } } });
  expect(await tableRows(home.tablePath(table))).toHaveLength(2);
});
