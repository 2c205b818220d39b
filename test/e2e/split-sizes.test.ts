import { parse } from 'csv-parse/sync';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { sorted, sqlText, type TextRow, tableRows, textRows } from './duckdb.ts';
import { WarmHome } from './warm-home.ts';

// At every split size the table has the rows that two readers find in the whole file: one DuckDB that isn't allowed to cut it, and a parser of another make.
let home: WarmHome;
beforeAll(async () => {
  home = await WarmHome.open();
});
afterAll(() => home.close());

const sizes = [1, 2, 3, 5, 7, 16, 64, 1024];

interface CsvDocument {
  readonly what: string;
  readonly text: string;
  readonly columns: number;
  readonly delimiter?: string;
  readonly newline?: '\n' | '\r\n' | '\r';
}

const fakeRows = '\n5,fake row\n6,"fake row"\n7,\n'.replaceAll('"', '""');

const inQuotes = (value: string): string => `"${value.replaceAll('"', '""')}"`;
const quoteHeavy = [
  ['"', '\n"\n'],
  ['"\n', '\n"'],
  [',"', '",\n'],
  ['', '""\n'],
  ['","', '\n,"\n'],
] as const;

const documents: readonly CsvDocument[] = [
  { what: 'plain rows', text: 'a,b\n1,x\n2,y\n3,z\n4,ü\n', columns: 2 },
  { what: 'rows inside quotes that look like rows', text: `a,b\n1,"${'\n5,fake'.repeat(9)}"\n2,"${fakeRows}"\n3,z\n`, columns: 2 },
  {
    what: 'quotes in quotes at every place',
    text: `a,b\n${quoteHeavy.map((row) => `${row.map(inQuotes).join(',')}\n`).join('')}`,
    columns: 2,
  },
  { what: 'empty and quoted empty fields', text: 'a,b,c\n"",,""\n,"",\n"","",""\n,,1\n', columns: 3 },
  { what: 'a quote inside an unquoted field', text: 'a,b\n6" nail,7" nail\nx"y,"z\n1,""2"""\n"q",r"\n', columns: 2 },
  { what: 'CR LF', text: 'a,b\r\n1,"x\r\n5,fake\r\n"\r\n\r\n2,"\n"\r\n3,"\r"\r\n', columns: 2, newline: '\r\n' },
  { what: 'CR alone', text: 'a,b\r1,"x\r5,fake\r"\r2,"\n"\r3,z\r', columns: 2, newline: '\r' },
  { what: 'a byte order mark, and one that is data', text: '\ufeffa,b\n\ufeff1,x\n"\ufeff2",\ufeff\n\ufeff,"\ufeff"\n', columns: 2 },
  { what: 'NUL bytes and characters of four bytes', text: 'a,b\n\0,"\0\n\0"\n🦆,"🦆\n🦆"\n', columns: 2 },
  { what: 'blank lines', text: 'a,b\n\n\n1,x\n\n"\n\n",y\n\n', columns: 2 },
  { what: 'one column', text: 'a\n"x\n\ny"\n""\n"""\n"\nz\n', columns: 1 },
  { what: 'no newline at the end, in quotes', text: 'a,b\n1,x\n2,"y\n3,z"', columns: 2 },
  { what: 'tabs', text: 'a\tb\n1\t"x\n5\tfake"\n2\t","\n"\t"\ty\n', columns: 2, delimiter: '\t' },
  { what: 'a header over several lines', text: '"a\n1,2\n","b\n"\n1,x\n2,"y\n"\n', columns: 2 },
];

const newlineText = { '\n': '\\n', '\r\n': '\\r\\n', '\r': '\\r' } as const;

/** One DuckDB over the whole file. */
function byDuckDb(path: string, { columns, delimiter = ',', newline = '\n' }: CsvDocument): Promise<TextRow[]> {
  const names = Array.from({ length: columns }, (_, i) => `c${i}: 'VARCHAR'`).join(', ');
  return textRows(
    `SELECT * FROM read_csv(${sqlText(path)}, auto_detect = false, header = true, delim = ${sqlText(delimiter)}, quote = '"', escape = '"',
       new_line = '${newlineText[newline]}', parallel = false, allow_quoted_nulls = false, columns = {${names}})`,
  );
}

/** csv-parse over the whole file. */
function byCsvParse({ text, delimiter = ',', newline = '\n' }: CsvDocument): TextRow[] {
  const rows = parse(text, {
    bom: true,
    delimiter,
    record_delimiter: newline,
    relax_quotes: true,
    skip_empty_lines: true,
    cast: (value, { quoting }) => (value === '' && !quoting ? null : value),
  });
  return (rows as TextRow[]).slice(1);
}

function sizesFor(text: string): readonly number[] {
  const bytes = Buffer.byteLength(text);
  return sizes.filter((size, i) => size < bytes || (sizes[i - 1] ?? 0) < bytes);
}

describe.each(documents)('CSV: $what', (document) => {
  test('gives at every split size the rows that DuckDB and csv-parse find in the whole', async () => {
    const path = home.file(document.delimiter === '\t' ? 'a.tsv' : 'a.csv', document.text);
    const expected = sorted(byCsvParse(document));
    expect(sorted(await byDuckDb(path, document))).toEqual(expected);
    const { delimiter = ',', newline = '\n' } = document;
    const format = { type: 'csv', delimiter, newline, header: true, quote: '"', escape: '"' } as const;
    for (const splitBytes of sizesFor(document.text)) {
      const table = home.newTable();
      const { error, receipt } = await home.run({ input: [path], table, format, splitBytes });
      expect({ splitBytes, error }).toEqual({ splitBytes, error: null });
      expect({ splitBytes, rows: sorted(await tableRows(home.tablePath(table))) }).toEqual({ splitBytes, rows: expected });
      const size = Buffer.byteLength(document.text);
      expect(receipt).toMatchObject({ rows: { read: expected.length, passed: expected.length }, bytes: { input: size, covered: size } });
    }
  });
});

test('a wrong guess of whether a split begins inside quotes is mended in a next epoch', async () => {
  // Behind a newline inside quotes stands what is a row of the right types and number of fields, up to the last one.
  const text = `a,b\n0,first\n1,"${'\n5,fake'.repeat(200)}"\n2,"${'\n6,""fake""'.repeat(200)}"\n3,last\n`;
  const document = { what: '', text, columns: 2 };
  const path = home.file('a.csv', text);
  const expected = sorted(byCsvParse(document));
  expect(sorted(await byDuckDb(path, document))).toEqual(expected);
  const epochs: number[] = [];
  for (const splitBytes of [100, 333, 512, 1024]) {
    const table = home.newTable();
    const { error, receipt } = await home.run({ input: [path], table, splitBytes });
    expect({ splitBytes, error }).toEqual({ splitBytes, error: null });
    expect({ splitBytes, rows: sorted(await tableRows(home.tablePath(table))) }).toEqual({ splitBytes, rows: expected });
    epochs.push(receipt?.epoch ?? 0);
  }
  expect(Math.max(...epochs)).toBeGreaterThanOrEqual(1);
});

const lines = [
  '{"a":1,"b":"x"}',
  '',
  '{"a":2,"b":"\\"},{\\n\\"a\\":3"}',
  '  ',
  '{"b":"🦆\\u00e9","a":4}',
  '{"a":null}',
  '{"a":6,"b":"[]"}',
];

test.each([
  ['LF', `${lines.join('\n')}\n`],
  ['CR LF', `${lines.join('\r\n')}\r\n`],
  ['no newline at the end, and a byte order mark', `\ufeff${lines.join('\n')}`],
])('JSON lines (%s) give at every split size the rows that DuckDB and JSON.parse find in the whole', async (_what, text) => {
  const path = home.file('a.jsonl', text);
  const values = text
    .replace('\ufeff', '')
    .split(/\r?\n/)
    .filter((line) => line.trim() !== '');
  const parsed = values.map((line) => JSON.parse(line) as { a?: number | null; b?: string });
  const expected = sorted(parsed.map(({ a, b }) => [a == null ? null : String(a), b ?? null]));
  const whole = home.file('whole.jsonl', text.replace('\ufeff', ''));
  const byDuck = await textRows(
    `SELECT * FROM read_json(${sqlText(whole)}, format = 'newline_delimited', columns = {a: 'BIGINT', b: 'VARCHAR'})`,
  );
  expect(sorted(byDuck)).toEqual(expected);
  for (const splitBytes of sizesFor(text)) {
    const table = home.newTable();
    const { error } = await home.run({ input: [path], table, splitBytes });
    expect({ splitBytes, error }).toEqual({ splitBytes, error: null });
    expect({ splitBytes, rows: sorted(await tableRows(home.tablePath(table))) }).toEqual({ splitBytes, rows: expected });
  }
});

test.each([
  ['LF', 'x,"y\n\n \n"\n\u0001\0z\n🦆\n\n'],
  ['CR LF, and no newline at the end', 'x\r\n\r\ny\rz\r\n🦆é'],
  ['byte order marks', '\ufeffx\n\ufeffy\n\ufeff\n'],
])('text (%s) gives at every split size the lines that splitting the whole gives', async (_what, text) => {
  const path = home.file('a.txt', text);
  const all = text.replace(/^\ufeff/, '').split('\n');
  const expected = sorted((all.at(-1) === '' ? all.slice(0, -1) : all).map((line) => [line.replace(/\r$/, '')]));
  for (const splitBytes of sizesFor(text)) {
    const table = home.newTable();
    const { error } = await home.run({ input: [path], table, splitBytes });
    expect({ splitBytes, error }).toEqual({ splitBytes, error: null });
    expect({ splitBytes, rows: sorted(await tableRows(home.tablePath(table))) }).toEqual({ splitBytes, rows: expected });
  }
});

test('a JSON array, Parquet and compressed text are one split whatever the size', async () => {
  for (const [name, content] of [['a.json', '[{"a":1},\n{"a":2}]']] as const) {
    const table = home.newTable();
    const { receipt } = await home.run({ input: [home.file(name, content)], table, splitBytes: 1 });
    expect(receipt).toMatchObject({ outcome: 'COMMITTED', tasks: { planned: 1 }, rows: { read: 2 } });
    expect(sorted(await tableRows(home.tablePath(table)))).toEqual(sorted([['1'], ['2']]));
  }
});

test('several objects of other headers and lengths are cut together', async () => {
  const files = ['a,b\n1,"x\n5,fake"\n2,y\n', 'b,a\n"z\n",3\n', '', 'a,b\n', 'b,c,a\nw,1,4'].map((text, i) => home.file(`${i}.csv`, text));
  for (const splitBytes of [3, 8, 64]) {
    const table = home.newTable();
    const { error } = await home.run({ input: files, table, splitBytes, query: 'SELECT a, b, c FROM input' });
    expect({ splitBytes, error }).toEqual({ splitBytes, error: null });
    expect(sorted(await tableRows(home.tablePath(table)))).toEqual(
      sorted([
        ['1', 'x\n5,fake', null],
        ['2', 'y', null],
        ['3', 'z\n', null],
        ['4', 'w', '1'],
      ]),
    );
  }
});
