import { gzipSync, zstdCompressSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { addIgnored } from '../../../functions/core/ignored-keys.ts';
import { splitObject } from '../../../functions/core/split.ts';
import { stageSplit } from '../../../functions/formats/stage-split.ts';
import { layoutOf, Workplace } from './staging.ts';

let place: Workplace;
beforeAll(() => {
  place = new Workplace();
});
afterAll(() => place.remove());

const knownKeys = [
  { name: 'a', type: 'BIGINT' },
  { name: 's', type: 'STRUCT(x BIGINT)' },
];
const objects = [
  { a: 1 },
  { a: 2, late: '}\n{"no":1' },
  { s: { x: 1, y: 'ü'.repeat(30) }, late: [{ deep: 1 }] },
  { 'A': 1, 'a "name"': { a: 1 } },
  {},
  { s: { y: null }, late: 1 },
];
const wanted = {
  values: 7,
  keys: Object.entries({ '"a \\"name\\""': 1, 'A': 1, 'late': 3, 's.y': 2 }).map(([key, values]) => ({ key, values })),
};
const lines = objects.map((object) => JSON.stringify(object));

async function ignoredOf(key: string, bytes: Uint8Array, splitBytes: number | null) {
  const path = place.file(bytes);
  const { layout } = await layoutOf(key, bytes);
  const found = [];
  for (const range of splitObject({ size: bytes.length }, layout, splitBytes)) {
    const base = {
      path,
      size: bytes.length,
      key,
      layout,
      range,
      exactFrom: null,
      scratch: place.folder,
      name: place.nextName(),
      threads: 2,
    };
    const staged = await stageSplit({ ...base, wholeObject: splitBytes === null, knownKeys });
    found.push(staged.ignored ?? []);
  }
  return addIgnored(found.flat());
}

test.each([
  ['', '\n', '\n'],
  ['\ufeff', '\r\n', ''],
  ['\n  \n', '\n\n\n', '\n\n'],
])(
  'of JSON lines every split tells its own unknown keys, at any split size: each is told once (%j, %j, %j)',
  async (before, between, end) => {
    const bytes = Buffer.from(before + lines.join(between) + end);
    for (const splitBytes of [1, 2, 3, 5, 7, 16, 33, 64, 1000, null])
      expect(await ignoredOf('a.jsonl', bytes, splitBytes), String(splitBytes)).toEqual(wanted);
  },
);

test.each([
  ['a.jsonl.gz', gzipSync(lines.join('\n'))],
  ['a.jsonl.zst', zstdCompressSync(lines.join('\n'))],
  ['a.json', Buffer.from(JSON.stringify(objects))],
  ['a.json', Buffer.from(`\ufeff\n[\n${JSON.stringify(objects, null, '\t').slice(1)}\n`)],
  ['a.json.gz', gzipSync(JSON.stringify(objects, null, 1))],
])('so does %s', async (key, bytes) => {
  expect(await ignoredOf(key, bytes, null)).toEqual(wanted);
});

test('nobody is told of a split that has none, and of a format that has no keys', async () => {
  const staged = (key: string, bytes: Buffer) => ignoredOf(key, bytes, null);
  expect(await staged('a.jsonl', Buffer.from('{"a":1}\n{"s":{"x":2}}\n'))).toEqual({ values: 0, keys: [] });
  expect(await staged('a.csv', Buffer.from('late\n{"late":1}\n'))).toEqual({ values: 0, keys: [] });
});
