import { symlinkSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, describe, expect, test } from 'vitest';
import { expandFile } from '../../../functions/formats/compression.ts';
import { openSource, RangeMissing, readRange } from '../../../functions/formats/file-source.ts';
import { stageSplit } from '../../../functions/formats/stage-split.ts';
import { stageRange } from '../../../functions/formats/staged-file.ts';
import { layoutOf, Workplace } from './staging.ts';

const place = new Workplace();
afterAll(() => place.remove());

describe('an object in a local file', () => {
  test('is read by its own offsets, also when the file holds a range of it', () => {
    const source = openSource(place.file('6789ab'), 20, 6);
    expect(readRange(source, 7, 11).toString()).toBe('789a');
    expect(source.read(20, new Uint8Array(5))).toBe(0);
    source.close();
  });

  test.each([
    ['in front of', 5],
    ['behind', 12],
  ])('of which bytes %s the staged range are wanted says so', (_title, offset) => {
    const source = openSource(place.file('6789ab'), 20, 6);
    expect(() => source.read(offset, new Uint8Array(5))).toThrow(RangeMissing);
    source.close();
  });

  test('that becomes shorter while it is read has changed', () => {
    const path = place.file('0123456789');
    const source = openSource(path, 10);
    truncateSync(path, 4);
    expect(() => readRange(source, 0, 10)).toThrow(expect.objectContaining({ code: 'input.changed' }));
    source.close();
  });

  test('that is no longer there is gone', async () => {
    const expanded = expandFile(join(place.folder, 'nothing'), join(place.folder, 'out'), 'gzip');
    await expect(expanded).rejects.toMatchObject({ code: 'input.gone' });
    expect(() => openSource(join(place.folder, 'nothing'), 10)).toThrow(expect.objectContaining({ code: 'input.gone' }));
  });
});

test('a split whose last record goes on behind the staged range asks for more of it', async () => {
  const text = Buffer.from(`a,b\n1,x\n2,yyyyyyyyyyyy\n${'3,z\n'.repeat(5000)}`);
  const { layout } = await layoutOf('a.csv', text);
  const split = {
    path: place.file(text.subarray(0, 14)),
    size: text.length,
    key: 'a.csv',
    layout,
    range: { start: 0, end: 12 },
    exactFrom: null,
    scratch: place.folder,
    name: 'short',
    threads: 1,
    wholeObject: false,
  };
  await expect(stageSplit(split)).rejects.toThrow(RangeMissing);
  expect((await stageSplit({ ...split, path: place.file(text.subarray(0, 10_000)) })).link).toMatchObject({ from: 4, to: 23 });
});

describe('a full disk', () => {
  // Linux has a device on which every write fails for want of space
  const full = join(place.folder, 'full');
  symlinkSync('/dev/full', full);

  test('is an error that says so, when a split is copied', () => {
    const source = openSource(place.file('abc'), 3);
    expect(() => stageRange(source, 0, 3, full)).toThrow(expect.objectContaining({ code: 'store.full' }));
    source.close();
  });

  test('is an error that says so, when an object is expanded', async () => {
    await expect(expandFile(place.file(gzipSync('abc')), full, 'gzip')).rejects.toMatchObject({ code: 'store.full' });
  });
});
