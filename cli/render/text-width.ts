/** Characters that take two columns on a terminal: East Asian wide ones and emoji (Unicode UAX #11, roughly). */
const wide =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97c\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1f64f}\u{1f680}-\u{1f6ff}\u{1f900}-\u{1faff}\u{20000}-\u{3fffd}]|\p{Emoji_Presentation}/u;
const asciiOnly = /^[\x20-\x7e]*$/;
/** A whole cluster that shows nothing, such as a lone joiner. */
const invisible = /^[\p{Mark}\p{Default_Ignorable_Code_Point}]+$/u;

const graphemes = new Intl.Segmenter('en', { granularity: 'grapheme' });

function clusterWidth(cluster: string): number {
  if (invisible.test(cluster)) return 0;
  return wide.test(cluster) ? 2 : 1;
}

/** Columns that a text without control characters takes on a terminal, as far as that can be known. */
export function displayWidth(text: string): number {
  if (asciiOnly.test(text)) return text.length;
  let width = 0;
  for (const { segment } of graphemes.segment(text)) width += clusterWidth(segment);
  return width;
}

/** A text of at most `columns`, its end replaced by `…` when it is longer. */
export function cutTo(text: string, columns: number): string {
  if (text.length <= columns && displayWidth(text) <= columns) return text;
  let width = 0;
  let kept = '';
  for (const { segment } of graphemes.segment(text)) {
    const next = clusterWidth(segment);
    if (width + next > columns - 1) {
      // at the end only when what is left doesn't fit as it is
      return displayWidth(text) <= columns ? text : `${kept}…`;
    }
    width += next;
    kept += segment;
  }
  return kept;
}

const named: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t', '\0': '\\0' };

/**
 * A text from data as one line that does nothing to a terminal: control characters, those that turn the direction of text included, are shown as
 * escapes.
 */
export function oneLine(text: string): string {
  return text.replace(/[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu, (character) => {
    const code = character.codePointAt(0) ?? 0;
    return named[character] ?? (code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u${code.toString(16).padStart(4, '0')}`);
  });
}

/** A text in lines of at most so many columns, cut at spaces; null: one line. */
export function wrapText(text: string, columns: number | null): readonly string[] {
  if (columns === null || displayWidth(text) <= columns) return [text];
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    const longer = line === '' ? word : `${line} ${word}`;
    if (line === '' || displayWidth(longer) <= columns) line = longer;
    else {
      lines.push(line);
      line = word;
    }
  }
  return [...lines, line];
}
