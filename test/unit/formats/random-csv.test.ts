import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import type { CsvDialect } from '../../../functions/core/records/csv-dialect.ts';
import { splitFields } from '../../../functions/formats/csv-fields.ts';
import { headRecords } from '../../../functions/formats/head-records.ts';
import { sift } from '../../../functions/formats/sift.ts';
import { duckRows, pieceRows, piecesOf, recordsOf, stageObject, Workplace } from './staging.ts';

const place = new Workplace();
afterAll(() => place.remove());

const base: CsvDialect = { delimiter: ',', quote: '"', escape: '"', comment: '', newline: '\n' };

/** Texts of few characters, so that quotes, delimiters and newlines meet in every way. */
function texts(tokens: readonly string[], maxLength: number): fc.Arbitrary<string> {
  return fc.array(fc.constantFrom(...tokens), { maxLength }).map((parts) => parts.join(''));
}

const dialects: readonly (readonly [string, CsvDialect, readonly string[]])[] = [
  ['LF', base, ['a', ',', '"', '\n', ' ', 'é', '""', '","']],
  ['CRLF', { ...base, newline: '\r\n' }, ['a', ',', '"', '\r\n', '\n', '\r', '","']],
  ['backslash escapes', { ...base, escape: '\\' }, ['a', ',', '"', '\n', '\\', '","']],
  ['comments', { ...base, comment: '#' }, ['a', ',', '"', '\n', '#']],
  ['delimiter ||', { ...base, delimiter: '||' }, ['a', '||', '|', '"', '\n', ' ']],
];

describe.each(dialects)('%s', (_title, dialect, tokens) => {
  const options = { type: 'csv' as const, ...dialect, header: false };

  test('the fields of a regular record are those that the machine counts and DuckDB reads', async () => {
    await fc.assert(
      fc.asyncProperty(texts(tokens, 10), async (text) => {
        const bytes = Buffer.from(text);
        for (const record of headRecords(bytes, 0, true, dialect)) {
          if (record.kind !== 'row' || record.problem !== null) continue;
          const line = bytes.subarray(record.start, record.end);
          const fields = splitFields(line.toString(), dialect);
          expect(fields.length, JSON.stringify(line.toString())).toBe(record.fields);
          const names = fields.map((_, i) => `f${i}`);
          const layout = {
            format: 'csv',
            compression: 'none',
            bomBytes: 0,
            dataStart: 0,
            header: false,
            dialect,
            fields: names,
            nullStrings: ['\u0007'],
          } as const;
          expect(await duckRows([place.file(line)], layout, 0), JSON.stringify(line.toString())).toEqual([
            fields.map((field) => field.text),
          ]);
        }
      }),
      { numRuns: 40 },
    );
  });

  test('every record is read by the engine or listed as bad, whole or in splits', async () => {
    await fc.assert(
      fc.asyncProperty(texts(tokens, 30), fc.integer({ min: 1, max: 12 }), async (text, splitBytes) => {
        const whole = await siftAll(text, null);
        const parts = await siftAll(text, splitBytes);
        expect(parts).toEqual(whole);
        expect(whole.rows.length + whole.bad.length).toBe(whole.records);
      }),
      { numRuns: 40 },
    );
  });

  test('what is not suspect and has as many fields as columns is read as it lies', async () => {
    await fc.assert(
      fc.asyncProperty(texts(tokens, 24), async (text) => {
        const object = await stageObject(place, text, { options });
        const { layout } = object.head;
        if (layout.format !== 'csv' || object.staged.some(({ suspects }) => suspects)) return;
        const rows = await pieceRows(piecesOf(object)).catch(() => null);
        if (rows !== null) expect(rows.length, JSON.stringify(text)).toBe(recordsOf(object));
        else expect((await siftAll(text, null)).bad.length, JSON.stringify(text)).toBeGreaterThan(0);
      }),
      { numRuns: 40 },
    );
  });

  async function siftAll(text: string, splitBytes: number | null) {
    const object = await stageObject(place, text, { options, splitBytes });
    const sifted = object.splits.map((split, i) => {
      const staged = object.staged[i];
      if (staged === undefined) throw new Error('not staged');
      return sift(split, staged, 1000);
    });
    return {
      rows: await pieceRows(sifted.flatMap(({ pieces }) => pieces)),
      offsets: sifted.flatMap(({ pieces }) => pieces.flatMap(({ offsets }) => [...offsets])),
      bad: sifted.flatMap(({ bad }) => bad),
      records: sifted.reduce((sum, { records }) => sum + records, 0),
    };
  }
});
