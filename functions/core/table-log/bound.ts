import { utcTimestamp } from './timestamp-text.ts';

/** Spark's and delta-rs's length of a text bound, in characters. */
const maxCharacters = 32;

const integers = new Set(['byte', 'short', 'integer', 'long']);

/** A finite floating point number's JSON text, or null. */
function floatJson(type: string, text: string, zero: '-0.0' | '0.0'): string | null {
  // DuckDB prints a FLOAT's shortest text; a reader that took it for a DOUBLE would be off by up to half a unit, so its exact value is written.
  const value = type === 'float' ? Math.fround(Number(text)) : Number(text);
  if (text.trim() === '' || !Number.isFinite(value)) return null;
  // DuckDB keeps one of the two zeros for both; a reader that orders them must find the other one inside the bounds as well.
  if (value === 0) return zero;
  return JSON.stringify(value);
}

/** The JSON text of a value whose text DuckDB printed exactly, or null when it has none. Types without useful bounds (boolean, binary) have none. */
function exactJson(type: string, text: string): string | null {
  if (integers.has(type)) return /^-?\d+$/.test(text) ? text : null;
  if (type.startsWith('decimal')) return /^-?\d+(\.\d+)?$/.test(text) ? text : null;
  // Years before 1 (`(BC)`) and past 9999, and infinity, are read differently by different readers.
  if (type === 'date') return /^\d{4}-\d{2}-\d{2}$/.test(text) ? JSON.stringify(text) : null;
  return null;
}

/** The next larger text of at most as many characters in the order of code points (which is that of UTF-8 bytes), or null. */
function larger(characters: readonly string[]): string | null {
  for (let last = characters.length - 1; last >= 0; last--) {
    const code = characters[last]?.codePointAt(0) ?? 0x10ffff;
    if (code === 0x10ffff) continue;
    const next = code === 0xd7ff ? 0xe000 : code + 1;
    return characters.slice(0, last).join('') + String.fromCodePoint(next);
  }
  return null;
}

function optionalJson(text: string | null | undefined): string | null {
  return text === null || text === undefined ? null : JSON.stringify(text);
}

/**
 * The JSON text of a value that is not above the column's smallest, or null when there is none that all readers agree on.
 * @param type a Delta primitive
 * @param text DuckDB's text of the smallest value, or of a prefix of it
 */
export function lowerBound(type: string, text: string): string | null {
  if (type === 'float' || type === 'double') return floatJson(type, text, '-0.0');
  if (type === 'timestamp') return optionalJson(utcTimestamp(text)?.floorToMilliseconds());
  if (type === 'string') return JSON.stringify([...text].slice(0, maxCharacters).join(''));
  return exactJson(type, text);
}

/**
 * The JSON text of a value that is not below the column's largest, or null when there is none that all readers agree on.
 * @param type a Delta primitive
 * @param text DuckDB's text of the largest value, or of something above it (it shortens texts past 256 bytes and makes them larger)
 */
export function upperBound(type: string, text: string): string | null {
  if (type === 'float' || type === 'double') return floatJson(type, text, '0.0');
  if (type === 'timestamp') return optionalJson(utcTimestamp(text)?.ceilToMilliseconds());
  if (type === 'string') {
    const characters = [...text];
    return characters.length <= maxCharacters ? JSON.stringify(text) : optionalJson(larger(characters.slice(0, maxCharacters)));
  }
  return exactJson(type, text);
}
