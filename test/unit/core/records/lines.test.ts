import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { findLines, lineOffsets, splitLines } from '../../../../functions/core/records/lines.ts';
import { memorySource } from './memory-source.ts';

const text = fc
  .array(fc.constantFrom('{"a":1}', 'x', ' ', '\t', '\r\n', '\n', '\n\n', 'long '.repeat(30)), { maxLength: 40 })
  .map((parts) => parts.join(''));
const kind = fc.constantFrom('json' as const, 'text' as const);

/** The lines of a text by splitting it: start, end with its newline, and whether it counts as blank. */
function linesOf(content: string, dataStart: number) {
  let start = dataStart;
  const lines = [];
  for (const line of content.slice(dataStart).split(/(?<=\n)/)) {
    if (line !== '') lines.push({ start, end: start + line.length, bytes: line.replace(/\n$/, '').length, isBlank: line.trim() === '' });
    start += line.length;
  }
  return lines;
}

describe('the lines that ranges own', { timeout: 30_000 }, () => {
  test('are those that start in them, whatever the split size', () => {
    fc.assert(
      fc.property(text, kind, fc.integer({ min: 1, max: 60 }), fc.integer({ min: 0, max: 3 }), (content, kind, splitBytes, dataStart) => {
        const source = memorySource(content, 1 + (splitBytes % 11));
        for (let start = 0; start < content.length; start += splitBytes) {
          const end = start + splitBytes;
          const owned = linesOf(content, dataStart).filter((line) => line.start >= start && line.start < end);
          const region = findLines(source, { start, end }, dataStart, kind);
          const blanks = kind === 'text' ? 0 : owned.filter((line) => line.isBlank).length;
          expect(region.from).toBe(owned[0]?.start ?? null);
          if (region.from === null) continue;
          expect(region).toEqual({
            from: owned[0]?.start,
            to: owned.at(-1)?.end,
            records: owned.length - blanks,
            blanks,
            longestLineBytes: Math.max(...owned.map((line) => line.bytes)),
            endsWithNewline: content[region.to - 1] === '\n',
          });
          const rows = owned.filter((line) => kind === 'text' || !line.isBlank).map((line) => line.start);
          expect([...lineOffsets(source, region.from, region.to, kind)]).toEqual(rows);
        }
      }),
      { numRuns: 600 },
    );
  });

  test('of a line longer than several windows belong to the range that it starts in', () => {
    const content = `a\n${'x'.repeat(3_000_000)}\nb\n`;
    const source = memorySource(content);
    expect(findLines(source, { start: 1, end: 100_000 }, 0, 'text')).toMatchObject({
      from: 2,
      to: 3_000_003,
      records: 1,
      longestLineBytes: 3_000_000,
    });
    expect(findLines(source, { start: 100_000, end: 2_900_000 }, 0, 'text').from).toBeNull();
    expect(findLines(source, { start: 2_900_000, end: 3_100_000 }, 0, 'text')).toMatchObject({
      from: 3_000_003,
      to: 3_000_005,
      records: 1,
    });
  });

  test('are cut at line starts in about equal pieces', () => {
    const content = '{"a":12}\n'.repeat(10_000);
    expect(splitLines(memorySource(content), 0, content.length, 3)).toEqual([30_006, 60_003]);
    fc.assert(
      fc.property(text, fc.integer({ min: 1, max: 8 }), (random, pieces) => {
        const starts = linesOf(random, 0).map((line) => line.start);
        const cuts = splitLines(memorySource(random), 0, random.length, pieces);
        expect(cuts.length).toBeLessThan(pieces);
        expect(cuts.every((cut, i) => starts.includes(cut) && cut > (cuts[i - 1] ?? 0))).toBe(true);
      }),
    );
  });
});
