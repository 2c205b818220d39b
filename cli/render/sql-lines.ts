import { displayWidth, oneLine } from './text-width.ts';

/** A SELECT of a chain, each over the one before it; the last one has no name. */
interface Link {
  readonly name: string | null;
  readonly sql: string;
}

const clause = /^(?:FROM|WHERE|GROUP BY|HAVING|QUALIFY|ORDER BY|LIMIT|UNION ALL)\b/i;
/** Before FROM it is a comparison. */
const comparison = /\bDISTINCT\s*$/i;

/**
 * SQL as a person reads it: of a nested chain `WITH b AS (WITH a AS (...) ...) ...` each link by itself, the innermost first; a clause a line where
 * one line isn't enough.
 * @param columns most columns of a line; null: as long as it is
 */
export function sqlLines(sql: string, columns: number | null): readonly string[] {
  return chainOf(sql).flatMap(({ name, sql: text }) => {
    const label = name === null ? '' : `${name} = `;
    const whole = `${label}${oneLine(text.trim())}`;
    if (columns === null || displayWidth(whole) <= columns) return [whole];
    return clausesOf(oneLine(text.trim())).flatMap((line, index) => wrapped(index === 0 ? label + line : `  ${line}`, columns));
  });
}

function chainOf(sql: string): readonly Link[] {
  const found = /^\s*WITH (\w+) AS \(/.exec(sql);
  if (found === null) return [{ name: null, sql }];
  const start = found[0].length;
  const end = closingOf(sql, start);
  const rest = sql.slice(end + 1);
  // several entries beside each other are no chain
  if (end < 0 || /^\s*,/.test(rest)) return [{ name: null, sql }];
  const inner = chainOf(sql.slice(start, end)).map((link) => (link.name === null ? { ...link, name: found[1] ?? null } : link));
  return [...inner, ...chainOf(rest)];
}

/** Where the parenthesis closes that is open at `from`; -1: nowhere. */
function closingOf(sql: string, from: number): number {
  for (const { at, depth, character } of outsideQuotes(sql.slice(from))) if (character === ')' && depth === -1) return from + at;
  return -1;
}

/** The characters that stand in no quotes, each with how many parentheses are open behind it. */
function* outsideQuotes(sql: string): Generator<{ readonly at: number; readonly depth: number; readonly character: string }> {
  let [quote, depth] = ['', 0];
  for (let at = 0; at < sql.length; at++) {
    const character = sql.charAt(at);
    if (quote !== '') {
      // a doubled quote ends and begins
      if (character === quote) quote = '';
      continue;
    }
    if (character === "'" || character === '"') quote = character;
    if (character === '(') depth += 1;
    if (character === ')') depth -= 1;
    yield { at, depth, character };
  }
}

/** A statement's clauses, each with its keyword. */
function clausesOf(sql: string): readonly string[] {
  const cuts = [0];
  for (const { at, depth, character } of outsideQuotes(sql)) {
    if (depth === 0 && character === ' ' && clause.test(sql.slice(at + 1)) && !comparison.test(sql.slice(0, at))) cuts.push(at + 1);
  }
  return cuts.map((cut, index) => sql.slice(cut, cuts[index + 1]).trim());
}

/** A line in several, further in from the second on; words in quotes are kept together. */
function wrapped(line: string, columns: number): readonly string[] {
  const indent = ' '.repeat(/^ */.exec(line)?.[0].length ?? 0);
  const lines: string[] = [];
  let current = '';
  for (const word of wordsOf(line.trim())) {
    const longer = current === '' ? `${indent}${lines.length === 0 ? '' : '    '}${word}` : `${current} ${word}`;
    if (current === '' || displayWidth(longer) <= columns) current = longer;
    else {
      lines.push(current);
      current = `${indent}    ${word}`;
    }
  }
  return [...lines, current];
}

function wordsOf(text: string): readonly string[] {
  const words: string[] = [];
  let from = 0;
  for (const { at, character } of outsideQuotes(text)) {
    if (character !== ' ') continue;
    if (at > from) words.push(text.slice(from, at));
    from = at + 1;
  }
  return [...words, text.slice(from)];
}
