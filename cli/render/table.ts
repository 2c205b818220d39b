import type { Style } from './style.ts';
import { cutTo, displayWidth, oneLine } from './text-width.ts';

export interface ShownColumn {
  readonly name: string;
  /** Numbers stand at the right, and are never cut: half a number is another number. */
  readonly align?: 'left' | 'right';
  /** Never cut: what it holds is to be typed. */
  readonly whole?: boolean;
}

/** The widest that a cell of a long table gets on a terminal while others need room. */
const narrowest = 8;
const gap = '  ';

/**
 * Rows as aligned columns under a header. On a terminal lines fit its width: the widest columns are cut; elsewhere nothing is.
 * @param rows texts from data are made harmless here
 */
export function renderTable(columns: readonly ShownColumn[], rows: readonly (readonly string[])[], style: Style): string {
  const cells = [columns.map(({ name }) => oneLine(name)), ...rows.map((row) => columns.map((_, index) => oneLine(row[index] ?? '')))];
  const natural = columns.map((_, index) => cells.reduce((widest, row) => Math.max(widest, displayWidth(row[index] ?? '')), 0));
  const widths = style.columns === null ? natural : fitTo(natural, columns, style.columns - gap.length * (columns.length - 1));
  const lines = cells.map((row) => renderRow(row, columns, widths));
  const rule = widths.map((width) => '─'.repeat(width)).join(gap);
  const [header = '', ...body] = lines;
  return [style.paint('bold', header), style.paint('dim', rule.trimEnd()), ...body].join('\n');
}

function renderRow(row: readonly string[], columns: readonly ShownColumn[], widths: readonly number[]): string {
  const padded = row.map((cell, index) => {
    const width = widths[index] ?? 0;
    const shown = cutTo(cell, width);
    const space = ' '.repeat(Math.max(0, width - displayWidth(shown)));
    return columns[index]?.align === 'right' ? space + shown : shown + space;
  });
  return padded.join(gap).trimEnd();
}

/** Widths that together take at most `room`: the widest give way first, none below `narrowest`. */
function fitTo(natural: readonly number[], columns: readonly ShownColumn[], room: number): readonly number[] {
  const widths = [...natural];
  const isWhole = (index: number) => columns[index]?.whole === true || columns[index]?.align === 'right';
  for (;;) {
    const excess = widths.reduce((sum, width) => sum + width, 0) - room;
    const cuttable = widths.filter((_, index) => !isWhole(index));
    const widest = Math.max(0, ...cuttable);
    if (excess <= 0 || widest <= narrowest) return widths;
    const next = Math.max(narrowest, ...cuttable.filter((width) => width < widest));
    const cut = Math.max(next, widest - Math.ceil(excess / cuttable.filter((width) => width === widest).length));
    for (const [index, width] of widths.entries()) if (width === widest && !isWhole(index)) widths[index] = cut;
  }
}
