import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CsvMachine } from '../../../../functions/core/records/csv-machine.ts';
import { midwayStart } from '../../../../functions/core/records/csv-start.ts';
import { latin1, wellWrittenDocument } from './csv-documents.ts';
import { machineRecords } from './machine-records.ts';
import { memorySource } from './memory-source.ts';
import { isCountedQuote, isEscaped } from './quote-parity.ts';

describe('a start in the middle of well-written data', { timeout: 30_000 }, () => {
  test('finds the records after it, by one of its two states, at every offset', () => {
    fc.assert(
      fc.property(wellWrittenDocument, ({ dialect, text }) => {
        const bytes = latin1(text);
        const starts = machineRecords(dialect, bytes).map((record) => record.start);
        for (let offset = 1; offset < bytes.length; offset++) {
          const { stateOutside, stateInside } = midwayStart(memorySource(bytes), dialect, 0, offset);
          const seen = [stateOutside, stateInside].map((state) => {
            const ends: number[] = [];
            const machine = new CsvMachine(dialect, { offset, state }, (_start, end) => ends.push(end));
            machine.feed(bytes.subarray(offset));
            return JSON.stringify(ends.filter((end) => end < bytes.length));
          });
          expect(seen).toContain(JSON.stringify(starts.filter((start) => start > offset)));
        }
      }),
      { numRuns: 150 },
    );
  });

  test('knows what the bytes before it say', () => {
    fc.assert(
      fc.property(wellWrittenDocument, ({ dialect, text }) => {
        const bytes = latin1(text);
        for (let offset = 2; offset < bytes.length; offset++) {
          const { carry } = midwayStart(memorySource(bytes), dialect, 0, offset);
          expect(carry).toEqual({
            inside: false,
            lastIsQuote: isCountedQuote(bytes, offset - 1, dialect),
            nextIsEscaped: isEscaped(bytes, offset, dialect),
            last: bytes[offset - 1],
            lastButOne: bytes[offset - 2],
          });
        }
      }),
      { numRuns: 60 },
    );
  });

  test('looks back over a run of escape bytes of any length', () => {
    const dialect = { delimiter: ',', quote: '"', escape: '\\', comment: '', newline: '\n' } as const;
    for (const run of [4095, 4096, 10_001]) {
      const source = memorySource(`"${'\\'.repeat(run)}`);
      expect(midwayStart(source, dialect, 0, run + 1).carry.nextIsEscaped).toBe(run % 2 === 1);
    }
  });
});
