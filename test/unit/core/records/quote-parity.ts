import type { CsvDialect } from '../../../../functions/core/records/csv-dialect.ts';

/** What the CSV kernel promises, computed one byte at a time from the words of its rules: an oracle that shares no code with it. */
export interface Parity {
  newlines: number;
  newlinesInside: number;
  others: number;
  othersInside: number;
  pairs: number;
  pairsInside: number;
  blanks: number;
  blanksInside: number;
  dirtyOutside: number;
  dirtyInside: number;
  quotes: number;
  boundariesOutside: number[];
  boundariesInside: number[];
  insideAtEnd: boolean;
}

/** Figures of `bytes[start, end)`, where the machine is outside quotes at `start`; the bytes before `start` are its context. */
export function parityOf(bytes: Uint8Array, start: number, end: number, dialect: CsvDialect): Parity {
  const p = noParity();
  const at = (i: number) => bytes[i] ?? -1;
  const isQuote = (i: number) => isCountedQuote(bytes, i, dialect);
  countDirt(p, bytes, start, end, dialect);
  const [newline, other] = dialect.newline === '\r' ? [13, 10] : [10, 13];
  let inside = false;
  const add = (all: 'newlines' | 'others' | 'pairs' | 'blanks') => {
    p[all]++;
    if (inside) p[`${all}Inside`]++;
  };
  for (let i = start; i < end; i++) {
    if (isQuote(i)) {
      p.quotes++;
      inside = !inside;
    }
    if (at(i) === other) add('others');
    if (at(i) !== newline) continue;
    add('newlines');
    (inside ? p.boundariesInside : p.boundariesOutside).push(i);
    const isPair = dialect.newline === '\r\n' && at(i - 1) === 13;
    if (isPair) add('pairs');
    if (dialect.newline === '\r\n' ? isPair && at(i - 2) === 10 : at(i - 1) === newline) add('blanks');
  }
  p.insideAtEnd = inside;
  return p;
}

/** Whether an odd run of escape bytes stands before a byte. */
export function isEscaped(bytes: Uint8Array, at: number, dialect: CsvDialect): boolean {
  if (dialect.escape === dialect.quote || dialect.escape === '') return false;
  let run = 0;
  while (bytes[at - 1 - run] === dialect.escape.charCodeAt(0)) run++;
  return run % 2 === 1;
}

/** Whether a byte is a quote and not an escaped one. */
export function isCountedQuote(bytes: Uint8Array, at: number, dialect: CsvDialect): boolean {
  return dialect.quote !== '' && bytes[at] === dialect.quote.charCodeAt(0) && !isEscaped(bytes, at, dialect);
}

/** Quotes that stand where no field starts or ends, read once as if the start were outside quotes and once as if it were inside. */
function countDirt(p: Parity, bytes: Uint8Array, start: number, end: number, dialect: CsvDialect): void {
  const isQuote = (i: number) => isCountedQuote(bytes, i, dialect);
  const isDoubled = dialect.escape === dialect.quote;
  const isSeparator = (i: number) => [10, 13, dialect.delimiter.charCodeAt(0)].includes(bytes[i] ?? -1);
  const dirt = (startsInside: boolean) => {
    let inside = startsInside;
    // a quote just before the range closed when the range starts outside, and opened when it starts inside
    let previousCloses = isQuote(start - 1) && !startsInside;
    let total = 0;
    for (let i = start; i < end; i++) {
      if (previousCloses && !isSeparator(i) && !(isDoubled && isQuote(i))) total++;
      if (isQuote(i) && !inside && !isSeparator(i - 1) && !(isDoubled && previousCloses)) total++;
      previousCloses = isQuote(i) && inside;
      if (isQuote(i)) inside = !inside;
    }
    return total;
  };
  p.dirtyOutside = dirt(false);
  p.dirtyInside = dirt(true);
}

function noParity(): Parity {
  return {
    newlines: 0,
    newlinesInside: 0,
    others: 0,
    othersInside: 0,
    pairs: 0,
    pairsInside: 0,
    blanks: 0,
    blanksInside: 0,
    dirtyOutside: 0,
    dirtyInside: 0,
    quotes: 0,
    boundariesOutside: [],
    boundariesInside: [],
    insideAtEnd: false,
  };
}
