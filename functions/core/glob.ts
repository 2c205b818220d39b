const tokens = /(?<=^|\/)\*\*\/|\*\*|[*?]|\[(?:![^\]]+|[^!\]][^\]]*)\]|\{[^{}]*\}|./gsu;

/** Exactly these characters. */
const literal = (text: string): string => text.replaceAll(/[\\^$.|+*?()[\]{}/]/gu, '\\$&');

function classSource(token: string): string {
  const negated = token.startsWith('[!');
  const members = token.slice(negated ? 2 : 1, -1).replaceAll(/[\\^[\]]/g, '\\$&');
  const source = `[${negated ? '^' : ''}${members}]`;
  try {
    new RegExp(source, 'u');
  } catch {
    // a range that runs backwards
    return literal(token);
  }
  // the slash between folders is in no class
  return `(?!/)${source}`;
}

function tokenSource(token: string): string {
  if (token === '**/') return '(?:[^/]*/)*';
  if (token === '**') return '.*';
  if (token === '*') return '[^/]*';
  if (token === '?') return '[^/]';
  if (token.startsWith('[') && token.length > 2) return classSource(token);
  if (token.startsWith('{') && token.length > 1) return `(?:${token.slice(1, -1).split(',').map(sourceOf).join('|')})`;
  return literal(token);
}

const sourceOf = (glob: string): string => [...glob.matchAll(tokens)].map(([token]) => tokenSource(token)).join('');

/**
 * A glob as a regular expression for whole keys: `*` and `?` stay within a folder's name, `**` crosses folders, `[a-z]`, `[!a-z]` and
 * `{csv,tsv}` (not nested) as in a shell. Everything else is itself.
 */
export function globPattern(glob: string): RegExp {
  return new RegExp(`^${sourceOf(glob)}$`, 'su');
}
