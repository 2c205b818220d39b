import { describe, expect, test } from 'vitest';
import { addIgnored, nothingIgnored } from '../../../../functions/core/ignored-keys.ts';
import type { Column } from '../../../../functions/core/layout.ts';
import { UnknownKeys } from '../../../../functions/core/records/unknown-keys.ts';
import { type DuckType, parseDuckType } from '../../../../functions/core/table-log/duck-type.ts';
import { seeded } from './random-text.ts';

function found(columns: readonly Column[], bytes: Uint8Array, pieceBytes = bytes.length): Readonly<Record<string, number>> {
  const keys = new UnknownKeys(columns);
  for (let start = 0; start < bytes.length; start += pieceBytes) keys.push(bytes.subarray(start, start + pieceBytes));
  return Object.fromEntries(keys.found.keys.map(({ key, values }) => [key, values]));
}

const columns: readonly Column[] = [
  { name: 'a', type: 'BIGINT' },
  { name: 'a key of more than sixteen bytes', type: 'VARCHAR' },
  { name: 'exactly 16 bytes', type: 'VARCHAR' },
  { name: 'schlüssel', type: 'DATE' },
  { name: 's', type: 'STRUCT(a BIGINT, "in" STRUCT(b VARCHAR))' },
  { name: 'l', type: 'STRUCT(a BIGINT)[]' },
  { name: 'm', type: 'MAP(VARCHAR, STRUCT(a BIGINT))' },
  { name: 'n', type: 'BIGINT[][]' },
  { name: 'j', type: 'JSON' },
];

/** The same said with JSON.parse: walks a value along its type. */
function walk(value: unknown, type: DuckType, path: string, counts: Record<string, number>): void {
  if (typeof value !== 'object' || value === null) return;
  if (type.kind === 'list' && Array.isArray(value)) for (const item of value) walk(item, type.element, `${path}[]`, counts);
  if (Array.isArray(value)) return;
  if (type.kind === 'map') for (const item of Object.values(value)) walk(item, type.value, `${path}{}`, counts);
  if (type.kind !== 'struct') return;
  for (const [key, item] of Object.entries(value)) {
    const name = /^[\p{L}_][\p{L}\p{N}_-]*$/u.test(key) ? key : JSON.stringify(key);
    const inner = path === '' ? name : `${path}.${name}`;
    const field = type.fields.find((known) => known.name === key);
    if (field === undefined) counts[inner] = (counts[inner] ?? 0) + 1;
    else walk(item, field.type, inner, counts);
  }
}

function expected(lines: readonly string[]): Readonly<Record<string, number>> {
  const root: DuckType = { kind: 'struct', fields: columns.map(({ name, type }) => ({ name, type: parseDuckType(type) })) };
  const counts: Record<string, number> = {};
  for (const line of lines) if (line.trim() !== '') walk(JSON.parse(line), root, '', counts);
  return Object.fromEntries(Object.entries(counts).sort(([a], [b]) => (a < b ? -1 : 1)));
}

const names = [
  ...columns.map(({ name }) => name),
  'in',
  'b',
  'A',
  'x',
  'x y',
  'a "quoted" key',
  'back\\slash',
  '',
  '\u00e9',
  'k'.repeat(40),
];
const texts = ['', '"', '\\', '{"a":1}', 'a:1,"b"', '\n', ']}', 'ü'.repeat(9), 'x'.repeat(70)];

function randomValue(random: () => number, depth: number): unknown {
  const pick = <T>(from: readonly T[]): T | undefined => from[Math.floor(random() * from.length)];
  const kind = depth > 4 ? random() * 0.5 : random();
  if (kind < 0.2) return Math.round(random() * 1e6) / 100;
  if (kind < 0.4) return pick(texts);
  if (kind < 0.5) return pick([null, true, false]);
  if (kind < 0.7) return Array.from({ length: Math.floor(random() * 4) }, () => randomValue(random, depth + 1));
  return Object.fromEntries(Array.from({ length: Math.floor(random() * 6) }, () => [pick(names), randomValue(random, depth + 1)]));
}

/** JSON with white space between tokens and letters written as escapes, here and there. */
function written(value: unknown, random: () => number): string {
  const space = (): string => (random() < 0.1 ? [' ', '\t', '  ', '\r'][Math.floor(random() * 4)] : '') ?? '';
  const text = (plain: string): string =>
    random() < 0.1 && plain !== ''
      ? `"\\u${plain.charCodeAt(0).toString(16).padStart(4, '0')}${JSON.stringify(plain.slice(1)).slice(1)}`
      : JSON.stringify(plain);
  if (typeof value === 'string') return text(value);
  if (Array.isArray(value)) return `[${space()}${value.map((item) => written(item, random)).join(`${space()},${space()}`)}${space()}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const fields = Object.entries(value).map(([key, item]) => `${text(key)}${space()}:${space()}${written(item, random)}`);
  return `{${space()}${fields.join(`${space()},${space()}`)}${space()}}`;
}

describe('keys that no column holds', () => {
  test('are found at every depth, and only them: the same as JSON.parse finds', () => {
    const whole = seeded(20261122);
    const random = (): number => whole(2 ** 30) / 2 ** 30;
    for (let round = 0; round < 1000; round++) {
      const lines = Array.from({ length: 1 + Math.floor(random() * 8) }, () => {
        const value = randomValue(random, 0);
        return written(
          typeof value === 'object' && value !== null && !Array.isArray(value) ? value : { s: value, l: value, m: value, z: value },
          random,
        );
      });
      const bytes = Buffer.from(lines.join('\n') + (random() < 0.5 ? '\n' : ''));
      const wanted = expected(lines);
      expect(found(columns, bytes), lines.join('\n')).toEqual(wanted);
      expect(found(columns, bytes, 1 + Math.floor(random() * 60)), lines.join('\n')).toEqual(wanted);
    }
  });

  test('are counted by values, with the place of each', () => {
    const lines = [
      '{"a":1,"late":2}',
      '{"late":{"a":{"deep":1}},"A":1}',
      '{"s":{"a":1,"b":2,"in":{"b":"","c":1}},"l":[{"a":1},{"z":1},{"z":2}],"m":{"any":{"a":1,"y":1}},"j":{"free":{"x":1}},"n":[[1]]}',
    ];
    expect(found(columns, Buffer.from(lines.join('\n')))).toEqual({ late: 2, A: 1, 's.b': 1, 's.in.c': 1, 'l[].z': 2, 'm{}.y': 1 });
  });

  test('a known key that is written with escapes is known', () => {
    expect(found(columns, Buffer.from('{"\\u0061":1,"\\u0073":{"\\u0061":1},"\\u007a":1}\n'))).toEqual({ z: 1 });
  });

  test('a line that is not JSON spoils no other', () => {
    const lines = ['{"a":1,"late":1}', '{"a":"not closed, "b', '{{{[[["', '}}}]]]', '"\\', '{"a', '{"late":1}', ''];
    expect(found(columns, Buffer.from(lines.join('\n')))).toMatchObject({ late: 2 });
    expect(found(columns, Buffer.from(lines.join('\n')), 3)).toMatchObject({ late: 2 });
  });

  test('keys and values of any length', () => {
    for (const length of [15, 16, 17, 31, 32, 33, 65_535, 65_536, 70_000, 300_000]) {
      const key = 'k'.repeat(length);
      const line = Buffer.from(`{"a":"${'v'.repeat(length)}","${key}":1,"b":{"c":1},"a key of more than sixteen bytes":1}\n{"late":1}\n`);
      const counts = Object.entries(found(columns, line));
      expect(counts.map(([, values]) => values)).toEqual([1, 1, 1]);
      expect(counts.some(([name]) => name === 'late')).toBe(true);
      const long = new UnknownKeys([{ name: key, type: 'BIGINT' }]);
      long.push(Buffer.from(`{"${key}":1}\n`));
      if (length < 30_000) expect(long.found).toEqual(nothingIgnored);
    }
  });

  test('of very many, the most frequent are named and all are counted', () => {
    const lines = Array.from({ length: 3000 }, (_, i) => `{"k${i}":1,"often":1}`);
    const keys = new UnknownKeys([{ name: 'a', type: 'BIGINT' }]);
    keys.push(Buffer.from(lines.join('\n')));
    expect(keys.found.values).toBe(6000);
    expect(keys.found.keys).toHaveLength(100);
    expect(keys.found.keys).toContainEqual({ key: 'often', values: 3000 });
    expect(addIgnored([keys.found, keys.found])).toMatchObject({ values: 12_000 });
  });
});

describe('whole numbers', () => {
  const sought = [
    { name: 'a', type: 'BIGINT', wholeNumbers: true },
    { name: 's', type: 'STRUCT(a INTEGER, b VARCHAR, d DOUBLE)', wholeNumbers: true },
    { name: 'l', type: 'UBIGINT[][]', wholeNumbers: true },
    { name: 'm', type: 'MAP(VARCHAR, STRUCT(a TINYINT)[])', wholeNumbers: true },
    { name: 'e', type: 'BIGINT' },
  ];
  const places: Readonly<Record<string, (value: string) => string>> = {
    a: (v) => `{"a":${v}}`,
    s: (v) => `{"e":1.5,"s":{"b":"1.5","d":1.5,"a": ${v} }}`,
    l: (v) => `{"l":[[],[1,${v}],null,[2]]}`,
    m: (v) => `{"z":{"a":1.5},"m":{"a":[{"a":${v},"z":"x"}],"b":null}}`,
  };
  test('a list where a number should be is walked through like any other value', () => {
    const keys = new UnknownKeys(sought);
    keys.push(Buffer.from('{"a":1.5}\n{"a":[{"deep":1}],"late":1}\n'));
    expect(keys.found).toEqual({ values: 1, keys: [{ key: 'late', values: 1 }] });
  });

  const digits = ['0', '-1', '12345678901234567890', 'null'];
  const others = ['1.0', '1e3', '1E3', '-0.5', 'true', 'false', '"1"', '""'];

  test.each(Object.entries(places))('of column %s are told to be written with digits alone only where all are', (name, place) => {
    const around = `${Object.values(places)
      .map((other) => other('5'))
      .join('\n')}\n`;
    const wholeColumns = (value: string, pieceBytes: number): readonly string[] => {
      const bytes = Buffer.from(`${around}${place(value)}\n${around}`);
      const keys = new UnknownKeys(sought);
      for (let start = 0; start < bytes.length; start += pieceBytes) keys.push(bytes.subarray(start, start + pieceBytes));
      return keys.wholeColumns;
    };
    for (const pieceBytes of [1, 7, 1000]) {
      for (const value of digits) expect(wholeColumns(value, pieceBytes), value).toEqual(['a', 's', 'l', 'm']);
      for (const value of others)
        expect(wholeColumns(value, pieceBytes), value).toEqual(['a', 's', 'l', 'm'].filter((other) => other !== name));
    }
  });
});
