import { describe, expect, test } from 'vitest';
import type { CsvDialect } from '../../../../functions/core/records/csv-dialect.ts';
import { kernel, type ScanCarry, type ScanFigures, windowBytes } from '../../../../functions/core/records/kernel.ts';
import { isCountedQuote, isEscaped, type Parity, parityOf } from './quote-parity.ts';
import { randomBytes, seeded } from './random-text.ts';

const base: CsvDialect = { delimiter: ',', quote: '"', escape: '"', comment: '', newline: '\n' };
const dialects: readonly CsvDialect[] = [
  base,
  { ...base, newline: '\r\n' },
  { ...base, newline: '\r' },
  { ...base, escape: '\\' },
  { ...base, escape: '\\', newline: '\r\n' },
  { ...base, escape: '' },
  { ...base, quote: '', escape: '' },
  { ...base, delimiter: '\t', quote: "'", escape: "'" },
];
const alphabets = [
  'a,"\n',
  'a,"\n\r \\',
  'aaaaaaaaaaaaaaaaaaaaaaaaaaaa,\n"',
  'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n',
  '\r\n',
  '"\\\\',
  "a\t'\n\r",
];

/** The figures of two windows one after the other, with positions counted from the first. */
function joined(a: ScanFigures, b: ScanFigures, shift: number): ScanFigures {
  const sum = Object.fromEntries(Object.entries(a).map(([name, value]) => [name, value + Reflect.get(b, name)])) as unknown as ScanFigures;
  const first = (x: number, y: number) => (x >= 0 ? x : y >= 0 ? y + shift : -1);
  const last = (x: number, y: number) => (y >= 0 ? y + shift : x);
  return {
    ...sum,
    firstOutside: first(a.firstOutside, b.firstOutside),
    lastOutside: last(a.lastOutside, b.lastOutside),
    firstInside: first(a.firstInside, b.firstInside),
    lastInside: last(a.lastInside, b.lastInside),
  };
}

/** `bytes[start, end)` in windows cut at `cuts`. */
function scanInWindows(bytes: Uint8Array, start: number, end: number, cuts: readonly number[], dialect: CsvDialect, first: ScanCarry) {
  const k = kernel();
  let carry = first;
  let total: ScanFigures | undefined;
  let from = start;
  for (const to of [...cuts, end]) {
    k.window.fill(34); // whatever stands after the range must not matter
    k.window.set(bytes.subarray(from, to));
    const scan = k.scan(dialect, carry, to - from);
    carry = scan.carry;
    total = total === undefined ? scan.figures : joined(total, scan.figures, from - start);
    from = to;
  }
  return { figures: total, carry };
}

function expected(parity: Parity, start: number): ScanFigures {
  const { boundariesOutside, boundariesInside, insideAtEnd: _, ...figures } = parity;
  const position = (offset: number | undefined) => (offset === undefined ? -1 : offset - start);
  return {
    ...figures,
    firstOutside: position(boundariesOutside[0]),
    lastOutside: position(boundariesOutside.at(-1)),
    firstInside: position(boundariesInside[0]),
    lastInside: position(boundariesInside.at(-1)),
  };
}

describe('the scan of a CSV window', () => {
  test.each(dialects)('counts what a byte-by-byte reading of its rules counts, in windows cut anywhere: %j', (dialect) => {
    const random = seeded(7);
    for (let round = 0; round < 1500; round++) {
      const bytes = randomBytes(random, alphabets[round % alphabets.length] ?? '', 2 + random(round % 3 === 0 ? 300 : 70));
      const start = 2 + random(Math.min(4, bytes.length - 1));
      const end = start + random(bytes.length - start + 1);
      const cuts = [...new Set(Array.from({ length: random(4) }, () => start + random(end - start + 1)))].sort((a, b) => a - b);
      const carry = {
        inside: false,
        lastIsQuote: isCountedQuote(bytes, start - 1, dialect),
        nextIsEscaped: isEscaped(bytes, start, dialect),
        last: bytes[start - 1] ?? 0,
        lastButOne: bytes[start - 2] ?? 0,
      };
      const parity = parityOf(bytes, start, end, dialect);
      const scan = scanInWindows(bytes, start, end, cuts, dialect, carry);
      const text = JSON.stringify({ text: Buffer.from(bytes).toString('latin1'), start, end, cuts });
      expect(scan.figures, text).toEqual(expected(parity, start));
      expect(scan.carry.inside, text).toBe(parity.insideAtEnd);
    }
  });

  test('carries on over a full window', () => {
    const row = Buffer.from('1,"a ""b""\nc",d\n');
    const bytes = Buffer.alloc(3 * windowBytes + 5, row);
    const carry = { inside: false, lastIsQuote: false, nextIsEscaped: false, last: 10, lastButOne: 0 };
    const scan = scanInWindows(bytes, 0, bytes.length, [windowBytes, 2 * windowBytes, 3 * windowBytes], base, carry);
    expect(scan.figures).toEqual(expected(parityOf(bytes, 0, bytes.length, base), 0));
    expect(scan.figures?.dirtyOutside).toBe(0);
  });
});

describe('the scan of lines', () => {
  test('counts lines, blank lines and the longest one as splitting the text does, in windows cut anywhere', () => {
    const random = seeded(11);
    const k = kernel();
    for (let round = 0; round < 6000; round++) {
      const alphabet =
        ['a \n', ' \t\r\n', '                                 \n', 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n'][round % 4] ?? '';
      const bytes = randomBytes(random, alphabet, random(round % 5 === 0 ? 500 : 80));
      const cut = random(bytes.length + 1);
      k.window.fill(32);
      k.window.set(bytes.subarray(0, cut));
      const a = k.lines(true, cut);
      k.window.fill(10);
      k.window.set(bytes.subarray(cut));
      const b = k.lines(a.blankSoFar, bytes.length - cut);
      const text = Buffer.from(bytes).toString('latin1');
      const lines = text.split('\n');
      const whole = lines.slice(0, -1);
      const note = JSON.stringify({ text, cut });
      expect(a.newlines + b.newlines, note).toBe(whole.length);
      expect(a.blanks + b.blanks, note).toBe(whole.filter((line) => line.trim() === '').length);
      expect(b.blankSoFar, note).toBe(lines.at(-1)?.trim() === '');
      expect(a.first, note).toBe(text.slice(0, cut).indexOf('\n'));
      expect(b.last, note).toBe(text.slice(cut).lastIndexOf('\n'));
      const between = text.slice(0, cut).split('\n').slice(1, -1);
      expect(a.longest, note).toBe(Math.max(0, ...between.map((line) => line.length)));
    }
  });

  test('counts a byte', () => {
    const random = seeded(3);
    const k = kernel();
    for (let round = 0; round < 300; round++) {
      const bytes = randomBytes(random, 'ab#', random(400));
      k.window.fill(35);
      k.window.set(bytes);
      expect(k.count(35, bytes.length)).toBe(bytes.filter((byte) => byte === 35).length);
    }
  });
});
