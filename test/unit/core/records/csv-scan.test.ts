import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ByteSource } from '../../../../functions/core/records/byte-source.ts';
import type { CsvDialect } from '../../../../functions/core/records/csv-dialect.ts';
import { type CsvRegion, eachRecord, findRegion, recordOffsets, splitRegion } from '../../../../functions/core/records/csv-scan.ts';
import { type CsvDocument, latin1, wellWrittenDocument } from './csv-documents.ts';
import { machineRecords } from './machine-records.ts';
import { memorySource } from './memory-source.ts';

const base: CsvDialect = { delimiter: ',', quote: '"', escape: '"', comment: '', newline: '\n' };
const crlf: CsvDialect = { ...base, newline: '\r\n' };
const backslash: CsvDialect = { ...base, escape: '\\' };

const documents: readonly CsvDocument[] = [
  { name: 'plain', dialect: base, text: '1,a\n2,b\n3,c\n', dataStart: 0 },
  { name: 'quoted newlines', dialect: base, text: '1,"a\nb"\n2,"\n"\n"3\n\n",c\n', dataStart: 0 },
  { name: 'rows inside quotes', dialect: base, text: 'h,t\n1,"\n5,fake\n6,fake\n7,fake"\n2,"\n8,fake\n"\n3,x\n', dataStart: 4 },
  { name: 'doubled quotes', dialect: base, text: '"a""b","""\n"""\n"","",""\n"c","\n"\n', dataStart: 0 },
  { name: 'CRLF', dialect: crlf, text: '1,"a\r\nb"\r\n\r\n2,b\r\n"3",\r\n\r\n\r\n4,"\n"\r\n', dataStart: 0 },
  { name: 'CR', dialect: { ...base, newline: '\r' }, text: '1,"a\rb"\r\r2,b\r"3",\r', dataStart: 0 },
  { name: 'byte order mark and header', dialect: base, text: '\xef\xbb\xbfid,name\n1,"a\nb"\n2,b\n', dataStart: 11 },
  { name: 'no newline at the end', dialect: base, text: '1,a\n"2\n",b', dataStart: 0 },
  { name: 'blank lines', dialect: base, text: '\n\n1,a\n\n\n2,b\n\n', dataStart: 0 },
  { name: 'a record larger than the splits', dialect: base, text: `1,a\n2,"${'x,y\n'.repeat(30)}"\n3,b\n`, dataStart: 0 },
  { name: 'backslash escapes', dialect: backslash, text: '1,"a\\"\n\\\\"\n2,"\\\\\\"\n"\n3,b\n', dataStart: 0 },
  { name: 'spaces around quotes', dialect: base, text: '1, "a\n" ,b\n2,b "x" c\n3, "\n"\n', dataStart: 0 },
  { name: 'quotes in plain text', dialect: base, text: '1,5" tall\n2,"a\n5"" b"\n3,say "hi\n4,b\n', dataStart: 0 },
  { name: 'text after a quote', dialect: base, text: '1,a\n2,"x"y"\n3,"b\nc"\n', dataStart: 0 },
  { name: 'mixed newlines', dialect: base, text: '1,a\r\n2,"b\r\nc"\n3,c\rx\n4,d\n', dataStart: 0 },
  { name: 'LF in a CRLF file', dialect: crlf, text: '1,a\n2,"b\r\nc"\r\n3,c\rx\r\n4,d\r', dataStart: 0 },
  { name: 'unterminated quote', dialect: base, text: '1,a\n2,"b\nc\n3,d\n', dataStart: 0 },
  { name: 'comments', dialect: { ...base, comment: '#' }, text: '# "a\n1,a\n# b\n\n2,"#\n"\n', dataStart: 0 },
  { name: 'long delimiter', dialect: { ...base, delimiter: '||' }, text: '1||"a\n||b"\n2||"|"\n|3|||"\n', dataStart: 0 },
  { name: 'no quotes in the dialect', dialect: { ...base, quote: '', escape: '' }, text: '1,"a\n2",b\n\n3,"\n', dataStart: 0 },
];

/** What the machine says of the whole document, fed in one piece from the exact start. */
function truth({ dialect, text, dataStart }: CsvDocument) {
  const records = machineRecords(dialect, latin1(text), dataStart);
  return {
    starts: new Set(records.map((record) => record.start)),
    records: records.filter((record) => record.kind === 'row').length,
    blanks: records.filter((record) => record.kind === 'blank').length,
    comments: records.filter((record) => record.kind === 'comment').length,
    problems: records.filter((record) => record.problem !== null).length,
  };
}

function sums(regions: readonly CsvRegion[]) {
  const sum = (name: 'records' | 'blanks' | 'comments' | 'problems') => regions.reduce((total, region) => total + region[name], 0);
  return { records: sum('records'), blanks: sum('blanks'), comments: sum('comments'), problems: sum('problems') };
}

function ranges(size: number, splitBytes: number) {
  return Array.from({ length: Math.ceil(size / splitBytes) }, (_, i) => ({
    start: i * splitBytes,
    end: Math.min(size, (i + 1) * splitBytes),
  }));
}

/** The rule by which a coordinator proves that regions cover the data; the offset where it breaks, or null. */
function chainBreak(size: number, splitBytes: number, dataStart: number, regions: readonly CsvRegion[]): number | null {
  let expected = dataStart;
  for (const [i, range] of ranges(size, splitBytes).entries()) {
    const region = regions[i];
    if (region === undefined) return range.start;
    if (region.from === null ? expected < range.end : region.from !== expected) return range.start;
    if (region.from !== null) expected = region.to;
  }
  return expected === size ? null : size;
}

function guessedRegions(source: ByteSource, { dialect, dataStart }: CsvDocument, splitBytes: number): CsvRegion[] {
  return ranges(source.size, splitBytes).map((range) => findRegion(source, dialect, range, dataStart));
}

function exactRegions(source: ByteSource, { dialect, dataStart }: CsvDocument, splitBytes: number): CsvRegion[] {
  let from = dataStart;
  return ranges(source.size, splitBytes).map((range) => {
    const region = findRegion(source, dialect, range, dataStart, from);
    from = region.from === null ? from : region.to;
    return region;
  });
}

const tokens = ['a', ',', '"', '\n', '""', ',"', '",', '"\n', '\n"', 'b c', '\r\n', ' ', '\\', '#'];
const randomDocument = fc.record({
  name: fc.constant('random'),
  dialect: fc.constantFrom(
    base,
    crlf,
    backslash,
    { ...base, delimiter: ', ' },
    { ...base, comment: '#' },
    { ...base, newline: '\r' as const },
  ),
  text: fc.array(fc.constantFrom(...tokens), { minLength: 1, maxLength: 60 }).map((parts) => parts.join('')),
  dataStart: fc.constant(0),
});

describe('regions with exact starts', { timeout: 30_000 }, () => {
  test.each(documents)('cover the data without gap or overlap at every split size: $name', (document) => {
    const bytes = latin1(document.text);
    const { starts, ...expected } = truth(document);
    for (let splitBytes = 1; splitBytes <= bytes.length + 1; splitBytes++) {
      const regions = exactRegions(memorySource(bytes, 1 + (splitBytes % 7)), document, splitBytes);
      expect(chainBreak(bytes.length, splitBytes, document.dataStart, regions), `split size ${splitBytes}`).toBeNull();
      expect(sums(regions), `split size ${splitBytes}`).toEqual(expected);
      expect(regions.every((region) => region.from === null || starts.has(region.from))).toBe(true);
    }
  });

  test('of any document, dirty or not, hold the records that the machine sees', () => {
    fc.assert(
      fc.property(randomDocument, fc.integer({ min: 1, max: 40 }), (document, splitBytes) => {
        const bytes = latin1(document.text);
        const regions = exactRegions(memorySource(bytes), document, splitBytes);
        const { starts: _, ...expected } = truth(document);
        expect(chainBreak(bytes.length, splitBytes, 0, regions)).toBeNull();
        expect(sums(regions)).toEqual(expected);
      }),
      { numRuns: 1500 },
    );
  });
});

describe('regions with guessed starts', { timeout: 30_000 }, () => {
  test.each(documents)('hold the right records, or visibly break the chain: $name', (document) => {
    const bytes = latin1(document.text);
    const { starts: _, ...expected } = truth(document);
    for (let splitBytes = 1; splitBytes <= bytes.length + 1; splitBytes++) {
      const regions = guessedRegions(memorySource(bytes), document, splitBytes);
      if (chainBreak(bytes.length, splitBytes, document.dataStart, regions) === null) expect(sums(regions)).toEqual(expected);
    }
  });

  test('of any document hold the right records, or visibly break the chain', () => {
    let held = 0;
    fc.assert(
      fc.property(randomDocument, fc.integer({ min: 1, max: 40 }), (document, splitBytes) => {
        const bytes = latin1(document.text);
        const regions = guessedRegions(memorySource(bytes), document, splitBytes);
        if (chainBreak(bytes.length, splitBytes, 0, regions) !== null) return;
        held++;
        const { starts: _, ...expected } = truth(document);
        expect(sums(regions)).toEqual(expected);
      }),
      { numRuns: 2500 },
    );
    expect(held).toBeGreaterThan(300);
  });

  test('where a guess on well-written data is wrong, the alternative is right', () => {
    let alternatives = 0;
    fc.assert(
      fc.property(wellWrittenDocument, fc.integer({ min: 3, max: 80 }), (document, splitBytes) => {
        const bytes = latin1(document.text);
        const source = memorySource(bytes);
        const exact = exactRegions(source, document, splitBytes);
        const guessed = guessedRegions(source, document, splitBytes);
        for (const [i, region] of guessed.entries()) {
          const right = exact[i];
          expect(right?.clean).toBe(true);
          if (region.from === right?.from) continue;
          alternatives++;
          expect(region.alternative?.from).toBe(right?.from);
          if (right?.from !== null) expect(region.alternative?.to).toBe(right?.to);
        }
      }),
      { numRuns: 800 },
    );
    expect(alternatives).toBeGreaterThan(20);
  });

  test('on fully quoted data larger than the look-ahead of a window, every guess is right', () => {
    const text = Array.from({ length: 40_000 }, (_, i) => `"${i}","some ""text""\nof row ${i}\n1,2,3","x"\n`).join('');
    const document = { name: 'large', dialect: base, text, dataStart: 0 };
    const bytes = latin1(text);
    for (const splitBytes of [100_003, 700_001, 1_500_000]) {
      const regions = guessedRegions(memorySource(bytes), document, splitBytes);
      expect(chainBreak(bytes.length, splitBytes, 0, regions)).toBeNull();
      expect(sums(regions)).toEqual({ records: 40_000, blanks: 0, comments: 0, problems: 0 });
      expect(regions.every((region) => region.clean)).toBe(true);
      expect(regions.reduce((total, region) => total + region.newlinesInsideQuotes, 0)).toBe(80_000);
    }
  });
});

describe('what a region says of itself', () => {
  const whole = (text: string, dialect = base) => findRegion(memorySource(latin1(text)), dialect, { start: 0, end: text.length }, 0);

  test('dirty without problems is not clean, and the engine can read it', () => {
    expect(whole('1, "a"\n2,5" x\n')).toMatchObject({ clean: false, problems: 0, records: 2 });
  });

  test('a record that is still inside quotes at the end is named', () => {
    expect(whole('1,a\n2,"b\nc\n')).toMatchObject({ unterminated: 4, records: 2, problems: 1, to: 11, clean: false });
  });

  test('one that is inside quotes where the range ends is read to its end', () => {
    const region = findRegion(memorySource('1,"a\nb"\n2,c\n'), base, { start: 0, end: 5 }, 0);
    expect(region).toMatchObject({ from: 0, to: 8, records: 1, unterminated: null, newlinesInsideQuotes: 1, clean: true });
  });

  test('a missing last newline is told, and its record counted', () => {
    expect(whole('1,a\n2,b')).toMatchObject({ records: 2, endsWithNewline: false });
    expect(whole('1,a\n2,b\n')).toMatchObject({ records: 2, endsWithNewline: true });
  });

  test('a CR at the end of a CRLF file ends a record, as the engine reads it', () => {
    expect(whole('1,a\r\n2,b\r', crlf)).toMatchObject({ records: 2, problems: 0, endsWithNewline: true });
  });

  test('an odd newline makes one bad record, which ends at the next newline of the dialect', () => {
    const problems: unknown[] = [];
    eachRecord(memorySource('1,a\rb\n2,c\r\n3,d\n'), base, 0, 15, (start, end, _fields, problem) => problems.push([start, end, problem]));
    expect(problems).toEqual([
      [0, 6, 'newline'],
      [6, 11, 'newline'],
      [11, 15, null],
    ]);
    problems.length = 0;
    eachRecord(memorySource('1,a\rb\r\n2,c\n3,d\r\n'), crlf, 0, 16, (start, end, _fields, problem) => problems.push([start, end, problem]));
    expect(problems).toEqual([
      [0, 7, 'newline'],
      [7, 11, 'newline'],
      [11, 16, null],
    ]);
  });

  test('an empty source and one that is all header own nothing', () => {
    expect(whole('')).toMatchObject({ from: null, to: 0, records: 0 });
    expect(findRegion(memorySource('a,b\n'), base, { start: 0, end: 4 }, 4)).toMatchObject({ from: null, to: 4, records: 0 });
  });

  test('a source that ends before its size is an error', () => {
    const source = { ...memorySource('1,a\n2,b\n'), size: 20 };
    expect(() => findRegion(source, base, { start: 0, end: 20 }, 0)).toThrow(expect.objectContaining({ code: 'input.changed' }));
  });
});

describe('offsets and cuts', () => {
  test.each(documents)('offsets are the starts of the rows, in order: $name', (document) => {
    const bytes = latin1(document.text);
    const { dialect, dataStart } = document;
    const rows = machineRecords(dialect, bytes, dataStart).filter((record) => record.kind === 'row');
    expect([...recordOffsets(memorySource(bytes, 3), dialect, dataStart, bytes.length)]).toEqual(rows.map((row) => row.start));
  });

  test('a blank record is a row when asked for', () => {
    expect([...recordOffsets(memorySource('a\n\nb\n'), base, 0, 5)]).toEqual([0, 3]);
    expect([...recordOffsets(memorySource('a\n\nb\n'), base, 0, 5, true)]).toEqual([0, 2, 3]);
  });

  test.each(documents)('cuts are record starts, in order, inside the region: $name', (document) => {
    const bytes = latin1(document.text);
    const { dialect, dataStart } = document;
    const { starts } = truth(document);
    for (let pieces = 1; pieces < 9; pieces++) {
      const cuts = splitRegion(memorySource(bytes), dialect, dataStart, bytes.length, pieces);
      expect(cuts.length).toBeLessThan(pieces);
      expect(cuts.every((cut, i) => starts.has(cut) && cut > (cuts[i - 1] ?? dataStart) && cut < bytes.length)).toBe(true);
    }
  });

  test('pieces are about equal', () => {
    const text = '1,"a\nb"\n'.repeat(100_000);
    const cuts = splitRegion(memorySource(text), base, 0, text.length, 4);
    expect(cuts).toEqual([200_000, 400_000, 600_000]);
    const dirty = `${'1, "a\nb"\n'.repeat(100_000)}`;
    expect(splitRegion(memorySource(dirty), base, 0, dirty.length, 3)).toEqual([300_006, 600_003]);
  });
});
