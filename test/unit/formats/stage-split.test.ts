import { readFileSync } from 'node:fs';
import { parse } from 'csv-parse/sync';
import { afterAll, describe, expect, test } from 'vitest';
import { checkChain } from '../../../functions/core/chain.ts';
import type { FormatOptions } from '../../../functions/core/job.ts';
import { stageSplit } from '../../../functions/formats/stage-split.ts';
import { bytesOf, duckRows, pieceRows, piecesOf, recordsOf, stageObject, Workplace } from './staging.ts';

const place = new Workplace();
afterAll(() => place.remove());

/** Odd but good files, each with the rows that it must give, written by hand. */
const files: readonly {
  readonly title: string;
  readonly text: string;
  readonly rows: readonly (readonly (string | null)[])[];
  readonly options?: FormatOptions;
}[] = [
  {
    title: 'plain',
    text: 'a,b\n1,x\n2,y\n',
    rows: [
      ['1', 'x'],
      ['2', 'y'],
    ],
  },
  {
    title: 'no newline at the end',
    text: 'a,b\n1,x\n2,y',
    rows: [
      ['1', 'x'],
      ['2', 'y'],
    ],
  },
  {
    title: 'byte order mark',
    text: '\ufeffa,b\n1,x\n2,y\n',
    rows: [
      ['1', 'x'],
      ['2', 'y'],
    ],
  },
  { title: 'byte order mark and quoted header', text: '\ufeff"a","b"\n1,x\n', rows: [['1', 'x']] },
  {
    title: 'CRLF',
    text: 'a,b\r\n1,x\r\n2,"y\r\nz"\r\n3,"\n"\r\n',
    rows: [
      ['1', 'x'],
      ['2', 'y\r\nz'],
      ['3', '\n'],
    ],
  },
  {
    title: 'CR alone',
    text: 'a,b\r1,x\r2,"y\rz"\r',
    rows: [
      ['1', 'x'],
      ['2', 'y\rz'],
    ],
  },
  {
    title: 'quoted newlines that look like rows, delimiters, doubled quotes',
    text: 'a,b\n1,"x\n5,fake\n5,fake"\n2,"say ""hi"", you"\n3,"\n\n"\n4,""""\n',
    rows: [
      ['1', 'x\n5,fake\n5,fake'],
      ['2', 'say "hi", you'],
      ['3', '\n\n'],
      ['4', '"'],
    ],
  },
  {
    title: 'NUL bytes',
    text: 'a,b\n1,x\0y\n2,"\0"\n',
    rows: [
      ['1', 'x\0y'],
      ['2', '\0'],
    ],
  },
  {
    title: 'a quote inside an unquoted field',
    text: 'a,b\n1,5" pipe\n2,a"b"c\n3,"q"\n',
    rows: [
      ['1', '5" pipe'],
      ['2', 'a"b"c'],
      ['3', 'q'],
    ],
  },
  {
    title: 'one space before a quote',
    text: 'a,b\n1, "x,y"\n2, z\n',
    rows: [
      ['1', 'x,y'],
      ['2', ' z'],
    ],
  },
  {
    title: 'blank lines',
    text: '\n\na,b\n\n1,x\n\n\n2,y\n\n',
    rows: [
      ['1', 'x'],
      ['2', 'y'],
    ],
  },
  {
    title: 'blank lines in one column, each a NULL',
    text: 'a\n1\n\n2\n\n',
    rows: [['1'], [null], ['2'], [null]],
    options: { type: 'csv', header: true },
  },
  { title: 'header with spaces', text: 'first name , b\n1,x\n', rows: [['1', 'x']] },
  { title: 'a header over two lines', text: '"a\nb",c\n1,x\n', rows: [['1', 'x']] },
  {
    title: 'a delimiter at the end of each row',
    text: 'a,b\n1,x,\n2,y,,\n',
    rows: [
      ['1', 'x'],
      ['2', 'y'],
    ],
  },
  {
    title: 'empty and quoted empty fields',
    text: 'a,b\n1,\n,""\n',
    rows: [
      ['1', null],
      [null, ''],
    ],
  },
  {
    title: 'semicolons and a decimal comma',
    text: 'a;b\n1,5;x\n2,5;y\n',
    rows: [
      ['1,5', 'x'],
      ['2,5', 'y'],
    ],
  },
  {
    title: 'backslash before quotes',
    text: 'a,b\n1,"x\\"y"\n2,"z\\\\"\n',
    rows: [
      ['1', 'x"y'],
      ['2', 'z\\'],
    ],
    options: { type: 'csv', escape: '\\' },
  },
  {
    title: 'comments',
    text: '#c "\na,b\n1,x\n# 2,"\n3,y\n',
    rows: [
      ['1', 'x'],
      ['3', 'y'],
    ],
    options: { type: 'csv', comment: '#', header: true },
  },
  {
    title: 'no quotes',
    text: 'a,b\n"1,x\n2",y\n',
    rows: [
      ['"1', 'x'],
      ['2"', 'y'],
    ],
    options: { type: 'csv', quote: '' },
  },
  {
    title: 'a delimiter of two bytes',
    text: 'a||b\n1||"x||y"\n2||z|\n',
    rows: [
      ['1', 'x||y'],
      ['2', 'z|'],
    ],
    options: { type: 'csv', delimiter: '||' },
  },
  {
    title: 'a byte order mark as data',
    text: 'a,b\n1,x\n\ufeff2,y\n\ufeff3,z\n',
    rows: [
      ['1', 'x'],
      ['\ufeff2', 'y'],
      ['\ufeff3', 'z'],
    ],
  },
  { title: 'a byte order mark behind the byte order mark', text: '\ufeff\ufeffa,b\n1,x\n', rows: [['1', 'x']] },
  {
    title: 'wide characters',
    text: 'a,b\n1,é😀\n2,"日\n本"\n3,ünïcödé\n',
    rows: [
      ['1', 'é😀'],
      ['2', '日\n本'],
      ['3', 'ünïcödé'],
    ],
  },
  {
    title: 'no header',
    text: '1,x\n2,y\n',
    rows: [
      ['1', 'x'],
      ['2', 'y'],
    ],
  },
  { title: 'header only', text: 'a,b\n', rows: [] },
  { title: 'header only, no newline', text: 'a,b', rows: [] },
  { title: 'nothing', text: '', rows: [] },
  { title: 'a byte order mark only', text: '\ufeff', rows: [] },
  { title: 'blank lines only', text: '\n\n\n', rows: [] },
  {
    title: 'a record longer than most splits',
    text: `a,b\n1,"${'long\n'.repeat(20)}"\n2,${'y'.repeat(60)}\n`,
    rows: [
      ['1', 'long\n'.repeat(20)],
      ['2', 'y'.repeat(60)],
    ],
  },
];

describe.each(files)('$title', ({ text, rows, options }) => {
  const how = options === undefined ? {} : { options };

  test('a whole object gives its rows', async () => {
    const object = await stageObject(place, text, how);
    expect(object.staged.map(({ suspects }) => suspects)).toEqual([false]);
    expect(await pieceRows(piecesOf(object))).toEqual(rows);
    expect(recordsOf(object)).toBe(rows.length);
  });

  test('splits of any size hold the same records as the whole, and their chain covers it', async () => {
    const size = Buffer.byteLength(text);
    for (let splitBytes = 1; splitBytes <= size; splitBytes += splitBytes < 32 ? 1 : 13) {
      const object = await stageObject(place, text, { ...how, splitBytes });
      expect(recordsOf(object), `split size ${splitBytes}`).toBe(rows.length);
      if (splitBytes < 3 || splitBytes % 9 === 0) expect(await pieceRows(piecesOf(object)), `split size ${splitBytes}`).toEqual(rows);
    }
  });
});

test('a second parser finds the same rows in every split as in the whole', async () => {
  const text = `id,note\n${Array.from({ length: 12 }, (_, i) => `${i},${['plain', '"quoted, ""x"""', '"two\nlines\n7,x"', '', '"\r\n"'][i % 5]}`).join('\n')}\n`;
  const whole: unknown = parse(text, { fromLine: 2, recordDelimiter: '\n' });
  for (let splitBytes = 1; splitBytes < text.length; splitBytes++) {
    const object = await stageObject(place, text, { splitBytes });
    const rows = piecesOf(object).flatMap((piece) =>
      parse(readFileSync(piece.path), { recordDelimiter: '\n', fromLine: 1 + piece.skipRecords }),
    );
    expect(rows, `split size ${splitBytes}`).toEqual(whole);
  }
});

describe('a whole uncompressed object', () => {
  test('is its own piece, with the header skipped and no copy made', async () => {
    const object = await stageObject(place, '\ufeffa,b\n1,x\n');
    expect(piecesOf(object)).toMatchObject([{ path: object.splits[0]?.path, skipRecords: 1, records: 1, parallelSafe: true }]);
  });

  test('is copied when the engine would skip a blank line for the header', async () => {
    const object = await stageObject(place, '\na,b\n1,x\n');
    expect(piecesOf(object)).toMatchObject([{ skipRecords: 0, records: 1 }]);
    expect(bytesOf(piecesOf(object)).toString()).toBe('1,x\n');
  });

  test.each([
    ['a newline inside quotes', 'a,b\n1,"x\ny"\n'],
    ['a quote inside an unquoted field', 'a,b\n1,5"\n'],
  ])('may not be read with several threads when it holds %s', async (_title, text) => {
    expect(piecesOf(await stageObject(place, text))).toMatchObject([{ parallelSafe: false }]);
  });

  test('with newlines inside quotes is cut into a file for each thread, whose rows are those of the whole', async () => {
    const text = `a,b\n${Array.from({ length: 400_000 }, (_, i) => `${i},"fake\n5,row ${i}"\n`).join('')}`;
    const object = await stageObject(place, text, { threads: 3 });
    const pieces = piecesOf(object);
    const { layout } = object.head;
    expect(pieces).toHaveLength(3);
    expect(pieces.every(({ parallelSafe, records }) => !parallelSafe && records > 80_000)).toBe(true);
    expect(pieces.reduce((sum, piece) => sum + piece.records, 0)).toBe(400_000);
    expect(bytesOf(pieces).toString()).toBe(text.slice(4));
    if (layout.format !== 'csv') throw new Error('not CSV');
    for (const piece of pieces) expect((await duckRows([piece.path], layout, 0)).length).toBe(piece.records);
    expect(Math.max(...pieces.map((piece) => piece.longestRecordBytes))).toBeLessThan(2 ** 21);
  });
});

test('a record of 50 MB is staged with a limit that fits it', async () => {
  const long = `${'x'.repeat(5_000_000)}\n`.repeat(10);
  const object = await stageObject(place, `a,b\n1,x\n2,"${long}"\n3,y\n`, { splitBytes: 20_000_000 });
  const pieces = piecesOf(object);
  expect(recordsOf(object)).toBe(3);
  expect(pieces.some((piece) => piece.longestRecordBytes >= long.length + 4)).toBe(true);
  const rows = await pieceRows(pieces);
  expect(rows.map((row) => row[0])).toEqual(['1', '2', '3']);
  expect(rows[1]?.[1]).toBe(long);
});

describe('JSON lines and text', () => {
  const lines = '{"a":1}\n\n  \r\n{"a":"é\\n"}\r\n{"a":[1,2]}';

  test('JSON lines of any split size are those of the whole; blank ones are not records', async () => {
    for (let splitBytes = 1; splitBytes <= Buffer.byteLength(lines); splitBytes++) {
      const object = await stageObject(place, lines, { key: 'a.jsonl', splitBytes });
      const values = piecesOf(object)
        .flatMap((piece) => readFileSync(piece.path, 'utf8').split('\n'))
        .filter((line) => line.trim() !== '');
      expect(
        values.map((line): unknown => JSON.parse(line)),
        `split size ${splitBytes}`,
      ).toEqual([{ a: 1 }, { a: 'é\n' }, { a: [1, 2] }]);
      expect(recordsOf(object)).toBe(3);
    }
  });

  test('JSON lines with a byte order mark are staged without it', async () => {
    const object = await stageObject(place, `\ufeff${lines}`, { key: 'a.jsonl' });
    expect(bytesOf(piecesOf(object)).toString()).toBe(lines);
  });

  test.each([
    ['LF', 'one\n\n  two "x"\n', ['one', '', '  two "x"']],
    ['CRLF', 'one\r\n\r\ntwo "x"\r\n', ['one', '', 'two "x"']],
    ['a lone CR, which is data', 'one\rmore\ntwo\r\n', ['one\rmore', 'two']],
    ['the byte that the engine takes for a delimiter', 'a\x01b\n"\n', ['a\x01b', '"']],
    ['no newline at the end', 'one\ntwo', ['one', 'two']],
    ['a byte order mark', '\ufeffone\n\ufefftwo\n', ['one', '\ufefftwo']],
  ])('text lines with %s, at any split size', async (_title, text, expected) => {
    for (let splitBytes = 1; splitBytes <= Buffer.byteLength(text); splitBytes++) {
      const object = await stageObject(place, text, { key: 'a.log', splitBytes });
      const found: string[] = [];
      for (const piece of piecesOf(object)) {
        if (piece.layout.format === 'csv') found.push(...(await pieceRows([piece])).map((row) => String(row[0])));
        else
          found.push(
            ...readFileSync(piece.path, 'utf8')
              .replace(/^\ufeff(?=\ufeff)/, '')
              .replace(/\n$/, '')
              .split('\n'),
          );
      }
      expect(found, `split size ${splitBytes}`).toEqual(expected);
      expect(recordsOf(object)).toBe(expected.length);
    }
  });
});

describe('a JSON array', () => {
  test('is staged as one value a line, in any layout', async () => {
    const values = [{ a: 1, b: '[{,}]"\\' }, { a: null }, { a: [1, { c: 2 }] }, { a: 'é' }];
    for (const text of [
      JSON.stringify(values),
      JSON.stringify(values, null, 2),
      `\ufeff${JSON.stringify(values, null, '\t')}\r\n`,
      ` [\n${values.map((v) => JSON.stringify(v)).join('\n,')}\n] `,
    ]) {
      const object = await stageObject(place, text, { key: 'a.json', splitBytes: 3 });
      const lines = bytesOf(piecesOf(object))
        .toString()
        .split('\n')
        .filter((line) => line.trim() !== '');
      expect(lines.map((line): unknown => JSON.parse(line))).toEqual(values);
      expect(piecesOf(object)).toMatchObject([{ records: 4, layout: { format: 'jsonl' } }]);
    }
  });

  test.each(['[]', ' [ ] \n', ''])('without values has no records: %j', async (text) => {
    const object = await stageObject(place, text, { key: 'a.json' });
    expect([piecesOf(object), recordsOf(object)]).toEqual([[], 0]);
  });

  test.each([
    ['{"a":1}\n{"a":2}\n', 2],
    ['{"a":1}', 1],
  ])('may be JSON lines: %j', async (text, records) => {
    expect(recordsOf(await stageObject(place, text, { key: 'a.json' }))).toBe(records);
  });

  test.each([
    ['[{"a":1}', 'input.corrupt'],
    ['[{"a":1},', 'input.corrupt'],
    ['[{"a":1}] x', 'input.corrupt'],
    ['[{"a":1} {"a":2}]', 'input.corrupt'],
    ['"a"', 'input.format'],
    ['{\n"a": 1\n}', 'input.format'],
  ])('that is cut short or malformed is an error: %j', async (text, code) => {
    await expect(stageObject(place, text, { key: 'a.json' })).rejects.toMatchObject({ code, message: expect.stringContaining("'a.json'") });
  });
});

test('Parquet is its own piece and one split, whose link covers the file', async () => {
  const layout = { format: 'parquet', compression: 'none', columns: [{ name: 'a', type: 'BIGINT' }] } as const;
  const path = place.file('PAR1');
  const range = { start: 0, end: 4 };
  const split = {
    path,
    size: 4,
    key: 'a.parquet',
    layout,
    range,
    exactFrom: null,
    scratch: place.folder,
    name: 'p',
    threads: 2,
    wholeObject: true,
  };
  const staged = await stageSplit(split);
  expect(staged).toMatchObject({ pieces: [{ path, layout, skipRecords: 0 }], bytesCovered: 4, suspects: false, text: null });
  expect(checkChain([{ ...staged.link, task: 0 }])).toEqual({ kind: 'whole' });
});

describe('what must be sifted', () => {
  test.each([
    ['invalid UTF-8', Buffer.from('a,b\n1,x\n2,\xff\n', 'latin1')],
    ['a character cut by the end of the object', Buffer.from([...Buffer.from('a,b\n1,'), 0xc3])],
    ['an unterminated quote', 'a,b\n1,x\n2,"y\n3,z\n'],
    ['text behind a closing quote', 'a,b\n1,x\n2,"y"z\n'],
    ['mixed newlines', 'a,b\n1,x\n2,y\r\n3,z\n'],
  ])('%s makes a split suspect: no piece of it goes to the engine', async (_title, content) => {
    const object = await stageObject(place, content);
    expect(object.staged).toMatchObject([{ suspects: true, pieces: [] }]);
  });

  test('only the splits with the bad byte are suspect, at any split size', async () => {
    const bytes = Buffer.from('a,b\n1,é\n2,\xc3\n3,é😀é😀\n4,x\n', 'latin1');
    const text = Buffer.concat([Buffer.from('a,b\n1,é\n2,'), Buffer.of(0xc3), Buffer.from('\n3,é😀é😀\n4,x\n')]);
    expect(bytes.length).toBeGreaterThan(0);
    for (let splitBytes = 1; splitBytes <= text.length; splitBytes++) {
      const { staged } = await stageObject(place, text, { splitBytes });
      const suspects = staged.filter((split) => split.suspects);
      expect(suspects, `split size ${splitBytes}`).toHaveLength(1);
      const [{ link } = { link: undefined }] = suspects;
      expect(link?.from).toBeLessThanOrEqual(9);
      expect(link?.to).toBeGreaterThan(11);
    }
  });
});
