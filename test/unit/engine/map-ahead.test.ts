import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { RowsDoNotFit } from '../../../functions/engine/errors.ts';
import { runMap } from '../../../functions/engine/map.ts';
import { mapAhead } from '../../../functions/engine/map-ahead.ts';
import { Bench, counts, csvLayout } from './fixture.ts';

let bench: Bench;
beforeAll(async () => {
  bench = await Bench.open();
});
afterAll(() => bench.close());

const columns = [
  { name: 'a', type: 'BIGINT', declared: false },
  { name: 'b', type: 'VARCHAR', declared: false },
];
const layout = csvLayout(['a', 'b']);
const sql = 'SELECT a, b FROM input WHERE a > 1';

const guessOf = async (text: string) => {
  const piece = bench.piece(text, layout, { parallelSafe: true, exactFields: [0], longestRecordBytes: 0 });
  return bench.request(sql, [piece], columns);
};

describe('a query that is begun before its input was scanned', () => {
  test('gives its result when the guess is confirmed, counts of records aside', async () => {
    const guess = await guessOf('1,x\n2,y\n3,z\n');
    const ahead = await mapAhead(bench.engine, guess);
    const [piece] = guess.pieces;
    const result = await ahead.confirm({ ...guess, pieces: piece === undefined ? [] : [{ ...piece, records: 3, longestRecordBytes: 4 }] });
    expect(result === null ? null : counts(result)).toEqual([3, 2, 2]);
  });

  test.each([
    ['a newline stands inside quotes', { parallelSafe: false }],
    ['a value is not written in the form of its type', { exactFields: [] }],
    ['a record is longer than the engine’s limit', { longestRecordBytes: 3_000_000 }],
    ['a header must be skipped', { skipRecords: 1 as const }],
  ])('gives none when %s, and the engine is free for the right request', async (_reason, other) => {
    const guess = await guessOf('1,x\n2,y\n3,z\n');
    const ahead = await mapAhead(bench.engine, guess);
    const request = { ...guess, pieces: guess.pieces.map((piece) => ({ ...piece, ...other })) };
    expect(await ahead.confirm(request)).toBeNull();
    expect((await runMap(bench.engine, request)).files).toHaveLength(1);
  });

  test('fails as the query would when the guess was right and a value doesn’t fit', async () => {
    const guess = await guessOf(`${'1,x\n'.repeat(1000)}99999999999999999999,y\n`);
    await expect((await mapAhead(bench.engine, guess)).confirm(guess)).rejects.toThrow(RowsDoNotFit);
  });

  test('can be stopped in the middle, and leaves an engine that goes on', async () => {
    const guess = await guessOf('123456,some words that take their time\n'.repeat(1_000_000));
    const ahead = await mapAhead(bench.engine, guess);
    await ahead.stop();
    expect(await bench.engine.rows('SELECT 1 AS one')).toEqual([{ one: 1 }]);
    const again = await guessOf('1,x\n2,y\n');
    expect(counts(await runMap(bench.engine, again))).toEqual([2, 1, 1]);
  });
});

describe('fields whose form was seen', () => {
  const integers = ['0', '-0', '7', '-12', '123456789012345678', '', '"5"'];
  const days = ['2026-01-02', '2026-02-30', '0000-01-01', '9999-12-31', '2026-13-01', '', '"2026-01-02"'];
  const times = [
    '2026-01-02 03:04:05',
    '2026-01-02T23:59:59.999999',
    '2026-01-02 24:00:00',
    '2026-01-02 25:00:00',
    '2026-02-30 00:00:00.1',
    '2026-01-02 03:04:60',
  ];

  async function answer(type: string, text: string, exactFields: readonly number[]): Promise<string> {
    const given = columns.map((column) => (column.name === 'a' ? { ...column, type } : column));
    const piece = bench.piece(`${text},x\n`, layout, { exactFields });
    return bench.map('SELECT a, b FROM input', [piece], given).then(
      ({ rows }) => JSON.stringify(rows),
      (thrown) => (thrown instanceof RowsDoNotFit ? 'does not fit' : String(thrown)),
    );
  }

  test.each([
    ['BIGINT', integers],
    ['HUGEINT', integers],
    ['INTEGER', integers],
    ['SMALLINT', integers],
    ['UBIGINT', integers],
    ['DATE', days],
    ['TIMESTAMP', times],
  ])('are read as %s without another answer than with the comparison', async (type, texts) => {
    for (const text of texts) expect(await answer(type, text, [0]), text).toBe(await answer(type, text, []));
  });
});
