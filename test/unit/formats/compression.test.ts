import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { constants, gzipSync, zstdCompressSync } from 'node:zlib';
import { afterAll, describe, expect, test } from 'vitest';
import type { Compression } from '../../../functions/core/layout.ts';
import { detectCompression, expandFile, expandHead } from '../../../functions/formats/compression.ts';
import { bytesOf, pieceRows, piecesOf, recordsOf, stageObject, Workplace } from './staging.ts';

const place = new Workplace();
afterAll(() => place.remove());

const csv = 'a,b\n1,"x\ny"\n2,z\n';
const checked = { params: { [constants.ZSTD_c_checksumFlag]: 1 } };
/** A skippable frame of 5 bytes (RFC 8878, 3.1.2). */
const skippable = Buffer.from([0x5a, 0x2a, 0x4d, 0x18, 5, 0, 0, 0, 1, 2, 3, 4, 5]);

async function expand(bytes: Uint8Array, compression: Exclude<Compression, 'none'>) {
  const to = join(place.folder, place.nextName());
  const result = await expandFile(place.file(bytes), to, compression, { key: 'a.csv' });
  return { ...result, output: readFileSync(to) };
}

function megabytes(count: number): Buffer {
  return Buffer.alloc(count * 1_000_000, 'some line of text, 1234\n');
}

describe('gzip', () => {
  test('all members are expanded, empty ones too', async () => {
    const members = [megabytes(1), Buffer.alloc(0), megabytes(2), Buffer.from('end\n')];
    const bytes = Buffer.concat(members.map((member) => gzipSync(member)));
    const { output, ...figures } = await expand(bytes, 'gzip');
    expect(output.equals(Buffer.concat(members))).toBe(true);
    expect(figures).toEqual({ bytesIn: bytes.length, bytesOut: 3_000_004, checksum: 'verified' });
  });

  test('zeros behind the last member are padding, however many', async () => {
    const { output } = await expand(Buffer.concat([gzipSync(csv), Buffer.alloc(3_000_000)]), 'gzip');
    expect(output.toString()).toBe(csv);
  });

  test.each([
    ['behind the data', Buffer.concat([gzipSync(csv), Buffer.from('garbage')])],
    ['behind padding', Buffer.concat([gzipSync(csv), Buffer.alloc(2_000_000), Buffer.from('x')])],
    ['that looks like a member', Buffer.concat([gzipSync(csv), Buffer.from([0x1f, 0x8b, 1, 2, 3])])],
    ['of one byte that begins a member', Buffer.concat([gzipSync(csv), Buffer.from([0x1f])])],
  ])('garbage %s is an error', async (_title, bytes) => {
    await expect(expand(bytes, 'gzip')).rejects.toMatchObject({
      code: 'input.corrupt',
      message: expect.stringMatching(/'a\.csv'.*at byte \d+/),
    });
  });

  describe('the byte that is named is where it is wrong', () => {
    const small = gzipSync(csv);
    const large = gzipSync(Buffer.from(Array.from({ length: 400_000 }, (_, i) => `${i},${(i * 7919) % 104_729}\n`).join('')));
    const flipped = (bytes: Buffer, at: number): Buffer => {
      const copy = Buffer.from(bytes);
      copy.writeUInt8(copy.readUInt8(at) ^ 0x10, at);
      return copy;
    };

    test.each([
      ['something behind the end of a small file', Buffer.concat([small, Buffer.from('garbage')]), small.length],
      ['something behind the end of a large file', Buffer.concat([large, Buffer.from('garbage')]), large.length],
      ['something behind two members', Buffer.concat([large, small, Buffer.from('xyz')]), large.length + small.length],
      ['what begins like a member and is none', Buffer.concat([large, Buffer.from([0x1f, 0x8b, 1, 2, 3])]), large.length],
      ["a small file's checksum (RFC 1952: 8 bytes before its end)", flipped(small, small.length - 8), small.length - 8],
      ["a large file's checksum", flipped(large, large.length - 8), large.length - 8],
      ["a later member's checksum", Buffer.concat([large, flipped(small, small.length - 8)]), large.length + small.length - 8],
      ["a file's length (4 bytes before its end)", flipped(large, large.length - 4), large.length - 4],
      ['the end of a file that is cut', large.subarray(0, -3), large.length - 3],
    ])('%s', async (_what, bytes, offset) => {
      await expect(expand(bytes, 'gzip')).rejects.toMatchObject({
        code: 'input.corrupt',
        message: expect.stringContaining(`at byte ${offset} of the gzip data`),
        details: { key: 'a.csv', offset },
      });
    });

    test('also where an object shows it in its head', async () => {
      await expect(expandHead('a.csv', flipped(small, 12), 'gzip', 1000)).rejects.toMatchObject({
        details: { offset: expect.any(Number) },
      });
      const garbage = Buffer.concat([gzipSync(''), Buffer.from('garbage')]);
      await expect(expandHead('a.csv', garbage, 'gzip', 1000)).rejects.toMatchObject({ details: { offset: garbage.length - 7 } });
    });
  });

  test('a file cut at any byte is an error, also where a line ends', async () => {
    const bytes = gzipSync(csv.repeat(3));
    for (let length = 1; length < bytes.length; length++) {
      await expect(expand(bytes.subarray(0, length), 'gzip'), `cut at ${length}`).rejects.toMatchObject({ code: 'input.corrupt' });
    }
  });

  test('a flipped bit is an error or changes nothing', async () => {
    const bytes = gzipSync(csv);
    let errors = 0;
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const flipped = Buffer.from(bytes);
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      const output = await expand(flipped, 'gzip').then(
        (result) => result.output.toString(),
        (thrown: unknown) => {
          expect(thrown).toMatchObject({ code: 'input.corrupt' });
          errors += 1;
          return csv;
        },
      );
      expect(output, `bit ${bit}`).toBe(csv);
    }
    expect(errors).toBeGreaterThan(bytes.length * 4);
  }, 30_000);
});

describe('zstd', () => {
  test('all frames are expanded, not only the first; large, small, empty and skippable ones', async () => {
    const contents = [megabytes(1), Buffer.from(csv), Buffer.alloc(0), megabytes(9), Buffer.from('end\n')];
    const frames = contents.flatMap((content) => [skippable, zstdCompressSync(content, checked)]);
    const bytes = Buffer.concat([...frames, skippable]);
    const { output, ...figures } = await expand(bytes, 'zstd');
    expect(output.equals(Buffer.concat(contents))).toBe(true);
    expect(figures).toEqual({ bytesIn: bytes.length, bytesOut: 10_000_004 + csv.length, checksum: 'verified' });
  });

  test('ten frames of a million bytes give ten million', async () => {
    const bytes = Buffer.concat(Array.from({ length: 10 }, () => zstdCompressSync(megabytes(1))));
    expect((await expand(bytes, 'zstd')).bytesOut).toBe(10_000_000);
  });

  test('frames without a checksum are reported as unchecked', async () => {
    expect((await expand(zstdCompressSync(csv), 'zstd')).checksum).toBe('unchecked');
    expect((await expand(Buffer.concat([zstdCompressSync(csv, checked), zstdCompressSync(csv)]), 'zstd')).checksum).toBe('unchecked');
    expect((await expand(zstdCompressSync(csv, checked), 'zstd')).checksum).toBe('verified');
  });

  test('incompressible data, whose blocks are raw, and long runs, whose blocks are one byte, are walked', async () => {
    const noise = Buffer.alloc(700_000);
    for (let i = 0, state = 1; i < noise.length; i++) {
      state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
      noise[i] = state >>> 24;
    }
    const bytes = Buffer.concat([zstdCompressSync(noise, checked), zstdCompressSync(Buffer.alloc(900_000, 'x'), checked)]);
    expect((await expand(bytes, 'zstd')).output.equals(Buffer.concat([noise, Buffer.alloc(900_000, 'x')]))).toBe(true);
  });

  test('a window of 256 MiB (zstd --long=28) is read', async () => {
    const params = {
      [constants.ZSTD_c_windowLog]: 28,
      [constants.ZSTD_c_enableLongDistanceMatching]: 1,
      [constants.ZSTD_c_contentSizeFlag]: 0,
    };
    const { createZstdCompress } = await import('node:zlib');
    const encoder = createZstdCompress({ params });
    const parts: Buffer[] = [];
    encoder.on('data', (part: Buffer) => parts.push(part));
    encoder.write(megabytes(1));
    encoder.end('end\n');
    await new Promise((resolve) => encoder.on('end', resolve));
    expect((await expand(Buffer.concat(parts), 'zstd')).bytesOut).toBe(1_000_004);
  });

  test.each([
    ['behind the last frame', Buffer.concat([zstdCompressSync(csv), Buffer.from('garbage')])],
    ['of zeros', Buffer.concat([zstdCompressSync(csv), Buffer.alloc(10)])],
    ['between frames', Buffer.concat([zstdCompressSync(csv), Buffer.from('x'), zstdCompressSync(csv)])],
  ])('garbage %s is an error', async (_title, bytes) => {
    await expect(expand(bytes, 'zstd')).rejects.toMatchObject({ code: 'input.corrupt' });
  });

  test('a file cut at any byte is an error', async () => {
    const bytes = Buffer.concat([zstdCompressSync(csv), skippable]);
    const boundary = zstdCompressSync(csv).length;
    for (let length = 1; length < bytes.length; length++) {
      // what ends with a whole frame is a whole file
      if (length === boundary) continue;
      await expect(expand(bytes.subarray(0, length), 'zstd'), `cut at ${length}`).rejects.toMatchObject({ code: 'input.corrupt' });
    }
  });

  test('with a checksum a flipped bit is an error or changes nothing', async () => {
    const bytes = zstdCompressSync(csv, checked);
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const flipped = Buffer.from(bytes);
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      const result = await expand(flipped, 'zstd').catch((thrown: unknown) => {
        expect(['input.corrupt', 'input.format'], `bit ${bit}: ${String(thrown)}`).toContain(Reflect.get(Object(thrown), 'code'));
        return null;
      });
      // a flip may also take the flag of the checksum away, or make the frame a skippable one; then the result says less or nothing
      if (result !== null && result.checksum === 'verified' && result.bytesOut > 0)
        expect(result.output.toString(), `bit ${bit}`).toBe(csv);
    }
  });
});

test('more output than is allowed is an error', async () => {
  const path = place.file(gzipSync(megabytes(3)));
  await expect(expandFile(path, join(place.folder, 'bomb'), 'gzip', { key: 'b.csv', maxBytesOut: 2_000_000 })).rejects.toThrow(
    "'b.csv' expands to more than the 2000000 bytes",
  );
});

test.each(['gzip', 'zstd'] as const)('an object of no bytes is an empty %s input', async (compression) => {
  expect((await expand(Buffer.alloc(0), compression)).bytesOut).toBe(0);
});

describe('the head of a compressed object', () => {
  const content = Buffer.concat([Buffer.from('a,b\n'), megabytes(3)]);

  test.each([
    ['gzip', gzipSync(content)],
    ['zstd', zstdCompressSync(content)],
    ['zstd', Buffer.concat([skippable, zstdCompressSync(content.subarray(0, 100)), zstdCompressSync(content.subarray(100))])],
  ] as const)('is expanded from a prefix: %s', async (compression, bytes) => {
    const head = await expandHead('a.csv', bytes.subarray(0, bytes.length - 9), compression, 1000);
    expect(head.toString()).toBe(content.subarray(0, 1000).toString());
    const whole = await expandHead('a.csv', bytes, compression, 10_000_000);
    expect(content.equals(whole)).toBe(true);
  });

  test('is an error when nothing of it can be expanded', async () => {
    const damaged = Buffer.concat([gzipSync(csv).subarray(0, 10), Buffer.alloc(40, 0xff)]);
    await expect(expandHead('a.csv', damaged, 'gzip', 1000)).rejects.toMatchObject({ code: 'input.corrupt' });
  });
});

describe('how an object is compressed', () => {
  test('is decided by its bytes', () => {
    expect(detectCompression('a.csv', gzipSync(csv))).toBe('gzip');
    expect(detectCompression('a.csv.gz', zstdCompressSync(csv))).toBe('zstd');
    expect(detectCompression('a.csv', Buffer.concat([skippable, zstdCompressSync(csv)]))).toBe('zstd');
    expect(detectCompression('a.csv', Buffer.from(csv))).toBe('none');
    expect(detectCompression('a.csv.gz', Buffer.alloc(0))).toBe('none');
  });

  test('must be what its name or its job says', () => {
    expect(() => detectCompression('a.csv.gz', Buffer.from(csv))).toThrow(
      "'a.csv.gz' can't be read: its name says gzip, but its first bytes are not those of a gzip file",
    );
    expect(() => detectCompression('a.csv.zst', Buffer.from(csv))).toThrow('its name says zstd');
    expect(() => detectCompression('a.csv', gzipSync(csv), 'none')).toThrow(
      "compression says 'none', but its first bytes are those of a gzip file",
    );
  });
});

describe('a compressed object', () => {
  test.each([
    ['gzip', 'a.csv.gz', gzipSync(csv), 'verified'],
    ['zstd', 'a.csv.zst', zstdCompressSync(csv), 'unchecked'],
  ])('is one split, whatever the split size, and its link covers every stored byte: %s', async (_title, key, bytes, checksum) => {
    const object = await stageObject(place, bytes, { key, splitBytes: 5 });
    expect(object.staged).toMatchObject([{ checksum, bytesCovered: bytes.length, records: 2, link: { start: 0, end: bytes.length } }]);
    expect(await pieceRows(piecesOf(object))).toEqual([
      ['1', 'x\ny'],
      ['2', 'z'],
    ]);
  });

  test('may hold JSON, and be expanded to nothing', async () => {
    const array = await stageObject(place, gzipSync('[{"a":1},\n{"a":2}]'), { key: 'a.json.gz' });
    expect(recordsOf(array)).toBe(2);
    expect(
      bytesOf(piecesOf(array))
        .toString()
        .trim()
        .split('\n')
        .map((line): unknown => JSON.parse(line)),
    ).toEqual([{ a: 1 }, { a: 2 }]);
    expect(recordsOf(await stageObject(place, gzipSync(''), { key: 'a.csv.gz' }))).toBe(0);
  });

  test('that is damaged behind its head fails when it is staged', async () => {
    const bytes = gzipSync(Buffer.concat([Buffer.from('a,b\n'), megabytes(8)]));
    const path = place.file(bytes.subarray(0, bytes.length - 1));
    expect(statSync(path).size).toBe(bytes.length - 1);
    await expect(stageObject(place, bytes.subarray(0, bytes.length - 1), { key: 'a.csv.gz' })).rejects.toMatchObject({
      code: 'input.corrupt',
    });
  });
});
