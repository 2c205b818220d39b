import { readFileSync } from 'node:fs';
import { parse } from 'csv-parse/sync';
import { afterAll, describe, expect, test } from 'vitest';
import type { CsvLayout } from '../../../functions/core/layout.ts';
import type { Piece } from '../../../functions/core/piece.ts';
import { seeded } from '../core/records/random-text.ts';
import { piecesOf, stageObject, Workplace } from './staging.ts';

const place = new Workplace();
afterAll(() => place.remove());

const forms = ['integer', null, 'date', 'timestamp'] as const;
const patterns = [/^(-?(0|[1-9]\d{0,17}))?$/, null, /^(\d{4}-\d\d-\d\d)?$/, /^(\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(\.\d{1,6})?)?$/];

/** The fields of which csv-parse finds only values of the form in a piece. */
function expected(piece: Piece): readonly number[] {
  const { dialect } = piece.layout as CsvLayout;
  const rows: string[][] = parse(readFileSync(piece.path), {
    delimiter: dialect.delimiter,
    record_delimiter: dialect.newline,
    relax_column_count: true,
    from: 1 + piece.skipRecords,
  });
  return patterns.flatMap((pattern, field) => (pattern !== null && rows.every((row) => pattern.test(row[field] ?? '')) ? [field] : []));
}

function randomCsv(random: (limit: number) => number, newline: string, oddness: number): string {
  const odd = () => oddness > 0 && random(oddness) === 0;
  const line = () =>
    [
      odd() ? '1.5' : String(random(100_000)),
      ['x', '"a, b"', '"""q"""', `"line${newline}end"`, 'plain words'][random(5)],
      odd() ? '2026-1-1' : random(9) === 0 ? '' : `2026-0${1 + random(9)}-1${random(10)}`,
      odd() ? '2026-01-01 10:00:00Z' : `"2026-01-01 1${random(10)}:00:00.5"`,
    ].join(',');
  return `a,b,c,d${newline}${Array.from({ length: 1 + random(40) }, line).join(newline)}${random(2) === 0 ? newline : ''}`;
}

describe('the fields that need no comparison', () => {
  test.each(['\n', '\r\n'] as const)(
    'have only values of their form in the piece, and are all such fields of an object without others, whatever the split size (newline %j)',
    async (newline) => {
      const random = seeded(5);
      let found = 0;
      for (let round = 0; round < 150; round++) {
        const oddness = [0, 10, 80][round % 3] ?? 0;
        const text = randomCsv(random, newline, oddness);
        const splitBytes = round % 2 === 0 ? null : 1 + random(text.length);
        const options = { type: 'csv', newline, header: true } as const;
        for (const piece of piecesOf(await stageObject(place, text, { splitBytes, forms, options }))) {
          const ofForm = expected(piece);
          // a look that went a little beyond the split may have seen an odd value there
          if (splitBytes === null || oddness === 0) expect(piece.exactFields, text).toEqual(ofForm);
          else expect(ofForm, text).toEqual(expect.arrayContaining([...(piece.exactFields ?? [])]));
          found += piece.exactFields?.length ?? 0;
        }
      }
      expect(found).toBeGreaterThan(300);
    },
  );

  test('are none where quotes don’t tell where fields end', async () => {
    const [piece] = piecesOf(
      await stageObject(place, 'a,b,c,d\n1,5" wide,2026-01-01,\n2,"x",2026-01-02,\n', { forms, options: { type: 'csv', header: true } }),
    );
    expect(piece?.records).toBe(2);
    expect(piece?.exactFields).toEqual([]);
  });

  test('are none when nobody asks', async () => {
    const [piece] = piecesOf(await stageObject(place, 'a,b\n1,2\n'));
    expect(piece?.exactFields).toEqual([]);
  });
});
