import type { ErrorReport } from '../../functions/core/errors.ts';
import type { Style } from './style.ts';

/** Messages may show data: nothing in them may steer the terminal, but their lines stay lines (DuckDB points at a place with one). */
const steering = /[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu;

export function harmless(text: string): string {
  return text.replace(steering, (character) => {
    if (character === '\n' || character === '\t') return character;
    return `\\x${(character.codePointAt(0) ?? 0).toString(16).padStart(2, '0')}`;
  });
}

/** An error as a person reads it. */
export function renderError({ code, message }: ErrorReport, style: Style): string {
  const gap = message.includes('\n') ? '\n' : ' ';
  return `${style.paint('red', 'error:')} ${harmless(message)}${gap}${style.paint('dim', `[${code}]`)}`;
}
