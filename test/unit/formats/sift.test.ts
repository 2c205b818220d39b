import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { afterAll, describe, expect, test } from 'vitest';
import { badRecordOf, sift } from '../../../functions/formats/sift.ts';
import type { SiftedSplit } from '../../../functions/formats/sifted-split.ts';
import { pieceRows, type StageOptions, stageObject, Workplace } from './staging.ts';

const place = new Workplace();
afterAll(() => place.remove());

interface Sifted {
  readonly rows: readonly (readonly unknown[])[];
  readonly offsets: readonly number[];
  readonly bad: SiftedSplit['bad'];
  readonly badCount: number;
  readonly records: number;
}

/** Sifts every split of an object and reads the good records. */
async function siftObject(content: Uint8Array | string, how: StageOptions = {}, limit = 100): Promise<Sifted> {
  const object = await stageObject(place, content, how);
  const sifted = object.splits.map((split, i) => {
    const staged = object.staged[i];
    if (staged === undefined) throw new Error('not staged');
    const result = sift(split, staged, limit);
    expect(result.records).toBe(staged.records);
    return result;
  });
  const pieces = sifted.flatMap(({ pieces }) => pieces);
  for (const piece of pieces) expect(piece.offsets.length).toBe(piece.records);
  return {
    rows: await pieceRows(pieces),
    offsets: pieces.flatMap(({ offsets }) => [...offsets]),
    bad: sifted.flatMap(({ bad }) => bad),
    badCount: sifted.reduce((sum, { badCount }) => sum + badCount, 0),
    records: sifted.reduce((sum, { records }) => sum + records, 0),
  };
}

const header = 'a,b\n';

/** One bad record between two good ones: what is wrong with it, and what the user reads. */
const bad: readonly { readonly title: string; readonly record: string | Buffer; readonly reason: RegExp; readonly raw: string }[] = [
  { title: 'too few fields', record: '2\n', reason: /^it has 1 field, and the file has 2 columns$/, raw: '2' },
  { title: 'too many fields', record: '2,y,z\n', reason: /^it has 3 fields, and the file has 2 columns$/, raw: '2,y,z' },
  { title: 'a quoted empty field too many', record: '2,y,""\n', reason: /3 fields/, raw: '2,y,""' },
  { title: 'a space too many', record: '2,y, \n', reason: /3 fields/, raw: '2,y, ' },
  { title: 'text behind a closing quote', record: '2,"y"z\n', reason: /text between the closing quote/, raw: '2,"y"z' },
  { title: 'a foreign line end', record: '2,y\r\n', reason: /a line end other than LF/, raw: '2,y' },
  { title: 'a lone CR', record: '2,y\rz\n', reason: /a line end other than LF/, raw: '2,y\rz' },
  {
    title: 'invalid UTF-8',
    record: Buffer.from([0x32, 0x2c, 0xc3, 0xa9, 0xff, 0x0a]),
    reason: /^byte 12 is not valid UTF-8$/,
    raw: '2,é\\xFF',
  },
  {
    title: 'a cut character',
    record: Buffer.from([0x32, 0x2c, 0xf0, 0x9f, 0x0a]),
    reason: /^byte 10 is not valid UTF-8$/,
    raw: '2,\\xF0\\x9F',
  },
];

describe.each(bad)('$title', ({ record, reason, raw }) => {
  const content = Buffer.concat([Buffer.from(`${header}1,x\n`), Buffer.from(record), Buffer.from('3,"z\n""z"\n4,é\n')]);

  test('is taken out with its place and its text, and the records around it stay, at any split size', async () => {
    for (let splitBytes = 1; splitBytes <= content.length; splitBytes += splitBytes < 8 ? 1 : 5) {
      const found = await siftObject(content, { splitBytes });
      expect(found.rows, `split size ${splitBytes}`).toEqual([
        ['1', 'x'],
        ['3', 'z\n"z'],
        ['4', 'é'],
      ]);
      expect(found.offsets).toEqual([4, 8 + record.length, 8 + record.length + 10]);
      expect(found.bad).toEqual([
        { objectKey: 'a.csv', offset: 8, lengthBytes: record.length, column: null, reason: expect.stringMatching(reason), raw },
      ]);
      expect([found.badCount, found.records]).toEqual([1, 4]);
    }
  });
});

test('a quote that is never closed makes everything behind it one bad record, which says so', async () => {
  const found = await siftObject(`${header}1,x\n2,"y\n3,z\n4,z\n`);
  expect(found.rows).toEqual([['1', 'x']]);
  expect(found.bad).toMatchObject([{ offset: 8, lengthBytes: 13, raw: '2,"y\n3,z\n4,z' }]);
  expect(found.bad[0]?.reason).toContain('everything from here to the end of the file (13 bytes)');
});

test('odd but good records are never taken out', async () => {
  const text = `${header}1,a"b\n2, "x,""y"""\n\n3,\0\n4,"\r\n"\n5,z,\n6,z,,\n,\n7,end`;
  const found = await siftObject(text);
  expect(found.bad).toEqual([]);
  expect(found.rows).toEqual([
    ['1', 'a"b'],
    ['2', 'x,"y"'],
    ['3', '\0'],
    ['4', '\r\n'],
    ['5', 'z'],
    ['6', 'z'],
    [null, null],
    ['7', 'end'],
  ]);
});

test.each([
  [
    'CRLF',
    'a,b\r\n1,x\r\n2\r\n3,"y\r\n"\r\n4,z',
    [
      ['1', 'x'],
      ['3', 'y\r\n'],
      ['4', 'z'],
    ],
  ],
  [
    'CRLF with half a line end at the end',
    'a,b\r\n1,x\r\n2\r\n4,z\r',
    [
      ['1', 'x'],
      ['4', 'z'],
    ],
  ],
  [
    'CR',
    'a,b\r1,x\r2\r4,z',
    [
      ['1', 'x'],
      ['4', 'z'],
    ],
  ],
])('%s stays what it is, and the last record gets its line end', async (_title, text, rows) => {
  const found = await siftObject(text);
  expect(found.rows).toEqual(rows);
  expect(found.bad).toMatchObject([{ raw: '2' }]);
});

test('a compressed object is sifted in its expanded form; places are those of the content', async () => {
  const found = await siftObject(gzipSync(`${header}1,x\n2\n3,"y\nz"\n`), { key: 'a.csv.gz' });
  expect(found.rows).toEqual([
    ['1', 'x'],
    ['3', 'y\nz'],
  ]);
  expect(found.bad).toMatchObject([{ objectKey: 'a.csv.gz', offset: 8, raw: '2' }]);
});

test('a blank line of a file with one column is a row of NULL', async () => {
  const found = await siftObject('a\n1\n\n2,3\n', { options: { type: 'csv', header: true, delimiter: ',' } });
  expect(found.rows).toEqual([['1'], [null]]);
  expect(found.bad).toMatchObject([{ raw: '2,3' }]);
});

test('a byte order mark that begins a record is data', async () => {
  const found = await siftObject(`${header}1\n\ufeff2,x\n`);
  expect(found.rows).toEqual([['\ufeff2', 'x']]);
});

test('only the first bad records are listed, all are counted', async () => {
  const found = await siftObject(`${header}${'x\n'.repeat(50)}1,x\n`, { options: { type: 'csv', header: true, delimiter: ',' } }, 3);
  expect([found.bad.length, found.badCount, found.records]).toEqual([3, 50, 51]);
  expect(found.bad.map(({ offset }) => offset)).toEqual([4, 6, 8]);
});

test('the text of a long bad record is cut at 64 KiB, not inside a character', async () => {
  const found = await siftObject(`${header}1,x\n2,${'€'.repeat(60_000)},z\n`);
  const [record] = found.bad;
  expect(record?.lengthBytes).toBe(180_005);
  expect(record?.raw).toMatch(/^2,€+…$/);
  expect(Buffer.byteLength(record?.raw ?? '')).toBeLessThan(65_540);
});

test('JSON lines: only what is not UTF-8 is taken out; the rest is for the engine to judge', async () => {
  const content = Buffer.concat([Buffer.from('{"a":1}\n\n{bad}\n{"a":"'), Buffer.of(0xff), Buffer.from('"}\n{"a":2}')]);
  const object = await stageObject(place, content, { key: 'a.jsonl' });
  const [split, staged] = [object.splits[0], object.staged[0]];
  if (split === undefined || staged === undefined) throw new Error('not staged');
  expect(staged.suspects).toBe(true);
  const { pieces, ...found } = sift(split, staged, 10);
  expect(pieces.map((piece) => readFileSync(piece.path, 'utf8')).join('')).toBe('{"a":1}\n{bad}\n{"a":2}\n');
  expect(pieces.flatMap((piece) => [...piece.offsets])).toEqual([0, 9, 25]);
  expect(found).toMatchObject({ badCount: 1, records: 4, bad: [{ offset: 15, lengthBytes: 10, raw: '{"a":"\\xFF"}' }] });
});

test('a value of a JSON array that is not UTF-8 is taken out', async () => {
  const content = Buffer.concat([Buffer.from('[{"a":1}, {"a":"'), Buffer.of(0xff), Buffer.from('"}, {"a":2}]')]);
  const object = await stageObject(place, content, { key: 'a.json' });
  const [split, staged] = [object.splits[0], object.staged[0]];
  if (split === undefined || staged === undefined) throw new Error('not staged');
  const { pieces, bad: found, records } = sift(split, staged, 10);
  const lines = pieces.flatMap((piece) => readFileSync(piece.path, 'utf8').trim().split('\n'));
  expect(lines.map((line): unknown => JSON.parse(line))).toEqual([{ a: 1 }, { a: 2 }]);
  expect(found).toMatchObject([{ offset: 9, raw: ' {"a":"\\xFF"}' }]);
  expect(records).toBe(3);
});

test('text lines that are not UTF-8 are taken out', async () => {
  const content = Buffer.concat([Buffer.from('one\r\n\n"'), Buffer.of(0xe9), Buffer.from('"\n"two"')]);
  const object = await stageObject(place, content, { key: 'a.txt' });
  const [split, staged] = [object.splits[0], object.staged[0]];
  if (split === undefined || staged === undefined) throw new Error('not staged');
  const { pieces, bad: found } = sift(split, staged, 10);
  expect(await pieceRows(pieces)).toEqual([['one'], [''], ['"two"']]);
  expect(found).toMatchObject([{ offset: 6, raw: '"\\xE9"' }]);
});

test.each([
  ['a.csv', 'a,b\n1,x\n2\n\n3,"y\nz"\n4,z\n', 1, { offset: 11, lengthBytes: 8, raw: '3,"y\nz"' }],
  ['a.csv', 'a,b\n1,x\n2\n\n3,"y\nz"\n4,z', 2, { offset: 19, lengthBytes: 3, raw: '4,z' }],
  ['a.jsonl', '{"a":1}\n\n{"a":"x"}\r\n\n', 1, { offset: 9, lengthBytes: 11, raw: '{"a":"x"}' }],
  ['a.json', ' [{"a":1},\n{"a":"x"} ]', 1, { offset: 10, raw: ' {"a":"x"}  ' }],
  ['a.txt', 'one\n\ntwo', 2, { offset: 5, lengthBytes: 3, raw: 'two' }],
])('a record of %s whose value the engine refuses is found again by its number', async (key, text, ordinal, expected) => {
  const object = await stageObject(place, text, { key });
  const [split, staged] = [object.splits[0], object.staged[0]];
  if (split === undefined || staged === undefined) throw new Error('not staged');
  const [piece] = sift(split, staged, 10).pieces;
  if (piece === undefined) throw new Error('no piece');
  expect(badRecordOf(split, staged, piece, ordinal, { column: 'a', reason: 'why' })).toMatchObject({
    objectKey: key,
    column: 'a',
    reason: 'why',
    ...expected,
  });
});
