import type { TextRow } from './duckdb.ts';
import type { WantedRun } from './warm-home.ts';

/** An input that is odd but good, and the rows that it gives, written down by hand. */
export interface OddDocument {
  readonly what: string;
  readonly name: string;
  readonly content: string | Uint8Array;
  readonly rows: readonly TextRow[];
  readonly wanted?: Pick<WantedRun, 'format' | 'columns'>;
  /** Names of the table's columns, where they are the point. */
  readonly columns?: readonly string[];
}

const wide = 1500;
const wideNames = Array.from({ length: wide }, (_, i) => `column_${i}`);
/** A header of 1,500 names and a row. */
export const wideText = `${wideNames.join(',')}\n${wideNames.map((_, i) => i).join(',')}\n`;
const noEscape = { type: 'csv', escape: '\\' } as const;

export const oddCsv: readonly OddDocument[] = [
  {
    what: 'no newline at the end',
    name: 'a.csv',
    content: 'a,b\n1,x\n2,y',
    rows: [
      ['1', 'x'],
      ['2', 'y'],
    ],
  },
  { what: 'a quoted field at the end without a newline', name: 'a.csv', content: 'a,b\n1,"x\ny"', rows: [['1', 'x\ny']] },
  { what: 'a byte order mark', name: 'a.csv', content: '\ufeffa,b\n1,x\n', rows: [['1', 'x']], columns: ['a', 'b'] },
  {
    what: 'a byte order mark before a quoted name',
    name: 'a.csv',
    content: '\ufeff"a","b"\n1,x\n',
    rows: [['1', 'x']],
    columns: ['a', 'b'],
  },
  {
    what: 'CR LF',
    name: 'a.csv',
    content: 'a,b\r\n1,x\r\n2,"y\r\nz"\r\n',
    rows: [
      ['1', 'x'],
      ['2', 'y\r\nz'],
    ],
  },
  {
    what: 'CR LF with LF in quotes',
    name: 'a.csv',
    content: 'a,b\r\n1,"x\ny"\r\n2,z\r\n',
    rows: [
      ['1', 'x\ny'],
      ['2', 'z'],
    ],
  },
  {
    what: 'CR alone as line end',
    name: 'a.csv',
    content: 'a,b\r1,x\r2,"y\rz"\r',
    rows: [
      ['1', 'x'],
      ['2', 'y\rz'],
    ],
  },
  {
    what: 'newlines, delimiters and doubled quotes in quotes',
    name: 'a.csv',
    content: 'a,b\n1,"x\n2,y"\n3,","\n4,""""\n5,"""\n"\n6,"a""b"\n',
    rows: [
      ['1', 'x\n2,y'],
      ['3', ','],
      ['4', '"'],
      ['5', '"\n'],
      ['6', 'a"b'],
    ],
  },
  {
    what: 'a quote inside an unquoted field',
    name: 'a.csv',
    content: 'a,b\n1,6" nail\n2,a"b"c\n3,x\n',
    rows: [
      ['1', '6" nail'],
      ['2', 'a"b"c'],
      ['3', 'x'],
    ],
  },
  {
    what: 'a lone CR in quotes',
    name: 'a.csv',
    content: 'a,b\n1,"x\ry"\n2,z\n',
    rows: [
      ['1', 'x\ry'],
      ['2', 'z'],
    ],
  },
  {
    what: 'NUL bytes',
    name: 'a.csv',
    content: 'a,b\n1,x\0y\n2,\0\n3,"\0\0"\n',
    rows: [
      ['1', 'x\0y'],
      ['2', '\0'],
      ['3', '\0\0'],
    ],
  },
  {
    what: 'blank lines',
    name: 'a.csv',
    content: '\n\na,b\n\n1,x\n\n\n2,y\n\n',
    rows: [
      ['1', 'x'],
      ['2', 'y'],
    ],
  },
  { what: 'one column with blank lines, each a NULL', name: 'a.csv', content: 'a\n1\n\n3\n', rows: [['1'], [null], ['3']] },
  {
    what: 'names with spaces, doubles and none',
    name: 'a.csv',
    content: 'Flight Date,a,A,\n1,x,y,z\n',
    rows: [['1', 'x', 'y', 'z']],
    columns: ['Flight_Date', 'a', 'A_1', 'column3'],
  },
  { what: 'names over two lines', name: 'a.csv', content: '"first\nname",b\n1,x\n', rows: [['1', 'x']], columns: ['first_name', 'b'] },
  {
    what: 'leading zeros and plus signs, which are no numbers',
    name: 'a.csv',
    content: 'zip,phone,n\n00501,+4930,1\n90210,+1,2\n',
    rows: [
      ['00501', '+4930', '1'],
      ['90210', '+1', '2'],
    ],
  },
  {
    what: 'integers that a double can’t hold',
    name: 'a.csv',
    content: 'id\n9007199254740993\n12345678901234567890123\n',
    rows: [['9007199254740993'], ['12345678901234567890123']],
  },
  {
    what: 'empty fields and quoted empty fields',
    name: 'a.csv',
    content: 'a,b,c\n1,,""\n2,"",\n',
    rows: [
      ['1', null, ''],
      ['2', '', null],
    ],
  },
  {
    what: 'very wide rows',
    name: 'a.csv',
    content: wideText,
    rows: [wideNames.map((_, i) => String(i))],
    columns: wideNames,
    wanted: { columns: Object.fromEntries(wideNames.map((name) => [name, 'BIGINT'])) },
  },
  {
    what: 'semicolons',
    name: 'a.csv',
    content: 'a;b\n1;x,y\n2;"z;w"\n',
    rows: [
      ['1', 'x,y'],
      ['2', 'z;w'],
    ],
  },
  {
    what: 'escaped quotes',
    name: 'a.csv',
    content: 'a,b\n1,"x\\"y\\\\"\n2,"z\n"\n',
    rows: [
      ['1', 'x"y\\'],
      ['2', 'z\n'],
    ],
    wanted: { format: noEscape },
  },
  {
    what: 'comments',
    name: 'a.csv',
    content: 'a,b\n# a "comment\n1,x\n2,"#y"\n',
    rows: [
      ['1', 'x'],
      ['2', '#y'],
    ],
    wanted: { format: { type: 'csv', comment: '#' } },
  },
  {
    what: 'a delimiter of several bytes',
    name: 'a.csv',
    content: 'a||b\n1||x|y\n2||"z||w"\n',
    rows: [
      ['1', 'x|y'],
      ['2', 'z||w'],
    ],
    wanted: { format: { type: 'csv', delimiter: '||' } },
  },
  {
    what: 'tabs',
    name: 'a.tsv',
    content: 'a\tb\n1\tx,y\n2\t"z\tw\n"\n',
    rows: [
      ['1', 'x,y'],
      ['2', 'z\tw\n'],
    ],
  },
  {
    what: 'unicode of every length',
    name: 'ü ñ.csv',
    content: 'ä,b\né,x\n日本,🦆\n',
    rows: [
      ['é', 'x'],
      ['日本', '🦆'],
    ],
    columns: ['ä', 'b'],
  },
  {
    what: 'a value of 3 MB over many lines',
    name: 'a.csv',
    content: `a,b\n1,"${'\n5,fake'.repeat(430_000)}"\n2,y\n`,
    rows: [
      ['1', '\n5,fake'.repeat(430_000)],
      ['2', 'y'],
    ],
  },
];

export const oddJson: readonly OddDocument[] = [
  {
    what: 'blank lines, CR LF and no newline at the end',
    name: 'a.jsonl',
    content: '\n{"a":1,"b":"x"}\r\n\r\n  \n{"a":2,"b":"y"}',
    rows: [
      ['1', 'x'],
      ['2', 'y'],
    ],
  },
  { what: 'a byte order mark', name: 'a.jsonl', content: '\ufeff{"a":1}\n{"a":2}\n', rows: [['1'], ['2']] },
  {
    what: 'unicode escapes',
    name: 'a.jsonl',
    content: '{"a":"\\u00e9\\ud83e\\udd86\\n\\u0000"}\n{"a":"\\"}\\u007b"}\n',
    rows: [['é🦆\n\0'], ['"}{']],
  },
  {
    what: 'nested values',
    name: 'a.jsonl',
    content: '{"a":{"b":[1,2],"c":null}}\n{"a":{"b":[],"c":"x"}}\n',
    rows: [["{'b': [1, 2], 'c': NULL}"], ["{'b': [], 'c': x}"]],
  },
  {
    what: 'keys that come and go',
    name: 'a.jsonl',
    content: '{"a":1}\n{"b":"x","a":2}\n{"b":null,"a":null}\n',
    rows: [
      ['1', null],
      ['2', 'x'],
      [null, null],
    ],
  },
  {
    what: 'integers that a double can’t hold',
    name: 'a.jsonl',
    content: '{"a":9007199254740993}\n{"a":123456789012345678901234567890}\n',
    rows: [['9007199254740993'], ['123456789012345678901234567890']],
  },
  {
    what: 'an array, compact',
    name: 'a.json',
    content: '[{"a":1,"b":"]},{"},{"a":2,"b":"\\"["}]',
    rows: [
      ['1', ']},{'],
      ['2', '"['],
    ],
  },
  {
    what: 'an array, pretty',
    name: 'a.json',
    content: '\ufeff[\n  {\n    "a": 1,\n    "b": [\n      1\n    ]\n  },\r\n  {\n    "a": 2,\n    "b": []\n  }\n]\n',
    rows: [
      ['1', '[1]'],
      ['2', '[]'],
    ],
  },
  { what: 'JSON lines under the name of an array', name: 'a.json', content: '{"a":1}\n{"a":2}\n', rows: [['1'], ['2']] },
];

export const oddText: readonly OddDocument[] = [
  {
    what: 'lines with blanks, quotes, commas and no newline at the end',
    name: 'a.txt',
    content: 'x,"y\n\n \t\n"\n\0\u0001z',
    rows: [['x,"y'], [''], [' \t'], ['"'], ['\0\u0001z']],
  },
  { what: 'CR LF lines', name: 'a.log', content: 'x\r\n\r\ny\rz\r\n', rows: [['x'], [''], ['y\rz']] },
  { what: 'a byte order mark', name: 'a.log', content: '\ufeffx\n\ufeffy\n', rows: [['x'], ['\ufeffy']] },
];
