import { describe, expect, test } from 'vitest';
import type { FormatOptions } from '../../../functions/core/job.ts';
import type { CsvLayout } from '../../../functions/core/layout.ts';
import { formatOf, HeadTooShort, readLayout } from '../../../functions/formats/head.ts';

function read(key: string, content: string | Uint8Array, options?: FormatOptions, complete = true) {
  return readLayout({ key, head: Buffer.from(content), complete, compression: 'none', options });
}

function csv(content: string | Uint8Array, options?: FormatOptions, key = 'a.csv'): CsvLayout {
  const { layout } = read(key, content, options);
  if (layout.format !== 'csv') throw new Error('not CSV');
  return layout;
}

describe('the format', () => {
  test.each([
    ['a.csv', 'csv'],
    ['in/2026/A.CSV.GZ', 'csv'],
    ['a.tsv.zst', 'tsv'],
    ['a.tab', 'tsv'],
    ['a.psv', 'csv'],
    ['a.jsonl', 'jsonl'],
    ['a.ndjson.gz', 'jsonl'],
    ['a.json', 'json'],
    ['a.parquet', 'parquet'],
    ['a.log', 'text'],
    ['a.b.txt', 'text'],
  ])('of %s is %s', (key, format) => expect(formatOf(key, undefined)).toBe(format));

  test('is what the job says, whatever the name', () => expect(formatOf('a.dat', { type: 'tsv' })).toBe('tsv'));

  test.each(['a', 'a.gz', 'in.csv/a', 'a.xlsx', 'a.csvv'])('of %s is unknown: the message names --format', (key) => {
    expect(() => formatOf(key, undefined)).toThrow(
      expect.objectContaining({ code: 'input.format', message: expect.stringContaining('--format') }),
    );
  });
});

describe('a file that is not what its name says', () => {
  test.each(['PAR1,PAR2\n1,2\n', 'BZh9,b\n1,2\n', 'a,b\n1,\0\0\0\n'])(
    'a text that only resembles something else is text: %j',
    (content) => {
      expect(() => read('a.csv', content, { type: 'csv', header: true })).not.toThrow();
    },
  );
});

describe('the dialect', () => {
  test.each([
    ['comma', 'a,b\n1,2\n', ','],
    ['semicolon, with decimal commas', 'a;b\n1,5;2,5\n', ';'],
    ['tab, with commas in the text', 'a\tb\nx, y\tz\nw\tv\n', '\t'],
    ['bar', 'a|b|c\n1|2|3\n', '|'],
    ['comma, with times', 'at,b\n10:00:00,1\n11:00:00,2\n', ','],
    ['comma, with a ragged row', 'a,b,c\n1,2,3\n4,5\n6,7,8\n', ','],
    ['comma, when there is one column', 'a\n1\n', ','],
    ['comma, with semicolons inside quotes', 'a,b\n"x;y",1\n"z;w",2\n', ','],
  ])('delimiter: %s', (_title, content, delimiter) => expect(csv(content).dialect.delimiter).toBe(delimiter));

  test('a name says which delimiter comes first', () => {
    expect(csv('a,b\tc,d\n1,2\t3,4\n', undefined, 'a.tsv').dialect.delimiter).toBe('\t');
    expect(csv('a,b|c,d\n1,2|3,4\n', undefined, 'a.psv').dialect.delimiter).toBe('|');
  });

  test('a hint is taken when nothing usual fits, and not otherwise', () => {
    const layout = (content: string) =>
      readLayout({ key: 'a.csv', head: Buffer.from(content), complete: true, compression: 'none', options: undefined }, { delimiter: '^' })
        .layout;
    expect(layout('a^b\n1^2\n')).toMatchObject({ dialect: { delimiter: '^' }, fields: ['a', 'b'] });
    expect(layout('a,b\n1,2\n')).toMatchObject({ dialect: { delimiter: ',' } });
  });

  test.each([
    ['LF', 'a,b\n1,"x\r\ny"\n2,z\n', '\n'],
    ['CRLF', 'a,b\r\n1,"x\ny"\r\n', '\r\n'],
    ['CR', 'a,b\r1,"x\n"\r', '\r'],
    ['the most frequent one', 'a,b\n1,x\r\n2,y\n3,z\n', '\n'],
    ['LF when there is none', 'a,b', '\n'],
  ])('newline: %s', (_title, content, newline) => expect(csv(content).dialect.newline).toBe(newline));

  test.each([
    ['double quotes', 'a,b\n"x,y",1\n', '"'],
    ['single quotes', "a,b\n'x,y',1\n'z','2'\n", "'"],
    ['double quotes where apostrophes are text', "a,b\n'tis,1\nit's,2\n", '"'],
    ['double quotes where one is never closed: it must not be overlooked', 'a,b\n1,"x\n2,y\n', '"'],
  ])('quote: %s', (_title, content, quote) => expect(csv(content).dialect.quote).toBe(quote));

  test('escape: a backslash when it makes sense of the quotes, else a doubled quote', () => {
    expect(csv('a,b\n1,"x \\"y\\", z"\n2,"w"\n').dialect.escape).toBe('\\');
    expect(csv('a,b\n1,"x ""y"", z"\n2,"C:\\"\n').dialect.escape).toBe('"');
  });

  test('what the job declares is taken as it is', () => {
    const options: FormatOptions = {
      type: 'csv',
      delimiter: ';',
      quote: "'",
      escape: '\\',
      newline: '\r',
      comment: '#',
      header: false,
      nullStrings: ['NA'],
    };
    expect(csv('a,b\n1,2\n', options)).toMatchObject({
      dialect: { delimiter: ';', quote: "'", escape: '\\', newline: '\r', comment: '#' },
      header: false,
      nullStrings: ['NA'],
    });
  });
});

describe('the header', () => {
  test.each([
    ['names over numbers', 'id,name\n1,x\n', ['id', 'name']],
    ['names over text', 'name,city\nalice,paris\nbob,rome\n', ['name', 'city']],
    ['names alone', 'a,b\n', ['a', 'b']],
    ['names with spaces, as they are', ' first name ,b\nx,1\n', [' first name ', 'b']],
    ['a name over two lines', '"a\nb",c\nx,1\n', ['a\nb', 'c']],
    ['a missing name, as pandas writes its index', ',x,y\n0,1,2\n', ['column0', 'x', 'y']],
    ['doubled names, which differ in case or not', 'a,A,a,b\n1,2,3,4\n', ['a', 'A_1', 'a_2', 'b']],
    ['a doubled name whose new name is taken', 'a,a,a_1\n1,2,3\n', ['a', 'a_2', 'a_1']],
    ['quoted names and a byte order mark', '\ufeff"a","b ""c"""\n1,2\n', ['a', 'b "c"']],
    ['names behind blank lines', '\n\na,b\n1,2\n', ['a', 'b']],
  ])('%s', (_title, content, fields) => expect(csv(content)).toMatchObject({ header: true, fields }));

  test.each([
    ['numbers', '1,x\n2,y\n', ['column0', 'column1']],
    ['a date', '2026-01-01,x\n2026-01-02,y\n', ['column0', 'column1']],
    ['text that occurs again below', 'x,y\nx,z\n', ['column0', 'column1']],
    ['doubled text', 'x,x\ny,z\n', ['column0', 'column1']],
    ['numbers in most records, the first being ragged', '1\n1,2\n3,4\n', ['column0', 'column1']],
  ])('is none: %s', (_title, content, fields) => expect(csv(content)).toMatchObject({ header: false, fields, dataStart: 0 }));

  test('an irregular one is an error that says why', () => {
    expect(() => csv('"a"x,b\n1,2\n', { type: 'csv', header: true })).toThrow(
      expect.objectContaining({ code: 'input.format', message: expect.stringContaining('text between the closing quote') }),
    );
  });

  test('data starts behind it', () => {
    expect(csv('\ufeffa,b\r\n1,2\r\n')).toMatchObject({ bomBytes: 3, dataStart: 8 });
    expect(csv('\n"a\nb",c\n1,2\n')).toMatchObject({ bomBytes: 0, dataStart: 9 });
    expect(csv('1,2\n')).toMatchObject({ dataStart: 0 });
  });

  test('an empty object has no fields', () => {
    expect(csv('')).toMatchObject({ fields: [], header: false, dataStart: 0 });
    expect(csv('\n\n')).toMatchObject({ fields: [] });
  });
});

describe('the sample', () => {
  test('holds the regular whole records of the head, without header, blank lines and what is cut', () => {
    const content = Buffer.concat([Buffer.from('a,b\n1,x\n\n2\n3,"y\nz"\n4,'), Buffer.of(0xff), Buffer.from('\n5,é\n6,cu')]);
    const head = read('a.csv', content, undefined, false);
    expect(Buffer.from(head.sample).toString()).toBe('1,x\n3,"y\nz"\n5,é\n');
    expect([head.sampleRecords, head.headEnd]).toEqual([3, content.length - 4]);
  });

  test('ends with the object when the head is all of it', () => {
    const head = read('a.csv', 'a,b\r\n1,x\r\n2,y');
    expect([Buffer.from(head.sample).toString(), head.headEnd]).toEqual(['1,x\r\n2,y\r\n', 13]);
  });

  test('of JSON lines is the valid ones, of an array its whole values a line each', () => {
    const lines = read('a.jsonl', '{"a":1}\n\n{bad}\n{"a":2}\n{"a"', undefined, false);
    expect([Buffer.from(lines.sample).toString(), lines.sampleRecords, lines.headEnd]).toEqual(['{"a":1}\n{"a":2}\n', 2, 23]);
    const array = read('a.json', '[\n {"a":1},\n {"a":[2]},\n {"a"', undefined, false);
    expect(
      Buffer.from(array.sample)
        .toString()
        .split('\n')
        .map((line) => line.trim()),
    ).toEqual(['{"a":1}', '{"a":[2]}', '']);
    expect(array.sampleRecords).toBe(2);
  });

  test.each([
    ['a.csv', 'a,"b'],
    ['a.csv', 'a,b'],
    ['a.jsonl', '{"a":'],
    ['a.json', '[{"a":'],
    ['a.json', '{"a":'],
  ])('of a head without a whole record is wanted from a longer head: %s %j', (key, content) => {
    expect(() => read(key, content, undefined, false)).toThrow(HeadTooShort);
  });
});
