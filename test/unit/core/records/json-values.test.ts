import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { JsonArrayLines } from '../../../../functions/core/records/json-values.ts';

function convert(text: string, cuts: readonly number[] = []) {
  const bytes = Buffer.from(text);
  const lines = new JsonArrayLines();
  let from = 0;
  for (const to of [...cuts, bytes.length]) {
    lines.push(bytes.subarray(from, to));
    from = to;
  }
  return { text: bytes.toString(), ...lines.finish() };
}

/** A document with its tokens spread out: white space of all kinds where JSON allows it. */
const layouts = [
  (value: unknown) => JSON.stringify(value),
  (value: unknown) => JSON.stringify(value, null, 2),
  (value: unknown) => `\ufeff\r\n ${JSON.stringify(value, null, '\t').replaceAll('\n', '\r\n')} \n\n`,
];

function parses(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** What stands on the lines, as values; null when one of them isn't JSON. */
function valuesOf(text: string, elements: number): unknown[] | null {
  const lines = elements === 0 && text.trim() === '' ? [] : text.split('\n');
  return lines.every(parses) ? lines.map((line) => JSON.parse(line)) : null;
}

describe('a JSON array as lines', { timeout: 30_000 }, () => {
  test('has one element a line, each where it stood, however it was laid out and cut', () => {
    fc.assert(
      fc.property(fc.array(fc.jsonValue()), fc.constantFrom(...layouts), fc.array(fc.nat(400)), (values, layout, positions) => {
        const document = layout(values);
        const size = Buffer.byteLength(document);
        const cuts = [...new Set(positions.filter((position) => position <= size))].sort((a, b) => a - b);
        const result = convert(document, cuts);
        expect(result.problem).toBeNull();
        expect(result.elements).toBe(values.length);
        expect(Buffer.byteLength(result.text)).toBe(size);
        expect(valuesOf(result.text, result.elements)).toEqual(JSON.parse(JSON.stringify(values)));
        const kept = (text: string) => text.replace(/[\s\ufeff[\],]/g, '');
        expect(kept(result.text)).toBe(kept(document));
        // offsets hold: what isn't changed on purpose stands at the same byte
        const [before, after] = [Buffer.from(document), Buffer.from(result.text)];
        expect(after.every((byte, i) => byte === before[i] || byte === 32 || (byte === 10 && before[i] === 44))).toBe(true);
      }),
      { numRuns: 600 },
    );
  });

  test('is a document that JSON.parse takes exactly if there is no problem and every line is JSON', () => {
    const token = fc.constantFrom(
      '[',
      ']',
      '{',
      '}',
      ',',
      ':',
      '"a"',
      '"',
      '\\',
      '1',
      'true',
      ' ',
      '\n',
      '{"a":1}',
      '[1]',
      '"\\""',
      '\ufeff',
    );
    let valid = 0;
    fc.assert(
      fc.property(fc.array(token, { maxLength: 8 }), fc.boolean(), (tokens, isWrapped) => {
        const document = isWrapped ? `[${tokens.join('')}]` : tokens.join('');
        const stripped = document.replace(/^\ufeff/, '');
        const isArray = parses(stripped) && Array.isArray(JSON.parse(stripped));
        const result = convert(document);
        const isTaken = result.problem === null && valuesOf(result.text, result.elements) !== null;
        if (isArray) valid++;
        expect(isTaken).toBe(isArray);
        if (isArray) expect(result.elements).toBe(JSON.parse(stripped).length);
      }),
      { numRuns: 20_000 },
    );
    expect(valid).toBeGreaterThan(300);
  });

  test.each([
    ['', 'not-an-array', 0],
    ['  ', 'not-an-array', 2],
    ['{"a":1}', 'not-an-array', 0],
    [' \ufeff[1]', 'not-an-array', 1],
    ['[1,', 'truncated', 3],
    ['[{"a":"b', 'truncated', 8],
    ['[1]x', 'trailing-data', 3],
    ['[1][2]', 'trailing-data', 3],
    ['[1,]', 'missing-value', 3],
    ['[,1]', 'missing-value', 1],
    ['[1 2]', 'missing-comma', 3],
    ['[{}{}]', 'missing-comma', 3],
    ['["a""b"]', 'missing-comma', 4],
    ['[{"a":[1}]', 'mismatched-bracket', 8],
    ['[1}', 'mismatched-bracket', 2],
    ['["a\nb"]', 'newline-in-string', 3],
  ])('tells what is wrong first, and where: %j is %s at %i', (document, fault, offset) => {
    for (let cut = 0; cut <= Buffer.byteLength(document); cut++) expect(convert(document, [cut]).problem).toEqual({ fault, offset });
  });

  test('is read at any depth', () => {
    const document = `[${'['.repeat(100_000)}${']'.repeat(100_000)},1]`;
    expect(convert(document)).toMatchObject({ elements: 2, problem: null });
  });
});
