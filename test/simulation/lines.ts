export interface Line {
  /** Half-open, in bytes of the object; the newline belongs to it. */
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

export type Lines = readonly Line[];

/**
 * The lines of a text of ASCII characters, each with its place.
 * @param origin place of its first character in the object
 */
export function linesOf(text: string, origin = 0): Lines {
  const lines: Line[] = [];
  for (let start = 0; start < text.length; ) {
    const newline = text.indexOf('\n', start);
    const end = newline < 0 ? text.length : newline + 1;
    lines.push({ start: origin + start, end: origin + end, text: text.slice(start, newline < 0 ? end : newline) });
    start = end;
  }
  return lines;
}
