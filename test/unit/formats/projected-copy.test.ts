import { symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'csv-parse/sync';
import { afterAll, describe, expect, test } from 'vitest';
import type { CsvDialect } from '../../../functions/core/records/csv-dialect.ts';
import { FieldForms } from '../../../functions/core/records/field-forms.ts';
import type { FieldForm } from '../../../functions/core/records/form-kernel-state.ts';
import { windowBytes } from '../../../functions/core/records/kernel.ts';
import { projectStretch } from '../../../functions/formats/project-stretch.ts';
import { stageSplit } from '../../../functions/formats/stage-split.ts';
import { seeded } from '../core/records/random-text.ts';
import { pieceRows, piecesOf, recordsOf, stageObject, Workplace } from './staging.ts';

const place = new Workplace();
afterAll(() => place.remove());

const base: CsvDialect = { delimiter: ',', quote: '"', escape: '"', comment: '', newline: '\n' };

function project(
  dialect: CsvDialect,
  forms: readonly (FieldForm | null)[],
  kept: readonly number[],
  bytes: Uint8Array,
  cuts: readonly number[] = [],
) {
  const taken: Buffer[] = [];
  const checker = new FieldForms(dialect, forms, { kept, take: (projected) => taken.push(Buffer.from(projected)) });
  const edges = [0, ...cuts, bytes.length];
  for (const [i, end] of edges.slice(1).entries()) checker.push(bytes.subarray(edges[i], end));
  const ofForm = checker.finish();
  return { text: Buffer.concat(taken).toString(), ofForm, isEven: checker.isEven };
}

const rowsOf = (text: string, { delimiter, quote, newline }: CsvDialect): readonly (readonly string[])[] =>
  parse(text, {
    delimiter,
    quote: quote === '' ? false : quote,
    record_delimiter: newline,
    relax_column_count: true,
    skip_empty_lines: true,
  });

describe('the fields of a projection', () => {
  const random = seeded(23);
  const pick = <Item>(items: readonly Item[]): Item => items[random(items.length)] as Item;

  function randomTable(dialect: CsvDialect): { text: string; fields: number; kept: number[] } {
    const fields = 2 + random(6);
    const value = (): string => {
      const chars = Array.from({ length: random(pick([1, 6, 6, 200])) }, () => pick([...'ab,é \n""01.-']));
      const text = chars.join('');
      if (dialect.quote === '') return text.replaceAll(/[,\n\r\t"]/g, '.');
      const mustQuote = text.includes(dialect.delimiter) || /["\n\r]/.test(text) || random(5) === 0;
      return mustQuote ? `"${text.replaceAll('"', '""')}"` : text;
    };
    const line = () => Array.from({ length: fields }, value).join(dialect.delimiter);
    const lines = Array.from({ length: 1 + random(40) }, () => (random(12) === 0 ? '' : line()));
    const kept = Array.from({ length: fields }, (_, field) => field).filter(() => random(2) === 0);
    return { text: lines.join(dialect.newline) + (random(2) === 0 ? dialect.newline : ''), fields, kept };
  }

  test.each([base, { ...base, newline: '\r\n' }, { ...base, delimiter: '\t', quote: '', escape: '' }] as const)(
    'are those of csv-parse, in pieces cut anywhere: %j',
    (dialect) => {
      for (let round = 0; round < 300; round++) {
        const { text, fields, kept } = randomTable(dialect);
        const bytes = Buffer.from(text);
        const cuts = [...new Set(Array.from({ length: random(8) }, () => random(bytes.length + 1)))].sort((a, b) => a - b);
        const projected = project(dialect, new Array(fields).fill(null), kept, bytes, cuts);
        const expected = rowsOf(text, dialect).map((row) => [...kept.map((field) => row[field]), '0']);
        expect(rowsOf(projected.text, { ...dialect, newline: '\n' }), text).toEqual(expected);
        expect(projected.isEven).toBe(true);
      }
    },
  );

  test('may be longer than a window', () => {
    const long = 'x'.repeat(2 * windowBytes + 7);
    expect(project(base, [null, null, null], [1], Buffer.from(`a,"${long}",b\nc,d,e\n`)).text).toBe(`"${long}",0\nd,0\n`);
  });

  test.each(['a,b\n', 'a,b,c,d\n', 'a\n', ' \n', ',\n'])('are not even where a record is %j', (odd) => {
    expect(project(base, [null, null, null], [1], Buffer.from(`a,b,c\n${odd}a,b,c\n`)).isEven).toBe(false);
  });

  test('may be none: then there is a line for each record', () => {
    expect(project(base, ['integer', null], [], Buffer.from('1,x\n\n2,\n3,y')).text).toBe('0\n0\n0\n');
  });
});

describe('a split of which few fields are needed', () => {
  const forms = ['integer', null, 'decimal', null, 'timestamp'] as const;
  const line = (n: number, change: Partial<Record<number, string>> = {}): string =>
    [`${n}`, `"name, ${n}"`, `${n}.5`, 'a text that nobody reads, '.replaceAll(',', ' ').repeat(4), '2026-01-02 03:04:05']
      .map((value, field) => change[field] ?? value)
      .join(',');
  const rows = 70_000;
  const table = (change: Partial<Record<number, string>> = {}, at = 60_000, newline = '\n'): string =>
    `id,name,price,text,at${newline}${Array.from({ length: rows }, (_, n) => line(n, n === at ? change : {})).join(newline)}${newline}`;
  const stage = (text: string, splitBytes: number | null = null) =>
    stageObject(place, text, { forms, keptFields: [1], splitBytes, options: { type: 'csv', header: true } });

  test.each([
    ['whole', '\n', null],
    ['whole, with CRLF', '\r\n', null],
    ['in two splits, each large enough', '\n', 12 << 20],
  ])('becomes a file with those alone: %s', async (_how, newline, splitBytes) => {
    const object = await stage(table({}, -1, newline) + (splitBytes === null ? '' : table({}, -1, newline).slice(23)), splitBytes);
    const pieces = piecesOf(object);
    expect(pieces.map((piece) => piece.layout.format === 'csv' && piece.layout.fields)).toEqual(object.staged.map(() => ['name', '\0']));
    expect(object.staged).toHaveLength(splitBytes === null ? 1 : 2);
    const found = (await Promise.all(pieces.map((piece) => pieceRows([piece])))).flat();
    expect(found).toHaveLength(recordsOf(object));
    expect(found[69_999]).toEqual(['name, 69999', '0']);
  });

  test('holds each record once where the bytes around a split’s edge look like records, and are inside quotes', async () => {
    const [header = '', ...lines] = table().trimEnd().split('\n');
    const splitBytes = 12 << 20;
    const odd = line(7, { 1: `"${'1,a\n'.repeat(1_000_000)}"` });
    const text = `${[header, ...lines, odd, ...lines].join('\n')}\n`;
    expect(text.slice(splitBytes - 300_000, splitBytes + 300_000)).not.toContain('"');
    const object = await stage(text, splitBytes);
    const rows = await pieceRows(piecesOf(object));
    const expected = [...lines, odd, ...lines].map((record) => [/"([^"]*)"/.exec(record)?.[1] ?? '', '0']);
    expect([recordsOf(object), rows.length]).toEqual([expected.length, expected.length]);
    expect(rows).toEqual(expected);
  });

  test.each<[string, Partial<Record<number, string>>]>([
    ['a number that is none', { 0: 'x' }],
    ['a number in another form', { 2: '1e3' }],
    ['a day that isn’t in the calendar', { 4: '2026-02-30 03:04:05' }],
    ['a record with a field too many', { 3: 'a,b' }],
    ['quotes out of place', { 3: 'a "b' }],
  ])('stays as it is where a field that nobody reads may not fit: %s', async (_what, change) => {
    const { staged } = await stage(table(change));
    expect(staged.flatMap(({ pieces }) => pieces.map(({ layout }) => layout.format === 'csv' && layout.fields.length))).not.toContain(2);
  });
});

describe.skipIf(process.platform !== 'linux')(
  'a copy for which there is no space (on Linux, which has a device that is always full)',
  () => {
    test('is not made: the engine reads the object as it lies', async () => {
      const text = `id,name,text\n${Array.from({ length: 9 }, (_, n) => `${n},a,${'nobody reads this '.repeat(3)}\n`).join('')}`;
      const asked = { forms: ['integer', null, null], keptFields: [1], options: { type: 'csv', header: true } } as const;
      const [split] = (await stageObject(place, text, asked)).splits;
      if (split === undefined) throw new Error('there is no split');
      const full = { ...split, projectBytes: 1, name: 'full' };
      symlinkSync('/dev/full', join(split.scratch, 'full-projected'));
      symlinkSync('/dev/full', join(split.scratch, 'full-projected-13'));
      expect(projectStretch({ split: full, range: { start: 13, end: split.size } })).toBe(null);
      const { pieces, records } = await stageSplit(full);
      expect([records, pieces.map(({ path }) => path)]).toEqual([9, [split.path]]);
      expect((await stageSplit({ ...full, name: 'roomy' })).pieces.map(({ path }) => path)).toEqual([
        join(split.scratch, 'roomy-projected'),
      ]);
    });
  },
);

describe('a stretch of an object', () => {
  const text = `id,name,text\n${Array.from({ length: 100_000 }, (_, n) => `${n},"name\n ${n}",${'nobody reads this '.repeat(3)}\n`).join('')}`;
  const at = (n: number): number => text.indexOf(`${n},"`);
  const stretch = async (start: number, end: number) => {
    const { splits } = await stageObject(place, text, {
      forms: ['integer', null, null],
      keptFields: [1],
      options: { type: 'csv', header: true },
    });
    const [split] = splits;
    if (split === undefined) throw new Error('there is no split');
    return projectStretch({ split: { ...split, projectBytes: 1 }, range: { start, end } });
  };

  test('becomes a file of its records alone', async () => {
    const projected = await stretch(at(10_000), at(60_000));
    if (projected === null) throw new Error('it was not copied');
    const expected = Array.from({ length: 50_000 }, (_, n) => [`name\n ${n + 10_000}`, '0']);
    expect([projected.records, await pieceRows([projected.piece])]).toEqual([50_000, expected]);
  });

  test.each([
    ['inside quotes', at(60_000) - 60],
    ['inside a field', at(60_000) - 4],
  ])('is not one where it ends %s', async (_where, end) => {
    expect(await stretch(at(10_000), end)).toBe(null);
  });
});
