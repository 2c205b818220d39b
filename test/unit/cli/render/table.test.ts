import { expect, it } from 'vitest';
import { plainStyle, styleFor } from '../../../../cli/render/style.ts';
import { renderTable } from '../../../../cli/render/table.ts';
import { cutTo, displayWidth, oneLine } from '../../../../cli/render/text-width.ts';

const terminal = (columns: number) => styleFor({ isTTY: true, columns }, { NO_COLOR: '1' });

it('columns are aligned, numbers at the right', () => {
  const rows = [
    ['a', '1'],
    ['long name', '1000'],
  ];
  expect(renderTable([{ name: 'name' }, { name: 'n', align: 'right' }], rows, plainStyle).split('\n')).toEqual([
    'name          n',
    '─────────  ────',
    'a             1',
    'long name  1000',
  ]);
});

it('wide characters take two columns, combining ones none', () => {
  expect(displayWidth('日本')).toBe(4);
  expect(displayWidth('e\u0301')).toBe(1);
  expect(displayWidth('👩‍👩‍👧')).toBe(2);
  const lines = renderTable(
    [{ name: 'x' }, { name: 'y' }],
    [
      ['日本', '|'],
      ['abcd', '|'],
    ],
    plainStyle,
  ).split('\n');
  expect(lines.slice(2)).toEqual(['日本  |', 'abcd  |']);
});

it('on a terminal no line is longer than it is wide, and short columns stay whole', () => {
  const rows = [['7', 'x'.repeat(300), 'y'.repeat(50)]];
  const lines = renderTable([{ name: 'id' }, { name: 'long' }, { name: 'longer' }], rows, terminal(60)).split('\n');
  for (const line of lines) expect(displayWidth(line)).toBeLessThanOrEqual(60);
  expect(lines[2]).toMatch(/^7 {3}x+… {2}y+…$/);
});

it('elsewhere nothing is cut', () => {
  expect(renderTable([{ name: 'a' }], [['x'.repeat(500)]], plainStyle)).toContain('x'.repeat(500));
});

it('a text that fits exactly is not cut', () => {
  expect(cutTo('日本', 4)).toBe('日本');
  expect(cutTo('日本', 3)).toBe('日…');
  expect(cutTo('abcd', 4)).toBe('abcd');
  expect(cutTo('abcde', 4)).toBe('abc…');
});

it('data can neither break a line nor steer the terminal', () => {
  expect(oneLine('a\nb\tc\x1b[2J\u202e')).toBe('a\\nb\\tc\\x1b[2J\\u202e');
});

it('colours appear on a terminal only, and not with NO_COLOR', () => {
  expect(styleFor({ isTTY: true, columns: 80 }, {}).paint('red', 'x')).toBe('\x1b[31mx\x1b[39m');
  expect(styleFor({ isTTY: true, columns: 80 }, { NO_COLOR: '1' }).paint('red', 'x')).toBe('x');
  expect(styleFor({ isTTY: true, columns: 80 }, { TERM: 'dumb' }).paint('red', 'x')).toBe('x');
  expect(styleFor({}, {}).paint('red', 'x')).toBe('x');
});

it('a column whose content is to be typed is never cut', () => {
  const lines = renderTable([{ name: 'run', whole: true }, { name: 'x' }], [['r'.repeat(40), 'x'.repeat(40)]], terminal(60)).split('\n');
  expect(lines[2]).toBe(`${'r'.repeat(40)}  ${'x'.repeat(17)}…`);
});

it('a number is never cut', () => {
  const lines = renderTable([{ name: 'x' }, { name: 'n', align: 'right' }], [['x'.repeat(40), '1'.repeat(30)]], terminal(40)).split('\n');
  expect(lines[2]).toBe(`${'x'.repeat(7)}…  ${'1'.repeat(30)}`);
});
