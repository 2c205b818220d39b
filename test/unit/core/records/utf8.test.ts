import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Utf8Checker } from '../../../../functions/core/records/utf8.ts';

function check(bytes: Uint8Array, cuts: readonly number[]): number {
  const checker = new Utf8Checker();
  let from = 0;
  for (const to of [...cuts, bytes.length]) {
    checker.push(bytes.subarray(from, to));
    from = to;
  }
  return checker.finish();
}

/** The length of the longest prefix that a strict decoder takes: where the first invalid sequence starts. */
function firstInvalid(bytes: Uint8Array): number {
  const takes = (end: number) => {
    try {
      new TextDecoder('utf-8', { fatal: true }).decode(bytes.subarray(0, end));
      return true;
    } catch {
      return false;
    }
  };
  if (takes(bytes.length)) return -1;
  for (let end = bytes.length - 1; ; end--) if (takes(end)) return end;
}

const piece = fc.constantFrom(
  '61',
  'c3a9',
  'e282ac',
  'f09f9880',
  'efbbbf',
  '00',
  'c3',
  'e282',
  'f09f98',
  '80',
  'c0af',
  'eda080',
  'f4908080',
  'ff',
  'e08080',
);

describe('the UTF-8 check', { timeout: 30_000 }, () => {
  test('finds the offset that a strict decoder finds, in pieces cut anywhere', () => {
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), fc.array(fc.nat(40), { maxLength: 6 }), (pieces, positions) => {
        const bytes = Buffer.from(pieces.join(''), 'hex');
        const cuts = positions.filter((position) => position <= bytes.length).sort((a, b) => a - b);
        expect(check(bytes, cuts)).toBe(firstInvalid(bytes));
      }),
      { numRuns: 8000 },
    );
  });

  test('takes valid text of every sequence length, byte by byte', () => {
    const bytes = Buffer.from('aé€😀\u{10ffff}'.repeat(3000));
    expect(check(bytes, [])).toBe(-1);
    expect(
      check(
        bytes,
        Array.from({ length: 200 }, (_, i) => i),
      ),
    ).toBe(-1);
  });

  test('finds an invalid byte far into a large piece', () => {
    const bytes = Buffer.from('aé€😀'.repeat(100_000));
    bytes[654_321] = 0xff;
    expect(check(bytes, [])).toBe(firstInvalidNear(bytes, 654_321));
    expect(check(bytes, [300_001, 654_321])).toBe(firstInvalidNear(bytes, 654_321));
  });

  test('tells the offset as soon as it is known, and keeps it', () => {
    const checker = new Utf8Checker();
    expect(checker.push(Buffer.from([0x61, 0xe2]))).toBe(-1);
    expect(checker.push(Buffer.from([0x61]))).toBe(1);
    expect(checker.push(Buffer.from([0xff]))).toBe(1);
    expect(checker.finish()).toBe(1);
  });
});

/** The lead byte of the sequence that the broken byte at `at` belongs to. */
function firstInvalidNear(bytes: Uint8Array, at: number): number {
  const start = at - (at % 10);
  return start + firstInvalid(bytes.subarray(start, at + 8));
}
